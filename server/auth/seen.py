"""What of the record a caller may see: the cases of its own organizations, and what follows from them."""

from collections.abc import Sequence
from datetime import date

from server.auth.caller import Caller
from server.store.ports import ActiveAuthorization, Store


def sees_case(caller: Caller, case_id: str, store: Store) -> bool:
    """Whether a case is the caller's; one that does not exist is nobody's, but for who sees everybody's."""
    return caller.may_see(store.providers(case_id))


def active_authorization(
    caller: Caller, store: Store, member_ids: Sequence[str], policy_id: str, on: date
) -> ActiveAuthorization | None:
    """The one in force of a member under a policy on a day; None also for one that was given to others."""
    found = store.active_authorization(member_ids, policy_id, on)
    if found is None or caller.npis is None:  # who sees everybody's needs no look at whose it is
        return found
    return found if sees_case(caller, found.case_id, store) else None
