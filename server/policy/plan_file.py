"""Loads a plan file: who the payer is, whom it covers, and its catalogue of services without a policy (cql/plans/)."""

from pathlib import Path
from typing import Any

from server.errors import PolicyProblem, PolicyProblems
from server.fhir.read import coding
from server.policy.plan import CatalogueEntry, MemberStatus, Plan
from server.policy.table import Table, read_toml

# The words of coverage-information that a catalogue may use (crd section 1.10); documentation is a policy's to ask for.
_COVERED = ("covered", "not-covered", "conditional")
_PA_NEEDED = ("no-auth", "auth-needed", "performpa", "conditional")
_INFO_NEEDED = ("performer", "location", "timeframe", "contract-window", "detail-code", "OTH")
_NPI_DIGITS = 10


def load_plan(path: Path) -> Plan:
    """The plan of a TOML file; raises PolicyProblems with everything that is wrong in it."""
    problems: list[PolicyProblem] = []
    raw = read_toml(path, problems, unreadable="VITRUVIAN_PLAN names the plan file")
    if raw is None:
        raise PolicyProblems(problems)
    plan = _Reader(path, problems).plan(raw)
    if problems:
        raise PolicyProblems(problems)
    return plan


class _Reader:
    def __init__(self, path: Path, problems: list[PolicyProblem]) -> None:
        self._file = str(path)
        self._problems = problems
        self._systems: dict[str, str] = {}
        self._taken: dict[str, str] = {}

    def plan(self, raw: dict[str, Any]) -> Plan:
        top = Table(raw, self._file, "", self._problems)
        members = top.table("members")
        self._systems = self._texts(top, "systems")
        plan = Plan(
            name=top.text("name"),
            payer_id=top.text("payer_id"),
            payer_id_system=top.text("payer_id_system"),
            npi=self._npi(top, "npi", top.text("npi")),
            phone=top.text("phone"),
            address=top.optional_table("address"),
            unlisted_members=self._status(members, "unlisted", members.text("unlisted")),
            members={
                member: self._status(members, f"listed.{member}", status)
                for member, status in self._texts(members, "listed").items()
            },
            clients=frozenset(self._npi(top, "clients", npi) for npi in top.texts("clients", required=False)),
            catalogue=tuple(self._entry(t) for t in top.tables("service")) if "service" in raw else (),
            assertion_days=top.positive("assertion_days"),
        )
        members.no_more()
        top.no_more()
        return plan

    def _entry(self, table: Table) -> CatalogueEntry:
        covered = self._one_of(table, "covered", table.text("covered"), _COVERED)
        pa_needed = table.optional_text("pa_needed")
        if pa_needed is not None:
            self._one_of(table, "pa_needed", pa_needed, _PA_NEEDED)
        if (covered == "not-covered") == (pa_needed is not None):
            table.problem("pa_needed", 'must be given, except with covered = "not-covered", where it must not')
        info_needed = table.texts("info_needed", required=False)
        for code in info_needed:
            self._one_of(table, "info_needed", code, _INFO_NEEDED)
        if bool(info_needed) != ("conditional" in (covered, pa_needed)):
            table.problem("info_needed", 'must be given exactly when covered or pa_needed is "conditional"')
        entry = CatalogueEntry(
            tokens=frozenset(self._token(table, code) for code in table.texts("codes", required=True)),
            display=table.text("id"),
            covered=covered,
            pa_needed=pa_needed,
            reason=table.text("reason"),
            info_needed=info_needed,
            placeholder=table.flag("placeholder"),
        )
        table.no_more()
        return entry

    def _token(self, table: Table, code: str) -> str:
        """`system|code`, where the system may be a name of [systems]."""
        system, bar, value = code.partition("|")
        found = coding({"system": self._systems.get(system, system), "code": value.strip()})
        if not bar or found is None or ":" not in found.system:
            table.problem("codes", f'"{code}" must be system|code, with a system URI or a name of [systems]')
            return code
        if found.token in self._taken:
            table.problem("codes", f'"{code}" stands in two services; leave it in one')
        self._taken[found.token] = code
        return found.token

    def _texts(self, table: Table, key: str) -> dict[str, str]:
        found = table.optional_table(key)
        for name, value in found.items():
            if not isinstance(value, str) or not value:
                table.problem(f"{key}.{name}", "must be a text that is not empty")
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def _npi(self, table: Table, key: str, npi: str) -> str:
        if npi and not (npi.isdigit() and len(npi) == _NPI_DIGITS):
            table.problem(key, f'"{npi}" is no NPI; an NPI has {_NPI_DIGITS} digits')
        return npi

    def _status(self, table: Table, key: str, status: str) -> MemberStatus:
        self._one_of(table, key, status, tuple(MemberStatus))
        return MemberStatus(status) if status in tuple(MemberStatus) else MemberStatus.UNKNOWN

    def _one_of(self, table: Table, key: str, value: str, allowed: tuple[str, ...]) -> str:
        if value and value not in allowed:
            table.problem(key, f'"{value}" must be one of {", ".join(allowed)}')
        return value
