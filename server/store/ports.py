"""What the server keeps, and the one port that keeps it. Adapters: sql.py (SQLite or PostgreSQL, one code path)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from server.fhir.version import Version


@dataclass(frozen=True, slots=True)
class Assertion:
    """What order-sign said about one order: the link between CRD, DTR and PAS (crd C-73).

    order, coverage: the resources as received, as JSON text. form: `url|version`, None when no form was asked for.
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


@dataclass(frozen=True, slots=True)
class Transaction:
    """Recognises the same request sent again (pas P-51, T-3): client, Bundle.identifier and content."""

    client: str
    identifier: str
    content: str
    """SHA-256 of the canonical JSON of the request."""


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One decided item of a request.

    number: authorization number, only on an approval; reference: administrative reference number of a pended item.
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
class Submission:
    """One decided request, with every rendering of its answer, made once (design: decide, record, render once).

    id: also the ClaimResponse id. npis: requester organization and ordering / rendering providers (pas P-78).
    renderings: (version, kind) -> bytes, kind `submit` (the PAS response Bundle) or `inquiry` (the inquiry Bundle).
    assertions: what the answer's requested documents refer to as context (pas P-90), stored with it.
    """

    id: str
    transaction: Transaction
    received: datetime
    version: Version
    member_ids: tuple[str, ...]
    payer_ids: tuple[str, ...]
    requester_npis: tuple[str, ...]
    npis: tuple[str, ...]
    claim_url: str
    items: tuple[ItemRecord, ...]
    request: bytes
    renderings: Mapping[tuple[Version, str], bytes] = field(default_factory=dict)
    assertions: tuple[Assertion, ...] = ()


@dataclass(frozen=True, slots=True)
class Submitted:
    """A stored request as it came. revisions: how often its decision was changed since."""

    received: datetime
    version: Version
    request: bytes
    revisions: int


@dataclass(frozen=True, slots=True)
class Revision:
    """A later decision on a stored submission, with every rendering of the answer that tells it.

    number: 1 for the first; at: when it was decided. items: each item of the submission as it stands now.
    """

    submission_id: str
    number: int
    at: datetime
    items: tuple[ItemRecord, ...]
    renderings: Mapping[tuple[Version, str], bytes]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The hard filters of `$inquire` (pas T-35) and the soft ones the sender gave.

    numbers: authorization or reference numbers; when any of them matches, only those matches are returned.
    """

    member_ids: tuple[str, ...]
    npis: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    service: tuple[date, date] | None = None
    actions: tuple[str, ...] = ()
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ActiveAuthorization:
    """An approval in force for a member under a policy."""

    number: str
    policy_id: str
    period: tuple[date, date]
    submission_id: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `$explain` replays."""

    submission_id: str
    received: datetime
    items: tuple[ItemRecord, ...]


@dataclass(frozen=True, slots=True)
class QuestionnaireErrors:
    """One report of a DTR app about forms that it could not work with (dtr D-71, D-72).

    questionnaires: canonicals; outcomes: JSON text, a list of OperationOutcomes as received. The text is a stranger's:
    it is kept for whoever mends the form, and goes to no log and no page as it stands.
    """

    received: datetime
    version: Version
    questionnaires: tuple[str, ...]
    outcomes: str


class Store(Protocol):
    """The record. Every method is all or nothing, and nothing returns before its commit is on disk.

    Safe to call from several threads and, on PostgreSQL, from several processes.
    """

    def record(self, submission: Submission) -> str:
        """Stores a submission with its items, renderings and an audit row; returns its id.

        When the same Transaction is already stored, or is stored by a parallel call first, nothing new is written and
        the id of the stored one is returned.
        """
        ...

    def submitted(self, submission_id: str) -> Submitted | None: ...

    def revise(self, revision: Revision) -> bool:
        """Replaces the items and renderings of a submission, keeping what they were before, with an audit row.

        False, and nothing written, when a revision of this number is already there: somebody else came first. Earlier
        numbers and references still find the submission. Raises LookupError for a submission that is not there.
        """
        ...

    def find_transaction(self, transaction: Transaction) -> str | None:
        """The submission id of a request already answered, else None."""
        ...

    def rendering(self, submission_id: str, version: Version, kind: str) -> bytes | None: ...

    def inquire(self, inquiry: Inquiry) -> Sequence[str]:
        """Submission ids, newest first, that share a member id AND an NPI with the inquiry and pass its filters."""
        ...

    def active_authorization(self, member_ids: Sequence[str], policy_id: str, on: date) -> ActiveAuthorization | None:
        """The approval with the latest end whose period holds the day."""
        ...

    def explanation(self, submission_id: str) -> Explanation | None: ...

    def remember(self, assertions: Sequence[Assertion]) -> None: ...

    def assertion(self, assertion_id: str) -> Assertion | None: ...

    def audit(self, event: str, subjects: Sequence[str], detail: Mapping[str, Any]) -> None:
        """One audit row for each subject: what happened (`read`, ...) to which id. No patient data in `detail`."""
        ...

    def report(self, errors: QuestionnaireErrors) -> None: ...

    def reported(self, limit: int) -> Sequence[QuestionnaireErrors]:
        """The newest reports first."""
        ...

    def dedicate(self, *, sandbox: bool) -> None:
        """Makes an empty record a sandbox's, for good, or refuses one that belongs to the other kind.

        Raises UnusableDatabase: a sandbox's record serves nothing else, and a record of requests no sandbox.
        """
        ...

    def ready(self) -> bool:
        """True when the database answers and its schema is current."""
        ...

    def close(self) -> None: ...
