"""SMART scopes of systems: what they permit, and which part of what is asked for is granted. Both versions are read."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LETTERS = {"read": "rs", "write": "cud", "*": "cruds"}
"""Version 1 in the letters of version 2: create, read, update, delete, search."""
_SCOPE = re.compile(r"system/(?P<type>\*|[A-Za-z]+)\.(?P<rights>\*|read|write|(?=[cruds])c?r?u?d?s?)")
_MOST = 50


@dataclass(frozen=True, slots=True)
class Scope:
    """text: as it was written. type: a resource type in lower case, or `*`: the guides write both (dtr T-21)."""

    text: str
    type: str
    rights: frozenset[str]


def read_scope(text: str) -> Scope | None:
    """A scope `system/Claim.read` (version 1) or `system/Claim.crs` (version 2); None for any other kind."""
    found = _SCOPE.fullmatch(text)
    if found is None:
        return None
    return Scope(text, found["type"].lower(), frozenset(_LETTERS.get(found["rights"], found["rights"])))


def read_scopes(texts: Iterable[str]) -> tuple[Scope, ...]:
    """Those that are scopes of systems; others are passed over."""
    return tuple(scope for text in texts if (scope := read_scope(text)) is not None)


def permits(scopes: Iterable[Scope], wanted: str) -> bool:
    """Whether any of the scopes has a right such as `Claim.c`."""
    type_, _, right = wanted.partition(".")
    return any(scope.type in ("*", type_.lower()) and right in scope.rights for scope in scopes)


def granted(asked: str, registered: Iterable[str]) -> tuple[str, ...]:
    """What of the scopes asked for, separated by blanks, is within the registered ones; narrower where need be."""
    own = read_scopes(registered)
    found = (part for scope in read_scopes(asked.split()[:_MOST]) for part in _within(scope, own))
    return tuple(dict.fromkeys(found))


def _within(asked: Scope, own: Iterable[Scope]) -> Iterator[str]:
    for scope in own:
        rights = asked.rights & scope.rights
        if not rights or ("*" not in (asked.type, scope.type) and asked.type != scope.type):
            continue
        narrowed = asked.type == "*" and scope.type != "*"
        if rights == asked.rights and not narrowed:
            yield asked.text
            continue
        named = scope if narrowed else asked
        letters = "".join(letter for letter in "cruds" if letter in rights)
        yield f"{named.text.partition('.')[0]}.{letters}"
