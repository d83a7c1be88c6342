"""A policy is followed by a new edition: old days stay with the old one, new ones go to the new, no case changes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.__main__ import main
from server.demo.requests import Chart, order_sign, questionnaire_package, refill
from server.demo.stories import stories_of
from server.fhir.version import Version
from server.policy.library import PolicyLibrary
from tests import made_up
from tests.journey import Partner
from tests.serving import serving

AFTER_THE_CHARTS, BEFORE_THE_CHARTS = date(2027, 1, 1), date(2026, 6, 1)
CASES, TOML = "cql/novestra-9/cases.toml", "cql/novestra-9/policy.toml"
OLD, NEW = (f"https://payer.example/Questionnaire/novestra|{v}" for v in ("1.0.0", "2.0.0"))

Check = Callable[[], list[str]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """The problems that `check-policies` prints for the made-up policy in tmp_path."""
    for name, folder in made_up.folders(tmp_path).items():
        monkeypatch.setenv(f"VITRUVIAN_{name.upper()}", str(folder))
    monkeypatch.setenv("VITRUVIAN_ISOLATES", "1")

    def told() -> list[str]:
        code = main(["check-policies"])
        problems = capsys.readouterr().err.replace(f"{tmp_path}/", "").splitlines()
        assert code == bool(problems)
        return problems

    return told


def add_cases(root: Path, edition: str) -> None:
    """A case for each state under an edition whose highest score is 20."""
    expected = {
        19: 'outcome = "approve"\ndays = 30',
        21: 'outcome = "pend-physician"\nunmet = ["SCORE"]',
        "[]": 'outcome = "more-info-needed"\nunknown = ["SCORE"]',
        20: 'outcome = "pend-nurse"\nreview = ["SCORE"]',
    }
    with (root / CASES).open("a") as file:
        for n, (score, expect) in enumerate(expected.items()):
            file.write(
                f'\n[[case]]\nid = "NEW-{n}"\ntitle = "t"\nchart = "initial"\nedition = "{edition}"\n'
                f'[case.answers]\n"score" = {score}\n[case.expect]\n{expect}\n'
            )


def test_a_new_edition_asks_for_its_own_cases_alone(check: Check, tmp_path: Path) -> None:
    """The old cases stay as they are and hold; cases that name the new edition, of the same chart, are all it takes."""
    made_up.follow(tmp_path, AFTER_THE_CHARTS)
    states = ("met", "unmet", "unknown", "review")
    assert check() == [
        f"{TOML}: edition 2027-01-01.criterion SCORE: no case shows it {state}; add one to cases.toml"
        for state in states
    ]
    add_cases(tmp_path, "2027-01-01")
    assert check() == []


def test_a_case_that_falls_into_the_new_edition_can_name_the_old_one(check: Check, tmp_path: Path) -> None:
    """Cases whose day is the new edition's are judged by it, and say so when they fail; one line keeps them as old."""
    made_up.follow(tmp_path, BEFORE_THE_CHARTS)
    place = f"{CASES}: case N-2.expect"
    assert (
        f"{place}.outcome: expected pend-physician, was approve under edition 2026-06-01; "
        'a case of another edition says so: edition = "..."'
    ) in check()
    cases = tmp_path / CASES
    cases.write_text(cases.read_text().replace('chart = "initial"', 'chart = "initial"\nedition = "2025-01-01"'))
    add_cases(tmp_path, "2026-06-01")
    assert check() == []


def test_a_superseded_edition_is_still_held_to_its_cases(check: Check, tmp_path: Path) -> None:
    """What an old case expects is compared, and a state that the old edition does not list is a problem."""
    made_up.follow(tmp_path, AFTER_THE_CHARTS)
    add_cases(tmp_path, "2027-01-01")
    toml = tmp_path / TOML
    newer, bar, older = toml.read_text().rpartition("[[edition]]")
    toml.write_text(newer + bar + older.replace('"Highest Score" = 10', '"Highest Score" = 12'))
    assert f"{CASES}: case N-2.expect.outcome: expected pend-physician, was approve" in "\n".join(check())
    toml.write_text(newer + bar + older.replace('["met", ', "["))
    text = "a case shows it met, which its `states` does not list; list it, or mend the CQL"
    assert f"{TOML}: edition 2025-01-01.criterion SCORE: {text}" in check()


