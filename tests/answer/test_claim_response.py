"""The rendered answer: what it always holds, what it never says, and its shape in each version."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.answer.claim_response import INQUIRY, SUBMIT, render
from server.decision.model import Outcome
from server.decision.review_action import ACTION
from server.decision.ruling import by_machine
from server.fhir.codes import PAS
from server.fhir.version import Version
from server.policy.model import State
from tests.requests.bundle import EHR, a_bundle, an_item
from tests.requests.world import APART, BASE_URL, CRITERIA, SayingEngine, States, a_case, a_world

Json = dict[str, Any]

MORE: States = {"DOSE": State.UNKNOWN}
NURSE: States = {"DOSE": State.REVIEW}
PHYSICIAN: States = {"DOSE": State.UNMET, "CODE": State.UNKNOWN}
DIRECTOR: States = {"PLACE": State.UNMET}

versions = pytest.mark.parametrize("version", list(Version))
some_states = st.dictionaries(st.sampled_from(CRITERIA), st.sampled_from(State))


def rendered(
    *states: States, version: Version = Version.V2_2, kind: str = SUBMIT, bundle: Json | None = None
) -> list[Json]:
    """The entries of the answer to a request with one item for each of the states; all met when none is given."""
    states = states or ({},)
    bundle = bundle or a_bundle(*(an_item(n) for n, _ in enumerate(states, 1)), drug=APART)
    case = a_case(bundle, world=a_world(engine=SayingEngine(dict(enumerate(states, 1)))))
    entries: list[Json] = orjson.loads(render(case, BASE_URL)[version, kind])["entry"]
    return entries


def response(*states: States, **how: Any) -> Json:
    first: Json = rendered(*states, **how)[0]["resource"]
    return first


def extensions(element: Json, name: str) -> list[Json]:
    return [e for e in element.get("extension", ()) if e["url"] in (name, f"{PAS}extension-{name}")]


def said(element: Json, name: str) -> Any:
    """The value of the only extension of this name, or None."""
    found = extensions(element, name)
    assert len(found) <= 1
    return next((v for e in found for k, v in e.items() if k.startswith("value")), None)


def review_action(item: Json) -> Json:
    (adjudication,) = item["adjudication"]
    (action,) = extensions(adjudication, "reviewAction")
    return action


def action_code(item: Json) -> str:
    return str(said(review_action(item), "reviewActionCode")["coding"][0]["code"])


def reason_code(item: Json) -> str | None:
    reason = said(review_action(item), "reasonCode")
    return reason["coding"][0]["code"] if reason else None


def references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for n in node:
            yield from references(n)
    elif isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from references(value)


@versions
@pytest.mark.parametrize(
    ("states", "action", "reason", "outcomes"),
    [
        pytest.param({}, "A1", None, ("complete", "complete"), id="approve"),
        pytest.param(MORE, "A4", "0U", ("queued", "complete"), id="more-info-needed"),
        pytest.param(NURSE, "A4", "0W", ("queued", "complete"), id="pend-nurse"),
        pytest.param(PHYSICIAN, "A4", "0V", ("queued", "complete"), id="pend-physician"),
        pytest.param(DIRECTOR, "A4", "0V", ("queued", "complete"), id="pend-medical-director"),
    ],
)
def test_each_outcome_in_x12(
    version: Version, states: States, action: str, reason: str | None, outcomes: tuple[str, str]
) -> None:
    """Every outcome has its action and reason; only an approval has a number, a period and an issue date."""
    answer = response(states, version=version)
    (item,) = answer["item"]
    assert (action_code(item), reason_code(item)) == (action, reason)
    assert answer["outcome"] == outcomes[list(Version).index(version)]
    approved = action == "A1"
    number = said(review_action(item), "number")
    assert (number is not None) is approved
    assert answer.get("preAuthRef") == number
    assert ("preAuthPeriod" in answer) is approved
    assert (said(item, "itemPreAuthIssueDate") == "2026-11-23") is approved
    assert said(item, "itemPreAuthPeriod") == answer.get("preAuthPeriod")
    assert (said(item, "administrationReferenceNumber") is None) is approved


def test_period_counts_both_ends() -> None:
    """An approval of 180 days starts on the service day and ends 179 days later, and its words say so."""
    answer = response()
    assert answer["preAuthPeriod"] == {"start": "2027-01-15", "end": "2027-07-13"}
    assert answer["disposition"] == "Certified from 2027-01-15 to 2027-07-13, both days included."


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([{}, {}], "Certified: all 2 items."),
        ([MORE], "Pended. More information from the provider is needed."),
        ([NURSE], "Pended. A nurse reviews the request."),
        ([PHYSICIAN], "Pended. A physician reviews the request."),
        ([DIRECTOR], "Pended. The medical director reviews the request."),
        ([MORE, NURSE, MORE], "Pended. More information from the provider is needed. A nurse reviews the request."),
    ],
)
def test_disposition_in_plain_words(states: list[States], words: str) -> None:
    """One sentence for each thing that happens next, whatever the number of items."""
    assert response(*states)["disposition"] == words


@given(
    states=st.lists(some_states, min_size=1, max_size=4),
    version=st.sampled_from(Version),
    kind=st.sampled_from([SUBMIT, INQUIRY]),
)
def test_what_every_answer_keeps(states: list[States], version: Version, kind: str) -> None:
    """Each item is answered once; nothing but A1 and A4 is said; numbers and periods stand on A1 alone."""
    answer = response(*states, version=version, kind=kind)
    assert [i["itemSequence"] for i in answer["item"]] == list(range(1, len(states) + 1))
    actions = [action_code(i) for i in answer["item"]]
    assert set(actions) <= {"A1", "A4"}
    for item, action in zip(answer["item"], actions, strict=True):
        assert (said(review_action(item), "number") is not None) is (action == "A1")
        assert (said(item, "itemPreAuthPeriod") is not None) is (action == "A1")
        assert (said(item, "administrationReferenceNumber") is not None) is (action == "A4")
    assert set(actions) == {"A1"} or not {"preAuthPeriod", "preAuthRef"} & set(answer)
    numbers = [said(review_action(i), "number") or said(i, "administrationReferenceNumber") for i in answer["item"]]
    assert len(set(numbers)) == len(numbers)


@given(
    states=st.lists(some_states, min_size=1, max_size=3),
    version=st.sampled_from(Version),
    kind=st.sampled_from([SUBMIT, INQUIRY]),
)
def test_references_resolve_inside_the_bundle(states: list[States], version: Version, kind: str) -> None:
    """Every reference but that to the Claim is the exact fullUrl of an entry, and each entry stands once."""
    first, *others = rendered(*states, version=version, kind=kind)
    assert first["resource"]["resourceType"] == "ClaimResponse"
    urls = [e["fullUrl"] for e in (first, *others)]
    assert len(set(urls)) == len(urls)
    named = set(references([first, *others])) - {first["resource"]["request"]["reference"]}
    assert named <= set(urls)
    assert {u for u in urls if u.startswith("urn:uuid:")} <= named
    assert not [e for e in others if e["resource"]["resourceType"] in ("Claim", "ClaimResponse")]


@given(states=st.lists(some_states, min_size=1, max_size=3), version=st.sampled_from(Version))
def test_every_unmet_criterion_is_told(states: list[States], version: Version) -> None:
    """A criterion that is not met stands in a note of its item with its sentence and remedy; a met one never does."""
    answer = response(*states, version=version)
    texts = {n["number"]: n["text"] for n in answer.get("processNote", ())}
    for item, stated in zip(answer["item"], states, strict=True):
        notes = " ".join(texts[n] for n in item.get("noteNumber", ()))
        for name in CRITERIA:
            told = f"The {name.lower()} fits the order." in notes
            assert told is (stated.get(name, State.MET) is not State.MET)
            assert told is (f"Send what shows the {name.lower()}." in notes)
    assert sorted({n for i in answer["item"] for n in i.get("noteNumber", ())}) == list(texts)


@given(states=st.lists(some_states, min_size=1, max_size=3), version=st.sampled_from(Version))
def test_a_machine_sends_two_actions(states: list[States], version: Version) -> None:
    """Whatever the engine finds, an answer without a person's decision says A1 or A4, adds nothing, and says so."""
    answer = response(*states, version=version)
    assert {action_code(item) for item in answer["item"]} <= {"A1", "A4"}
    assert "addItem" not in answer
    if version is Version.V2_2:
        (reviewer,) = (e for e in answer["extension"] if e["url"].endswith("claimResponseReviewer"))
        assert reviewer["extension"] == [{"url": "wasHumanReviewedFlag", "valueBoolean": False}]


