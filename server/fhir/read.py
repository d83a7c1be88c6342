"""Reading FHIR JSON: references, codings, identifiers. Resources stay plain dicts from wire to wire."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from server.fhir.codes import NDC, NPI, system_of

Resource = dict[str, Any]

_LITERAL = re.compile(r"(?:https?://\S+/)?([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/[^/\s]+)?")
MAX_IDENTIFIERS = 20  # of one party, or numbers of one item; nobody has more, and each is stored and looked up
MAX_REFERENCE = 2_000  # characters; no address of a resource is nearly as long, and matching takes time


@dataclass(frozen=True, slots=True)
class Coding:
    """A code with its normalised system: aliases folded, NDC as 11 digits."""

    system: str
    code: str
    display: str | None = None

    @property
    def token(self) -> str:
        return f"{self.system}|{self.code}"


def ndc11(code: str) -> str:
    """An NDC as 11 digits (5-4-2); what cannot be read as an NDC is returned as it came.

    Hyphens say which part lacks its leading zero (4-4-2, 5-3-2, 5-4-1). Ten digits without hyphens are ambiguous;
    they are read as 5-3-2, 5-4-1 and 4-4-2 by `ndc_readings`.
    """
    parts = code.strip().split("-")
    if len(parts) == 3 and all(p.isdigit() for p in parts):  # noqa: PLR2004 - labeler, product, package
        return parts[0].zfill(5) + parts[1].zfill(4) + parts[2].zfill(2)
    return code.strip().replace("-", "")


def ndc_readings(code: str) -> tuple[str, ...]:
    """Every 11-digit NDC that a code can stand for: one, or three where ten digits came without hyphens."""
    digits = ndc11(code)
    if len(digits) == 10 and digits.isdigit():  # noqa: PLR2004 - the unhyphenated ten-digit form
        return ("0" + digits, f"{digits[:5]}0{digits[5:]}", f"{digits[:9]}0{digits[9:]}")
    return (digits,)


def dicts(value: Any) -> list[Resource]:
    """The objects of a list; none where a sender put something else.

    The structure check does not look into elements that R4 does not know, so such an element may hold anything.
    """
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def coding(raw: Mapping[str, Any]) -> Coding | None:
    """One Coding, normalised; None without a code."""
    code = raw.get("code")
    if not isinstance(code, str) or not code:
        return None
    system = raw.get("system")
    system = system_of(system) if isinstance(system, str) else ""
    display = raw.get("display")
    return Coding(system, ndc11(code) if system == NDC else code.strip(), display if isinstance(display, str) else None)


def codings(concept: Any) -> tuple[Coding, ...]:
    """The codings of a CodeableConcept, of a Coding, or of a list of either."""
    if isinstance(concept, list):
        return tuple(c for part in concept for c in codings(part))
    if not isinstance(concept, dict):
        return ()
    raw = concept.get("coding") if "coding" in concept else [concept]
    found = (coding(c) for c in raw if isinstance(c, dict)) if isinstance(raw, list) else ()
    return tuple(c for c in found if c is not None)


def extensions(element: Any, url: str) -> Iterator[dict[str, Any]]:
    """The extensions of an element with this url."""
    if isinstance(element, dict):
        yield from (ext for ext in dicts(element.get("extension")) if ext.get("url") == url)


def extension_value(element: Any, url: str) -> Any:
    """The value[x] of the first extension with this url, or None."""
    for ext in extensions(element, url):
        for key, value in ext.items():
            if key.startswith("value"):
                return value
    return None


def reference(element: Any) -> str | None:
    """The literal reference of a Reference element (or of a bare string)."""
    if isinstance(element, str):
        return element
    if isinstance(element, dict) and isinstance(element.get("reference"), str):
        return str(element["reference"])
    return None


def type_and_id(literal: str | None) -> str | None:
    """`Type/id` of a relative or absolute RESTful reference; None for urn:, # and conditional ones.

    None as well for what has white space in it or is longer than MAX_REFERENCE.
    """
    match = _LITERAL.fullmatch(literal) if literal and len(literal) <= MAX_REFERENCE else None
    return match[1] if match else None


def identifiers(resource: Any, system: str) -> tuple[str, ...]:
    """The identifier values of a resource with this system, the first 20 at most."""
    if not isinstance(resource, dict):
        return ()
    found = resource.get("identifier")
    many = found if isinstance(found, list) else [found]
    values = (i.get("value") for i in many if isinstance(i, dict) and i.get("system") == system)
    return tuple(islice((v for v in values if isinstance(v, str)), MAX_IDENTIFIERS))


def npis(resource: Any) -> tuple[str, ...]:
    return identifiers(resource, NPI)


class BundleIndex:
    """Finds the entries of a Bundle by the references that point at them (FHIR R4 bundle.html#references)."""

    def __init__(self, bundle: Mapping[str, Any]) -> None:
        self.entries: list[tuple[int, str, Resource]] = []
        self._by_url: dict[str, Resource] = {}
        self._by_type_id: dict[str, list[Resource]] = {}
        self._url_of: dict[int, str] = {}
        entries = bundle.get("entry")
        for n, entry in enumerate(entries if isinstance(entries, list) else ()):
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if not isinstance(resource, dict):
                continue
            url = entry.get("fullUrl") if isinstance(entry.get("fullUrl"), str) else ""
            self.entries.append((n, url, resource))
            self._url_of[id(resource)] = url
            if url:
                self._by_url.setdefault(url, resource)
            key = f"{resource.get('resourceType')}/{resource.get('id')}"
            self._by_type_id.setdefault(key, []).append(resource)

    def of_type(self, *types: str) -> list[Resource]:
        return [r for _, _, r in self.entries if r.get("resourceType") in types]

    def full_url(self, resource: Resource) -> str:
        """The fullUrl under which a resource of this Bundle stands; empty when it has none."""
        return self._url_of.get(id(resource), "")

    def place(self, resource: Resource) -> str:
        """FHIRPath of an entry's resource; `Bundle` when it is none of this Bundle."""
        return next((f"Bundle.entry[{n}].resource" for n, _, r in self.entries if r is resource), "Bundle")

    def resolve(self, element: Any, holder: Resource | None = None) -> Resource | None:
        """The resource that a Reference points at, among the holder's contained ones and the entries; None if absent.

        An absolute one is the fullUrl of an entry, or the address of one of its versions, and nothing else. A relative
        one is read against the holder's own fullUrl first; failing that, `Type/id` is enough when it is unique in the
        Bundle (senders mix bases, pas T-1, T-2). A Reference that says two things, since its identifier or its type is
        not that of the resource, leads nowhere, and so does one to another version of it.
        """
        literal = reference(element)
        if not literal:
            return None
        found = self._literal(literal, holder)
        if found is None or not _is_version(literal, found):
            return None
        return None if isinstance(element, dict) and _says_another(element, found) else found

    def _literal(self, literal: str, holder: Resource | None) -> Resource | None:
        if literal.startswith("#"):
            return next((c for c in dicts((holder or {}).get("contained")) if c.get("id") == literal[1:]), None)
        if literal in self._by_url:
            return self._by_url[literal]
        if literal.startswith("http"):
            return self._by_url.get(literal.partition("/_history/")[0])
        return self._relative(literal, holder)

    def _relative(self, literal: str, holder: Resource | None) -> Resource | None:
        key = type_and_id(literal)
        if key is None:
            return None
        if holder is not None:
            base = self.full_url(holder).rsplit("/", 2)[0]
            if f"{base}/{key}" in self._by_url:
                return self._by_url[f"{base}/{key}"]
        same = self._by_type_id.get(key, [])
        return same[0] if len(same) == 1 else None


def _is_version(literal: str, resource: Resource) -> bool:
    """Whether a reference that names a version names this one; a resource without a version may be any."""
    version = literal.partition("/_history/")[2]
    meta = resource.get("meta")
    return not version or not isinstance(meta, dict) or meta.get("versionId") in (None, version)


def _says_another(element: Mapping[str, Any], resource: Resource) -> bool:
    """Whether what a Reference says beside its literal is of something else than the resource."""
    if element.get("type") not in (None, resource.get("resourceType")):
        return True
    said = element.get("identifier")
    if not isinstance(said, dict) or not isinstance(said.get("system"), str) or not said.get("value"):
        return False
    same_system = identifiers(resource, said["system"])
    return bool(same_system) and said["value"] not in same_system