@pytest.mark.parametrize("effective", [BEFORE_THE_CHARTS, AFTER_THE_CHARTS])
def test_a_copy_of_the_cases_goes_with_the_new_edition(check: Check, tmp_path: Path, effective: date) -> None:
    """The edition at the top of a file is every case's: the old file gets one line at most."""
    made_up.follow(tmp_path, effective)
    cases = tmp_path / CASES
    old = cases.read_text()
    copy = cases.with_name(f"cases-{effective}.toml")
    copy.write_text(f'edition = "{effective}"\n' + old)
    cases.write_text('edition = "2025-01-01"\n' + old if effective == BEFORE_THE_CHARTS else old)
    place = f"cql/novestra-9/{copy.name}: case N-2.expect.outcome: expected pend-physician, was approve"
    assert place in check()
    copy.write_text(copy.read_text().replace('"score" = 11', '"score" = 21').replace('"score" = 10', '"score" = 20'))
    assert check() == []


def test_an_edition_that_is_none_is_named(check: Check, tmp_path: Path) -> None:
    """The problem lists the editions there are."""
    cases = tmp_path / CASES
    cases.write_text(cases.read_text().replace('id = "N-3"', 'id = "N-3"\nedition = "2024"'))
    assert f"{CASES}: case N-3.edition: 2024 is no edition of this policy; name one of 2025-01-01" in check()


def test_a_story_answers_the_form_of_its_case(tmp_path: Path) -> None:
    """The demo makes the request that `check-policies` judged."""
    folders = made_up.folders(tmp_path)
    made_up.follow(tmp_path, AFTER_THE_CHARTS)
    add_cases(tmp_path, "2027-01-01")
    (tmp_path / "cql/novestra-9/demo").mkdir()
    more = 'outcome = "approve"\ntitle = "t"\ntells = "t"\n'
    stories = "".join(f'[[story]]\ncase = "{case}"\n{more}' for case in ("N-1", "NEW-0"))
    (tmp_path / "cql/novestra-9/demo/stories.toml").write_text(stories)
    told = stories_of(PolicyLibrary.load(folders["policies"], folders["questionnaires"]), folders["policies"])
    assert [story.request["entry"][2]["resource"]["questionnaire"] for story in told] == [OLD, NEW]


@pytest.mark.parametrize("version", list(Version))
def test_each_day_has_its_edition(tmp_path: Path, version: Version) -> None:
    """CRD and DTR give the form of the edition in force when care starts, PAS decides by it, $explain names it."""
    today = datetime.now(UTC).date()
    effective, before, after = (today + timedelta(days=n) for n in (60, 7, 90))
    settings: dict[str, Any] = dict(made_up.folders(tmp_path))
    record = f"sqlite:///{tmp_path}/r.db"
    with serving(record, settings=settings) as url, httpx.Client(base_url=url) as http:
        first = Partner(http, version).submit(asked(12, before, OLD, "before it is followed"))
    made_up.follow(tmp_path, effective, highest=20)
    with serving(record, settings=settings) as url, httpx.Client(base_url=url) as http:
        partner = Partner(http, version)
        for day, form, edition, state in ((before, OLD, "2025-01-01", "unmet"), (after, NEW, f"{effective}", "met")):
            chart = Chart(asked(15, day, form, f"15 on {day}"))
            order = refill(chart, day)
            said = partner.order_sign(order_sign(chart, order=order))
            assert said["questionnaire"] == [form]
            questionnaire, _ = partner.form(chart.coverage, said["coverage-assertion-id"][0])
            assert f"{questionnaire['url']}|{questionnaire['version']}" == form
            chart.order["dispenseRequest"] = order["dispenseRequest"]
            assert packaged(partner, chart) == form

            explained = partner.explain(partner.submit(chart.bundle))
            assert (explained["edition"], explained["states"]) == (edition, {"SCORE": state})
        assert partner.explain(first)["edition"] == "2025-01-01"


def asked(score: int, day: date, form: str, transaction: str) -> dict[str, Any]:
    bundle = made_up.request(score, transaction)
    bundle["entry"][0]["resource"]["item"][0]["servicedDate"] = day.isoformat()
    bundle["entry"][2]["resource"]["questionnaire"] = form
    return bundle


def packaged(partner: Partner, chart: Chart) -> str:
    """The form that DTR gives for an order without a word of CRD."""
    found = partner.fhir("POST", "/Questionnaire/$questionnaire-package", questionnaire_package(chart, None)).json()
    if found["resourceType"] == "Parameters":
        found = found["parameter"][0]["resource"]
    questionnaire = found["entry"][0]["resource"]
    return f"{questionnaire['url']}|{questionnaire['version']}"
