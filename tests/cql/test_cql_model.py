"""server/cql/model.py: which value sets take a code system whole."""

from typing import Any

import pytest

from server.cql.model import ValueSet
from server.fhir.codes import HCPCS, SYSTEM_ALIASES

ALIAS = next(alias for alias, system in SYSTEM_ALIASES.items() if system == HCPCS and alias != HCPCS)
CONCEPTS = {"system": "http://s", "concept": [{"code": "1"}]}


@pytest.mark.parametrize(
    ("content", "systems"),
    [
        ({"compose": {"include": [{"system": "http://s"}]}}, ("http://s",)),
        ({"compose": {"include": [{"system": "http://s"}, {"system": ALIAS}]}}, ("http://s", HCPCS)),
        ({"compose": {"include": [{"system": "http://s"}]}, "expansion": {"contains": []}}, ()),
        ({"compose": {"include": [{"system": "http://s"}, CONCEPTS]}}, ()),
        ({"compose": {"include": [{"valueSet": ["http://v"]}]}}, ()),
        ({"compose": {"include": []}}, ()),
        ({}, ()),
    ],
)
def test_a_value_set_takes_a_system_whole(content: dict[str, Any], systems: tuple[str, ...]) -> None:
    """Where it includes nothing but systems, no choice of their codes, and lists none; whatever the spelling."""
    assert ValueSet("http://v", "1", content, frozenset()).whole_systems == systems
