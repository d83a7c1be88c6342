"""server/fhir/coverage.py: one member id, from the first source that has one."""

from typing import Any

import pytest

from server.fhir.coverage import member_ids, numbers_disagree, subscriber_is_told_otherwise

Json = dict[str, Any]

MB = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]}
MR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
SELF = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/subscriber-relationship", "code": "self"}]}
SELF_X12 = {"coding": [{"system": "https://codesystem.x12.org/005010/1069", "code": "18"}]}
CHILD = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/subscriber-relationship", "code": "child"}]}
P1, P2 = {"reference": "Patient/p1"}, {"reference": "Patient/p2"}


def number(value: str, kind: Json = MB, system: str = "http://plan.example/m") -> Json:
    return {"type": kind, "system": system, "value": value}


@pytest.mark.parametrize(
    ("coverage", "patient", "expected"),
    [
        pytest.param({"identifier": [number("C")], "subscriberId": "S"}, {"identifier": [number("P")]}, ("C",), id="1"),
        pytest.param({"identifier": [number("A"), number("B")]}, None, ("A",), id="the first of several"),
        pytest.param({"identifier": [{"type": MB}]}, {"identifier": [number("P")]}, ("P",), id="MB without a value"),
        pytest.param({"subscriberId": "S"}, {"identifier": [number("P")]}, ("P",), id="patient before subscriber"),
        pytest.param({"subscriberId": "S", "relationship": SELF}, None, ("S",), id="self"),
        pytest.param({"subscriberId": "S", "relationship": SELF_X12}, None, ("S",), id="X12 18"),
        pytest.param({"subscriberId": "S", "relationship": SELF, "dependent": "0"}, None, ("S",), id="self, numbered"),
        pytest.param({"subscriberId": "S", "beneficiary": P1}, None, ("S",), id="nothing said"),
        pytest.param({"subscriberId": "S", "beneficiary": P1, "subscriber": P1}, None, ("S",), id="subscriber himself"),
        pytest.param(
            {"subscriberId": "S", "beneficiary": {"reference": "http://h/Patient/p1"}, "subscriber": P1},
            None,
            ("S",),
            id="subscriber himself, by another address",
        ),
        pytest.param({"subscriberId": "S", "relationship": CHILD, "dependent": "2"}, None, ("S/2",), id="dependent"),
        pytest.param({"subscriberId": "S", "dependent": "2"}, None, ("S/2",), id="dependent, relationship unsaid"),
        pytest.param({"subscriberId": "S", "relationship": CHILD}, None, (), id="a child without a number"),
        pytest.param({"subscriberId": "S", "beneficiary": P1, "subscriber": P2}, None, (), id="another subscriber"),
        pytest.param({"subscriberId": "S", "relationship": {"text": "child"}}, None, (), id="relationship in words"),
        pytest.param({}, {"identifier": [number("X", MR), {"value": "Y"}]}, (), id="a record number is none"),
        pytest.param({"identifier": [number("X", MR)]}, None, (), id="nor one on the coverage"),
        pytest.param({"identifier": 5, "subscriberId": 5}, {"identifier": ["x"]}, (), id="broken"),
        pytest.param(None, None, (), id="nobody"),
        pytest.param({"identifier": [number("X", MR)] * 20 + [number("C")]}, None, (), id="beyond the first twenty"),
    ],
)
def test_the_member_id_is_one_persons(coverage: Json | None, patient: Json | None, expected: tuple[str, ...]) -> None:
    """One id from the first source that has one; what a family or a hospital shares is never one (pas T-16)."""
    assert member_ids(coverage, patient) == expected


@pytest.mark.parametrize(
    ("coverage", "patient", "expected"),
    [
        ([number("A")], [number("A")], False),
        ([number("A")], [number("B")], True),
        ([number("A")], [number("B"), number("A")], True),
        ([number("A")], [{**number("B"), "use": "old"}, number("a ")], False),
        ([number("A")], [number("B", system="http://other.example")], True),
        ([number("A", system="")], [number("B", system="")], True),
        ([number("A")], [number("B", MR)], False),
        ([], [number("B")], False),
    ],
)
def test_two_numbers_are_two_people(coverage: list[Json], patient: list[Json], *, expected: bool) -> None:
    """Coverage and Patient may each have a number, but not two different ones that are in use, of whatever system."""
    assert numbers_disagree({"identifier": coverage}, {"identifier": patient}) is expected


@pytest.mark.parametrize(
    ("subscriber", "expected"), [("V20", False), ("v 20", False), ("V21", True), ("FAMILY", False), ("20", False)]
)
def test_the_subscribers_number_is_that_of_the_member(subscriber: str, *, expected: bool) -> None:
    """Of the subscriber himself, where it is made like a member number; else it is the number of the contract."""
    coverage = {"identifier": [number("V20")], "subscriberId": subscriber, "relationship": SELF}
    assert numbers_disagree(coverage, {}) is expected


@pytest.mark.parametrize(
    ("relationship", "subscriber", "expected"),
    [(SELF, "other", True), (SELF, "patient", False), (CHILD, "patient", True), (CHILD, "other", False)],
)
def test_who_the_subscriber_is_is_told_once(relationship: Json, subscriber: str, *, expected: bool) -> None:
    """`self` and another person, or a child who is the subscriber, are two stories."""
    patient: Json = {"resourceType": "Patient"}
    who = patient if subscriber == "patient" else {"resourceType": "Patient", "id": "another"}
    assert subscriber_is_told_otherwise({"relationship": relationship}, who, patient) is expected
    assert not subscriber_is_told_otherwise({"relationship": relationship}, None, patient)


@pytest.mark.parametrize("written", ["a-1", " A - 1", "\uff21-1", "A\u200b-1", "A\u2010\uff11", "A\u00ad-1"])
def test_look_alikes_are_one_member(written: str) -> None:
    """What is not seen, wide letters and other hyphens make no other member."""
    assert member_ids({"identifier": [number(written)]}, None) == ("A-1",)


def test_letters_of_another_alphabet_make_no_member() -> None:
    """A Cyrillic A only looks like one, so nobody knows whose number that is."""
    assert member_ids({"identifier": [number("\u0410-1")]}, None) == ()


def test_a_number_out_of_use_is_none() -> None:
    """And where that is the only one, the subscriber's number does not stand in for it."""
    assert member_ids({"identifier": [{**number("A"), "use": "old"}], "subscriberId": "A"}, None) == ()
