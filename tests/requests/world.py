"""A made-up plan and policy, an engine that says what a test wants, and the roads that a request takes past them."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import orjson

from server.auth.caller import LOOPBACK
from server.cql.engine import Asked, Run
from server.decision.apply import apply_all
from server.decision.case import Case, Received
from server.decision.request import AuthorizationRequest
from server.fhir.read import Resource
from server.fhir.version import Version
from server.form.model import Form
from server.pas.machine_decision import decide_by_machine
from server.pas.match import MatchedRequest, read_and_match
from server.pas.request.inquiry import InquiryRequest, read_inquiry
from server.pas.request.submit import read_submit
from server.pas.submit import submit
from server.policy.library import PolicyLibrary
from server.policy.model import Criterion, Reviewer, State, Validity
from server.policy.plan import MemberStatus, Plan
from server.world import World
from tests.policies import FORM_URL, a_form, a_library, a_policy, an_edition
from tests.requests.bundle import CLINIC, PAYER, a_bundle
from tests.stores import NoStore

Json = dict[str, Any]

BASE_URL = "https://payer.example.org"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LOCAL = "http://payer.example/fhir/CodeSystem/local"
OTHER_FORM = "http://payer.example/fhir/Questionnaire/other"

PLAN = Plan(
    name="Example Plan",
    payer_id="EXAMPLE",
    payer_id_system="https://payer.example.org/payer-id",
    npi=PAYER,
    phone="+1-555-0100",
    address={},
    unlisted_members=MemberStatus.ACTIVE,
    members={},
    clients=frozenset({CLINIC}),
    catalogue=(),
)

CRITERIA = ("CODE", "DOSE", "PLACE")

_QUESTIONS = [
    {"linkId": "indication", "type": "string"},
    {"linkId": "kind", "type": "choice", "answerOption": [{"valueCoding": {"system": LOCAL, "code": "new"}}]},
    {
        "linkId": "hidden",
        "type": "boolean",
        "enableWhen": [{"question": "indication", "operator": "exists", "answerBoolean": False}],
    },
]


def _form(version: str, url: str = FORM_URL) -> Form:
    questionnaire = {"resourceType": "Questionnaire", "url": url, "version": version, "status": "active"}
    return a_form({**questionnaire, "item": _QUESTIONS})


def _criterion(n: int, name: str) -> Criterion:
    return Criterion(
        id=name,
        define=name,
        sentence=f"The {name.lower()} fits the order.",
        citation=f"Section {n}",
        when_unmet=Reviewer.MEDICAL_DIRECTOR if name == "PLACE" else Reviewer.PHYSICIAN,
        states=tuple(State),
        remedies={s: f"Send what shows the {name.lower()}." for s in (State.UNMET, State.UNKNOWN, State.REVIEW)},
    )


EDITION = an_edition(
    version="2026-06-01",
    effective=date(2026, 6, 1),
    form=_form("2.0.0"),
    validity=(Validity("Always", 180),),
    criteria=tuple(_criterion(n, name) for n, name in enumerate(CRITERIA, 1)),
)
"""The edition in force on bundle.SERVICE_DAY."""

OLD_EDITION = an_edition(form=_form("1.0.0"))
POLICY = a_policy(editions=(EDITION, OLD_EDITION))
OTHER_POLICY = a_policy(
    id="other-456",
    placeholders=frozenset(),
    identified_by=frozenset({"http://www.nlm.nih.gov/research/umls/rxnorm|9990002"}),
    editions=(an_edition(policy_id="other-456", form=_form("1.0.0", OTHER_FORM)),),
)
APART = tuple(f"http://www.nlm.nih.gov/research/umls/rxnorm|99901{n:02}" for n in range(1, 7))
"""Drugs of as many policies with the criteria of EDITION: each item of a request can have a policy of its own."""

_POLICIES_APART = tuple(
    a_policy(
        id=f"apart-{n}",
        placeholders=frozenset(),
        identified_by=frozenset({drug}),
        editions=(replace(EDITION, policy_id=f"apart-{n}", form=_form("1.0.0", f"{OTHER_FORM}-{n}")),),
    )
    for n, drug in enumerate(APART)
)
LIBRARY = a_library(POLICY, OTHER_POLICY, *_POLICIES_APART)

States = Mapping[str, State]
MET: States = dict.fromkeys(CRITERIA, State.MET)


class SayingEngine:
    """Gives the states that a test wants, by the item's sequence; all met where the test says nothing."""

    name = "test engine"

    def __init__(self, states: Mapping[int, States] | None = None) -> None:
        self.states = states or {}
        self.evaluations = 0

    def evaluate(
        self,
        library: str,
        bundle: Resource,
        parameters: Mapping[str, Any],
    ) -> dict[str, Any]:
        (found,) = self.run_each(library, bundle, [Run((), parameters)])
        return found

    def run_each(  # the port's signature; what it says depends on the items alone
        self,
        library: str,  # noqa: ARG002
        shared: Resource,  # noqa: ARG002
        runs: Sequence[Run],
        asked: Sequence[Asked] = (),  # noqa: ARG002
    ) -> list[dict[str, Any]]:
        self.evaluations += 1
        return [self._results(run.parameters) for run in runs]

    def _results(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        results: dict[str, Any] = {"Always": True}
        for name, state in {**MET, **self.states.get(parameters["Item Sequence"], {})}.items():
            evidence = [
                {"ref": "MedicationRequest/order-1", "said": f"the order names the {name.lower()}"},
                {"ref": "QuestionnaireResponse/answers#dose", "said": "100 mg"},
            ]
            results[name] = {"state": state, "evidence": [] if state is State.UNKNOWN else evidence}
        return results


def a_world(store: Any = None, engine: Any = None, **changes: Any) -> World:
    """A clock that stands still, and ids and numbers that count. store: without one, none may be touched."""
    serial = itertools.count(1)
    world = World(
        policies=LIBRARY,
        plan=PLAN,
        store=store or NoStore(),
        engine=engine or SayingEngine(),
        base_url=BASE_URL,
        clock=lambda: NOW,
        new_id=lambda: f"00000000-0000-4000-8000-{next(serial):012}",
        new_number=lambda prefix: f"{prefix}{next(serial):010}",
    )
    return replace(world, **changes)


def a_plan(**members: MemberStatus) -> Plan:
    """The plan with a member file: `M_1=...` stands for member id M-1."""
    return replace(PLAN, members={id_.replace("_", "-"): status for id_, status in members.items()})


def a_request(body: Json | None = None, *, version: Version = Version.V2_2) -> AuthorizationRequest:
    """A `$submit` body as it is read, before any policy is looked at."""
    raw = orjson.dumps(a_bundle() if body is None else body)
    return read_submit(raw, orjson.loads(raw), version).request()


def matched(
    body: Json | None = None, *, policies: PolicyLibrary = LIBRARY, version: Version = Version.V2_2
) -> MatchedRequest:
    """A `$submit` body, read and matched."""
    raw = orjson.dumps(a_bundle() if body is None else body)
    return read_and_match(raw, orjson.loads(raw), version, policies)


def an_inquiry(body: Json | None = None, *, version: Version = Version.V2_2) -> InquiryRequest:
    """An `$inquire` body as it is read."""
    raw = orjson.dumps(a_bundle() if body is None else body)
    return read_inquiry(raw, orjson.loads(raw), version)


def a_case(body: Json | None = None, *, world: World | None = None, version: Version = Version.V2_2) -> Case:
    """The case of a request that the machine has just decided; nothing is stored."""
    world = world or a_world()
    found = matched(body, policies=world.policies, version=version)
    received = Received(world.clock(), world.new_id(), LOOPBACK.name, found.request)
    return apply_all([received, decide_by_machine(found, world)])


def submitted(world: World, body: Json | None = None, *, version: Version = Version.V2_2) -> bytes:
    """The answer to a `$submit` body, as its bytes."""
    raw = orjson.dumps(a_bundle() if body is None else body)
    found = read_and_match(raw, orjson.loads(raw), version, world.policies)
    return submit(found, raw, LOOPBACK, world)


def claim_response(answer: bytes) -> Json:
    """The ClaimResponse at the head of an answer."""
    first: Json = orjson.loads(answer)["entry"][0]["resource"]
    return first


class OneOf:
    """A caller who may see the requests of some providers, and no others."""

    name = "client"

    def __init__(self, *npis: str) -> None:
        self._npis = npis

    def may_see(self, npis: Iterable[str]) -> bool:
        return not set(self._npis).isdisjoint(npis)


def a_client(*npis: str) -> Any:
    """A caller of these organizations."""
    return OneOf(*npis)
