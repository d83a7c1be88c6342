"""Every Questionnaire, Library and ValueSet of the forms, rendered once per guide version when the server starts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Any

import orjson

from server.cql.elm import closure, elm_of
from server.cql.model import CqlLibrary, ValueSet
from server.dtr.adaptive import AdaptiveForm
from server.dtr.library import library_resource
from server.dtr.questionnaire import UNIT_VALUE_SET, VERSION_ALGORITHM, questionnaire_resource
from server.dtr.value_set import DAY_OF_READING, value_set_resource
from server.errors import Problem
from server.fhir.read import Resource, extension_value
from server.fhir.version import Version
from server.form.adaptive import Asking
from server.form.expression import cqf_libraries
from server.form.model import form_items
from server.policy.library import PolicyLibrary
from server.policy.model import Edition, Form

_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9\-.]+")


@dataclass(frozen=True, slots=True)
class RenderedResource:
    """One rendered resource. changed: when it was published, never too early (dtr D-29, T-8)."""

    type: str
    id: str
    url: str
    version: str
    changed: datetime
    full_url: str
    body: bytes
    etag: str = field(default="", compare=False)

    def on(self, day: date) -> bytes:
        """The JSON for a day: the expansion of a ValueSet is dated on the day it is read (dtr D-35)."""
        return self.body.replace(DAY_OF_READING, day.isoformat().encode()) if self.type == "ValueSet" else self.body

    def entry(self, day: date) -> bytes:
        """As an entry of a Bundle."""
        return b'{"fullUrl":"%b","resource":%b}' % (self.full_url.encode(), self.on(day))


@dataclass(frozen=True, slots=True)
class FormPackage:
    """What a package of one form always holds; only the draft answers are made per request.

    libraries: the `name|version` keys that the form's expressions use, the first one being the default.
    problems: what a client must be told each time, e.g. a library that is not there (dtr D-42).
    adaptive: set where the form is asked group by group; the questionnaire is then its adapt-search resource.
    """

    edition: Edition
    form: Form
    questionnaire: RenderedResource
    others: tuple[RenderedResource, ...]
    libraries: tuple[str, ...]
    changed: datetime
    problems: tuple[Problem, ...]
    adaptive: AdaptiveForm | None = None


class PackageResources:
    """The packages of one guide version and all resources in them; immutable after construction."""

    def __init__(self, policies: PolicyLibrary, version: Version, base_url: str) -> None:
        self._version = version
        self._base = f"{base_url.rstrip('/')}{version.base}"
        self._policies = policies
        self._elms = {key: elm_of(library) for key, library in policies.libraries.items()}
        self._resources: dict[tuple[str, str, str], RenderedResource] = {}
        self._by_id: dict[tuple[str, str], RenderedResource] = {}
        self._packages: dict[str, FormPackage] = {}
        for policy in policies.policies:
            for edition in policy.editions:  # newest first; editions may share a form
                if edition.form.canonical not in self._packages:
                    self._packages[edition.form.canonical] = self._package(edition)
        self._elms = {}  # 15 MB that only rendering needs

    def package(self, form: Form) -> FormPackage:
        return self._packages[form.canonical]

    def read(self, type_: str, id_: str) -> RenderedResource | None:
        return self._by_id.get((type_, id_))

    def search(self, type_: str, url: str | None, version: str | None, id_: str | None) -> list[RenderedResource]:
        """The resources of a type that fit every given parameter, in the order of url and version (dtr D-75)."""
        found = [
            a
            for a in self._resources.values()
            if a.type == type_
            and (url is None or a.url == url)
            and (version is None or a.version == version)
            and (id_ is None or a.id == id_)
        ]
        return sorted(found, key=lambda a: (a.url, a.version))

    def _package(self, edition: Edition) -> FormPackage:
        form, source = edition.form, edition.form.questionnaire
        published = _published(source, fallback=edition.effective)
        problems: list[Problem] = []
        sets = self._value_sets_of(source, problems)
        libraries: dict[str, CqlLibrary] = {}
        main = []
        library_url = ""
        for canonical in cqf_libraries(source):
            key = self._library_key(canonical)
            library_url = library_url or canonical.split("|", 1)[0].rpartition("/")[0] + "/"
            if key:
                main.append(key)
            reached, missing = closure(key, self._elms) if key else ((), (canonical,))
            libraries |= {k: self._policies.libraries[k] for k in reached}
            problems += [_missing("library", name) for name in missing]
        for key in libraries:
            for url in self._elms[key].value_sets.values():
                self._add_set(url, sets, problems)
        pinned = {url: f"{url}|{s.version}" for url, s in sets.items()}
        about = {k: source[k] for k in ("date", "publisher") if k in source}
        others = [self._library(lib, library_url, pinned, about, published) for lib in libraries.values()]
        others += [self._value_set(s) for s in sets.values()]
        pins = pinned | {a.url: f"{a.url}|{a.version}" for a in others}

        def pin(canonical: str) -> str:
            return canonical if "|" in canonical else pins.get(canonical, canonical)

        rendered = questionnaire_resource(source, self._version, pin)
        asked = None
        if form.adaptive:
            asking = Asking(form, self._policies.value_sets, conditions=self._version is Version.V2_2)
            asked = AdaptiveForm(asking, rendered, self._version, self._base)
        questionnaire = self._keep(asked.search_resource() if asked else rendered, published)
        changed = max(a.changed for a in (questionnaire, *others))
        return FormPackage(edition, form, questionnaire, tuple(others), tuple(main), changed, tuple(problems), asked)

    def _library_key(self, canonical: str) -> str | None:
        """The library that a cqf-library canonical names; without a version, the one with the highest."""
        url, _, version = canonical.partition("|")
        name = url.rsplit("/", 1)[-1]
        keys = [k for k, lib in self._policies.libraries.items() if lib.name == name and version in ("", lib.version)]
        return max(keys, key=_version_order, default=None)

    def _value_sets_of(self, source: Mapping[str, Any], problems: list[Problem]) -> dict[str, ValueSet]:
        found: dict[str, ValueSet] = {}
        for url in _answer_value_sets(source):
            self._add_set(url, found, problems)
        return found

    def _add_set(self, url: str, found: dict[str, ValueSet], problems: list[Problem]) -> None:
        value_set = self._policies.value_sets.get(url)
        if value_set is not None:
            found[url] = value_set
        elif not any(url in p.text for p in problems):
            problems.append(_missing("value set", url))

    def _library(
        self,
        library: CqlLibrary,
        library_url: str,
        pinned: Mapping[str, str],
        about: Mapping[str, Any],
        published: datetime,
    ) -> RenderedResource:
        known = self._resources.get(("Library", f"{library_url}{library.name}", library.version))
        if known is not None:
            return known
        resource = library_resource(library, self._elms, library_url, pinned, about)
        if self._version is Version.V2_2:
            resource = {"resourceType": "Library", "extension": [VERSION_ALGORITHM], **resource}
        return self._keep(resource, published)

    def _value_set(self, value_set: ValueSet) -> RenderedResource:
        known = self._resources.get(("ValueSet", value_set.url, value_set.version))
        if known is not None:
            return known
        source = value_set.resource
        expanded = (source.get("expansion") or {}).get("timestamp")
        published = max(_published(source, fallback=date.min), _end_of(expanded, fallback=date.min))
        return self._keep(value_set_resource(source), published)

    def _keep(self, resource: Resource, changed: datetime) -> RenderedResource:
        """Gives a resource its id and its place under this base, and renders it."""
        kind, url, version = resource["resourceType"], resource["url"], resource["version"]
        name = _NOT_IN_AN_ID.sub("-", url.rstrip("/").rsplit("/", 1)[-1])
        tail = _NOT_IN_AN_ID.sub("-", f"-{version}")
        id_ = name[: 64 - len(tail)] + tail  # canonical and version are immutable, so the id is too
        if (kind, id_) in self._by_id:  # another publisher's resource of the same name
            id_ = f"{id_[:55]}-{sha256(url.encode()).hexdigest()[:8]}"
        body = orjson.dumps({"resourceType": kind, "id": id_, **{k: v for k, v in resource.items() if k != "id"}})
        full_url = f"{self._base}/{kind}/{id_}"
        rendered = RenderedResource(
            kind, id_, url, version, changed, full_url, body, f'W/"{sha256(body).hexdigest()[:16]}"'
        )
        self._resources[kind, url, version] = self._by_id[kind, id_] = rendered
        return rendered


def _missing(what: str, name: str) -> Problem:
    text = f"The {what} {name} that the form uses is not on this server; answer those questions by hand."
    return Problem("not-found", text, severity="warning")


def _answer_value_sets(questionnaire: Mapping[str, Any]) -> Iterable[str]:
    """The external value sets of answers and of units, without a version."""
    for _, item in form_items(questionnaire):
        for canonical in (item.get("answerValueSet"), extension_value(item, UNIT_VALUE_SET)):
            url = str(canonical or "").split("|", 1)[0]
            if url and not url.startswith("#"):
                yield url


def _version_order(key: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(p), "") if p.isdigit() else (0, p) for p in key.partition("|")[2].split("."))


def _published(source: Mapping[str, Any], fallback: date) -> datetime:
    return _end_of(source.get("date"), fallback)


def _end_of(text: Any, fallback: date) -> datetime:
    """The end of the day (or the instant) that a FHIR date names: what a client got earlier that day may be older."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.combine(fallback, time.max, UTC)
    if len(str(text)) == len("2026-01-31"):
        return datetime.combine(moment.date(), time.max, UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
