"""`python -m server add-client`: a client of the record, held to the same rules as one of a plan file."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from server.errors import UnusableSetting
from server.policy.client import Client
from server.policy.client_file import ClientTable
from server.policy.toml_file import in_words

_OF_A_KEY = ("kid", "kty", "alg", "use", "n", "e", "crv", "x", "y")


def new_client(given: Mapping[str, Any], keys: Path | None, others: Iterable[Client]) -> dict[str, Any]:
    """The [[client]] table of what was given, as JSON has it. Raises UnusableSetting with everything that is wrong.

    given: by the keys of the table; what is None or empty was not given. keys: a file that holds a JSON Web Key Set.
    others: whom it must not be taken for.
    """
    raw = {name: value for name, value in given.items() if value not in (None, [], ())}
    raw |= {"key": _keys(keys)} if keys else {}
    try:
        table = ClientTable.model_validate(raw)
    except ValidationError as error:
        said = (f"{place} {text}" for place, text in in_words(error, ClientTable, raw))
        raise UnusableSetting("; ".join(said)) from error
    client = table.client()
    if any(client.id == c.id or client.issuer == c.issuer for c in others):
        text = "is another client's, or its issuer is; take another, or change that client where it stands."
        raise UnusableSetting(f"{client.id} {text}")
    return table.model_dump(mode="json", exclude_none=True)


def _keys(file: Path) -> list[dict[str, Any]]:
    """The keys of a file, with the members that a plan file knows; a private one is refused by its parts."""
    try:
        body = orjson.loads(file.read_bytes())
        listed = body["keys"]
        if any("d" in key or "k" in key for key in listed):
            raise UnusableSetting(f"{file} holds a private or a shared key; give the public keys alone.")
        return [{name: key[name] for name in _OF_A_KEY if name in key} for key in listed]
    except OSError as error:
        raise UnusableSetting(f"{file} cannot be read ({error.strerror}); name a JSON Web Key Set.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableSetting(f'{file} is no JSON Web Key Set; it begins {{"keys": [.') from error
