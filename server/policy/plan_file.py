"""A plan file: who the payer is, whom it covers, and its catalogue of services without a policy (cql/plans/)."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from server.errors import PolicyProblem, PolicyProblems
from server.fhir.coverage import member_id
from server.fhir.read import Coding, coding
from server.policy.card_rules import CardTable, OtherService, OtherServiceTable
from server.policy.client_file import ClientTable, clashes
from server.policy.desk_file import DeskTables
from server.policy.origins import BrowsersTable
from server.policy.outgoing_table import FetchTable, OutgoingTable
from server.policy.plan import CatalogueEntry, MemberStatus, Plan
from server.policy.toml_file import Count, Flag, Npi, Said, Some, Text, TomlTable, read_toml

# The words of coverage-information that a catalogue may use (crd section 1.10); documentation is a policy's to ask for.
_Covered = Literal["covered", "not-covered", "conditional"]
_PaNeeded = Literal["no-auth", "auth-needed", "performpa", "conditional"]
_InfoNeeded = Literal["performer", "location", "timeframe", "contract-window", "detail-code", "OTH"]


class MembersTable(TomlTable):
    """Who is enrolled, by member id."""

    unlisted: MemberStatus = Field(description="What a member id that is not listed is taken for.")
    listed: dict[str, MemberStatus] = Field(
        {}, description="active, inactive, unknown, or several (coverages), by member id."
    )


class ServiceTable(TomlTable):
    """What the plan says about a service without a policy."""

    id: Text = Field(description="What people call it.")
    codes: Some[Text] = Field(description="system|code; the system may be a name of [systems].")
    covered: _Covered
    pa_needed: _PaNeeded | None = Field(None, description="Whether it needs prior authorization; not with not-covered.")
    info_needed: tuple[_InfoNeeded, ...] = Field((), description="Exactly when something is conditional.")
    contracted: tuple[Npi, ...] = Field((), description="NPIs of performers who need no prior authorization.")
    reason: Text = Field(description="One plain sentence.")
    placeholder: Flag = Field(default=False, description="true: the codes name nothing by themselves.")
    alternative: OtherServiceTable | None = Field(None, description="What the plan would rather see ordered.")
    companion: OtherServiceTable | None = Field(None, description="What is to be ordered with it.")

    def contradictions(self) -> Said:
        if (self.covered == "not-covered") == (self.pa_needed is not None):
            yield "pa_needed", 'must be given, except with covered = "not-covered", where it must not'
        if bool(self.info_needed) != ("conditional" in (self.covered, self.pa_needed)):
            yield "info_needed", 'must be given exactly when covered or pa_needed is "conditional"'
        if self.contracted and self.info_needed != ("performer",):
            yield "contracted", 'is of use only with info_needed = ["performer"]; take it out, or ask for the performer'

    def entry(self, systems: dict[str, str]) -> CatalogueEntry:
        return CatalogueEntry(
            tokens=frozenset(token for code in self.codes if (token := _token(code, systems)) is not None),
            display=self.id,
            covered=self.covered,
            pa_needed=self.pa_needed,
            reason=self.reason,
            info_needed=self.info_needed,
            placeholder=self.placeholder,
            contracted=frozenset(self.contracted),
            alternative=_other(self.alternative, systems),
            companion=_other(self.companion, systems),
        )


class PlanFile(DeskTables):
    """Who the payer is, whom it covers, and what it says about services that no policy judges."""

    name: Text
    payer_id: Text
    payer_id_system: Text
    npi: Npi
    phone: Text
    assertion_days: Count = Field(description="How long the plan stands by what it said about an order.")
    keep_documents: Flag = Field(default=False, description="true: documentation of authorized orders is to be kept.")
    clients: tuple[Npi, ...] = Field((), description="NPI of the provider organizations it knows.")
    address: dict[str, Any] = Field({}, description="A FHIR Address.")
    members: MembersTable
    outgoing: OutgoingTable = Field(default=OutgoingTable(), description="Whom the server may call.")
    cards: CardTable = Field(default=CardTable(renewal_days=0), description="Cards beside coverage information.")
    fetch: FetchTable = Field(default=FetchTable(), description="How much a CDS call may ask of the EHR.")
    systems: dict[str, Text] = Field({}, description="Short names for the code systems of the services.")
    service: tuple[ServiceTable, ...] = ()
    browsers: BrowsersTable = Field(default=BrowsersTable(), description="Whose pages may call from a browser.")
    client: tuple[ClientTable, ...] = Field((), description="The systems that may call, with VITRUVIAN_AUTHENTICATION.")

    def contradictions(self) -> Said:
        yield from self.desk_contradictions()
        yield from clashes(self.client)
        taken: set[str] = set()
        for service in self.service:
            for code in service.codes:
                token = _token(code, self.systems)
                if token is None:
                    text = f'"{code}" must be system|code, with a system URI or a name of [systems]'
                    yield f"service {service.id}.codes", text
                elif token in taken:
                    yield f"service {service.id}.codes", f'"{code}" stands in two services; leave it in one'
                else:
                    taken.add(token)
            for name in ("alternative", "companion"):
                other = getattr(service, name)
                if other and _token(other.code, self.systems) is None:
                    text = f'"{other.code}" must be system|code, with a system URI or a name of [systems]'
                    yield f"service {service.id}.{name}.code", text


def load_plan(path: Path) -> Plan:
    """The plan of a TOML file; raises PolicyProblems with everything that is wrong in it."""
    problems: list[PolicyProblem] = []
    read = read_toml(path, PlanFile, problems, unreadable="VITRUVIAN_PLAN names the plan file")
    if read is None:
        raise PolicyProblems(problems)
    return Plan(
        name=read.name,
        payer_id=read.payer_id,
        payer_id_system=read.payer_id_system,
        npi=read.npi,
        phone=read.phone,
        address=read.address,
        unlisted_members=read.members.unlisted,
        members={member_id(m): status for m, status in read.members.listed.items()},
        clients=frozenset(read.clients),
        catalogue=tuple(service.entry(read.systems) for service in read.service),
        assertion_days=read.assertion_days,
        outgoing=read.outgoing.rules(),
        keep_documents=read.keep_documents,
        cards=read.cards.rules(),
        fetch=read.fetch.rules(),
        desk=read.desk_rules(),
        browsers=read.browsers.rules(),
        registered=tuple(c.client() for c in read.client),
    )


def _other(table: OtherServiceTable | None, systems: dict[str, str]) -> OtherService | None:
    if table is None:
        return None
    system, _, code = (_token(table.code, systems) or "").partition("|")
    return OtherService(Coding(system, code, table.display), table.reason)


def _token(code: str, systems: dict[str, str]) -> str | None:
    """`system|code`, where the system may be a name of [systems]; None for a code of another shape."""
    system, bar, value = code.partition("|")
    found = coding({"system": systems.get(system, system), "code": value.strip()})
    return found.token if bar and found is not None and ":" in found.system else None
