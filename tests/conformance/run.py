"""`make conformance`: every body the server answers, held to the guides by HL7's validator, under both versions.

One line for each kind of answer. Exit 1 on an error that guide-defects.toml does not explain, on an answer that had to
be another, or when the validator does not notice a body that was broken on purpose.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from server.demo.serving import serving
from server.fhir.version import Version
from tests.conformance.broken import broken
from tests.conformance.defects import Defects
from tests.conformance.forms import keep_forms
from tests.conformance.inferno import lab_policies
from tests.conformance.traffic import Partner, Traffic
from tests.conformance.validator import Issue, Resource, Validator
from tests.shared_material import SHARED

_SHOWN = 12  # different errors printed of each kind


def main() -> int:
    if not SHARED.is_dir():
        _print("Skipped: the shared material (examples, guides, validator) is not beside this checkout.")
        return 0
    began = time.monotonic()
    validator, defects = Validator(), Defects()
    validator.ensure_running()
    traffics = [_traffic(version) for version in Version]
    _print(f"The server answered; {time.monotonic() - began:.0f} s. Validating ...")
    with ThreadPoolExecutor(len(traffics)) as versions:
        results = list(versions.map(lambda t: _validate(validator, t), traffics))
    errors = sum(
        _report(traffic, kind, found, defects)
        for traffic, kinds in zip(traffics, results, strict=True)
        for kind, found in kinds.items()
    )
    wrong = [f"{t.version} {text}" for t in traffics for text in t.wrong]
    missed = [f"{t.version} {kind}" for t in traffics for kind in _unnoticed(validator, defects, t)]
    for text in wrong:
        _print(f"WRONG {text}")
    for answer in missed:
        _print(f"WRONG {answer}: an answer of this kind, broken on purpose, was not noticed")
    for defect in defects.unused:
        _print(f"unused entry in guide-defects.toml: {defect.message.pattern}")
    bodies = sum(len(kept) for t in traffics for kept in t.bodies.values())
    _print(f"{bodies} bodies, {errors} errors, {len(wrong)} wrong answers, {time.monotonic() - began:.0f} s")
    return 1 if errors or wrong or missed else 0


def _traffic(version: Version) -> Traffic:
    with tempfile.TemporaryDirectory() as folder, serving(None, None, **lab_policies.folders(Path(folder))) as server:
        with httpx.Client(base_url=server.base_url, timeout=60) as http:
            traffic = Partner(http, version).everything()
        keep_forms(traffic, server.base_url)
    return traffic


def _validate(validator: Validator, traffic: Traffic) -> dict[str, list[tuple[Resource, list[Issue]]]]:
    """Each body with its issues, by kind. Equal bodies are validated once."""
    found: dict[str, list[tuple[Resource, list[Issue]]]] = {}
    for kind, kept in traffic.bodies.items():
        distinct = {(r.content, r.profiles): r for r in kept}
        issues = dict(zip(distinct, validator.validate(traffic.version, list(distinct.values())), strict=True))
        found[kind] = [(r, issues[r.content, r.profiles]) for r in kept]
    return found


def _report(traffic: Traffic, kind: str, found: Iterable[tuple[Resource, list[Issue]]], defects: Defects) -> int:
    """Prints one line for the kind, then its different errors; returns how many errors nothing excuses."""
    found = list(found)
    errors: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], str] = {}
    excused = warnings = 0
    for resource, issues in found:
        for issue in issues:
            if not issue.is_error:
                warnings += issue.level == "WARNING"
            elif defects.excuse(traffic.version, issue):
                excused += 1
            else:
                key = (_general(issue.location), issue.message)
                errors[key] += 1
                example.setdefault(key, resource.name)
    total = errors.total()
    counts = f"{len(found):4} bodies  {total:4} errors  {excused:4} excused  {warnings:5} warnings"
    _print(f"{traffic.version}  {kind:16} {counts}")
    for key, count in errors.most_common(_SHOWN):
        _print(f"       {count} x {key[0]}: {key[1]}\n         first in: {example[key]}")
    return total


def _general(location: str) -> str:
    """A location without its indexes, so that the same error in many places is one line."""
    return "".join(c for c in location if not c.isdigit())[:200]


def _unnoticed(validator: Validator, defects: Defects, traffic: Traffic) -> list[str]:
    """The kinds of answer whose first body, less one mandatory element, is not found wrong."""
    spoilt: dict[str, Resource] = {}
    for kind, kept in traffic.bodies.items():
        found = ((body, r.profiles) for r in kept if (body := broken(r.content)) is not None)
        body, profiles = next(found)
        spoilt[kind] = Resource(f"{kind}, broken on purpose", body, profiles)
    judged = zip(spoilt, validator.validate(traffic.version, list(spoilt.values())), strict=True)
    return [k for k, issues in judged if not any(i.is_error and not defects.excuse(traffic.version, i) for i in issues)]


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
