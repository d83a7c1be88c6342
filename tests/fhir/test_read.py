"""Reading FHIR JSON: what a sender may put anywhere, and references of every kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.read import MAX_REFERENCE, BundleIndex, dicts, type_and_id

LITERALS = [
    ("Patient/1", "Patient/1"),
    ("http://h/Patient/1", "Patient/1"),
    ("https://h/fhir/a/Patient/1", "Patient/1"),
    ("Patient/1/_history/2", "Patient/1"),
    ("https://h/fhir/Patient/1/_history/2", "Patient/1"),
    ("http://Patient/1", None),
    ("fhir/Patient/1", None),
    ("Patient/", None),
    ("Patient/1/", None),
    ("Patient/1/_history", None),
    ("Patient/a_b", None),
    ("Patient/" + "1" * 64, "Patient/" + "1" * 64),
    ("Patient/" + "1" * 65, None),
    ("patient/1", None),
    ("#1", None),
    ("urn:uuid:0b1c", None),
    ("Patient?identifier=1", None),
    ("", None),
    (None, None),
    ("Patient/1\n", None),
    ("http://h h/Patient/1", None),
    ("http://h/\n\nPatient/1", None),
    ("https://h/" + "a" * MAX_REFERENCE + "/Patient/1", None),
]


@pytest.mark.parametrize(("literal", "key"), LITERALS)
def test_the_resource_that_a_literal_reference_names(literal: str | None, key: str | None) -> None:
    """Type/id with or without an address before it and a version behind it; nothing else, however long."""
    assert type_and_id(literal) == key


@given(st.text(st.sampled_from("Aa/_history 1.:?#\n"), max_size=60))
def test_a_reference_is_read_or_not_but_never_fails(text: str) -> None:
    """Any text is a reference that can be read, whose key stands in it, or none."""
    found = type_and_id(text)
    assert found is None or found in text


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(ANYTHING)
def test_the_objects_of_whatever_was_sent(value: object) -> None:
    """The objects of a list in their order, and nothing of anything else."""
    assert dicts(value) == ([v for v in value if isinstance(v, dict)] if isinstance(value, list) else [])


@given(ANYTHING)
def test_a_bundle_of_whatever_was_sent(value: object) -> None:
    """An index holds the resources there are; entries of another kind are none."""
    assert len(BundleIndex({"entry": value}).entries) <= len(dicts(value))
