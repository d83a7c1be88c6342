"""The law of one edition: CRD, DTR and PAS judge one order by the same edition, whenever it starts and is asked for."""

from copy import deepcopy
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server.auth.caller import LOOPBACK
from server.dtr.form_finder import FormFinder
from server.dtr.package_request import read_package_request
from server.errors import Problem
from server.fhir.version import Version
from server.pas.match import read_and_match
from tests import made_up
from tests.crd.calls import PLAN, Ehr, Memory, a_call, a_coding, a_coverage, an_order
from tests.policies import DRUG, a_form, a_library, a_policy, an_edition

Json = dict[str, Any]

EFFECTIVE = (date(2024, 1, 18), date(2026, 2, 1), date(2026, 6, 1))
EDITIONS = [
    an_edition(version=f"{day}", effective=day, form=a_form(version=f"{n}.0.0")) for n, day in enumerate(EFFECTIVE, 1)
]
POLICIES = a_library(a_policy(editions=tuple(reversed(EDITIONS))))
STARTS = st.none() | st.dates(date(2023, 6, 1), date(2027, 12, 31))
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@pytest.mark.parametrize("version", list(Version))
@settings(max_examples=100, deadline=None)
@example(start=date(2026, 3, 1), today=date(2026, 11, 23))
@example(start=date(2023, 6, 1), today=date(2026, 11, 23))
@given(start=STARTS, today=DAYS)
def test_every_stage_answers_from_one_edition(version: Version, start: date | None, today: date) -> None:
    """It is the edition in force when service starts, today where no start is named (policy reading A-32)."""
    day = start or today
    expected = next((e.version for e in reversed(EDITIONS) if e.effective <= day), None)
    store = Memory()
    said = {
        "crd": by_crd(order_of(start), version, today, store),
        "dtr by order": by_dtr(version, today, store, order=order_of(start)),
        "dtr by context": by_dtr(version, today, store, context=next(iter(store.assertions))),
        "pas, no day on the item": by_pas(start, version, today, serviced=None),
        "pas, the order's day on the item": by_pas(start, version, today, serviced=start),
    }
    assert said == dict.fromkeys(said, expected)


@settings(max_examples=60, deadline=None)
@given(start=STARTS.filter(bool), first=DAYS, later=DAYS)
def test_the_edition_of_a_named_start_is_the_same_on_every_day(start: date, first: date, later: date) -> None:
    """What CRD said of such an order holds for DTR and PAS on any other day."""
    store = Memory()
    said = by_crd(order_of(start), Version.V2_2, first, store)
    assert by_dtr(Version.V2_2, later, store, order=order_of(start)) == said
    assert by_dtr(Version.V2_2, later, store, context=next(iter(store.assertions))) == said
    assert by_pas(start, Version.V2_2, later, serviced=None) == said


def test_an_order_from_before_the_policy_needs_authorization_and_gets_no_form() -> None:
    """CRD and DTR say why, so that nobody takes the missing form for a missing requirement."""
    start, today, store = date(2023, 6, 1), date(2026, 11, 23), Memory()
    ehr = Ehr(store, POLICIES)
    ehr.on = today
    (said,) = ehr.said(a_call(order_of(start)))
    assert (said["covered"], said["pa-needed"], said.get("questionnaire")) == (["covered"], ["auth-needed"], None)
    assert "not in force yet" in said["reason"][0]["text"]
    (notice,) = found(Version.V2_2, today, Memory(), order=order_of(start)).notices
    assert isinstance(notice, Problem)
    assert "not in force yet" in notice.text


def order_of(start: date | None) -> Json:
    return an_order(dispenseRequest={"validityPeriod": {"start": start.isoformat()}} if start else {})


def by_crd(order: Json, version: Version, today: date, store: Memory) -> str | None:
    ehr = Ehr(store, POLICIES)
    ehr.on = today
    (said,) = ehr.said(a_call(order, version=version.value))
    (kept,) = store.assertions.values()
    form = next((e.form.canonical for e in EDITIONS if e.version == kept.edition), None)
    assert said.get("questionnaire", [None]) == [form]
    return kept.edition


def by_dtr(version: Version, today: date, store: Memory, **asked: Any) -> str | None:
    forms = found(version, today, store, **asked).forms
    return next((f.edition.version for f in forms.values()), None)


def found(version: Version, today: date, store: Any, order: Json | None = None, context: str | None = None) -> Any:
    sent: list[Json] = [{"name": "coverage", "resource": a_coverage()}]
    sent += [{"name": "order", "resource": {**order, "status": "active"}}] if order else []
    sent += [{"name": "context", "valueString": context}] if context else []
    request = read_package_request({"resourceType": "Parameters", "parameter": sent}, version)
    return FormFinder(version, POLICIES, PLAN, store).find(request, LOOPBACK, today)


def by_pas(start: date | None, version: Version, today: date, *, serviced: date | None) -> str | None:
    """A request that is made today, without answers, so that nothing but the order and the item name a day."""
    bundle = deepcopy(made_up.request())
    claim, order = (entry["resource"] for entry in bundle["entry"][:2])
    del bundle["entry"][2], claim["supportingInfo"], claim["item"][0]["informationSequence"]
    claim["created"] = f"{today}T09:00:00Z"
    del claim["item"][0]["servicedDate"]
    if serviced:
        claim["item"][0]["servicedDate"] = serviced.isoformat()
    order["medicationCodeableConcept"] = {"coding": [a_coding(DRUG)]}
    if start:
        order["dispenseRequest"] = {"validityPeriod": {"start": start.isoformat()}}
    (item,) = read_and_match(orjson.dumps(bundle), bundle, version, POLICIES).items
    assert item.policy is not None
    return item.edition.version if item.edition else None
