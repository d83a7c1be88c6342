"""What the plan says about one order: member, policy, standing authorization, catalogue, or nothing at all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from server.crd.coverage import OrderCoverage
from server.crd.coverage_information import Contact, CoverageInformation
from server.crd.order import DraftOrder
from server.fhir.read import Coding
from server.policy.library import Recognised
from server.policy.model import Edition, Policy
from server.policy.plan import CatalogueEntry, MemberStatus, Plan
from server.store.ports import ActiveAuthorization

Recognise = Callable[[Iterable[Coding]], Recognised]
Authorized = Callable[[tuple[str, ...], str, date], ActiveAuthorization | None]
"""The authorization in force for a member under a policy on a day."""


@dataclass(frozen=True, slots=True)
class Determination:
    """What is said about an order, and on which ground: a policy's edition, a catalogue entry, or the membership."""

    information: CoverageInformation
    policy: Policy | None = None
    edition: Edition | None = None
    entry: CatalogueEntry | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    """What every answer about an order has in common."""

    plan: Plan
    coverage: OrderCoverage
    today: date
    assertion_id: str

    def say(self, covered: str, reason: str, *ends: date | None, **more: object) -> CoverageInformation:
        """ends: days after which it no longer holds; a day that is known must be told (crd 1.10, expiry-date)."""
        days = [self.today + timedelta(days=self.plan.assertion_days), self.coverage.ends, *ends]
        return CoverageInformation(
            coverage=self.coverage.reference,
            covered=covered,
            reason=reason,
            said_on=self.today,
            assertion_id=self.assertion_id,
            contact=Contact(self.plan.name, self.plan.phone),
            expires=max(self.today, min(d for d in days if d)),
            **more,  # type: ignore[arg-type] # the names are those of CoverageInformation, spelled below
        )


def determine(  # noqa: PLR0913 - each is a part of the world that the answer depends on
    order: DraftOrder,
    coverage: OrderCoverage,
    today: date,
    assertion_id: str,
    *,
    plan: Plan,
    recognise: Recognise,
    authorized: Authorized | None,
) -> Determination | None:
    """What the plan says about an order; None when it knows nothing about it (never a guess).

    The day that decides is the first day the order asks for, today when it asks for none or an earlier one: the edition
    in force when care starts is the one PAS will judge by (policy reading A-32). authorized: None leaves standing
    authorizations out of it (crd C-30).
    """
    day = max(today, order.starts or today)
    words = _Words(plan, coverage, today, assertion_id)
    refused = _membership(words, day)
    if refused:
        return Determination(refused)
    found = recognise(order.codings)
    policy = found.identified
    edition = policy.edition_on(day) if policy else None
    if policy and edition:
        standing = authorized(coverage.member_ids, policy.id, day) if authorized else None
        said = _satisfied(words, policy, edition, standing) if standing else _by_policy(words, policy, edition, day)
        return Determination(said, policy, edition)
    entry = plan.entry_for(order.codings, named=found.other or policy is not None)
    return Determination(_by_catalogue(words, entry), entry=entry) if entry else None


def _membership(words: _Words, day: date) -> CoverageInformation | None:
    """An unknown or inactive member is not covered, whatever was ordered (crd C-70, C-71)."""
    status = words.plan.member(words.coverage.member_ids)
    if status is MemberStatus.UNKNOWN:
        text = "No member of this plan was found under the member id of the Coverage. Check the insurance card."
        return words.say("not-covered", text, reason_code="no-member-found")
    if status is MemberStatus.INACTIVE or not words.coverage.in_force(day):
        text = "The member has no active coverage under this plan on the day of service. Check eligibility."
        return words.say("not-covered", text, reason_code="no-active-coverage")
    return None


def _by_policy(words: _Words, policy: Policy, edition: Edition, day: date) -> CoverageInformation:
    followed = min((e.effective for e in policy.editions if e.effective > day), default=None)
    last = followed - timedelta(days=1) if followed else None
    text = (
        f"{policy.display} needs prior authorization by the plan's policy: {policy.title}. "
        "Its form collects what the decision needs; send it with the request."
    )
    return words.say(
        "covered",
        text,
        last,
        pa_needed="auth-needed",
        doc_needed=("clinical",),
        questionnaires=(edition.form.canonical,),
        billing_codes=edition.billing_codes,
        policy_link=policy.url,
    )


def _satisfied(words: _Words, policy: Policy, edition: Edition, standing: ActiveAuthorization) -> CoverageInformation:
    """A standing authorization already answers the order (crd C-72)."""
    text = f"{policy.display} is authorized until {standing.period[1].isoformat()}; nothing more is needed."
    return words.say(
        "covered",
        text,
        standing.period[1],
        pa_needed="satisfied",
        satisfied_pa_id=standing.number,
        billing_codes=edition.billing_codes,
        policy_link=policy.url,
    )


def _by_catalogue(words: _Words, entry: CatalogueEntry) -> CoverageInformation:
    return words.say(entry.covered, entry.reason, pa_needed=entry.pa_needed, info_needed=entry.info_needed)
