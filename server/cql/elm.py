"""Reading compiled CQL: what a library declares, what it includes, and the nodes of its expressions."""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

import orjson

from server.cql.model import CqlLibrary

Node = Mapping[str, Any]


class Elm:
    """One compiled library. Raises KeyError, TypeError or AttributeError for ELM that the translator would not write.

    root: the ELM without its `library` wrapper. includes: local name -> `name|version`. value_sets: local name -> url
    without a version. statements: by name; the overloads of a function share one. defines: the
    names that an evaluation gives a value for.
    """

    def __init__(self, library: CqlLibrary) -> None:
        self.key = library.key
        self.root: dict[str, Any] = orjson.loads(library.elm)["library"]
        self.includes = {d["localIdentifier"]: f"{d['path']}|{d['version']}" for d in self.definitions("includes")}
        self.value_sets = {d["name"]: d["id"].split("|", 1)[0] for d in self.definitions("valueSets")}
        self.parameters = {d["name"]: d for d in self.definitions("parameters")}
        self.statements: dict[str, list[dict[str, Any]]] = {}
        for d in self.definitions("statements"):
            self.statements.setdefault(d["name"], []).append(d)
        named = (d["name"] for d in self.definitions("statements") if d.get("type") != "FunctionDef")
        self.defines = frozenset(named) - {"Patient"}

    def definitions(self, kind: str) -> list[dict[str, Any]]:
        return definitions(self.root, kind)

    def code(self, name: str) -> dict[str, str] | None:
        """A declared code as `{system, code}`."""
        systems = {d["name"]: d["id"] for d in self.definitions("codeSystems")}
        for d in self.definitions("codes"):
            if d["name"] == name:
                return {"system": systems.get(d["codeSystem"]["name"], ""), "code": d["id"]}
        return None


@cache
def elm_of(library: CqlLibrary) -> Elm:
    """The ELM of a library, parsed once for all that read it. Raises as Elm does."""
    return Elm(library)


def definitions(root: Node, kind: str) -> list[dict[str, Any]]:
    """What an ELM library (without its wrapper) declares of a kind: `includes`, `statements`, `valueSets`, ..."""
    return list((root.get(kind) or {}).get("def") or ())


def closure(key: str, elms: Mapping[str, Elm]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The libraries reached from one, itself first, and the keys that are included but missing."""
    found: dict[str, None] = {}
    missing: dict[str, None] = {}
    todo = [key]
    while todo:
        key = todo.pop(0)
        if key in found or key in missing:
            continue
        if key not in elms:
            missing[key] = None
            continue
        found[key] = None
        todo += elms[key].includes.values()
    return tuple(found), tuple(missing)


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in the tree, in document order. Annotations are skipped, because they are not code."""
    if isinstance(tree, dict):
        yield tree
        for name, child in tree.items():
            if name != "annotation":
                yield from nodes(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from nodes(child)


def without(tree: Any, names: Collection[str]) -> Any:
    """A copy without the members of these names, at any depth."""
    if isinstance(tree, list):
        return [without(child, names) for child in tree]
    if not isinstance(tree, dict):
        return tree
    return {name: without(child, names) for name, child in tree.items() if name not in names}


def result_type(definition: Node) -> str:
    """The type of what a define gives: `Boolean`, `List<Tuple{ref String, said String}>`; elements by their names."""
    return _spelled(definition.get("resultTypeSpecifier") or {"name": definition.get("resultTypeName")})


def _spelled(specifier: Node) -> str:
    match specifier.get("type"):
        case "ListTypeSpecifier":
            return f"List<{_spelled(specifier['elementType'])}>"
        case "IntervalTypeSpecifier":
            return f"Interval<{_spelled(specifier['pointType'])}>"
        case "TupleTypeSpecifier":
            elements = sorted((e["name"], _spelled(e["elementType"])) for e in specifier.get("element") or ())
            return f"Tuple{{{', '.join(f'{name} {type_}' for name, type_ in elements)}}}"
        case "ChoiceTypeSpecifier":
            return f"Choice<{', '.join(map(_spelled, specifier['choice']))}>"
        case _:
            return str(specifier.get("name") or "nothing known").rpartition("}")[2]


def type_name(definition: Node) -> str:
    """The type of a parameter: `Date`, `Integer`, ...; empty for a list or an interval."""
    specifier = definition.get("parameterTypeSpecifier") or {}
    return str(specifier.get("name") or definition.get("resultTypeName") or "").rpartition("}")[2]
