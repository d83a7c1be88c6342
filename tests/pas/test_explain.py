"""ClaimResponse reads and $explain: the reasons of a decision, read without parsing prose."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.auth.caller import LOOPBACK
from server.clock import new_id, new_number
from server.errors import NotFound
from server.fhir.version import Version
from server.pas.explain import explain, read_claim_response
from server.policy.model import State
from server.store.ports import Store
from server.store.sql import open_store
from tests.policies import DRUG
from tests.requests.bundle import CLINIC, EHR, MEMBER, NO_POLICYS_DRUG, STRANGER, a_bundle, an_item
from tests.requests.world import (
    APART,
    CRITERIA,
    EDITION,
    SayingEngine,
    States,
    a_client,
    a_world,
    claim_response,
    submitted,
)
from tests.store.stored_rows import rows_of

Json = dict[str, Any]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('record') / 'record.db'}"


@pytest.fixture(scope="module")
def store(database: str) -> Iterator[Store]:
    opened = open_store(database)
    yield opened
    opened.close()


def answered(store: Store, *states: States, version: Version = Version.V2_2, **bundle: Any) -> Json:
    """The ClaimResponse of a new member's request with one item for each of the states, each under its own policy."""
    world = a_world(store, SayingEngine(dict(enumerate(states, 1))), new_id=new_id, new_number=new_number)
    items = [an_item(n) for n, _ in enumerate(states, 1)]
    body = a_bundle(*items, serial=new_id(), **{"drug": APART if len(states) > 1 else DRUG, **bundle})
    text = json.dumps(body).replace(json.dumps(MEMBER), json.dumps(new_id()))
    return claim_response(submitted(world, json.loads(text), version=version))


def value(parameter: Json) -> Any:
    return next(v for k, v in parameter.items() if k.startswith("value"))


def parts(parameters: list[Json], name: str) -> list[Json]:
    """The parts of every parameter of a name, each as name -> value; `evidence` is a list."""
    found = []
    for parameter in parameters:
        if parameter["name"] == name:
            said: Json = {"evidence": []}
            for part in parameter["part"]:
                if part["name"] == "evidence":
                    said["evidence"].append(part)
                elif "part" not in part:
                    said[part["name"]] = value(part)
            found.append(said)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(states=st.dictionaries(st.sampled_from(CRITERIA), st.sampled_from(State)))
def test_one_item_is_flat(store: Store, states: States) -> None:
    """Policy, edition, outcome, then a finding per criterion; what is met has evidence, what is not has a remedy."""
    response = answered(store, states)
    parameters = orjson.loads(explain(response["id"], LOOPBACK, store))["parameter"]
    head = [(p["name"], value(p)) for p in parameters[:3]]
    assert head[:2] == [("policy", EDITION.policy_uri), ("edition", EDITION.version)]
    assert head[2][0] == "outcome"
    assert {p["name"] for p in parameters[3:]} == {"finding"}
    findings = parts(parameters, "finding")
    assert {f["criterion"]: f["state"] for f in findings} == {c: states.get(c, State.MET) for c in CRITERIA}
    for finding in findings:
        assert finding["sentence"]
        assert finding["citation"].startswith("Section")
        assert finding["why"]
        assert ("remedy" in finding) is (finding["state"] != "met")
        assert finding["evidence"] or finding["state"] == "unknown"


def test_evidence_by_reference_and_by_answer(store: Store) -> None:
    """A resource is evidence by the fullUrl it was sent under; an answer by its linkId and what it says."""
    response = answered(store, {})
    finding = parts(orjson.loads(explain(response["id"], LOOPBACK, store))["parameter"], "finding")[0]
    assert finding["evidence"] == [
        {
            "name": "evidence",
            "valueReference": {
                "reference": f"{EHR}/MedicationRequest/order-1",
                "display": "the order names the code",
            },
        },
        {"name": "evidence", "valueString": "dose: 100 mg"},
    ]


def test_several_items_each_have_their_own(store: Store) -> None:
    """A claim with several items is explained item by item."""
    response = answered(store, {}, {"DOSE": State.UNKNOWN})
    parameters = orjson.loads(explain(response["id"], LOOPBACK, store))["parameter"]
    items = parts(parameters, "item")
    assert [(i["sequence"], i["outcome"]) for i in items] == [(1, "approve"), (2, "more-info-needed")]
    (state,) = {f["state"] for f in parts(parameters[1]["part"], "finding") if f["criterion"] == "DOSE"}
    assert state == "unknown"


def test_item_without_policy(store: Store) -> None:
    """Where no policy judged there is none to name, but there is still a reason."""
    response = answered(store, {}, drug=NO_POLICYS_DRUG)
    parameters = orjson.loads(explain(response["id"], LOOPBACK, store))["parameter"]
    assert [p["name"] for p in parameters] == ["outcome", "finding"]
    (finding,) = parts(parameters, "finding")
    assert finding["state"] == "review"


@pytest.mark.parametrize("version", list(Version))
def test_read_is_the_answer_again(store: Store, version: Version) -> None:
    """A ClaimResponse is read as it was answered, in the shape of the base it is read from."""
    response = answered(store, {"DOSE": State.UNKNOWN}, version=version)
    assert orjson.loads(read_claim_response(response["id"], version, LOOPBACK, store)) == response


def test_unknown_id(store: Store) -> None:
    """An id that was never answered is not found, by either operation."""
    with pytest.raises(NotFound):
        explain("unknown", LOOPBACK, store)
    with pytest.raises(NotFound):
        read_claim_response("unknown", Version.V2_2, LOOPBACK, store)


def test_another_providers_answer_is_as_if_it_were_not_there(store: Store) -> None:
    """A caller of neither the requester nor a treating provider gets what an unknown id gets; the clinic reads it."""
    response = answered(store, {})
    with pytest.raises(NotFound) as unknown:
        explain("unknown", a_client(STRANGER), store)
    reads: list[Callable[[Any], bytes]] = [
        lambda who: explain(response["id"], who, store),
        lambda who: read_claim_response(response["id"], Version.V2_2, who, store),
    ]
    for read in reads:
        with pytest.raises(NotFound) as refused:
            read(a_client(STRANGER))
        assert str(refused.value) == str(unknown.value)
        assert read(a_client(CLINIC))


def test_each_read_is_audited(store: Store, database: str) -> None:
    """The record tells who read an answer and how; a read that finds nothing leaves no row."""
    response = answered(store, {})
    explain(response["id"], LOOPBACK, store)
    read_claim_response(response["id"], Version.V2_2, LOOPBACK, store)
    for refused in (response["id"], "unknown"):
        with pytest.raises(NotFound):
            explain(refused, a_client(STRANGER), store)
    rows = [row for row in rows_of(database, "audit") if row["subject"] in (response["id"], "unknown")]
    assert [row["detail"] for row in rows if row["event"] == "read"] == [
        '{"by":"explain","caller":"loopback"}',
        '{"by":"read","caller":"loopback"}',
    ]
