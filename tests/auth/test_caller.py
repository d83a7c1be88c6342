"""Who asks, and what they may see."""

import pytest

from server.auth.caller import LOOPBACK, Caller, CallerKind

CLINIC, PRACTICE, OTHER = "1888888884", "1777777778", "1666666662"


@pytest.mark.parametrize(
    ("mine", "theirs", "seen"),
    [
        pytest.param({CLINIC}, {CLINIC, OTHER}, True, id="one of its organizations is"),
        pytest.param({CLINIC, PRACTICE}, {PRACTICE}, True, id="one of mine"),
        pytest.param({CLINIC}, {OTHER}, False, id="another's"),
        pytest.param({CLINIC}, set(), False, id="nobody's"),
        pytest.param(set(), {CLINIC}, False, id="a caller of no organization"),
    ],
)
def test_a_caller_sees_the_requests_of_its_organizations(mine: set[str], theirs: set[str], *, seen: bool) -> None:
    """A request is seen by those whom it belongs to, and by no other organization."""
    assert Caller(CallerKind.LOOPBACK, frozenset(mine)).may_see(theirs) is seen


@pytest.mark.parametrize("theirs", [[], [OTHER]])
def test_this_machine_sees_all(theirs: list[str]) -> None:
    """Without authentication whoever reaches the server sees everything; it listens on loopback alone."""
    assert LOOPBACK.may_see(theirs)
    assert LOOPBACK.name == "loopback"
