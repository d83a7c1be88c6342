"""`ValueSet/$expand`: the codes of a value set that the forms and their logic use (dtr D-73, D-74)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.errors import InvalidRequest, NotFound, Problem
from server.fhir.codes import system_of
from server.fhir.parameters import DeclaredParameter, read_parameters
from server.fhir.read import Resource
from server.policy.model import ValueSet

_UNCLOSED = {"url": "http://hl7.org/fhir/StructureDefinition/valueset-unclosed", "valueBoolean": True}
_URI = ("uri", "canonical", "url", "string")
_DECLARED = (
    DeclaredParameter("url", 0, 1, values=_URI),
    DeclaredParameter("valueSetVersion", 0, 1, values=("string",)),
    DeclaredParameter("filter", 0, 1, values=("string",)),
    DeclaredParameter("count", 0, 1, values=("integer",)),
    DeclaredParameter("offset", 0, 1, values=("integer",)),
)

Code = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExpandRequest:
    """url: without a version. filter: text that each code or display must hold, word by word."""

    url: str
    version: str | None = None
    filter: str = ""
    count: int | None = None
    offset: int = 0


def read_expand_parameters(body: Mapping[str, Any]) -> ExpandRequest:
    """From a Parameters body. Raises InvalidRequest with every problem."""
    sent = read_parameters(body, _DECLARED)
    return _request({name: found[0].value for name, found in sent.items() if found}, "", "Parameters.parameter")


def read_expand_query(query: Mapping[str, str], url: str = "") -> ExpandRequest:
    """From the query of a GET; parameters that are not read here are passed over. url: of the instance addressed."""
    return _request({name: query[name] for name in (d.name for d in _DECLARED) if query.get(name)}, url, "")


def _request(given: Mapping[str, Any], url: str, at: str) -> ExpandRequest:
    problems = []
    numbers: dict[str, int] = {}
    for name in ("count", "offset"):
        text = str(given.get(name, "0"))
        if text.isascii() and text.isdigit() and len(text) < len(str(2**31)):
            numbers[name] = int(text)
        else:
            problems.append(
                Problem("value", f"`{name}` is no whole number of 0 or more; send one, or leave it out.", at)
            )
    asked, _, version = str(given.get("url") or url).partition("|")
    if not asked:
        problems.append(Problem("required", "No value set is named; send `url`, the canonical of one.", at))
    if problems:
        raise InvalidRequest(problems)
    return ExpandRequest(
        asked,
        given.get("valueSetVersion") or version or None,
        str(given.get("filter") or ""),
        numbers["count"] if "count" in given else None,
        numbers["offset"],
    )


class Expander:
    """Expands any value set of the policies, as of the moment it is asked and with active codes alone."""

    def __init__(self, value_sets: Mapping[str, ValueSet]) -> None:
        self._value_sets = value_sets
        self._of_system: dict[str, dict[str, Code]] = {}
        for value_set in value_sets.values():
            for code in _listed(value_set.resource):
                self._of_system.setdefault(_system(code), {}).setdefault(code["code"], code)

    def expand(self, asked: ExpandRequest, now: datetime, id_: str) -> Resource:
        """The ValueSet with its expansion; `total` counts what the filter leaves, whatever page is asked for.

        A value set that takes a code system whole lists the codes of it that any policy here knows, and says that it is
        unclosed: other codes of that system are in the set as well. Raises NotFound.
        """
        value_set = self._value_sets.get(asked.url)
        if value_set is None or asked.version not in (None, value_set.version):
            raise NotFound("No value set with this url and version is used here; take the urls of the form's package.")
        source = value_set.resource
        closed = "expansion" in source
        codes = list(_listed(source) if closed else self._of_whole_systems(value_set))
        words = asked.filter.lower().split()
        found = [c for c in codes if all(w in f"{c['code']} {c.get('display', '')}".lower() for w in words)]
        page = found[asked.offset :] if asked.count is None else found[asked.offset : asked.offset + asked.count]
        expansion: dict[str, Any] = {} if closed else {"extension": [_UNCLOSED]}
        expansion |= {
            "identifier": f"urn:uuid:{id_}",
            "timestamp": now.isoformat(timespec="seconds"),
            "total": len(found),
            "offset": asked.offset,
            "parameter": list(_used(asked)),
        }
        if page:
            expansion["contains"] = page
        about = {k: v for k, v in source.items() if k not in {"id", "text", "expansion"}}
        return {**about, "status": source.get("status", "active"), "expansion": expansion}

    def _of_whole_systems(self, value_set: ValueSet) -> Iterable[Code]:
        for system in value_set.whole_systems:
            known = self._of_system.get(system, {})
            yield from (known[code] for code in sorted(known))


def _listed(source: Mapping[str, Any]) -> Iterable[Code]:
    """The codes of an expansion that may be chosen; those nested under another one too."""
    todo = list((source.get("expansion") or {}).get("contains") or ())
    while todo:
        code = todo.pop(0)
        if code.get("code") and not code.get("inactive") and not code.get("abstract"):
            yield {k: v for k, v in code.items() if k != "contains"}
        todo[:0] = code.get("contains") or ()


def _system(element: Mapping[str, Any]) -> str:
    system = str(element.get("system") or "")
    return system_of(system)


def _used(asked: ExpandRequest) -> Iterable[dict[str, Any]]:
    yield {"name": "activeOnly", "valueBoolean": True}
    if asked.filter:
        yield {"name": "filter", "valueString": asked.filter}
    if asked.count is not None:
        yield {"name": "count", "valueInteger": asked.count}
    if asked.offset:
        yield {"name": "offset", "valueInteger": asked.offset}