def test_no_outcome_is_a_denial() -> None:
    """Every outcome the machine knows is either certified or pended."""
    assert {outcome: ACTION[by_machine(outcome).status][0] for outcome in Outcome} == {
        outcome: "A1" if outcome is Outcome.APPROVE else "A4" for outcome in Outcome
    }


@versions
def test_mixed_items(version: Version) -> None:
    """Certified and pended items side by side: partial, and no number or period for the whole."""
    answer = response({}, MORE, DIRECTOR, version=version)
    assert answer["outcome"] == "partial"
    assert answer["disposition"] == "Certified: 1 of 3 items. The other items are pended; see their notes."
    assert not {"preAuthPeriod", "preAuthRef"} & set(answer)


def test_several_approvals_share_a_header_period() -> None:
    """Where all items are certified for the same days the header says so; their numbers stay with them."""
    answer = response({}, {})
    assert answer["preAuthPeriod"] == {"start": "2027-01-15", "end": "2027-07-13"}
    assert "preAuthRef" not in answer


def test_same_note_has_one_number() -> None:
    """Two items with the same reason point at the same notes."""
    answer = response(MORE, MORE)
    assert answer["item"][0]["noteNumber"] == answer["item"][1]["noteNumber"] == [1, 2]


@versions
def test_form_is_asked_for_where_something_is_unknown(version: Version) -> None:
    """The line with an unknown fact, even one beside an unmet criterion, gets a request for the payer's form."""
    first, *others = rendered({}, PHYSICIAN, NURSE, version=version)
    (asked,) = [e for e in others if e["resource"]["resourceType"] == "CommunicationRequest"]
    assert first["resource"]["communicationRequest"] == [{"reference": asked["fullUrl"]}]
    request = asked["resource"]
    payload = request["payload"]
    assert payload[0]["contentString"] == "102089-0"
    assert said(request if version is Version.V2_2 else payload[0], "serviceLineNumber") == 2
    assert request["identifier"][0]["value"].startswith("VC")
    missing = request["note"][0]["text"] if version is Version.V2_2 else payload[1]["contentString"]
    assert missing == "Send what shows the code."
    traces = [e["valueIdentifier"] for e in extensions(first["resource"]["item"][1], "itemTraceNumber")]
    assert [t["system"] for t in traces] == ["urn:trnorg:9012345678", "urn:trnorg:EXAMPLE"]


