"""What the server keeps, and the port through which it does. Adapters: sql.py (SQLite or PostgreSQL, one code path)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from server.decision.case import Case, Fact
from server.decision.request import Transaction
from server.fhir.version import Version
from server.store.chain import AuditRow, Head
from server.store.client_port import Clients
from server.store.desk_port import Desk
from server.store.message_port import Messages
from server.store.outbox_ports import Outbox


@dataclass(frozen=True, slots=True)
class Assertion:
    """What order-sign said about one order: the link between CRD, DTR and PAS (crd C-73).

    order, coverage: the resources as received, as JSON text. form: `url|version`, None when no form was asked for.
    sees: the NPIs whose callers may refer to it; None where callers were not authenticated.
    """

    id: str
    created: datetime
    hook: str
    version: Version
    member_ids: tuple[str, ...]
    policy_id: str | None
    edition: str | None
    form: str | None
    order: str
    coverage: str
    sees: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One item of a case as it stands, for `$explain`.

    number: the authorization number that it was given, also where it is authorized no more, so that it is no other's;
    reference: administrative reference number of a pended item.
    codes: `system|code` tokens of the item and of its order. service_start/end: what was asked for.
    findings: JSON text, a list of Finding as dicts. engine: what evaluated it. decided_by: JSON text, the person who
    decided, with role, NPI and reasons; None where no person did.
    """

    sequence: int
    policy_id: str | None
    policy_uri: str | None
    edition: str | None
    outcome: str
    action: str
    reason: str | None
    number: str | None
    reference: str | None
    period: tuple[date, date] | None
    service: tuple[date, date] | None
    codes: tuple[str, ...]
    previous_numbers: tuple[str, ...]
    findings: str
    engine: str
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction writes of a case: new facts, the case after them, the answers valid from now on.

    expected: how many facts the case has in the record; 0 opens it. facts: those that follow, at least one.
    renderings: (version, kind) -> bytes, kind `submit` (the PAS response Bundle) or `inquiry` (the inquiry Bundle).
    assertions: what the answer's requested documents refer to as context (pas P-90).
    raw: the bytes of the message that it comes from: the request, an update, an attachment.
    single: it must authorize nothing that another case authorizes in the same days, or that a person has another
    request of. joined: of the attachments that came before the case that it opens, one `content` for each Attached.
    """

    case: Case
    expected: int
    facts: tuple[Fact, ...]
    renderings: Mapping[tuple[Version, str], bytes]
    assertions: tuple[Assertion, ...] = ()
    raw: bytes = b""
    single: bool = False
    joined: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The hard filters of `$inquire` (pas T-35) and the soft ones the sender gave.

    numbers: authorization or reference numbers; when any of them matches, only those matches are returned.
    begins, ends: first and last day on which the first or the last day of the authorization may lie.
    """

    member_ids: tuple[str, ...]
    npis: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    service: tuple[date, date] | None = None
    begins: tuple[date, date] | None = None
    ends: tuple[date, date] | None = None
    actions: tuple[str, ...] = ()
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ActiveAuthorization:
    """An approval in force for a member under a policy."""

    number: str
    policy_id: str
    period: tuple[date, date]
    case_id: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `$explain` replays."""

    case_id: str
    received: datetime
    items: tuple[ItemRecord, ...]


@dataclass(frozen=True, slots=True)
class QuestionnaireErrors:
    """One report of a DTR app about forms that it could not work with (dtr D-71, D-72).

    questionnaires: canonicals; outcomes: JSON text, a list of OperationOutcomes as received. An app wrote the text,
    so it is not trusted: it is kept for whoever mends the form, and is shown in no log and on no page.
    """

    received: datetime
    version: Version
    questionnaires: tuple[str, ...]
    outcomes: str


class Store(Protocol):
    """The record. Every method is all or nothing, and nothing returns before its commit is on disk.

    Safe to call from several threads and, on PostgreSQL, from several processes.
    """

    @property
    def desk(self) -> Desk: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def messages(self) -> Messages: ...

    @property
    def clients(self) -> Clients:
        """The record's side of authentication."""
        ...

    def append(self, change: Change) -> str | None:
        """Writes a change whole, with an audit row; returns the id of the case.

        A change that opens a case whose Transaction is recorded already, or is recorded by a parallel call first,
        writes nothing and returns the id of that case. A change to a case that has other than `expected` facts writes
        nothing and returns None: somebody else came first. Raises LookupError for a case that is not there, Joined for
        attachments that are another case's by now, and AuthorizationStands or AskedBefore, having written nothing, for
        a `single` change that would overlap another authorization, or overtake a person who has another request of it.
        """
        ...

    def case(self, case_id: str) -> Case | None:
        """The case that its facts come to; None for an unknown id, and for a case older than the keeping of facts."""
        ...

    def providers(self, case_id: str) -> Sequence[str]:
        """The NPIs of everyone whose case it is: who asked, who ordered, who treats (pas P-78); none for no case."""
        ...

    def find_transaction(self, transaction: Transaction) -> str | None:
        """The id of the case of a request already answered, else None."""
        ...

    def rendering(self, case_id: str, version: Version, kind: str) -> bytes | None: ...

    def inquire(self, inquiry: Inquiry) -> Sequence[str]:
        """Ids of cases, newest first, that share a member id AND an NPI with the inquiry and pass its filters."""
        ...

    def active_authorization(self, member_ids: Sequence[str], policy_id: str, on: date) -> ActiveAuthorization | None:
        """The approval with the latest end whose period holds the day."""
        ...

    def explanation(self, case_id: str) -> Explanation | None: ...

    def remember(self, assertions: Sequence[Assertion]) -> None: ...

    def assertion(self, assertion_id: str) -> Assertion | None: ...

    def audit(self, event: str, subjects: Sequence[str], detail: Mapping[str, Any]) -> None:
        """One audit row for each subject: what happened (`read`, ...) to which id.

        detail: who did it, as trail.py says; no patient data.
        """
        ...

    def trail(self) -> AbstractContextManager[tuple[Sequence[Head], Iterator[AuditRow]]]:
        """The heads of the audit chains and all their rows, of one moment; see chain.problems."""
        ...

    def report(self, errors: QuestionnaireErrors) -> None: ...

    def reported(self, limit: int) -> Sequence[QuestionnaireErrors]:
        """The newest reports first."""
        ...

    def dedicate(self, *, sandbox: bool) -> None:
        """Marks an empty record for good as a sandbox's. Raises UnusableDatabase for a record of the other kind.

        A sandbox's record serves only sandboxes, and a record of a plan's requests serves no sandbox.
        """
        ...

    def ready(self) -> bool:
        """True when the database answers and its schema is current."""
        ...

    def close(self) -> None: ...
