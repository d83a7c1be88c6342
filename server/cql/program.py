"""What an isolate is loaded with, and what an evaluation of a library needs to know."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from server.cql.elm import Elm, closure, type_name, without
from server.cql.model import ValueSet
from server.cql.retrieves import Wanted, wanted

_NOT_RUN = frozenset({"annotation", "localId", "resultTypeName", "resultTypeSpecifier"})
"""Members of ELM that only readers need. The engine does not use them, and they are most of the text."""


@dataclass(frozen=True, slots=True)
class Program:
    """What an evaluation of one main library needs to know: its parameters with their CQL types, and its retrieves."""

    types: Mapping[str, str]
    without_default: tuple[str, ...]
    wanted: Wanted | None

    def parameters(self, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The given values of declared parameters; null where there is neither a value nor a default.

        Without that null the engine would put an object of its own in its place.
        """
        found = {**dict.fromkeys(self.without_default), **{n: v for n, v in given.items() if n in self.types}}
        return {name: {"type": self.types[name], "value": value} for name, value in found.items()}


def _runnable(elm: Elm) -> dict[str, Any]:
    """ELM with its `library` wrapper and only what runs: a third of the text, and of the memory in every isolate."""
    statements = without(elm.root.get("statements") or {}, _NOT_RUN)
    return {"library": {**elm.root, "annotation": [], "statements": statements}}


def load_request(elms: Iterable[Elm], value_sets: Iterable[ValueSet]) -> str:
    """The argument of `load` in engine.entry.js: every library and every expansion."""
    expansions = {
        value_set.url: {value_set.version: [{"system": s, "code": c} for s, c in _codes(value_set)]}
        for value_set in value_sets
    }
    return orjson.dumps({"libraries": [_runnable(elm) for elm in elms], "valueSets": expansions}).decode()


def _codes(value_set: ValueSet) -> list[tuple[str, str]]:
    """The codes as the file spells them and as they are normalised, so that a record may use either spelling."""
    written = {
        (str(c.get("system", "")), str(c["code"]))
        for c in value_set.resource.get("expansion", {}).get("contains", ())
        if c.get("code")
    }
    normalised = {(system, code) for system, _, code in (token.partition("|") for token in value_set.members)}
    return sorted(written | normalised)


def programs_of(elms: Mapping[str, Elm], value_sets: Iterable[ValueSet]) -> dict[str, Program]:
    codes = {v.url: frozenset(code for _, code in _codes(v)) for v in value_sets}
    found = {}
    for key in elms:
        run = [elms[k] for k in closure(key, elms)[0]]
        declared = [p for elm in run for p in elm.parameters.values()]
        found[key] = Program(
            types={p["name"]: type_name(p) for p in declared},
            without_default=tuple(p["name"] for p in declared if "default" not in p),
            wanted=wanted(run, codes),
        )
    return found
