"""Scopes of systems, in both versions of SMART: what they permit, and what of them is granted."""

import pytest

from server.policy.scope import granted, permits, read_scope, read_scopes


@pytest.mark.parametrize(
    ("scope", "may", "may_not"),
    [
        ("system/Claim.read", "rs", "cud"),
        ("system/Claim.write", "cud", "rs"),
        ("system/Claim.*", "cruds", ""),
        ("system/*.rs", "rs", "cud"),
        ("system/claim.crs", "crs", "ud"),
        ("system/Claim.c", "c", "ruds"),
        ("system/ClaimResponse.cruds", "", "cruds"),
    ],
)
def test_a_scope_permits_its_letters(scope: str, may: str, may_not: str) -> None:
    """Version 1 stands for letters of version 2; a type is read in any case (dtr T-21)."""
    read = read_scopes([scope])
    assert all(permits(read, f"Claim.{letter}") for letter in may)
    assert not any(permits(read, f"Claim.{letter}") for letter in may_not)


@pytest.mark.parametrize(
    "text",
    [
        "user/Claim.read", "patient/Claim.rs", "openid", "launch", "system/Claim", "system/Claim.", "system/Claim.sr",
        "system/Claim.rs?_id=1", "system/Claim.reads", " system/Claim.rs", "system/Claim.rs\n", "system/../x.rs",
    ],
)  # fmt: skip
def test_other_scopes_permit_nothing(text: str) -> None:
    """Of persons, of launches, finer than is kept here, or misspelt."""
    assert read_scope(text) is None


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("system/Claim.crs", "system/Claim.crs"),
        ("system/Claim.read", "system/Claim.read"),
        ("system/Claim.cruds", "system/Claim.crs"),
        ("system/Claim.write", "system/Claim.c"),
        ("system/*.read", "system/Claim.rs system/Questionnaire.rs"),
        ("system/*.*", "system/Claim.crs system/Questionnaire.rs"),
        ("system/questionnaire.rs openid system/Patient.rs", "system/questionnaire.rs"),
        ("system/Patient.rs", ""),
        ("", ""),
    ],
)
def test_what_is_granted_is_asked_for_and_registered(asked: str, given: str) -> None:
    """As it was asked for where all of it is registered, else narrowed; never more than either."""
    registered = ("system/Claim.crs", "system/Questionnaire.rs")
    assert " ".join(granted(asked, registered)) == given


def test_a_wide_registration_grants_what_is_asked() -> None:
    """A client of all types asks for one."""
    assert granted("system/Claim.c", ["system/*.cruds"]) == ("system/Claim.c",)
