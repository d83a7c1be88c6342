"""The envelope of a PAS request: Bundle or Parameters, the entries, the Claim, and how references resolve."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from server.errors import MAX_PROBLEMS, InvalidRequest, Problem
from server.fhir.codes import PAS
from server.fhir.read import BundleIndex, Resource, dicts, reference
from server.fhir.structure import structure_problems

MAX_ENTRIES = 500
MAX_ITEMS = 99  # the services of one X12 278 request
INFO_CANCELLED = f"{PAS}modifierextension-infoCancelled"
CLAIM = "Bundle.entry[0].resource"
_FULL_URL = re.compile(r"https?://\S+|urn:uuid:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


class RequestBundle:
    """One request while it is read: the Bundle, its index and every problem found so far.

    bundle: as sent, but without elements that are not valid FHIR, so that reading can go on and find further problems.
    Raises InvalidRequest when it cannot go on: there is no Bundle, no entry or no Claim at its head, or there is more
    of anything than a request may have.
    """

    def __init__(self, raw: bytes, body: dict[str, Any]) -> None:
        self.problems: list[Problem] = []
        self._places: set[str | None] = set()
        path, bundle = self._find_bundle(body)
        self._few_entries(bundle)
        found = structure_problems(raw, body)
        for problem in found:
            place = problem.expression
            if place is not None and path is not None and place.startswith(path):
                place = "Bundle" + place[len(path) :]
            self.add(problem.code, problem.text, place)
        if bundle is None or len(found) > MAX_PROBLEMS:  # of so many, some have no place by which to remove them
            raise InvalidRequest(self.problems)
        self.bundle = _without_broken(bundle, self.problems) if self.problems else bundle
        self.index = BundleIndex(self.bundle)
        self._entries()
        self.claim: Resource = self.bundle["entry"][0]["resource"]
        if len(dicts(self.claim.get("item"))) > MAX_ITEMS:
            text = (
                f"The Claim has more than {MAX_ITEMS} items, more than one X12 278 request holds; send several Claims."
            )
            self.add("too-long", text, f"{CLAIM}.item")
            raise InvalidRequest(self.problems)
        self.claim_url = self.index.full_url(self.claim)
        parsed = orjson.dumps(self.bundle)  # not the bytes that came: a sender may spell a name with escapes
        if b'"modifierExtension":' in parsed or b'"implicitRules":' in parsed:
            self._modifiers(self.bundle, "Bundle")

    def add(self, code: str, text: str, expression: str | None) -> None:
        """Notes a problem, unless one is already noted for the same place."""
        if expression is None or expression not in self._places:
            self._places.add(expression)
            self.problems.append(Problem(code, text, expression))

    def require(self, element: Any, expression: str) -> bool:
        """Whether a mandatory element is there; notes a problem when not."""
        if not element:
            self.add("required", "This element is mandatory in the guide; send it.", expression)
        return bool(element)

    def resolve(self, element: Any, types: tuple[str, ...], expression: str) -> Resource | None:
        """The entry of one of these types that a Reference points at; notes a problem when there is none."""
        literal = reference(element)
        if literal is None:
            self.add(
                "required", f"A reference to a {' or '.join(types)} in this Bundle is needed; send it.", expression
            )
            return None
        found = self.index.resolve(element, self.claim)
        if found is None:
            text = f"No entry of this Bundle has this reference; add the {' or '.join(types)} as an entry."
            self.add("not-found", text, f"{expression}.reference")
        elif found.get("resourceType") not in types:
            self.add("value", f"This does not point at a {' or '.join(types)}; correct it.", f"{expression}.reference")
            return None
        return found

    def place(self, resource: Resource) -> str:
        """FHIRPath of an entry's resource."""
        return self.index.place(resource)

    def _find_bundle(self, body: dict[str, Any]) -> tuple[str | None, Resource | None]:
        if body.get("resourceType") == "Bundle":
            return "Bundle", body
        if body.get("resourceType") == "Parameters":
            sent = _dicts(body.get("parameter"))
            bundles = [
                n for n, p in enumerate(sent) if p.get("name") == "resource" and _is(p.get("resource"), "Bundle")
            ]
            if bundles:
                self._nothing_beside(body, sent, bundles[0])
                return f"Parameters.parameter[{bundles[0]}].resource", sent[bundles[0]]["resource"]
            text = (
                "The Parameters have no `resource` that is a Bundle; send the PAS request Bundle there, or by itself."
            )
            self.add("required", text, "Parameters.parameter")
            return None, None
        self.add("structure", "The body is not a PAS request Bundle; send one, or Parameters with `resource`.", None)
        return None, None

    def _nothing_beside(self, body: Resource, sent: list[Resource], request: int) -> None:
        """The Parameters hold the one Bundle: nothing that is sent is passed over without a word."""
        for n in range(len(sent)):
            if n != request:
                text = (
                    "This operation takes one parameter, `resource`, with one Bundle; send further ones by themselves."
                )
                self.add("not-supported", text, f"Parameters.parameter[{n}]")
        around = {k: v for k, v in sent[request].items() if k != "resource"}
        self._modifiers({**body, "parameter": [{}] * request + [around]}, "Parameters")

    def _few_entries(self, bundle: Resource | None) -> None:
        """Refuses too many entries first of all, since the structure check of so many could take seconds."""
        entries = (bundle or {}).get("entry")
        if isinstance(entries, list) and len(entries) > MAX_ENTRIES:
            text = f"The Bundle has more than {MAX_ENTRIES} entries; send fewer, large records as one document."
            self.add("too-costly", text, "Bundle.entry")
            raise InvalidRequest(self.problems)

    def _entries(self) -> None:
        if self.bundle.get("type") not in ("collection", None):  # where it is missing, the structure check says so
            text = "A PAS request is a Bundle of the type `collection`; send that, other types ask for other things."
            self.add("value", text, "Bundle.type")
        if any(link.get("relation") in ("next", "previous") for link in dicts(self.bundle.get("link"))):
            text = "A request is whole in one Bundle; put what stands on other pages into it, and leave the link out."
            self.add("value", text, "Bundle.link")
        entries = self.bundle.get("entry")
        if not isinstance(entries, list) or not entries:
            self.add("required", "The Bundle has no entry; send the Claim first and all it refers to.", "Bundle.entry")
            raise InvalidRequest(self.problems)
        seen: set[str] = set()
        for n, entry in enumerate(entries):
            url = entry.get("fullUrl")
            self.require(entry.get("resource"), f"Bundle.entry[{n}].resource")
            self._plain(entry, f"Bundle.entry[{n}]")
            if not self.require(url, f"Bundle.entry[{n}].fullUrl"):
                continue
            if not _FULL_URL.fullmatch(url):
                text = "A fullUrl is the resource's http(s) address or `urn:uuid:` and a UUID; send one of these."
                self.add("value", text, f"Bundle.entry[{n}].fullUrl")
            if url in seen:
                self.add("duplicate", "Two entries have this fullUrl; send each once.", f"Bundle.entry[{n}].fullUrl")
            seen.add(url)
        if not _is(entries[0].get("resource") or {}, "Claim"):
            self.add("structure", "The first entry is not a Claim; put the Claim first.", CLAIM)
            raise InvalidRequest(self.problems)

    def _plain(self, entry: Resource, place: str) -> None:
        """An entry of a collection is there, and nothing is to be done with it (R4, bdl-3 and bdl-4)."""
        for name in ("request", "response"):
            if name in entry:
                self.add("structure", f"An entry of a collection has no `{name}`; leave it out.", f"{place}.{name}")
        if (entry.get("search") or {}).get("mode") == "outcome":
            text = "The outcome of a search is no part of a request; leave this entry out."
            self.add("structure", text, f"{place}.search")

    def _modifiers(self, node: Resource, place: str) -> None:
        """What is not known here and may change what an element says is refused (pas P-21)."""
        for path, modifier in modifiers(node, place):
            if isinstance(modifier, str):
                text = "This server does not know the rules that this is written by; send it without `implicitRules`."
                self.add("not-supported", text, path)
            elif modifier.get("url") != INFO_CANCELLED:
                text = "This server does not know this modifier extension, so it cannot read the element; leave it out."
                self.add("extension", text, f"{path}.url")


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [v if isinstance(v, dict) else {} for v in value] if isinstance(value, list) else []


