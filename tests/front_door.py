"""What the README shows of a running server: `python -m tests.front_door` writes it anew, after words have changed.

Two passages, each between its markers: an answer of `$explain`, and what `make demo` tells of its first story. Both are
shortened, and every cut is marked.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import orjson

from server.demo.stories import stories_of
from server.demo.walk import FHIR, Site, walk
from server.policy.library import PolicyLibrary
from server.policy.plan_file import load_plan
from server.settings import ROOT, Settings
from tests.serving import serving, sqlite_url

README = ROOT / "README.md"
CUT = "   [...]"
_SHOWN_FINDINGS = 3
_CHANGING = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"\b(CA-|VA|VP)[2-9A-HJ-NP-Z]{10}\b", r"\1NUMBER"),
    (r"(member \w+)-[0-9a-f]{6}", r"\1-MARK"),
    (r"\(\d+\sms\)", "(TIME)"),
    (r"http://127\.0\.0\.1:\d+", "SERVER"),
    (r"\s+", " "),
)


def explained(base_url: str) -> str:
    """`$explain` of the second story, which is pended: its open finding in full, the met ones counted."""
    settings = Settings()
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    story = list(stories_of(policies, settings.policies))[1]
    headers = {"Content-Type": "application/fhir+json"}
    submitted = httpx.post(f"{base_url}{FHIR}/Claim/$submit", content=orjson.dumps(story.request), headers=headers)
    id_ = submitted.raise_for_status().json()["entry"][0]["resource"]["id"]
    answer = httpx.get(f"{base_url}{FHIR}/ClaimResponse/{id_}/$explain").raise_for_status().json()
    return f"```jsonc\n{_parameters(answer)}\n```\n"


def _parameters(answer: dict[str, Any]) -> str:
    lines = ['{"resourceType": "Parameters", "parameter": [']
    met = 0
    for parameter in answer["parameter"]:
        if parameter["name"] != "finding":
            lines.append(f"  {json.dumps(parameter)},")
        elif {"name": "state", "valueCode": "met"} in parameter["part"]:
            met += 1
        else:
            parts = [f"    {json.dumps(part)}" for part in parameter["part"]]
            lines += ['  {"name": "finding", "part": [', ",\n".join(parts), "  ]},"]
    return "\n".join([*lines, f'  // and {met} findings more, all of state "met"', "]}"])


def told(base_url: str) -> str:
    """What `make demo` prints of its first story, without the step that fetches the form and most of what is met."""
    settings = Settings()
    policies = PolicyLibrary.load(settings.policies, settings.questionnaires)
    said: list[str] = []
    stories = list(stories_of(policies, settings.policies))
    walk(base_url, said.append, stories, Site(tuple(load_plan(settings.plan).desk.reviewers)))
    rule = re.escape("=" * 100)
    (story,) = re.findall(rf"{rule}\n(1 of .*?)\n{rule}\n2 of ", "".join(said), re.DOTALL)
    head, *steps = re.split(r"\n\n(?=\d\. )", story.replace("=" * 100, "-" * 100).strip())
    shown = [CUT if step.startswith("2.") else "\n".join(_without_most_findings(step)) for step in steps]
    return "```\n" + "\n\n".join([head, *shown]) + "\n```\n"


def _without_most_findings(step: str) -> Iterator[str]:
    findings = 0
    for line in step.splitlines():
        findings += line.startswith("     + met")
        if findings <= _SHOWN_FINDINGS:
            yield line
    if findings > _SHOWN_FINDINGS:
        yield CUT


PASSAGES: dict[str, Callable[[str], str]] = {"explain": explained, "demo": told}


def passage(name: str, readme: str) -> re.Match[str]:
    """The text between the markers of a passage."""
    found = re.search(
        rf"(?<=<!-- {name}: written by python -m tests.front_door -->\n).*?(?=<!-- {name}: end -->)", readme, re.DOTALL
    )
    assert found, f"the README has no markers of {name}"
    return found


def lasting(text: str) -> str:
    """A text without what differs from run to run: ids, numbers, times, where lines break."""
    for pattern, instead in _CHANGING:
        text = re.sub(pattern, instead, text)
    return text.strip()


def main() -> None:
    readme = README.read_text(encoding="utf-8")
    with TemporaryDirectory() as folder, serving(sqlite_url(Path(folder))) as base_url:
        for name, make in PASSAGES.items():
            found = passage(name, readme)
            readme = readme[: found.start()] + make(base_url) + readme[found.end() :]
    README.write_text(readme, encoding="utf-8")


if __name__ == "__main__":
    main()
