"""`check-policies` over broken files: a problem with its file, its place and a remedy, never a traceback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.__main__ import main
from tests import made_up

Json = dict[str, Any]
Break = Callable[[Path], object]

POLICY = "cql/novestra-9"
TOML, CASES, CHART = f"{POLICY}/policy.toml", f"{POLICY}/cases.toml", f"{POLICY}/charts/initial.json"
VALUES = f"{POLICY}/value-sets/novestra-product.json"
ELM = f"{POLICY}/Novestra9.elm.json"
FORM = "questionnaires/novestra-9/novestra-1.0.0.json"


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[str]]:
    """The problems of the made-up policy after it was broken in some ways; the exit code is 1 when there are any."""
    for name, folder in made_up.folders(tmp_path).items():
        monkeypatch.setenv(f"VITRUVIAN_{name.upper()}", str(folder))
    monkeypatch.setenv("VITRUVIAN_ISOLATES", "1")

    def told(*ways: Break) -> list[str]:
        for way in ways:
            way(tmp_path)
        code = main(["check-policies"])
        problems = capsys.readouterr().err.replace(f"{tmp_path}/", "").splitlines()
        assert code == bool(problems)
        return problems

    return told


def text(file: str, old: str, new: str) -> Break:
    def change(root: Path) -> None:
        before = (root / file).read_text()
        assert old in before
        (root / file).write_text(before.replace(old, new))

    return change


def put(file: str, content: Any) -> Break:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda root: (root / file).write_bytes(raw)


def resource(file: str, **changes: Any) -> Break:
    def change(root: Path) -> None:
        put(file, {**json.loads((root / file).read_bytes()), **changes})(root)

    return change


def form(*items: Any) -> Break:
    return resource(FORM, item=[{"linkId": "score", "type": "integer", "text": "x"}, *items])


def when(**condition: Any) -> Break:
    return form({"linkId": "b", "type": "string", "text": "x", "enableWhen": [condition]})


def folder(name: str) -> Break:
    return lambda root: (root / name).mkdir()


def case(more: str) -> Break:
    return text(CASES, 'id = "N-2"\ntitle = "Score above the highest"\nchart = "initial"', f'id = "N-2"\n{more}')


def record(more: str) -> Break:
    return case(f'title = "t"\nchart = "initial"\n[case.record]\n{more}')


def renamed(root: Path) -> None:
    (root / POLICY).rename(root / "cql/no vestra")
    text("cql/no vestra/policy.toml", '"novestra-9"', '"no vestra"')(root)


BROKEN: dict[str, tuple[Break, str]] = {
    "days beyond the calendar": (
        text(TOML, "days = 30", "days = 99999999"),
        f"{TOML}: edition 2025-01-01.validity 1.days: ",
    ),
    "a billing code of no shape": (
        text(TOML, 'form = "nov', 'billing = ["XX"]\nform = "nov'),
        f'{TOML}: edition 2025-01-01.billing 1: "XX" is no code of HCPCS or CPT',
    ),
    "an expansion that is none": (resource(VALUES, expansion="x"), f"{VALUES}: ValueSet.expansion: "),
    "a code that is a number": (
        resource(VALUES, expansion={"timestamp": "2026-01-01", "contains": [{"system": "s", "code": 5}]}),
        f"{VALUES}: ValueSet.expansion.contains[0].code: ",
    ),
    "a code without a system": (
        resource(VALUES, expansion={"timestamp": "2026-01-01", "contains": [{"code": "5"}]}),
        f"{VALUES}: expansion.contains[0]: must have a system and a code",
    ),
    "a value set without a url": (resource(VALUES, url=5), f"{VALUES}: ValueSet.url: "),
    "a value set that is a folder": (
        folder(f"{POLICY}/value-sets/x.json"),
        f"{POLICY}/value-sets/x.json: cannot be read",
    ),
    "a library that is a folder": (folder(f"{POLICY}/X.cql"), f"{POLICY}/X.cql: cannot be read"),
    "ELM that is none": (text(ELM, '"statements"', '"statements":{"def":[5]},"x"'), f"{ELM}: library: is no ELM"),
    "an item without linkId": (form({"type": "string"}), f"{FORM}: Questionnaire.item[1].linkId: "),
    "an item that is text": (form("x"), f"{FORM}: Questionnaire.item[1]: "),
    "a linkId twice": (form({"linkId": "score", "type": "string"}), f"{FORM}: item score: stands twice"),
    "a type that does not exist": (form({"linkId": "b", "type": "colour"}), f"{FORM}: item b.type: is none"),
    "options that are text": (
        form({"linkId": "b", "type": "choice", "answerOption": "x"}),
        f"{FORM}: Questionnaire.item[1].answerOption: ",
    ),
    "a value set that is not there": (
        form({"linkId": "b", "type": "choice", "answerValueSet": "http://nope"}),
        f"{FORM}: item b: answerValueSet http://nope is in no",
    ),
    "a condition without its answer": (
        when(question="score", operator="="),
        f"{FORM}: Questionnaire.item[1].enableWhen[0].answer: `answer[x]` is mandatory",
    ),
    "an unknown operator": (
        when(question="score", operator="~", answerInteger=1),
        f"{FORM}: item b.enableWhen[0]: '~' is no operator",
    ),
    "a question that does not exist": (
        when(question="zzz", operator="=", answerInteger=1),
        f"{FORM}: item b.enableWhen[0]: names 'zzz'",
    ),
    "a condition on itself": (
        when(question="b", operator="exists", answerBoolean=True),
        f"{FORM}: item b.enableWhen[0]: names the item itself",
    ),
    "exists without true or false": (
        when(question="score", operator="exists", answerInteger=1),
        f"{FORM}: item b.enableWhen[0]: `exists` compares",
    ),
    "a form version that is a number": (resource(FORM, version=1), f"{FORM}: Questionnaire.version: "),
    "cases that are no text": (put(CASES, b"\xff"), f"{CASES}: is not TOML in UTF-8"),
    "cases that are a list of numbers": (put(CASES, b"case = [5]"), f"{CASES}: case 1: must be a table"),
    "a chart that is a list": (put(CHART, []), f"{CASES}: case N-1.chart: initial: a chart is a PAS request Bundle"),
    "a chart without entries": (
        put(CHART, {"resourceType": "Bundle"}),
        f"{CASES}: case N-1.chart: initial: a chart is",
    ),
    "a chart that is no JSON": (put(CHART, b"\xff"), f"{CASES}: case N-1.chart: initial: "),
    "no such chart": (case('title = "t"\nchart = "nope"'), f"{CASES}: case N-2.chart: nope: "),
    "remove that is a number": (record("remove = 5"), f"{CASES}: case N-2.record.remove: must be a list"),
    "remove of numbers": (record("remove = [5]"), f"{CASES}: case N-2.record.remove 1: must be a text"),
    "add that is text": (record('add = "x"'), f"{CASES}: case N-2.record.add: must be a list"),
    "the Claim removed": (record('remove = ["Claim"]'), f"{CASES}: case N-2.chart: initial: "),
    "everything removed": (
        record('remove = ["Claim", "QuestionnaireResponse"]'),
        f"{CASES}: case N-2.chart: initial: ",
    ),
    "an item that is a number": (record('"Claim.item" = 5'), f"{CASES}: case N-2.chart: initial: "),
    "a folder whose name no address can hold": (
        renamed,
        'cql/no vestra/policy.toml: id: "no vestra" stands in addresses',
    ),
    "a folder without a policy": (folder("cql/zzz"), "cql/zzz/policy.toml: there is no such file"),
    "a wrong outcome": (
        text(CASES, '"approve"', '"deny"'),
        f'{CASES}: case N-1.expect.outcome: "deny" must be one of approve, ',
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named(check: Callable[..., list[str]], name: str) -> None:
    """The file, the place in it, and what to do."""
    way, said = BROKEN[name]
    problems = check(way)
    assert any(p.startswith(said) for p in problems), problems
    assert not any("Traceback" in p for p in problems)


def test_a_state_that_is_none_is_told(check: Callable[..., list[str]]) -> None:
    """Each case that meets it says so, also one that expects what a failure comes to: that a nurse looks."""
    problems = check(text(ELM, '"value":"review"', '"value":"perhaps"'), text(CASES, 'review = ["SCORE"]\n', ""))
    why = "could not be judged, failed: define SCORE gave no state, or one that is none of met, unmet, unknown, review"
    assert f"{CASES}: case N-4.chart: {why}; mend the CQL" in problems


@pytest.mark.parametrize("name", ["cases that are no text", "no such chart", "remove of numbers", "a wrong outcome"])
def test_a_case_that_cannot_be_judged_is_told_alone(check: Callable[..., list[str]], name: str) -> None:
    """It may be the one that shows a state; nobody is asked for another before it is mended."""
    way, said = BROKEN[name]
    (only,) = check(way)
    assert only.startswith(said)


def test_as_much_as_possible_is_told_at_once(check: Callable[..., list[str]]) -> None:
    """What is wrong with one file hides nothing of another."""
    names = (
        "days beyond the calendar",
        "an expansion that is none",
        "an unknown operator",
        "cases that are no text",
        "a folder without a policy",
        "a library that is a folder",
    )
    problems = check(*(BROKEN[name][0] for name in names))
    for name in names:
        assert any(p.startswith(BROKEN[name][1]) for p in problems), (name, problems)


def test_plan_sandbox_and_cql_are_looked_at_too(
    check: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What keeps policies from loading hides no problem of the plan, the sandbox file, the CQL or the cases."""
    for name in ("plan", "sandbox"):
        (tmp_path / f"{name}.toml").write_text("x = 5")
        monkeypatch.setenv(f"VITRUVIAN_{name.upper()}", str(tmp_path / f"{name}.toml"))
    unknown = text(ELM, '"type":"Less"', '"type":"Precision"')
    problems = check(BROKEN["a billing code of no shape"][0], BROKEN["cases that are no text"][0], unknown)
    for said in (
        f'{TOML}: edition 2025-01-01.billing 1: "XX" is no code of HCPCS or CPT',
        "plan.toml: name: is missing",
        "sandbox.toml: member: is missing",
        f"{POLICY}/Novestra9.cql: 20:12: Precision is not in the engine",
        f"{CASES}: is not TOML in UTF-8",
    ):
        assert any(p.startswith(said) for p in problems), (said, problems)


def test_nothing_is_wrong_with_the_made_up_policy(check: Callable[..., list[str]]) -> None:
    """Unbroken, it has no problem."""
    assert check() == []
