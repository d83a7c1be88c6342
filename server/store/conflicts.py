"""What keeps a change from being written: it would authorize what is authorized, denied, or a person's to decide."""

from datetime import date


class AuthorizationStands(Exception):
    """A change would authorize what is authorized for the same member and policy in some of the same days.

    case_id, period: of the authorization that stands. sequence: the item of the change that would overlap it.
    """

    def __init__(self, case_id: str, sequence: int, period: tuple[date, date]) -> None:
        self.case_id = case_id
        self.sequence = sequence
        self.period = period
        super().__init__(f"item {sequence}: an authorization stands from {period[0]} to {period[1]}")


class AskedBefore(Exception):
    """A change would authorize what a person has denied, or has to decide, for the same member, policy and days.

    case_id: the earlier request; reference: its administrative reference number, by which a person knows it.
    sequence: the item of the change.
    """

    def __init__(self, case_id: str, sequence: int, reference: str | None, *, denied: bool) -> None:
        self.case_id = case_id
        self.sequence = sequence
        self.reference = reference
        self.denied = denied
        super().__init__(f"item {sequence}: case {case_id} is before it")
