"""A CQL library as a FHIR Library: CQL and ELM, what it depends on, what data it reads (dtr D-32..D-36, D-107)."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import orjson

from server.cql.elm import Elm, nodes, without
from server.cql.model import CqlLibrary
from server.fhir.read import Resource

_FHIR_TYPES = {"Code": "Coding", "Concept": "CodeableConcept"}  # the others keep their name, System ones in lower case
_FOR_EXPLANATIONS = {"annotation", "localId", "locator", "resultTypeName", "resultTypeSpecifier"}
_PRIMITIVES = {"Boolean", "Date", "DateTime", "Decimal", "Integer", "String", "Time"}


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
        for node in (n for d in elm.statements.get(name, ()) for n in nodes(d)):
            if node.get("type") == "Retrieve":
                requirement = _requirement(node, elm, elms, pinned)
                found[orjson.dumps(requirement, option=orjson.OPT_SORT_KEYS)] = requirement
            elif node.get("type") in {"ExpressionRef", "FunctionRef"}:
                todo.append((_home(node, elm), node["name"]))
    return [found[k] for k in sorted(found)]


def _home(node: Mapping[str, Any], elm: Elm) -> str:
    alias = node.get("libraryName")
    return elm.includes.get(alias, "") if alias else elm.key


def _requirement(
    retrieve: Mapping[str, Any], elm: Elm, elms: Mapping[str, Elm], pinned: Mapping[str, str]
) -> dict[str, Any]:
    requirement: dict[str, Any] = {"type": retrieve["dataType"].rpartition("}")[2]}
    filters: list[dict[str, Any]] = []
    codes: list[dict[str, str]] = []
    path = retrieve.get("codeProperty")
    for node in nodes(retrieve.get("codes") or {}):
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


def library_content(library: CqlLibrary) -> list[dict[str, str]]:
    """CQL and ELM, both with data (dtr D-33, D-93)."""
    return [
        {"contentType": "text/cql", "data": b64encode(library.cql.encode()).decode()},
        {"contentType": "application/elm+json", "data": b64encode(published_elm(library)).decode()},
    ]


def published_elm(library: CqlLibrary) -> bytes:
    """The ELM without the parts that only our explanations read: clients keep whole packages in memory (dtr D-50)."""
    return orjson.dumps({"library": without(orjson.loads(library.elm)["library"], _FOR_EXPLANATIONS)})


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
        "content": library_content(library),
    }
    return {k: v for k, v in resource.items() if v != []}
