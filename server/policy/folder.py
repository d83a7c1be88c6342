"""Reads policy folders (cql/README.md fixes their shape) and lists everything that does not hold together."""

from collections.abc import Iterable
from pathlib import Path

from server.fhir.codes import HCPCS
from server.fhir.read import Coding
from server.policy.declared import undeclared, unjudged
from server.policy.model import Edition, Policy
from server.policy.policy_file import EditionTable, PolicyFile
from server.policy.referenced_files import ReferencedFiles
from server.policy.toml_file import read_toml

SHARED = "shared"
NOT_POLICIES = {SHARED, "plans", "schemas"}


def policy_folders(cql: Path) -> list[Path]:
    return sorted(p for p in cql.iterdir() if p.is_dir() and p.name not in NOT_POLICIES) if cql.is_dir() else []


class Loader:
    """Reads every folder; `files.problems` holds what was found wrong, in all of them."""

    def __init__(self, cql: Path, questionnaires: Path) -> None:
        self.cql = cql
        self.questionnaires = questionnaires
        self.files = ReferencedFiles()

    def policies(self) -> list[Policy]:
        """Every policy that could be read; complete only when there are no problems."""
        if not self.cql.is_dir():
            self.files.problem(self.cql, "", "there is no such folder; point VITRUVIAN_POLICIES at the policies")
            return []
        folders = policy_folders(self.cql)
        if not folders:
            text = "holds no policy; point VITRUVIAN_POLICIES at the folder of the policy folders"
            self.files.problem(self.cql, "", text)
        for folder in (self.cql / SHARED, *folders):
            self.files.read_folder(folder)
        found = [p for folder in folders if (p := self._policy(folder)) is not None]
        self._one_policy_a_code(found)
        return found

    def _policy(self, folder: Path) -> Policy | None:
        for form in sorted((self.questionnaires / folder.name).glob("*.json")):
            self.files.form(form)  # they are read even when policy.toml has faults
        file = folder / "policy.toml"
        read = read_toml(
            file,
            PolicyFile,
            self.files.problems,
            unreadable="it must be a file of yours",
            absent="there is no such file; every folder here is a policy",
        )
        if read is None:
            return None
        if read.id != folder.name:
            self.files.problem(file, "id", f"must equal the folder's name, {folder.name}")
        editions = [e for table in read.edition if (e := self._edition(folder, read, table)) is not None]
        return Policy(
            id=read.id,
            uri=read.uri,
            title=read.title,
            display=read.display,
            url=read.url,
            identified_by=self._tokens(folder, read.order.identified_by),
            placeholders=self._tokens(folder, read.order.placeholders),
            editions=tuple(editions),
        )

    def _tokens(self, folder: Path, names: Iterable[str]) -> frozenset[str]:
        """The codes of some value sets of the folder; one that is there and cannot be read was told when it was."""
        tokens: set[str] = set()
        for name in names:
            resource = self.files.json(folder / "value-sets" / f"{name}.json")
            members = self.files.value_sets.get(str((resource or {}).get("url")))
            if members is not None:
                tokens |= members.members
        return frozenset(tokens)

    def _edition(self, folder: Path, policy: PolicyFile, table: EditionTable) -> Edition | None:
        """An edition with all that it names; None, and the problems, when something of it is not there."""
        source = folder / f"{table.library}.cql"
        library = next((lib for lib in self.files.libraries.values() if lib.source == str(source)), None)
        form = self.files.form(self.questionnaires / folder.name / f"{table.form}.json")
        found: list[tuple[str, str]] = []
        if library is not None:
            declared = self.files.declared(library)
            found += [*undeclared(table, declared), *unjudged(table, declared)]
        elif not source.exists():  # a fault of a file that exists was reported when it was read
            found.append(("library", f"there is no {source}; name a library of this folder"))
        for place, text in found:
            self.files.problem(folder / "policy.toml", f"edition {table.version}.{place}", text)
        if library is None or form is None or found:
            return None
        return Edition(
            policy_id=policy.id,
            policy_uri=policy.uri,
            version=table.version,
            effective=table.effective,
            library=library,
            libraries=self.files.closure(library.key),
            value_sets=self.files.sets_of(library.key, form),
            form=form,
            validity=table.validities(),
            starts=table.starts,
            reads=self.files.types_read(library.key),
            criteria=table.criteria(),
            parameters=table.parameters,
            approved_by=table.approved_by,
            billing_codes=tuple(Coding(HCPCS, code) for code in table.billing),
        )

    def _one_policy_a_code(self, policies: Iterable[Policy]) -> None:
        owner: dict[str, Policy] = {}
        for policy in policies:
            for token in sorted(policy.identified_by):
                if token in owner:
                    file = self.cql / policy.id / "policy.toml"
                    text = f"{token} already names {owner[token].id}; leave it with one"
                    self.files.problem(file, "order.identified_by", text)
                owner.setdefault(token, policy)
