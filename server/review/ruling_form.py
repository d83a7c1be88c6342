"""A reviewer's form: what it says is read into a Ruled fact, and everything wrong with it is told at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from server.clock import NewNumber
from server.decision.case import Case, CaseItem, Ruled, Ruling
from server.decision.model import Finding
from server.decision.ruling import Person, PersonDecision, Role, Verdict
from server.errors import DecisionRefused
from server.fhir.read import Resource
from server.policy.desk import DeskRules, Reviewer
from server.policy.model import State
from server.review.allowed import items_for, role_of

_AUTHORIZES = (Verdict.APPROVE, Verdict.MODIFY)
_LONGEST = 5_000  # characters of what a reviewer writes


@dataclass(frozen=True, slots=True)
class RulingForm:
    """What was filled in. facts: how many facts the page showed. wrong: what must be mended, by field."""

    verdict: Verdict
    facts: int
    items: tuple[int, ...] = ()
    why: str = ""
    start: str = ""
    end: str = ""
    reason_code: str = ""
    criteria: tuple[str, ...] = ()
    quantity: str = ""
    forward_to: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def days(self) -> tuple[date, date] | None:
        try:
            return date.fromisoformat(self.start), date.fromisoformat(self.end)
        except ValueError:
            return None


def empty_form(verdict: Verdict, case: Case, reviewer: Reviewer) -> RulingForm:
    """The form as it opens: every item it may be about is chosen, and the days that were asked for are filled in."""
    items = items_for(verdict, case, reviewer.role)
    service = next((i.requested.service for i in items if i.requested.service), None)
    start = service[0].isoformat() if service else ""
    end = service[1].isoformat() if service and service[1] > service[0] else ""
    resting = tuple(f.criterion for f in not_met(items)) if verdict is Verdict.DENY else ()
    return RulingForm(verdict, case.facts, tuple(i.sequence for i in items), start=start, end=end, criteria=resting)


def read_ruling(
    sent: Mapping[str, Sequence[str]], verdict: Verdict, case: Case, me: Reviewer, rules: DeskRules
) -> RulingForm:
    """The form that was sent, with all that is wrong with it."""

    def one(name: str) -> str:
        return (sent.get(name) or [""])[0].strip()[:_LONGEST]

    numbers = [s for s in sent.get("item", ()) if s.isascii() and s.isdigit() and len(s) < 10]  # noqa: PLR2004
    facts = one("facts")
    read = RulingForm(
        verdict,
        int(facts) if facts.isascii() and facts.isdigit() and len(facts) < 10 else 0,  # noqa: PLR2004
        tuple(map(int, dict.fromkeys(numbers))),
        one("why"),
        one("start"),
        one("end"),
        one("reason_code"),
        tuple(dict.fromkeys(sent.get("criterion", ()))),
        one("quantity"),
        one("forward_to"),
    )
    return replace(read, wrong=_wrong(read, case, me, rules))


def _wrong(form: RulingForm, case: Case, me: Reviewer, rules: DeskRules) -> dict[str, str]:
    wrong = {}
    open_ = {i.sequence: i for i in items_for(form.verdict, case, me.role)}
    if not form.items or not set(form.items) <= set(open_):
        wrong["item"] = "Choose at least one item that is still open for you."
    if not form.why:
        wrong["why"] = "Write the reason in plain words: the provider and the member read it."
    match form.verdict:
        case Verdict.APPROVE:
            wrong |= _wrong_days(form)
        case Verdict.MODIFY:
            wrong |= _wrong_days(form)
            if quantity_of(form) is None:
                wrong["quantity"] = "Give the quantity that is approved, as a number above zero."
        case Verdict.DENY:
            wrong |= _wrong_denial(form, [open_[n] for n in form.items if n in open_], rules)
        case Verdict.FORWARD if form.forward_to not in {r.value for r in seniors_of(me)}:
            wrong["forward_to"] = "Choose who looks next."
    return wrong


def _wrong_days(form: RulingForm) -> dict[str, str]:
    if form.days is None:
        return {"start": "Give the first and the last day, both of which count."}
    return {"end": "The last day is before the first."} if form.days[1] < form.days[0] else {}


def _wrong_denial(form: RulingForm, items: Sequence[CaseItem], rules: DeskRules) -> dict[str, str]:
    wrong = {}
    if form.reason_code not in dict(rules.denial_reasons):
        wrong["reason_code"] = "Choose the reason; the plan file lists those that the plan uses."
    if not form.criteria or not set(form.criteria) <= {f.criterion for f in not_met(items)}:
        wrong["criterion"] = "Choose at least one criterion that the denial rests on."
    return wrong


def not_met(items: Sequence[CaseItem]) -> list[Finding]:
    """The criteria that a denial can rest on, each once."""
    found = {f.criterion: f for i in items for f in i.decision.findings if f.state is not State.MET}
    return list(found.values())


def seniors_of(me: Reviewer) -> list[Role]:
    mine = role_of(me.role)
    return [r for r in Role if mine is not None and r.rank > mine.rank]


def quantity_of(form: RulingForm) -> float | int | None:
    try:
        number = Decimal(form.quantity)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 < number < 10**9:
        return None
    return int(number) if number == number.to_integral() else float(number)


def ruled(form: RulingForm, case: Case, me: Reviewer, at: datetime, new_number: NewNumber) -> Ruled:
    """The fact that a form without mistakes states. Raises DecisionRefused where the law of decision.ruling does."""
    role = role_of(me.role)
    if role is None:
        raise DecisionRefused("Compliance reads every case and decides none.")
    person = Person(role, me.npi, me.specialty, me.name)
    items = [i for i in case.items if i.sequence in form.items]
    return Ruled(at, tuple(Ruling(i.sequence, _decision(form, person, i), _number(i, new_number, form)) for i in items))


def _number(item: CaseItem, new_number: NewNumber, form: RulingForm) -> str | None:
    """An item that was authorized before has its number already."""
    return (item.own_number or new_number("VA")) if form.verdict in _AUTHORIZES else None


def _decision(form: RulingForm, person: Person, item: CaseItem) -> PersonDecision:
    denies = form.verdict is Verdict.DENY
    rests_on = [f for f in item.decision.findings if f.criterion in form.criteria] if denies else []
    return PersonDecision(
        person,
        form.verdict,
        (form.why, *(f"The decision rests on {f.criterion} ({f.citation}): {f.sentence}" for f in rests_on)),
        reason_code=form.reason_code if denies else None,
        period=form.days if form.verdict in _AUTHORIZES else None,
        instead=_instead(form, item.requested.raw) if form.verdict is Verdict.MODIFY else None,
        forward_to=Role(form.forward_to) if form.verdict is Verdict.FORWARD else None,
        criteria=tuple(f.criterion for f in rests_on),
    )


def _instead(form: RulingForm, raw: Resource) -> Resource:
    """The requested quantity, in its own unit, with another number."""
    asked = raw.get("quantity")
    return {"quantity": {**(asked if isinstance(asked, dict) else {}), "value": quantity_of(form)}}