def _is(resource: Any, kind: str) -> bool:
    return isinstance(resource, dict) and resource.get("resourceType") == kind


def modifiers(node: Any, path: str) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """Place and value of each modifier extension (an object) and of each `implicitRules` (text) below a node."""
    if isinstance(node, dict):
        for n, extension in enumerate(_dicts(node.get("modifierExtension"))):
            yield f"{path}.modifierExtension[{n}]", extension
        if isinstance(node.get("implicitRules"), str):
            yield f"{path}.implicitRules", node["implicitRules"]
        for key, value in node.items():
            if isinstance(value, (dict, list)):
                yield from modifiers(value, f"{path}.{key}")
    else:
        for n, value in enumerate(node):
            if isinstance(value, (dict, list)):
                yield from modifiers(value, f"{path}[{n}]")


def _without_broken(bundle: Resource, problems: Iterable[Problem]) -> Resource:
    """A copy without the elements that have a problem; in a list, an empty object keeps the places of the others."""
    copy: Resource = orjson.loads(orjson.dumps(bundle))
    for problem in problems:
        steps = [name or int(n) for name, n in _STEP.findall(problem.expression or "")]
        node: Any = copy
        try:
            for step in steps[:-1]:
                node = node[step]
            if isinstance(node, list):
                node[steps[-1]] = {}
            else:
                node.pop(steps[-1], None)
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # it was removed with an element above it
    return copy
