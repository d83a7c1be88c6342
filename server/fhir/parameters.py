"""FHIR Parameters: reading them against a declaration, and writing them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from server.errors import InvalidRequest, Problem
from server.fhir.read import Resource

ANY_RESOURCE = ("*",)


@dataclass(frozen=True, slots=True)
class DeclaredParameter:
    """One input parameter of an operation.

    max: None is `*`. values: the value[x] types it may carry (`canonical`, `string`). resources: the resource types it
    may carry, or ANY_RESOURCE. A parameter carries a value or a resource, never both.
    """

    name: str
    min: int = 0
    max: int | None = None
    values: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentParameter:
    """One parameter as received: its value or resource, and the FHIRPath of where it stands."""

    value: Any
    at: str


def read_parameters(
    body: Mapping[str, Any], declared: Iterable[DeclaredParameter]
) -> dict[str, tuple[SentParameter, ...]]:
    """The parameters by declared name, in the order sent; a name that was not sent has an empty tuple.

    Parameters that are not declared are ignored, since the guides allow further ones (dtr T-26, conf-12).
    Raises InvalidRequest with every problem: not Parameters, too few or too many, wrong type, no value.
    """
    if body.get("resourceType") != "Parameters":
        raise InvalidRequest(
            [Problem("structure", "The body is not a Parameters resource; send resourceType Parameters.", "Parameters")]
        )
    parts = body.get("parameter", [])
    if not isinstance(parts, list):
        raise InvalidRequest(
            [Problem("structure", "`parameter` is not a list; send a list of parameters.", "Parameters.parameter")]
        )
    problems: list[Problem] = []
    known = {d.name: d for d in declared}
    found: dict[str, list[SentParameter]] = {name: [] for name in known}
    for n, part in enumerate(parts):
        at = f"Parameters.parameter[{n}]"
        if not isinstance(part, dict) or not isinstance(part.get("name"), str):
            problems.append(Problem("structure", "A parameter has no name; give each one its `name`.", at))
        elif declaration := known.get(part["name"]):
            found[declaration.name].append(_sent(part, at, declaration, problems))
    for declaration in known.values():
        problems += _cardinality(declaration, found[declaration.name])
    if problems:
        raise InvalidRequest(problems)
    return {name: tuple(many) for name, many in found.items()}


def _sent(part: Mapping[str, Any], at: str, declared: DeclaredParameter, problems: list[Problem]) -> SentParameter:
    if declared.resources:
        resource = part.get("resource")
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        fits = isinstance(kind, str) and (declared.resources == ANY_RESOURCE or kind in declared.resources)
        if not fits:
            wanted = "a resource" if declared.resources == ANY_RESOURCE else " or ".join(declared.resources)
            text = f"Parameter `{declared.name}` must carry `resource`: {wanted}."
            problems.append(Problem("value" if kind else "required", text, f"{at}.resource"))
        return SentParameter(resource if fits else {}, f"{at}.resource")
    keys = {f"value{v[0].upper()}{v[1:]}": v for v in declared.values}
    key = next((k for k in part if k in keys), None)
    value = part[key] if key else None
    if key == "valueInteger" and isinstance(value, int) and not isinstance(value, bool):
        return SentParameter(value, f"{at}.value")
    if not isinstance(value, str) or not value.strip():
        text = f"Parameter `{declared.name}` must carry a non-empty {' or '.join(keys)}."
        problems.append(Problem("required" if key is None else "value", text, at))
        return SentParameter("", at)
    return SentParameter(value.strip(), f"{at}.value")


def _cardinality(declared: DeclaredParameter, sent: list[SentParameter]) -> Iterable[Problem]:
    if len(sent) < declared.min:
        yield Problem(
            "required",
            f"Parameter `{declared.name}` is missing; send at least {declared.min}.",
            f"Parameters.parameter.where(name='{declared.name}')",
        )
    if declared.max is not None and len(sent) > declared.max:
        yield Problem(
            "structure",
            f"Parameter `{declared.name}` stands {len(sent)} times; send at most {declared.max}.",
            f"Parameters.parameter.where(name='{declared.name}')",
        )


def value(name: str, type_: str, content: Any) -> dict[str, Any]:
    """A parameter with a value: `value("edition", "string", "1")` is `{name, valueString}`."""
    return {"name": name, f"value{type_[0].upper()}{type_[1:]}": content}


def resource(name: str, content: Resource) -> dict[str, Any]:
    """A parameter with a resource."""
    return {"name": name, "resource": content}


def part(name: str, *parts: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter with parts."""
    return {"name": name, "part": list(parts)}


def parameters(*parts: Mapping[str, Any], profile: str | None = None) -> Resource:
    """A Parameters resource, claiming a profile where one is given."""
    meta = {"meta": {"profile": [profile]}} if profile else {}
    return {"resourceType": "Parameters", **meta, "parameter": list(parts)}