@versions
def test_inquiry_asks_for_nothing(version: Version) -> None:
    """An inquiry answer cannot carry a CommunicationRequest; all else is as it was answered (pas P-79)."""
    asked, told = (response(MORE, version=version, kind=kind) for kind in (SUBMIT, INQUIRY))
    assert "communicationRequest" in asked
    assert told["item"] == asked["item"]
    assert {k for k in asked if asked[k] != told.get(k)} == {"communicationRequest", "meta"}
    kinds = {e["resource"]["resourceType"] for e in rendered(MORE, version=version, kind=INQUIRY)}
    assert "CommunicationRequest" not in kinds


@versions
def test_what_is_echoed(version: Version) -> None:
    """Claim identifiers, trace numbers, parties and their fullUrls come back as they were sent (pas P-34, P-97)."""
    bundle = a_bundle()
    claim = bundle["entry"][0]["resource"]
    sent = {e["fullUrl"]: e["resource"] for e in bundle["entry"]}
    first, *others = rendered(version=version, bundle=bundle)
    answer = first["resource"]
    assert first["fullUrl"] == f"{BASE_URL}/fhir/{version}/ClaimResponse/{answer['id']}"
    assert answer["identifier"] == claim["identifier"]
    assert answer["type"] == claim["type"]
    assert answer["request"] == {"reference": f"{EHR}/Claim/claim"}
    for entry in others:
        original = sent[entry["fullUrl"]]
        assert {k: v for k, v in entry["resource"].items() if k in ("id", "identifier", "name")} == {
            k: v for k, v in original.items() if k in ("id", "identifier", "name")
        }
    order = [e["fullUrl"].rsplit("/", 1)[1] for e in others[:3]]
    assert order == ["clinic", "payer", "patient"]


def test_transmission_identifiers_swap() -> None:
    """Sender and receiver change places in 2.2, which alone knows them (pas P-99)."""
    sent = {
        "url": f"{PAS}extension-TransmissionIdentifiers",
        "extension": [
            {"url": name, "valueString": value}
            for name, value in (
                ("applicationSenderCode", "S"),
                ("applicationReceiverCode", "R"),
                ("interchangeSenderID", "IS"),
            )
        ],
    }
    bundle = a_bundle(claim={"extension": [sent]})
    (swapped,) = extensions(response(bundle=bundle), "TransmissionIdentifiers")
    assert {e["url"]: e["valueString"] for e in swapped["extension"]} == {
        "applicationReceiverCode": "S",
        "applicationSenderCode": "R",
        "interchangeReceiverID": "IS",
    }
    assert "extension" not in response(bundle=bundle, version=Version.V2_0)


