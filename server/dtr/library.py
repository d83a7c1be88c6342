"""A CQL library as a FHIR Library: CQL and ELM, what it depends on, what data it reads (dtr D-32..D-36, D-107)."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import orjson

from server.cql.model import CqlLibrary
from server.fhir.read import Resource

_FHIR_TYPES = {"Code": "Coding", "Concept": "CodeableConcept"}  # the others keep their name, System ones in lower case
_FOR_EXPLANATIONS = {"annotation", "localId", "locator", "resultTypeName", "resultTypeSpecifier"}
_PRIMITIVES = {"Boolean", "Date", "DateTime", "Decimal", "Integer", "String", "Time"}


class Elm:
    """The compiled library, read for what it includes, retrieves and takes as parameters."""

    def __init__(self, library: CqlLibrary) -> None:
        self.key = library.key
        self._root: dict[str, Any] = orjson.loads(library.elm)["library"]

    def definitions(self, kind: str) -> list[dict[str, Any]]:
        return list((self._root.get(kind) or {}).get("def") or ())

    @cached_property
    def includes(self) -> dict[str, str]:
        """Local name -> `name|version`."""
        return {d["localIdentifier"]: f"{d['path']}|{d['version']}" for d in self.definitions("includes")}

    @cached_property
    def value_sets(self) -> dict[str, str]:
        """Local name -> url, without a version."""
        return {d["name"]: d["id"].split("|", 1)[0] for d in self.definitions("valueSets")}

    @cached_property
    def statements(self) -> dict[str, list[dict[str, Any]]]:
        """By name; the overloads of a function share one."""
        found: dict[str, list[dict[str, Any]]] = {}
        for d in self.definitions("statements"):
            found.setdefault(d["name"], []).append(d)
        return found

    def code(self, name: str) -> dict[str, str] | None:
        """A declared code as `{system, code}`."""
        systems = {d["name"]: d["id"] for d in self.definitions("codeSystems")}
        for d in self.definitions("codes"):
            if d["name"] == name:
                return {"system": systems.get(d["codeSystem"]["name"], ""), "code": d["id"]}
        return None


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


def data_requirements(key: str, elms: Mapping[str, Elm], pinned: Mapping[str, str]) -> list[dict[str, Any]]:
    """What every define of a library reads, through the libraries it includes (dtr C-7): each requirement once.

    pinned: value set url -> `url|version`. Only reachable retrieves count, so that a client fetches no more than the
    form needs (dtr D-83).
    """
    found: dict[bytes, dict[str, Any]] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(key, name) for name in elms[key].statements]
    while todo:
        at, name = todo.pop()
        if (at, name) in seen or at not in elms:
            continue
        seen.add((at, name))
        elm = elms[at]
        for node in (n for d in elm.statements.get(name, ()) for n in _nodes(d)):
            if node.get("type") == "Retrieve":
                requirement = _requirement(node, elm, elms, pinned)
                found[orjson.dumps(requirement, option=orjson.OPT_SORT_KEYS)] = requirement
            elif node.get("type") in {"ExpressionRef", "FunctionRef"}:
                todo.append((_home(node, elm), node["name"]))
    return [found[k] for k in sorted(found)]


def _home(node: Mapping[str, Any], elm: Elm) -> str:
    alias = node.get("libraryName")
    return elm.includes.get(alias, "") if alias else elm.key


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            yield node
            todo += node.values()
        elif isinstance(node, list):
            todo += node


def _requirement(
    retrieve: Mapping[str, Any], elm: Elm, elms: Mapping[str, Elm], pinned: Mapping[str, str]
) -> dict[str, Any]:
    requirement: dict[str, Any] = {"type": retrieve["dataType"].rpartition("}")[2]}
    filters: list[dict[str, Any]] = []
    codes: list[dict[str, str]] = []
    path = retrieve.get("codeProperty")
    for node in _nodes(retrieve.get("codes") or {}):
        home = elms.get(_home(node, elm), elm)
        if node.get("type") == "ValueSetRef" and node["name"] in home.value_sets:
            url = home.value_sets[node["name"]]
            filters.append({"path": path, "valueSet": pinned.get(url, url)})
        elif node.get("type") == "CodeRef" and (code := home.code(node["name"])):
            codes.append(code)
    if codes:
        filters.append({"path": path, "code": codes})
    return {**requirement, "codeFilter": filters} if filters and path else requirement


def parameter_definitions(elm: Elm) -> list[dict[str, Any]]:
    """The library's parameters as FHIR ParameterDefinitions; those of a type that FHIR cannot name are left out."""
    found = []
    for definition in elm.definitions("parameters"):
        specifier = definition.get("parameterTypeSpecifier") or {}
        most = "1"
        if specifier.get("type") == "ListTypeSpecifier":
            specifier, most = specifier.get("elementType") or {}, "*"
        name = str(specifier.get("name") or definition.get("resultTypeName") or "").rpartition("}")[2]
        if name:
            type_ = _FHIR_TYPES.get(name) or (name[0].lower() + name[1:] if name in _PRIMITIVES else name)
            found.append({"name": definition["name"], "use": "in", "min": 0, "max": most, "type": type_})
    return found


def depends_on(elm: Elm, library_url: str) -> list[dict[str, str]]:
    """The libraries that a library includes (dtr D-32, T-23).

    Not the value sets: clients look for a library behind every entry. They stand in dataRequirement and in the ELM.
    """
    included = (key.split("|", 1) for key in dict.fromkeys(elm.includes.values()))
    return [
        {
            "type": "depends-on",
            "display": name,
            "url": f"{library_url}{name}",
            "resource": f"{library_url}{name}|{version}",
        }
        for name, version in included
    ]


def content(library: CqlLibrary) -> list[dict[str, str]]:
    """CQL and ELM, both with data (dtr D-33, D-93)."""
    return [
        {"contentType": "text/cql", "data": b64encode(library.cql.encode()).decode()},
        {"contentType": "application/elm+json", "data": b64encode(published_elm(library)).decode()},
    ]


def published_elm(library: CqlLibrary) -> bytes:
    """The ELM without what only our explanations read: clients hold packages in memory (dtr D-50)."""

    def lean(node: Any) -> Any:
        if isinstance(node, list):
            return [lean(n) for n in node]
        if not isinstance(node, dict):
            return node
        return {k: lean(v) for k, v in node.items() if k not in _FOR_EXPLANATIONS}

    return orjson.dumps({"library": lean(orjson.loads(library.elm)["library"])})


def library_resource(
    library: CqlLibrary, elms: Mapping[str, Elm], library_url: str, pinned: Mapping[str, str], about: Mapping[str, Any]
) -> Resource:
    """The FHIR Library; about: elements shared with the form (date, publisher)."""
    elm = elms[library.key]
    resource: Resource = {
        "resourceType": "Library",
        "url": f"{library_url}{library.name}",
        "version": library.version,
        "name": library.name,
        "title": library.name,
        "status": "active",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "logic-library"}]},
        **about,
        "relatedArtifact": depends_on(elm, library_url),
        "parameter": parameter_definitions(elm),
        "dataRequirement": data_requirements(library.key, elms, pinned),
        "content": content(library),
    }
    return {k: v for k, v in resource.items() if v != []}
