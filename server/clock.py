"""The parts of the world that are passed in: the time and fresh identifiers."""

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current time, with a zone."""

NewId = Callable[[], str]
"""Returns a fresh version-4 UUID as text, fit for `urn:uuid:` and for a resource id."""

NewNumber = Callable[[str], str]
"""Returns a fresh number a person can read over the phone: the prefix and 10 characters without look-alikes."""

_READABLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    return str(uuid.uuid4())


def new_number(prefix: str) -> str:
    # one random number for all ten characters, since ten of them would take ten times as long
    rest, drawn = secrets.randbelow(len(_READABLE) ** 10), prefix
    for _ in range(10):
        rest, place = divmod(rest, len(_READABLE))
        drawn += _READABLE[place]
    return drawn
