"""`satisfied` is said of the refill of an authorized order, and of nothing that the authorization does not cover."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.auth.caller import LOOPBACK
from server.demo.requests import Chart, order_sign, refill, renewed
from server.fhir.version import Version
from server.pas.match import read_and_match
from server.pas.submit import submit
from server.world import World
from tests.crd import refilled_orders, refilled_products
from tests.crd.calls import Ehr, a_bundle
from tests.crd.refill import dosage, dose, order, patient, product
from tests.journey import Answer, read_answer
from tests.serving import opened, sqlite_url
from tests.spoilings.model import Json, Spoiling
from tests.spoilings.request import Base, bases, policies
from tests.spoilings.request import order as ordered

SPOILED_REFILLS = (*refilled_products.TABLE.rows, *refilled_orders.TABLE.rows)
VERSIONS = ("2.2", "2.0")
NAMELESS = frozenset({"K-013", "K-015"})
"""Approvable requests whose order has no code that names the product: order-sign knows no policy for it."""


class Authorized:
    """A plan whose record holds the authorization of every approvable request, each of a member of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sent: dict[str, tuple[Chart, Answer]] = {}

    def number(self, base: Base) -> str | None:
        return self._of(base)[1].number

    def call(self, base: Base, version: str) -> Json:
        """The order-sign call for the refill, a month after the authorization began."""
        chart, _ = self._of(base)
        found: Json = orjson.loads(orjson.dumps(order_sign(chart, version, refill(chart, self._day(base)))))
        return found

    def said(self, base: Base, call: Json) -> list[Json]:
        ehr = Ehr(self._world.store, policies(), self._world.plan)
        ehr.on = self._day(base)
        return ehr.said(call)

    def _day(self, base: Base) -> date:
        period = self._of(base)[1].period
        assert period is not None, base.name
        return date.fromisoformat(period[0]) + timedelta(days=30)

    def _of(self, base: Base) -> tuple[Chart, Answer]:
        if base.name not in self._sent:
            body = renewed(base.copy(), base.name)
            raw = orjson.dumps(body)
            on = date.fromisoformat(body["entry"][0]["resource"]["created"][:10])
            world = replace(self._world, clock=lambda: datetime.combine(on, time(12), UTC))
            matched = read_and_match(raw, orjson.loads(raw), Version.V2_2, policies())
            self._sent[base.name] = Chart(body), read_answer(submit(matched, raw, LOOPBACK, world))
        return self._sent[base.name]


@pytest.fixture(scope="module")
def authorized(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorized]:
    services = opened(sqlite_url(tmp_path_factory.mktemp("satisfied")))
    try:
        yield Authorized(services.world)
    finally:
        services.close()


REFILLABLE = {b.name: b for b in bases() if b.name not in NAMELESS}
CHART = REFILLABLE["ra-initial"]


def is_full(base: Base) -> bool:
    """Whether the order tells each part that a row spoils."""
    told = ordered(base.copy())
    dosages = told.get("dosageInstruction", [{}])
    parts = {"doseAndRate", "maxDosePerPeriod", "route", "text", "timing"}
    return "reasonCode" in told and parts <= dosages[0].keys() and "doseQuantity" in dosages[0]["doseAndRate"][0]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_refill_of_every_authorized_order_is_satisfied(authorized: Authorized, version: str) -> None:
    """The charts, the shared examples and the worked cases: each by its own number, and nothing more is asked."""
    for base in REFILLABLE.values():
        (said,) = authorized.said(base, authorized.call(base, version))
        assert (said["pa-needed"], said.get("satisfied-pa-id")) == (["satisfied"], [authorized.number(base)]), base.name


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("spoiling", SPOILED_REFILLS, ids=lambda s: s.name)
def test_a_spoiled_refill_is_not_satisfied(authorized: Authorized, spoiling: Spoiling, version: str) -> None:
    """It needs prior authorization, or nothing is said of it."""
    call = authorized.call(CHART, version)
    spoiling.spoil(call)
    assert ["satisfied"] not in [said["pa-needed"] for said in authorized.said(CHART, call)], spoiling.nurse


def test_the_rows_differ() -> None:
    """Each stands under a name of its own."""
    assert len({s.name for s in SPOILED_REFILLS}) == len(SPOILED_REFILLS) >= 90


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_spoiling_helps_any_refill(authorized: Authorized, data: st.DataObject) -> None:
    """Drawn from the whole table, and from every request that is approved."""
    spoiling = data.draw(st.sampled_from(SPOILED_REFILLS), label="spoiling")
    base = REFILLABLE[data.draw(st.sampled_from([n for n, b in REFILLABLE.items() if is_full(b)]), label="request")]
    call = authorized.call(base, data.draw(st.sampled_from(VERSIONS), label="version"))
    if spoiling.fits(call):
        spoiling.spoil(call)
        assert ["satisfied"] not in [said["pa-needed"] for said in authorized.said(base, call)], spoiling.nurse


