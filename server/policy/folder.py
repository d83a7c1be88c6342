"""Reads policy folders (cql/README.md fixes their shape) and lists everything that does not hold together."""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from server.cql.model import CqlLibrary
from server.fhir.codes import HCPCS
from server.fhir.read import Coding
from server.policy.criteria import CriteriaReader
from server.policy.model import Edition, Policy, Validity
from server.policy.referenced_files import Artifacts, Known
from server.policy.table import Table, read_toml

SHARED = "shared"
NOT_POLICIES = {SHARED, "plans"}
MAX_DAYS = 36_500  # a hundred years; no approval lasts as long, and the calendar of dates ends
_BILLING = re.compile(r"[A-Z]\d{4}|\d{4}[0-9A-Z]")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def policy_folders(cql: Path) -> list[Path]:
    return sorted(p for p in cql.iterdir() if p.is_dir() and p.name not in NOT_POLICIES) if cql.is_dir() else []


class Loader:
    """Reads every folder; `artifacts.problems` holds what was found wrong, in all of them."""

    def __init__(self, cql: Path, questionnaires: Path) -> None:
        self.cql = cql
        self.questionnaires = questionnaires
        self.artifacts = Artifacts(cql)

    def policies(self) -> list[Policy]:
        """Every policy that could be read; complete only when there are no problems."""
        if not self.cql.is_dir():
            self.artifacts.problem(self.cql, "", "there is no such folder; point VITRUVIAN_POLICIES at the policies")
            return []
        folders = policy_folders(self.cql)
        if not folders:
            text = "holds no policy; point VITRUVIAN_POLICIES at the folder of the policy folders"
            self.artifacts.problem(self.cql, "", text)
        for folder in (self.cql / SHARED, *folders):
            self.artifacts.read_folder(folder)
        found = [p for folder in folders if (p := self._policy(folder)) is not None]
        self._one_policy_a_code(found)
        return found

    def _policy(self, folder: Path) -> Policy | None:
        file = folder / "policy.toml"
        raw = read_toml(
            file,
            self.artifacts.problems,
            unreadable="it must be a file of yours",
            absent="there is no such file; every folder here is a policy",
        )
        if raw is None:
            return None
        table = Table(raw, str(file), "", self.artifacts.problems)
        policy_id = table.text("id")
        if policy_id and policy_id != folder.name:
            table.problem("id", f"must equal the folder's name, {folder.name}")
        elif policy_id and not _ID.fullmatch(policy_id):
            table.problem(
                "id", "stands in addresses; use letters, digits, - and ., at most 64, here and for the folder"
            )
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
            resource = self.artifacts.json(folder / "value-sets" / f"{name}.json")
            members = self.artifacts.value_sets.get(str((resource or {}).get("url")))
            if members is not None:
                tokens |= members.members
        return frozenset(tokens)

    def _edition(self, folder: Path, policy_id: str, uri: str, table: Table) -> Edition | None:
        before = len(self.artifacts.problems)
        version, effective = table.text("version"), table.date("effective")
        library = self._main_library(folder, table)
        form_name = table.text("form")
        form = self.artifacts.form(self.questionnaires / policy_id / f"{form_name}.json") if form_name else None
        parameters = table.optional_table("parameters")
        known = self.artifacts.known(library)
        for name in parameters:
            if library is not None and name not in known.parameters:
                text = "is declared by no library that the edition runs; declare it, or take it out"
                table.problem(f"parameters.{name}", text)
        validity = tuple(self._validity(t, known) for t in table.tables("validity"))
        criteria = CriteriaReader(known.defines, library.source if library else "").read(table.tables("criterion"))
        approved_by = table.optional_text("approved_by") or "machine"
        if approved_by not in {"machine", "nurse"}:
            table.problem("approved_by", "must be machine or nurse")
        billing = tuple(Coding(HCPCS, code) for code in table.texts("billing", required=False))
        for coding in billing:
            if not _BILLING.fullmatch(coding.code):
                table.problem("billing", f"{coding.code} is no code of HCPCS or CPT; write one, like A1234 or 12345")
        table.no_more()
        if library is None or form is None or len(self.artifacts.problems) > before:
            return None
        return Edition(
            policy_id=policy_id,
            policy_uri=uri,
            version=version,
            effective=effective or date.min,
            library=library,
            libraries=self.artifacts.closure(library.key),
            value_sets=self.artifacts.sets_of(library.key, form),
            form=form,
            validity=validity,
            criteria=criteria,
            parameters=parameters,
            approved_by=approved_by,
            billing_codes=billing,
        )

    def _main_library(self, folder: Path, table: Table) -> CqlLibrary | None:
        name = table.text("library")
        source = folder / f"{name}.cql"
        library = next((lib for lib in self.artifacts.libraries.values() if lib.source == str(source)), None)
        if name and not source.exists():  # what is wrong with one that exists was told when it was read
            table.problem("library", f"there is no {source}; name a library of this folder")
        return library

    def _validity(self, table: Table, known: Known) -> Validity:
        when, days = table.text("when"), table.positive("days", MAX_DAYS)
        if when and known.defines and when not in known.defines:
            table.problem("when", f"no define {when!r} in the edition's library; name one that it has")
        table.no_more()
        return Validity(when, days)

    def _newest_first(self, policy: Policy, table: Table) -> None:
        days = [e.effective for e in policy.editions]
        if days != sorted(days, reverse=True) or len(set(days)) != len(days):
            table.problem("edition", "editions stand newest first, each with its own effective date")
        if len({e.version for e in policy.editions}) != len(days):
            table.problem("edition", "a version stands twice; decisions name it, so give each edition its own")

    def _one_policy_a_code(self, policies: Iterable[Policy]) -> None:
        owner: dict[str, Policy] = {}
        for policy in policies:
            for token in sorted(policy.identified_by):
                if token in owner:
                    file = self.cql / policy.id / "policy.toml"
                    self.artifacts.problem(
                        file, "order.identified_by", f"{token} already names {owner[token].id}; leave it with one"
                    )
                owner.setdefault(token, policy)
