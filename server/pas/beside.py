"""What no policy can see of one item, and a nurse must: other items, authorizations in force, what is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from server.auth.caller import Caller
from server.auth.seen import sees_case
from server.decision.case import DecidedByMachine, Fact
from server.decision.decide import decide
from server.decision.model import Decision, Finding, Outcome
from server.fhir.read import Resource
from server.fhir.x12 import CERTIFICATIONS
from server.form.response import open_gates
from server.form.unsaid import unsaid_answers
from server.pas.billed import may_be_a_medicine
from server.pas.match import MatchedItem, MatchedRequest
from server.pas.patient_record import PatientRecord
from server.pas.request.claim_item import kinds_of_request
from server.pas.unread import unread_of_item, unread_places
from server.policy.model import State
from server.store.conflicts import AskedBefore, AuthorizationStands
from server.world import World

SAME_SERVICE = "ONE-ITEM"
IN_FORCE = "NONE-IN-FORCE"
ASKED_BEFORE = "ASKED-BEFORE"
KIND_OF_REQUEST = "KIND-OF-REQUEST"
WHOLE_RECORD = "WHOLE-RECORD"
ALL_READ = "ALL-READ"
UNSAID_ANSWERS = "PLAIN-ANSWERS"
HIDDEN_ANSWERS = "VOID-ANSWERS"
UNKNOWN_BESIDE = "KNOWN-BESIDE"

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What a nurse is to look at: the parts of a finding."""

    criterion: str
    sentence: str
    why: str
    remedy: str


def for_a_person(
    decisions: Mapping[int, Decision], matched: MatchedRequest, record: PatientRecord
) -> dict[int, Decision]:
    """The decisions by the places of their items; approvals wait for a nurse where more is to be looked at.

    Who is asked for more is told of answers that came and are void, so that nobody sends them again as they were.
    """
    approved = [n for n, decision in decisions.items() if decision.outcome is Outcome.APPROVE]
    of_all = [_unknown_beside(matched.items), _left_out(record.left_out)] if approved else []
    unread = tuple(unread_places(matched.request)) if approved else ()
    found = dict(decisions)
    for n, decision in decisions.items():
        if decision.outcome is Outcome.MORE_INFO_NEEDED and (void := _hidden_answers(matched.items[n])):
            found[n] = for_a_nurse(decision, void)
    for n in approved:
        item = matched.items[n]
        own = (
            _unread((*unread, *unread_of_item(matched.request, item.item, item.sent), *_other_types(item, record))),
            _items_beside(item, matched.items),
            _kind_of_request(item, matched.request.claim),
            _hidden_answers(item),
            _unsaid_answers(item),
        )
        for look in (*of_all, *own):
            found[n] = for_a_nurse(found[n], look) if look else found[n]
    return found


def _items_beside(item: MatchedItem, all_items: tuple[MatchedItem, ...]) -> Look | None:
    """Several items under one policy: together they may be too much."""
    same = [i for i in all_items if i.policy is item.policy]
    if len(same) == 1:
        return None
    return Look(
        SAME_SERVICE,
        sentence="The request asks for what this policy covers once.",
        why=f"{len(same)} items of the request fall under the policy.",
        remedy="A nurse reviewer looks at the items together; a request with one item of it settles it.",
    )


def _unknown_beside(all_items: tuple[MatchedItem, ...]) -> Look | None:
    """Another item that may be any medicine: no policy knows it, and no billing code tells what it is."""
    editions = [i.edition for i in all_items if i.edition is not None]
    unknown = [i.item.sequence for i in all_items if i.policy is None and may_be_a_medicine(i.item, editions)]
    if not unknown:
        return None
    named = ", ".join(map(str, unknown[:_MOST_NAMED]))
    return Look(
        UNKNOWN_BESIDE,
        sentence="What the request asks for beside this item is known.",
        why=f"No policy knows a medicine of the item with the sequence {named}, or a code that tells what it is.",
        remedy="A nurse reviewer looks at the items together; a request of its own for each settles it.",
    )


def _kind_of_request(item: MatchedItem, claim: Resource) -> Look | None:
    """An appeal or a reconsideration, since somebody has decided before; or several kinds at once."""
    kinds = kinds_of_request(item.item.raw) | kinds_of_request(claim)
    if len(kinds) <= 1 and kinds <= CERTIFICATIONS:
        return None
    named = ", ".join(f"code {k}" if len(k) == 1 else k for k in sorted(kinds))
    return Look(
        KIND_OF_REQUEST,
        sentence="The item asks for a certification, its renewal or its extension.",
        why=f"Its certification type says something else (X12 1322: {named}).",
        remedy="A nurse reviewer finds what it refers to; I, R or 4 as the certification type settles it.",
    )


def _left_out(left_out: tuple[str, ...]) -> Look | None:
    """Evidence that is not shown to be the patient's, or stands where nothing is read."""
    if not left_out:
        return None
    named = ", ".join(left_out[:_MOST_NAMED])
    more = len(left_out) - _MOST_NAMED
    return Look(
        WHOLE_RECORD,
        sentence="All that came along is shown to be about the patient, and stands where it is read.",
        why=f"Not judged: {named}" + (f" and {more} more." if more > 0 else "."),
        remedy="A nurse reviewer reads it. An entry of the Bundle whose subject is the patient is judged; what is of "
        "somebody else is to be left out.",
    )


