"""Reads policy folders (cql/README.md fixes their shape) and lists everything that does not hold together."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from server.cql.elm_files import read_library
from server.cql.model import CqlLibrary, ValueSet
from server.errors import PolicyProblem
from server.fhir.codes import HCPCS
from server.fhir.read import Coding, codings
from server.policy.criteria import CriteriaReader
from server.policy.model import Edition, Form, Policy, Validity
from server.policy.table import Table

SHARED = "shared"
NOT_POLICIES = {SHARED, "plans"}


@dataclass(frozen=True, slots=True)
class _Elm:
    """The parts of a compiled library that a policy refers to."""

    defines: frozenset[str]
    parameters: frozenset[str]
    includes: tuple[str, ...]
    """`name|version` keys."""
    value_sets: tuple[str, ...]


class Loader:
    """Reads every folder; `problems` holds what was found wrong, in all of them."""

    def __init__(self, cql: Path, questionnaires: Path) -> None:
        self.cql = cql
        self.questionnaires = questionnaires
        self.problems: list[PolicyProblem] = []
        self.libraries: dict[str, CqlLibrary] = {}
        self.value_sets: dict[str, ValueSet] = {}
        self._elm: dict[str, _Elm] = {}

    def policies(self) -> list[Policy]:
        """Every policy that could be read; complete only when `problems` stays empty."""
        if not self.cql.is_dir():
            self._problem(self.cql, "", "there is no such folder; point VITRUVIAN_POLICIES at the policy folders")
            return []
        self._read_libraries(self.cql / SHARED)
        folders = sorted(p for p in self.cql.iterdir() if p.is_dir() and p.name not in NOT_POLICIES)
        for folder in folders:
            self._read_libraries(folder)
            self._read_value_sets(folder / "value-sets")
        found = [p for folder in folders if (p := self._policy(folder)) is not None]
        self._one_policy_a_code(found)
        return found

    # -- files -------------------------------------------------------------------------------------------------

    def _read_libraries(self, folder: Path) -> None:
        for file in sorted(folder.glob("*.cql")):
            library, problems = read_library(file)
            self.problems += problems
            if library is None:
                continue
            if library.key in self.libraries:
                self._problem(
                    file, "library", f"{library.key} is also {self.libraries[library.key].source}; rename one"
                )
                continue
            self.libraries[library.key] = library
            self._elm[library.key] = _elm(library)

    def _read_value_sets(self, folder: Path) -> None:
        for file in sorted(folder.glob("*.json")):
            resource = self._json(file)
            if resource is None:
                continue
            url, version = resource.get("url"), resource.get("version")
            contains = (resource.get("expansion") or {}).get("contains")
            if resource.get("resourceType") != "ValueSet" or not url or not version or not isinstance(contains, list):
                self._problem(file, "", "must be a ValueSet with url, version and expansion.contains")
            elif url in self.value_sets:
                self._problem(file, "url", f"{url} stands in another file too; keep one")
            else:
                members = frozenset(c.token for c in codings(contains))
                self.value_sets[url] = ValueSet(url, version, resource, members)

    def _json(self, file: Path) -> dict[str, Any] | None:
        try:
            found = orjson.loads(file.read_bytes())
        except FileNotFoundError:
            self._problem(file, "", "there is no such file")
        except orjson.JSONDecodeError as error:
            self._problem(file, "", f"is not JSON: {error}")
        else:
            if isinstance(found, dict):
                return found
            self._problem(file, "", "must hold one JSON object")
        return None

    # -- policy.toml -------------------------------------------------------------------------------------------

    def _policy(self, folder: Path) -> Policy | None:
        file = folder / "policy.toml"
        try:
            raw = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._problem(file, "", "there is no such file; every folder here is a policy")
            return None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self._problem(file, "", f"is not TOML: {error}")
            return None
        table = Table(raw, str(file), "", self.problems)
        policy_id = table.text("id")
        if policy_id and policy_id != folder.name:
            table.problem("id", f"must equal the folder's name, {folder.name}")
        order = table.table("order")
        identified = self._tokens(folder, order, "identified_by", required=True)
        placeholders = self._tokens(folder, order, "placeholders", required=False)
        order.no_more()
        uri, title, display = table.text("uri"), table.text("title"), table.text("display")
        editions = [e for t in table.tables("edition") if (e := self._edition(folder, policy_id, uri, t)) is not None]
        policy = Policy(
            policy_id, uri, title, display, table.optional_text("url"), identified, placeholders, tuple(editions)
        )
        table.no_more()
        self._newest_first(policy, table)
        return policy

    def _tokens(self, folder: Path, order: Table, key: str, *, required: bool) -> frozenset[str]:
        tokens: set[str] = set()
        for name in order.texts(key, required=required):
            resource = self._json(folder / "value-sets" / f"{name}.json")
            members = self.value_sets.get(str((resource or {}).get("url")))
            if members is not None:
                tokens |= members.members
        return frozenset(tokens)

    def _edition(self, folder: Path, policy_id: str, uri: str, table: Table) -> Edition | None:
        before = len(self.problems)
        version, effective = table.text("version"), table.date("effective")
        library = self._main_library(folder, table)
        form = self._form(policy_id, table)
        parameters = table.optional_table("parameters")
        known = self._known(library)
        for name in parameters:
            if library is not None and name not in known.parameters:
                table.problem(f"parameters.{name}", f"{library.source} and what it includes declare no such parameter")
        validity = tuple(self._validity(t, known) for t in table.tables("validity"))
        criteria = CriteriaReader(known.defines, library.source if library else "").read(table.tables("criterion"))
        approved_by = table.optional_text("approved_by") or "machine"
        if approved_by not in {"machine", "nurse"}:
            table.problem("approved_by", "must be machine or nurse")
        billing = tuple(Coding(HCPCS, code) for code in table.texts("billing", required=False))
        table.no_more()
        if library is None or form is None or len(self.problems) > before:
            return None
        return Edition(
            policy_id=policy_id,
            policy_uri=uri,
            version=version,
            effective=effective or date.min,
            library=library,
            libraries=self._closure(library.key),
            value_sets=self._sets_of(library.key, form),
            form=form,
            validity=validity,
            criteria=criteria,
            parameters=parameters,
            approved_by=approved_by,
            billing_codes=billing,
        )

    def _main_library(self, folder: Path, table: Table) -> CqlLibrary | None:
        name = table.text("library")
        source = str(folder / f"{name}.cql")
        library = next((lib for lib in self.libraries.values() if lib.source == source), None)
        if library is None and name:
            table.problem("library", f"{source} is missing or does not compile; run `make elm`")
        return library

    def _form(self, policy_id: str, table: Table) -> Form | None:
        name = table.text("form")
        file = self.questionnaires / policy_id / f"{name}.json"
        resource = self._json(file) if name else None
        if resource is None:
            return None
        url, version = resource.get("url"), resource.get("version")
        if resource.get("resourceType") != "Questionnaire" or not url or not version or not resource.get("item"):
            self._problem(file, "", "must be a Questionnaire with url, version and item")
            return None
        self._check_items(file, resource["item"], seen=set())
        return Form(url, version, resource)

    def _check_items(self, file: Path, items: Iterable[Mapping[str, Any]], seen: set[str]) -> None:
        for item in items:
            link = str(item.get("linkId"))
            if link in seen:
                self._problem(file, f"item {link}", "stands twice; a linkId is unique in its form")
            seen.add(link)
            url = str(item.get("answerValueSet", "")).split("|", 1)[0]
            if url and url not in self.value_sets:
                self._problem(file, f"item {link}", f"answerValueSet {url} is in no value-sets folder")
            self._check_items(file, item.get("item") or (), seen)

    def _validity(self, table: Table, known: _Elm) -> Validity:
        when, days = table.text("when"), table.positive("days")
        if when and when not in known.defines:
            table.problem("when", f"no define {when!r} in the edition's library")
        table.no_more()
        return Validity(when, days)

    # -- libraries of an edition -------------------------------------------------------------------------------

    def _known(self, library: CqlLibrary | None) -> _Elm:
        """What criteria may name: the main library's defines; parameters of every included library too."""
        if library is None:
            return _Elm(frozenset(), frozenset(), (), ())
        closure = [self._elm[lib.key] for lib in self._closure(library.key)]
        return _Elm(self._elm[library.key].defines, frozenset(p for e in closure for p in e.parameters), (), ())

    def _closure(self, key: str) -> tuple[CqlLibrary, ...]:
        found: dict[str, CqlLibrary] = {}
        todo = [key]
        while todo:
            key = todo.pop(0)
            if key in found:
                continue
            if key not in self.libraries:
                self._problem(self.cql, key, "is included but there is no such library in shared/ or the policy folder")
                continue
            found[key] = self.libraries[key]
            todo += self._elm[key].includes
        return tuple(found.values())

    def _sets_of(self, key: str, form: Form) -> tuple[ValueSet, ...]:
        urls = {url for lib in self._closure(key) for url in self._elm[lib.key].value_sets}
        urls |= set(_answer_value_sets(form.questionnaire.get("item") or ()))
        for url in sorted(urls - set(self.value_sets)):
            self._problem(Path(self.libraries[key].source), "valueset", f"{url} is in no value-sets folder")
        return tuple(self.value_sets[url] for url in sorted(urls) if url in self.value_sets)

    # -- across policies ---------------------------------------------------------------------------------------

    def _newest_first(self, policy: Policy, table: Table) -> None:
        days = [e.effective for e in policy.editions]
        if days != sorted(days, reverse=True) or len(set(days)) != len(days):
            table.problem("edition", "editions stand newest first, each with its own effective date")

    def _one_policy_a_code(self, policies: Iterable[Policy]) -> None:
        owner: dict[str, Policy] = {}
        for policy in policies:
            for token in sorted(policy.identified_by):
                if token in owner:
                    file = self.cql / policy.id / "policy.toml"
                    self._problem(file, "order.identified_by", f"{token} already names {owner[token].id}")
                owner.setdefault(token, policy)

    def _problem(self, file: Path, place: str, text: str) -> None:
        self.problems.append(PolicyProblem(str(file), place, text))


def _elm(library: CqlLibrary) -> _Elm:
    elm = orjson.loads(library.elm)["library"]

    def definitions(kind: str) -> list[dict[str, Any]]:
        return list((elm.get(kind) or {}).get("def") or ())

    return _Elm(
        defines=frozenset(
            d["name"] for d in definitions("statements") if d.get("type") != "FunctionDef" and d["name"] != "Patient"
        ),
        parameters=frozenset(d["name"] for d in definitions("parameters")),
        includes=tuple(f"{d['path']}|{d['version']}" for d in definitions("includes")),
        value_sets=tuple(d["id"].split("|", 1)[0] for d in definitions("valueSets")),
    )


def _answer_value_sets(items: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for item in items:
        if url := item.get("answerValueSet"):
            yield str(url).split("|", 1)[0]
        yield from _answer_value_sets(item.get("item") or ())