@pytest.mark.parametrize("lacks", ["applicationSenderCode", "applicationReceiverCode"])
def test_identifiers_that_the_guide_does_not_know_are_not_given_back(lacks: str) -> None:
    """Without one of the two application codes the extension is wrong, and an answer with it would be as well."""
    names = {"applicationSenderCode", "applicationReceiverCode", "interchangeSenderID"} - {lacks}
    sent = {
        "url": f"{PAS}extension-TransmissionIdentifiers",
        "extension": [{"url": name, "valueString": "X"} for name in sorted(names)],
    }
    answer = response(bundle=a_bundle(claim={"extension": [sent]}))
    assert not list(extensions(answer, "TransmissionIdentifiers"))


def test_a_machine_decision_says_so() -> None:
    """2.2 has a place to say that no person reviewed the request, and the answer uses it."""
    (reviewer,) = extensions(response(), "claimResponseReviewer")
    assert reviewer["extension"] == [{"url": "wasHumanReviewedFlag", "valueBoolean": False}]


def test_identifier_without_system() -> None:
    """PAS 2.0 echoes an identifier of any kind; 2.2 requires a system and leaves out one that has none."""
    bundle = a_bundle(claim={"identifier": [{"value": "no system"}]})
    assert response(bundle=bundle, version=Version.V2_0)["identifier"] == [{"value": "no system"}]
    assert "identifier" not in response(bundle=bundle, version=Version.V2_2)


@pytest.mark.parametrize("place", ["item", "claim"])
def test_previous_number_comes_back(place: str) -> None:
    """The number of an earlier authorization is echoed as such and never becomes the new one (pas T-8)."""
    previous = [{"url": f"{PAS}extension-authorizationNumber", "valueString": "OLD-1"}]
    item = an_item() | ({"extension": previous} if place == "item" else {})
    bundle = a_bundle(item, claim={"extension": previous} if place == "claim" else None)
    (answered,) = response(bundle=bundle)["item"]
    assert said(answered, "authorizationNumber") == "OLD-1"
    assert said(review_action(answered), "number") != "OLD-1"


@versions
def test_authorized_provider(version: Version) -> None:
    """An approval names who renders the item, not who ordered it; a pended item names nobody."""
    (item,) = response(version=version)["item"]
    (provider,) = extensions(item, "itemAuthorizedProvider")
    assert said(provider, "provider") == {"reference": f"{EHR}/Practitioner/surgeon"}
    kind = "providerType" if version is Version.V2_0 else "authorizedProviderType"
    assert said(provider, kind)["coding"][0]["code"] == "SJ"
    assert not extensions(response(NURSE, version=version)["item"][0], "itemAuthorizedProvider")


@pytest.mark.parametrize(
    ("serviced", "asked"),
    [
        ({"servicedDate": "2027-01-15"}, "2027-01-15"),
        (
            {"servicedPeriod": {"start": "2027-01-15", "end": "2027-02-15"}},
            {"start": "2027-01-15", "end": "2027-02-15"},
        ),
        ({}, None),
    ],
)
def test_requested_date(serviced: Json, asked: Any) -> None:
    """The date or period that was asked for comes back with the item, and nothing where none was."""
    item = {k: v for k, v in an_item().items() if k != "servicedDate"} | serviced
    (answered,) = response(bundle=a_bundle(item))["item"]
    assert said(answered, "itemRequestedServiceDate") == asked


def test_item_that_says_nothing() -> None:
    """An item without trace number, date and care team still renders as valid JSON, without empty arrays."""
    item = {k: v for k, v in an_item().items() if k not in ("extension", "servicedDate", "careTeamSequence")}
    text = orjson.dumps(rendered(bundle=a_bundle(item))).decode()
    assert "[]" not in text
    assert "{}" not in text


@versions
def test_bundle_frame(version: Version) -> None:
    """A collection under the sender's transaction id, dated with a zone; without an id it gets one of ours."""
    case = a_case()
    anonymous = {k: v for k, v in case.request.bundle.items() if k != "identifier"}
    for bundle in (case.request.bundle, anonymous):
        answer = render(replace(case, request=replace(case.request, bundle=bundle)), BASE_URL)[version, SUBMIT]
        frame = orjson.loads(answer)
        assert frame["type"] == "collection"
        assert frame["timestamp"] == "2026-11-23T09:30:00.000+00:00"
        ours = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{case.id}"}
        assert frame["identifier"] == bundle.get("identifier", ours)
