"""What is said about an order that neither a policy nor the plan's catalogue names: what is missing (crd C-6).

No order of a member is passed over in silence, and none is guessed about: nothing here says that no authorization is
needed. PAS does the same with such a request, which waits for a person.
"""

from dataclasses import dataclass
from itertools import islice

from server.crd.order import DraftOrder
from server.policy.plan import Plan

_NAMED = 3  # codes; a reason is read by a person
_LONGEST = 80  # characters of one


@dataclass(frozen=True, slots=True)
class Unlisted:
    """covered and pa_needed alike; info_needed: what would settle it; technical: it could not be fetched."""

    word: str
    reason: str
    info_needed: tuple[str, ...] = ()
    technical: bool = False


def product_missing(order: DraftOrder) -> Unlisted | None:
    """Where the order leaves to another resource what is ordered, and that is not here."""
    if not order.missing_products:
        return None
    kind, why = order.missing_products[0]
    send = (
        f"Send it as prefetch `{kind[:1].lower()}{kind[1:]}s`, or name on the order itself what is ordered, by a code."
    )
    if why:
        text = f"The {kind} that the order names could not be fetched: {why}. What is ordered is not known here. {send}"
        return Unlisted("indeterminate", text, technical=True)
    text = f"The {kind} that the order names did not come along, so that what is ordered is not known here. {send}"
    return Unlisted("conditional", text, ("detail-code",))


def unlisted(order: DraftOrder, plan: Plan) -> Unlisted:
    """What is said when nothing else can be."""
    missing = product_missing(order)
    if missing and not order.codings:
        return missing
    if not order.codings:
        text = (
            "No code on the order tells what is ordered, and coverage depends on that. Add the code of the product or "
            "service; its words alone cannot be looked up."
        )
        return Unlisted("conditional", text, ("detail-code",))
    codes = (f"{c.code} ({c.display})" if c.display else c.code for c in order.codings)
    named = ", ".join(code[:_LONGEST] for code in islice(codes, _NAMED))
    text = (
        f"The policies and the catalogue of {plan.name} do not name all that is ordered: {named}. Whether that is "
        f"covered and needs prior authorization, only a person of the plan can say: call {plan.phone}, or send a "
        "request for prior authorization, which a nurse then reviews."
    )
    return Unlisted("conditional", text, ("OTH",))