def _unread(places: tuple[str, ...]) -> Look | None:
    """Places that say something and that no criterion reads."""
    if not places:
        return None
    more = len(places) - _MOST_NAMED
    return Look(
        ALL_READ,
        sentence="Everything that the request says is read.",
        why=f"Read by no criterion: {', '.join(places[:_MOST_NAMED])}" + (f" and {more} more." if more > 0 else "."),
        remedy="A nurse reviewer reads it. What a criterion asks for is read in the answers to the form and in the "
        "resources of the patient that it cites; what belongs to none of them is to be corrected or left out.",
    )


def _other_types(item: MatchedItem, record: PatientRecord) -> Iterator[str]:
    """Where the first resource of each type stands that the criteria of an item do not look into."""
    if item.edition is not None and item.edition.reads is not None:
        yield from (f"{place} ({kind})" for kind, place in record.types.items() if kind not in item.edition.reads)


def _hidden_answers(item: MatchedItem) -> Look | None:
    """Answers to questions that the other answers make void: one of the two is wrong."""
    if not item.hidden:
        return None
    named = ", ".join(item.hidden[:_MOST_NAMED])
    unanswered = open_gates(item.edition.form, item.response, item.hidden) if item.edition and item.response else ()
    return Look(
        HIDDEN_ANSWERS,
        sentence="The form answers what it asks for, and nothing else.",
        why=f"Answered, though the other answers make the question void: {named}."
        + (f" Whether they are asked hangs on what is not answered: {', '.join(unanswered)}." if unanswered else ""),
        remedy="A nurse reviewer asks which of the answers is meant; leaving out or correcting one of them settles it, "
        "and so does the answer that they hang on.",
    )


def _unsaid_answers(item: MatchedItem) -> Look | None:
    """Answers whose own words, or a mark on them, say something else than their value."""
    if item.edition is None or item.response is None:
        return None
    unsaid = unsaid_answers(item.edition.form, {v.url: v for v in item.edition.value_sets}, item.response)
    if not unsaid:
        return None
    named = ", ".join(unsaid[:_MOST_NAMED])
    return Look(
        UNSAID_ANSWERS,
        sentence="Each answer says one thing, and somebody who may has given it.",
        why=f"The words of the question or of the code are not the form's, the answer is marked as absent, or it was "
        f"filled in automatically where the form asks a person: {named}.",
        remedy="A nurse reviewer asks what is meant; the form's own texts, and answers without such a mark, settle it.",
    )


def with_authorization_beside(fact: DecidedByMachine, stands: AuthorizationStands, world: World) -> DecidedByMachine:
    """The same decisions, but what would overlap the authorization that stands waits for a nurse."""
    look = Look(
        IN_FORCE,
        sentence="No other authorization of this service is in force for the member in the same days.",
        why=f"An authorization under this policy is in force from {stands.period[0]} to {stands.period[1]}.",
        remedy="A nurse reviewer compares the two. Claim/$inquire tells what is in force; ask for days after it.",
    )
    return _pended(fact, stands.sequence, look, world)


def with_request_before(fact: DecidedByMachine, before: AskedBefore, world: World, *, named: bool) -> DecidedByMachine:
    """The same decisions, but what was asked before and is a person's to decide, or was denied, waits for a nurse.

    named: whether its number is told: to who may see it, since the finding goes out with the answer.
    """
    was = "was denied by a person" if before.denied else "waits for the decision of a person"
    which = before.reference or before.case_id if named else "by another provider"
    look = Look(
        ASKED_BEFORE,
        sentence="No person has denied this service for the member in the same days, or has it to decide.",
        why=f"An earlier request under this policy, {which}, {was}.",
        remedy="A nurse reviewer reads both and asks which answers are true; what was wrong in the earlier request is "
        "to be corrected there.",
    )
    return _pended(fact, before.sequence, look, world)


def with_other(fact: Fact, other: AskedBefore | AuthorizationStands, caller: Caller, world: World) -> Fact:
    """A fact that follows in a case, after another case was found to stand in its way: a decision waits for a nurse."""
    if not isinstance(fact, DecidedByMachine):
        return fact
    if isinstance(other, AskedBefore):
        return with_request_before(fact, other, world, named=sees_case(caller, other.case_id, world.store))
    return with_authorization_beside(fact, other, world)


def _pended(fact: DecidedByMachine, sequence: int, look: Look, world: World) -> DecidedByMachine:
    """The same decisions, but the item of this sequence waits for a nurse."""
    items = (
        replace(i, decision=for_a_nurse(i.decision, look), number=None, reference=world.new_number("VP"))
        if i.sequence == sequence
        else i
        for i in fact.items
    )
    return replace(fact, items=tuple(items))


def for_a_nurse(decision: Decision, look: Look) -> Decision:
    """The decision with one more finding, which a nurse is to look at."""
    finding = Finding(
        criterion=look.criterion,
        state=State.REVIEW,
        sentence=look.sentence,
        citation=decision.policy_uri or "",
        evidence=(),
        why=look.why,
        remedy=look.remedy,
    )
    findings = (*decision.findings, finding)
    return replace(decision, outcome=decide(findings), findings=findings, period=None)
