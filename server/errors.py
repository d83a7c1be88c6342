"""What can go wrong, in the payer's language. No HTTP here: outcomes.py turns these into answers.

VitruvianError
├── InvalidRequest          the sender's fault; carries every Problem found, each with place and remedy
│   ├── Unprocessable       well-formed, but breaks a rule of the guide that asks for 422 (crd C-23, C-50)
│   └── PreconditionFailed  data that the hook needs was neither prefetched nor can be queried (crd C-51)
├── BodyTooLarge            more bytes than the server reads
├── BodyTooSlow             a body that does not arrive in full in time
├── UnsupportedMediaType    a body that is not FHIR JSON / JSON, or that is compressed (UnsupportedEncoding)
├── NotFound                no such resource, service or page
├── NotAuthenticated        nobody who is known here has shown to be the sender (auth/refusal.py says why)
├── NotPermitted            the sender is known and may not do this
├── TooManyRequests         more requests than this client has in a minute
├── PolicyProblems          policy data with mistakes; carries every PolicyProblem
├── DecisionRefused         a decision that this machine or person may not make; a machine never denies
├── UnusableDatabase        wrong address, not reachable, not durable, or written by a newer version; met at start only
├── UnusableSetting         a setting or an argument names what cannot be used: a file, an address; met at start only
├── CallRefused             an address that the server must not call; the message says why and what would do
├── CallFailed              an address outside did not take what was sent: no answer, or another than 2xx
├── DatabaseGone            the database does not answer; the caller may send the same request later
└── EngineError             CQL failed, timed out or ran out of memory; the request then goes to a person, undecided

A business rejection (unknown member, ...) is no error: PAS answers it with 200 and ClaimResponse.error (pas P-49).
"""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_PROBLEMS = 100
"""The most issues of one answer: nobody mends more at once, and a small body must not cause a huge answer."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request.

    code: an IssueType code of OperationOutcome.issue.code (structure, required, value, not-found, duplicate, ...).
    text: what is wrong and what would mend it, without patient data.
    expression: FHIRPath of the place, e.g. `Bundle.entry[0].resource.item[1].sequence`.
    severity: fatal | error | warning | information.
    """

    code: str
    text: str
    expression: str | None = None
    severity: str = "error"


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One thing wrong with policy data: the file, the place in it, and what to do about it."""

    file: str
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place}: {self.text}" if self.place else f"{self.file}: {self.text}"


class VitruvianError(Exception):
    """Root of everything this server raises on purpose."""


class InvalidRequest(VitruvianError):
    """The request cannot be used; `problems` lists what is wrong with it: all of it, up to MAX_PROBLEMS."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = _at_most(tuple(problems))
        super().__init__("; ".join(p.text for p in self.problems))


def _at_most(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    more = len(problems) - MAX_PROBLEMS
    if more <= 1:  # a single further problem takes no more room than saying that there is one
        return problems
    text = f"At least {more} more problems are not listed; mend these first."
    return (*problems[:MAX_PROBLEMS], Problem("informational", text, severity="information"))


class Unprocessable(InvalidRequest):
    """Valid JSON and FHIR that breaks a rule for which the guide wants 422."""


class PreconditionFailed(InvalidRequest):
    """Needed data was not sent and cannot be fetched."""


class BodyTooLarge(VitruvianError):
    """The body has more bytes than the server reads."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            f"The body is larger than the {limit} bytes this server reads. Send large documents separately."
        )


class BodyTooSlow(VitruvianError):
    """The body did not arrive in full in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body did not arrive within {seconds:g} seconds. Send the request again.")


class UnsupportedMediaType(VitruvianError):
    """The Content-Type is not one this address reads."""

    def __init__(self, got: str, accepted: tuple[str, ...]) -> None:
        self.got = got
        self.accepted = accepted
        super().__init__(f"Content-Type {got or '(none)'} is not read here; send {' or '.join(accepted)}.")


class UnsupportedEncoding(UnsupportedMediaType):
    """The body is compressed. It is refused, because a small body could unpack to a huge one."""

    def __init__(self, got: str) -> None:
        VitruvianError.__init__(self, f"Content-Encoding {got} is not read here; send the body as it is, uncompressed.")


class NotFound(VitruvianError):
    """Nothing is stored or served under this name."""


class NotAuthenticated(VitruvianError):
    """The sender has not shown who it is. sent: whether it tried, with a token that was then refused."""

    def __init__(self, text: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(text)


class NotPermitted(VitruvianError):
    """The sender may not do this. scope: what a token would need for it, where that is all."""

    def __init__(self, text: str, scope: str = "") -> None:
        self.scope = scope
        super().__init__(text)


class TooManyRequests(VitruvianError):
    """A client has used up its requests for now. seconds: until it has new ones."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"This client has sent more requests than it has in a minute. Wait {seconds} seconds.")


class PolicyProblems(VitruvianError):
    """Policy data that must not be served; `problems` lists everything found."""

    def __init__(self, problems: Iterable[PolicyProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class DecisionRefused(VitruvianError):
    """A decision that a machine or this person may not make; the message says who may, or what is missing."""


class UnusableDatabase(VitruvianError):
    """The database cannot hold the record as it is; the message says why and what would mend it."""


class UnusableSetting(VitruvianError):
    """A setting or argument names something unusable; the message says which, why and what would mend it."""


class DatabaseGone(VitruvianError):
    """The database does not answer any more."""

    def __init__(self) -> None:
        super().__init__("The database does not answer. Nothing was stored; send the request again later.")


class CallRefused(VitruvianError):
    """An address that this server must not call."""


class CallFailed(VitruvianError):
    """A call to an address outside failed; the message says how, and nothing of what was sent or answered."""


class EngineError(VitruvianError):
    """The CQL engine gave no result; the request goes to a person."""