@pytest.mark.parametrize("version", VERSIONS)
def test_what_stands_is_named_where_it_does_not_cover_the_order(authorized: Authorized, version: str) -> None:
    """The form is asked for, and the reason tells the number, until when it holds, and what differs."""
    call = authorized.call(CHART, version)
    dose(call)["value"] = 1000
    (said,) = authorized.said(CHART, call)
    assert (said["pa-needed"], len(said["questionnaire"])) == (["auth-needed"], 1)
    assert "satisfied-pa-id" not in said
    reason = said["reason"][0]["text"]
    assert f"An authorization ({authorized.number(CHART)}) is in force until " in reason
    assert "its dosage is not shown to be that of the authorized order, or below it." in reason


@pytest.mark.parametrize("version", VERSIONS)
def test_nobody_hears_of_the_authorization_of_somebody_else(authorized: Authorized, version: str) -> None:
    """Where the patient is not shown to be the member, no authorization is looked for, and none is named."""
    call = authorized.call(CHART, version)
    patient(call)["deceasedBoolean"] = True
    (said,) = authorized.said(CHART, call)
    assert str(authorized.number(CHART)) not in orjson.dumps(said).decode()
    assert said["reason"][0]["text"].endswith("so no authorization was looked for.")


def _less(call: Json) -> None:
    dosage(call).pop("text")
    dose(call)["value"] /= 2


def _fewer_codes(call: Json) -> None:
    product(call)["coding"] = product(call)["coding"][:1]
    product(call)["coding"][0].pop("display")


def _by_reference(call: Json) -> None:
    code = order(call).pop("medicationCodeableConcept")
    order(call)["contained"] = [{"resourceType": "Medication", "id": "m", "status": "active", "code": code}]
    order(call)["medicationReference"] = {"reference": "#m"}


def _by_condition(call: Json) -> None:
    call["prefetch"]["conditions"] = {
        "resourceType": "Condition",
        "id": "c",
        "subject": {"reference": f"Patient/{patient(call)['id']}"},
        "code": order(call).pop("reasonCode")[0],
    }
    order(call)["reasonReference"] = [{"reference": "Condition/c"}]


def _without_practitioners(call: Json) -> None:
    call["prefetch"].pop("practitioners")


def _from_the_server(call: Json) -> None:
    found = patient(call)
    url = f"https://clinic.example.com/fhir/Patient/{found['id']}"
    call["prefetch"]["patient"] = a_bundle(found)
    call["prefetch"]["patient"]["entry"][0]["fullUrl"] = url
    order(call)["subject"] = {"reference": url}


def _absolutely(call: Json) -> None:
    order(call)["subject"] = {"reference": f"https://clinic.example.com/fhir/Patient/{patient(call)['id']}"}


def _with_an_identifier(call: Json) -> None:
    order(call)["subject"]["identifier"] = patient(call)["identifier"][0]


def _until_its_end(call: Json) -> None:
    period = order(call)["dispenseRequest"]["validityPeriod"]
    period["end"] = period["start"]


def _of_an_ehr(call: Json) -> None:
    order(call).update(
        identifier=[{"value": "rx-2"}],
        priorPrescription={"reference": "MedicationRequest/before"},
        encounter={"reference": "Encounter/e"},
        recorder={"reference": "Practitioner/nurse"},
        doNotPerform=False,
        text={"status": "generated", "div": "<div>a refill</div>"},
        extension=[{"url": "http://ehr.example/colour", "valueString": "blue"}],
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "change",
    [
        _less,
        _fewer_codes,
        _by_reference,
        _by_condition,
        _without_practitioners,
        _from_the_server,
        _absolutely,
        _with_an_identifier,
        _until_its_end,
        _of_an_ehr,
    ],
    ids=lambda change: change.__name__.strip("_"),
)
def test_an_honest_refill_stays_satisfied(authorized: Authorized, change: Callable[[Json], None], version: str) -> None:
    """What an EHR writes differently from month to month, and a lower dose, take nothing away."""
    call = authorized.call(CHART, version)
    change(call)
    (said,) = authorized.said(CHART, call)
    assert said["pa-needed"] == ["satisfied"], said["reason"]
