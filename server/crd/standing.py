"""The authorization that an order may rest on, and why not, where one stands that does not cover it (crd C-72)."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from server.auth.caller import Caller
from server.auth.seen import active_authorization
from server.crd.authorized_order import Kept, different
from server.crd.coverage import OrderCoverage
from server.crd.gather import HookCall
from server.crd.order import DraftOrder
from server.crd.same_member import doubtful
from server.fhir.order import order_codings
from server.policy.model import Edition, Policy
from server.store.ports import ActiveAuthorization
from server.world import World


@dataclass(frozen=True, slots=True)
class Standing:
    """number, ends: of the authorization that covers the order. why_not: a sentence, with a blank before it, or ''."""

    number: str | None = None
    ends: date | None = None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Sought:
    """What an authorization is looked for: a policy with its edition, in force on a day."""

    policy: Policy
    edition: Edition | None
    day: date


_NOTHING = Standing()


class Standings:
    """What stands for the orders of one call. Orders are counted, and a case read, only where one is found.

    Whether somebody is authorized is told about no one but the member who is shown to be the patient, and to no one but
    a caller whose organizations the authorization was given to.
    """

    def __init__(self, call: HookCall, caller: Caller, world: World) -> None:
        self.call = call
        self.caller = caller
        self._world = world
        self._orders: Counter[str] | None = None

    def of(self, order: DraftOrder, coverage: OrderCoverage, sought: Sought) -> Standing:
        """A what-if call is answered as if nothing stood (crd C-30)."""
        if not self.call.request.configuration.wants("unsolicited-determ"):
            return _NOTHING
        doubt = doubtful(order, coverage, self.call)
        if doubt:
            return Standing(why_not=f" {doubt}, so no authorization was looked for.")
        store, of = self._world.store, coverage.member_ids
        found = active_authorization(self.caller, store, of, sought.policy.id, sought.day)
        if found is None:
            return _NOTHING
        why_not = self._why_not(order, found, sought)
        if why_not is None:
            return Standing(found.number, found.period[1])
        stands = f" An authorization ({found.number}) is in force until {found.period[1]}"
        return Standing(why_not=f"{stands}, but is not shown to cover this order: {why_not}.")

    def _why_not(self, order: DraftOrder, found: ActiveAuthorization, sought: Sought) -> str | None:
        if self._ordered(sought) > 1:
            return "more than one order of it is in this call"
        kept = Kept(found, self._world.store.case(found.case_id), sought.policy, sought.edition)
        return different(order, self.call, kept)

    def _ordered(self, sought: Sought) -> int:
        """How many drafts of the call fall under the policy, whether or not each of them takes an answer."""
        if self._orders is None:
            named = (order_codings(o, self.call.index.resolve) for o, _ in self.call.orders)
            found = (self._world.policies.for_order(codings, sought.day).policy for codings in named)
            self._orders = Counter(p.id for p in found if p is not None)
        return self._orders[sought.policy.id]
