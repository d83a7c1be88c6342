"""The files policies refer to: CQL libraries with their ELM, value sets, forms. Everything wrong is listed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from server.cql.elm import Elm, closure, elm_of, result_type
from server.cql.elm_files import COMPILE, read_library
from server.cql.model import CqlLibrary, ValueSet, whole_systems
from server.cql.retrieves import wanted
from server.errors import PolicyProblem
from server.fhir.read import codings
from server.fhir.structure import structure_problems
from server.form.expression import expression_problems
from server.form.model import form_items
from server.form.problems import form_problems
from server.policy.declared import Declared
from server.policy.model import Form


class ReferencedFiles:
    """What was read so far; `problems` collects what was found wrong."""

    def __init__(self) -> None:
        self.problems: list[PolicyProblem] = []
        self.libraries: dict[str, CqlLibrary] = {}
        self.value_sets: dict[str, ValueSet] = {}
        self._elms: dict[str, Elm] = {}
        self._forms: dict[Path, Form | None] = {}  # editions may share one

    def read_folder(self, folder: Path) -> None:
        """Takes in the CQL libraries and value sets of one folder."""
        self._read_libraries(folder)
        self._read_value_sets(folder / "value-sets")

    def _read_libraries(self, folder: Path) -> None:
        for file in sorted(folder.glob("*.cql")):
            library, problems = read_library(file)
            self.problems += problems
            if library is None:
                continue
            if library.key in self.libraries:
                self.problem(file, "library", f"{library.key} is also {self.libraries[library.key].source}; rename one")
                continue
            try:
                self._elms[library.key] = elm_of(library)
            except (KeyError, TypeError, AttributeError):
                self.problem(file.with_suffix(".elm.json"), "library", f"is no ELM as it is compiled; {COMPILE}")
                continue
            self.libraries[library.key] = library

    def _read_value_sets(self, folder: Path) -> None:
        for file in sorted(folder.glob("*.json")):
            resource = self.json(file)
            if resource is None:
                continue
            if problems := list(_value_set_problems(resource)):
                for place, text in problems:
                    self.problem(file, place, text)
                continue
            url, version = resource["url"], resource["version"]
            contains = resource.get("expansion", {}).get("contains")
            if url in self.value_sets:
                self.problem(file, "url", f"{url} stands in another file too; keep one")
            else:
                members = frozenset(c.token for c in codings(contains))
                self.value_sets[url] = ValueSet(url, version, resource, members)

    def json(self, file: Path) -> dict[str, Any] | None:
        """One JSON object, or None and a problem."""
        try:
            found = orjson.loads(file.read_bytes())
        except FileNotFoundError:
            self.problem(file, "", "there is no such file; add it, or name another in policy.toml")
        except OSError as error:
            self.problem(file, "", f"cannot be read ({error.strerror}); it must be a file of yours")
        except orjson.JSONDecodeError as error:
            self.problem(file, "", f"is not JSON: {error}")
        else:
            if isinstance(found, dict):
                return found
            self.problem(file, "", "must hold one JSON object")
        return None

    def form(self, file: Path) -> Form | None:
        """A Questionnaire that can be asked and read (form/problems.py), or None and the problems; read once."""
        if file not in self._forms:
            self._forms[file] = self._form(file)
        return self._forms[file]

    def _form(self, file: Path) -> Form | None:
        resource = self.json(file)
        if resource is None:
            return None
        problems = list(form_problems(resource, self.value_sets))
        problems += expression_problems(resource, {key: elm.defines for key, elm in self._elms.items()})
        for place, text in problems:
            self.problem(file, place, text)
        return None if problems else Form(resource["url"], resource["version"], resource)

    def declared(self, library: CqlLibrary) -> Declared:
        run = [self._elms[lib.key] for lib in self.closure(library.key)]
        parameters = frozenset(p for elm in run for p in elm.parameters)
        elm = self._elms[library.key]
        defines = {name: result_type(elm.statements[name][0]) for name in elm.defines}
        return Declared(library.source, defines, parameters)

    def closure(self, key: str) -> tuple[CqlLibrary, ...]:
        """The library and all that it includes, transitively, itself first."""
        found, missing = closure(key, self._elms)
        for name in missing:
            includer = next(lib for lib in found if name in self._elms[lib].includes.values())
            text = f"{name} is no library of shared/ or a policy folder; add it, or include one there is"
            self.problem(Path(self.libraries[includer].source), "include", text)
        return tuple(self.libraries[name] for name in found)

    def types_read(self, key: str) -> frozenset[str] | None:
        """The types of resources that the library and its includes retrieve; None when that may be every type."""
        found = wanted([self._elms[lib.key] for lib in self.closure(key)], {})
        return None if found is None else frozenset(found)

    def sets_of(self, key: str, form: Form) -> tuple[ValueSet, ...]:
        """The value sets that the library, its includes and the form refer to."""
        urls = {url for lib in self.closure(key) for url in self._elms[lib.key].value_sets.values()}
        urls |= {
            str(i["answerValueSet"]).split("|", 1)[0]
            for _, i in form_items(form.questionnaire)
            if i.get("answerValueSet")
        }
        for url in sorted(urls - set(self.value_sets)):
            self.problem(Path(self.libraries[key].source), "valueset", f"{url} is in no value-sets folder; add it")
        return tuple(self.value_sets[url] for url in sorted(urls) if url in self.value_sets)

    def problem(self, file: Path, place: str, text: str) -> None:
        found = PolicyProblem(str(file), place, text)
        if found not in self.problems:  # policies and editions share files
            self.problems.append(found)


def _value_set_problems(value_set: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Place and text of what keeps its codes from being read."""
    broken = structure_problems(orjson.dumps(value_set), dict(value_set))
    yield from ((p.expression or "", p.text) for p in broken)
    named = value_set.get("resourceType") == "ValueSet" and value_set.get("url") and value_set.get("version")
    if broken and named:
        return
    contains = [] if whole_systems(value_set) else (value_set.get("expansion") or {}).get("contains")
    if not named or not isinstance(contains, list):
        yield "", "must be a ValueSet with url, version and expansion.contains"
        return
    for n, code in enumerate(contains):
        if not code.get("code") or not code.get("system"):
            yield f"expansion.contains[{n}]", "must have a system and a code; give it both, or take it out"
