"""What the plan says about one order: by membership, standing authorization, policy, or catalogue."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from server.crd.coverage import OrderCoverage
from server.crd.coverage_information import Contact, CoverageInformation
from server.crd.order import DraftOrder
from server.crd.standing import Sought, Standing, Standings
from server.crd.unlisted import product_missing, unlisted
from server.fhir.codes import NDC, RXNORM
from server.fhir.order import deciding_day
from server.policy.library import OrderPolicy
from server.policy.model import Edition, Policy
from server.policy.plan import CatalogueEntry, MemberStatus, Plan
from server.world import World


@dataclass(frozen=True, slots=True)
class CoverageAnswer:
    """What is said about an order, and on which ground: a policy's edition, a catalogue entry, or the membership.

    listed: False where neither a policy nor the catalogue names what is ordered. authorized_until: the last day of the
    authorization that satisfies it.
    """

    information: CoverageInformation
    policy: Policy | None = None
    edition: Edition | None = None
    catalogue_entry: CatalogueEntry | None = None
    listed: bool = True
    authorized_until: date | None = None

    def depending_on(self, order: DraftOrder, orders: Callable[[], Iterable[DraftOrder]]) -> "CoverageAnswer":
        """The same answer about an order, with those of the call that the catalogue says go with it."""
        companion = self.catalogue_entry.companion if self.catalogue_entry else None
        if companion is None:
            return self
        others = (o for o in orders() if o.reference != order.reference)
        found = tuple(o.reference for o in others if companion.code.token in {c.token for c in o.codings})
        return replace(self, information=replace(self.information, dependencies=found))

    def without_documentation(self) -> "CoverageAnswer":
        """The same answer, as a secondary hook may give it (crd C-5, T-20)."""
        return replace(self, information=replace(self.information, doc_needed=(), doc_purpose=(), questionnaires=()))


@dataclass(frozen=True, slots=True)
class _CommonParts:
    """What every answer about one order has in common."""

    plan: Plan
    coverage: OrderCoverage
    today: date
    assertion_id: str

    def say(self, covered: str, reason: str, *ends: date | None, **more: object) -> CoverageInformation:
        """ends: last days on which it holds; of all that are known the first one is told (crd 1.10, expiry-date).

        Whose Coverage could not be made out is told what would hold if it is the plan's, and never that nothing is
        needed (C-69).
        """
        if self.coverage.doubt:
            sure = {"pa_needed": "indeterminate"} if more.get("pa_needed") in (None, "no-auth") else {}
            covered, reason = "indeterminate", f"{self.coverage.doubt} If it is: {reason}"
            more |= {"reason_code": "technical", **sure}
        elif self.coverage.assumed:  # what an answer rests on is told with it (C-36)
            reason += f" This holds if the Coverage is of {self.plan.name}: what came along does not name its payer."
        ends += (self.today,) if more.get("reason_code") == "technical" else ()
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


def coverage_answer(
    order: DraftOrder, coverage: OrderCoverage, standings: Standings, world: World, today: date
) -> CoverageAnswer:
    """What the plan says about an order; what it does not know is told as not known, for it never guesses.

    A what-if call is answered as if no authorization stood (crd C-30).
    """
    day = max(today, order.starts or today)  # member, coverage and authorizations matter from now on
    common = _CommonParts(world.plan, coverage, today, world.new_number("CA-"))
    refused = _membership(common, day)
    if refused:
        return CoverageAnswer(refused)
    found = world.policies.for_order(order.codings, deciding_day(order.starts, None, today))
    policy, edition = found.policy, found.edition
    if policy and policy.edition_on(day):
        stands = standings.of(order, coverage, Sought(policy, edition, day))
        if stands.number:
            said = _satisfied(common, policy, edition, stands)
        elif edition:
            said = _by_policy(common, policy, edition, day, stands.why_not)
        else:
            said = _before_the_policy(common, policy, stands.why_not)
        return CoverageAnswer(said, policy, edition, authorized_until=stands.ends if stands.number else None)
    entry = world.plan.entry_for(order.codings, named=found.other or policy is not None)
    listed = _by_catalogue(common, entry, order) if entry else None
    if listed and (listed.pa_needed != "no-auth" or _is_all_of(order, found, world.plan)):
        return CoverageAnswer(listed, catalogue_entry=entry)
    return CoverageAnswer(_unlisted(common, order), listed=False)


def _is_all_of(order: DraftOrder, found: OrderPolicy, plan: Plan) -> bool:
    """Whether what the catalogue knows of an order is all that is ordered: nothing hides behind another code."""
    if order.missing_products or found.possible:
        return False
    products = tuple(c for c in order.codings if c.system in (RXNORM, NDC))
    parts = (*order.parts, products) if products else order.parts  # a product must itself be in the catalogue
    return all(plan.entry_for(part) is not None for part in parts)


def _membership(common: _CommonParts, day: date) -> CoverageInformation | None:
    """An unknown or inactive member is not covered, whatever was ordered (crd C-70, C-71)."""
    status = common.plan.member(common.coverage.member_ids)
    if common.coverage.unclear or status is MemberStatus.SEVERAL:
        text = (
            "The member cannot be resolved to a single coverage of this plan. Check which one is billed, and send it."
        )
        return common.say("not-covered", text, reason_code="coverage-not-found")
    if status is MemberStatus.UNKNOWN:
        text = "No member of this plan was found under the member id of the Coverage. Check the insurance card."
        return common.say("not-covered", text, reason_code="no-member-found")
    if status is MemberStatus.INACTIVE or not common.coverage.in_force(day):
        text = "The member has no active coverage under this plan on the day of service. Check eligibility."
        return common.say("not-covered", text, reason_code="no-active-coverage")
    return None


def _by_policy(common: _CommonParts, policy: Policy, edition: Edition, day: date, why_not: str) -> CoverageInformation:
    followed = min((e.effective for e in policy.editions if e.effective > day), default=None)
    last = followed - timedelta(days=1) if followed else None
    text = (
        f"{policy.display} needs prior authorization by the plan's policy: {policy.title}. "
        "Its form collects what the decision needs; send it with the request." + why_not
    )
    return common.say(
        "covered",
        text,
        last,
        pa_needed="auth-needed",
        doc_needed=("clinical",),
        questionnaires=(edition.form.canonical,),
        billing_codes=edition.billing_codes,
        policy_link=policy.url,
    )


def _before_the_policy(common: _CommonParts, policy: Policy, why_not: str) -> CoverageInformation:
    """The order starts before the first edition of a policy that is in force today: no form fits it."""
    text = (
        f"{policy.display} needs prior authorization. The plan's policy was not in force yet on the day when the order "
        "starts, so no form fits: correct that day, or send the request, and a nurse reviews it." + why_not
    )
    return common.say("covered", text, pa_needed="auth-needed", policy_link=policy.url)


def _satisfied(common: _CommonParts, policy: Policy, edition: Edition | None, stands: Standing) -> CoverageInformation:
    """An authorization in force covers the order already (crd C-72)."""
    text = f"{policy.display} is authorized as ordered until {stands.ends}; nothing more is needed."
    if common.plan.keep_documents:
        text += " Keep the documentation with the record; the plan may ask for it."
    return common.say(
        "covered",
        text,
        stands.ends,
        pa_needed="satisfied",
        satisfied_pa_id=stands.number,
        doc_needed=("clinical",) if common.plan.keep_documents else (),
        doc_purpose=("retain-doc",) if common.plan.keep_documents else (),
        billing_codes=edition.billing_codes if edition else (),
        policy_link=policy.url,
    )


def _unlisted(common: _CommonParts, order: DraftOrder) -> CoverageInformation:
    said = product_missing(order) or unlisted(order, common.plan)
    more = {"reason_code": "technical"} if said.technical else {}
    return common.say(said.word, said.reason, pa_needed=said.word, info_needed=said.info_needed, **more)


def _by_catalogue(common: _CommonParts, entry: CatalogueEntry, order: DraftOrder) -> CoverageInformation:
    if entry.info_needed == ("performer",) and order.performers:
        return _by_performer(common, entry, order)
    return common.say(entry.covered, entry.reason, pa_needed=entry.pa_needed, info_needed=entry.info_needed)


def _by_performer(common: _CommonParts, entry: CatalogueEntry, order: DraftOrder) -> CoverageInformation:
    """The order names who delivers it: nobody is asked for that again, at most for who it is."""
    if not all(order.performers):
        text = "The order names a performer whose NPI did not come along. Send the performer's resource with its NPI."
        return common.say(entry.covered, text, pa_needed=entry.pa_needed, info_needed=entry.info_needed)
    if not entry.contracted:
        text = f"It hangs on a contract between the plan and the performer on the order. Ask {common.plan.name} for it."
        return common.say(entry.covered, text, pa_needed=entry.pa_needed, info_needed=("OTH",))
    if all(entry.contracted & set(npis) for npis in order.performers):
        text = "The performer on the order is under contract for it; no prior authorization is needed."
        return common.say(entry.covered, text, pa_needed="no-auth")
    text = "The performer on the order is not under contract for it; prior authorization is needed."
    return common.say(entry.covered, text, pa_needed="auth-needed")
