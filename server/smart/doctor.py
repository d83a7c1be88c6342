"""`python -m server doctor`: what is known of a client, whether its keys can be had, why its tokens were refused."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from server.auth.guard import TOKEN_PATH, Get
from server.auth.keys import LIMIT, SECONDS, read_key_set
from server.auth.refusal import Why
from server.errors import CallFailed, CallRefused
from server.policy.client import Client
from server.policy.client_key import PublicKey
from server.store.client_port import RefusalRow


@dataclass(frozen=True, slots=True)
class Examined:
    """A client, whether it is of the plan file, and what was refused of it, the newest first."""

    client: Client
    of_plan: bool
    refusals: Sequence[RefusalRow]


async def examine(found: Examined, base_url: str, get: Get) -> AsyncIterator[str]:
    """Lines to print. get: see outgoing.Outgoing.get."""
    client = found.client
    yield f"{client.id} ({client.name}), {'of the plan file' if found.of_plan else 'added by add-client'}\n"
    yield f"  organizations: {', '.join(sorted(client.npis))}\n"
    if client.hooks:
        yield f"  hook calls: iss {client.issuer}, aud the address that is called, as {base_url}/cds-services/ID\n"
    if client.scopes:
        yield f"  token endpoint: iss and sub {client.id}, aud {base_url}{TOKEN_PATH}\n"
        yield f"  scopes: {' '.join(client.scopes)}\n"
    yield f"  signs with {' or '.join(sorted(client.algorithms))}; at most {client.per_minute} requests a minute\n"
    if client.keys:
        yield f"  keys given: {', '.join(map(_said_of_key, client.keys))}\n"
    for url in client.jwks_urls:
        yield f"  keys at {url}: {await _said_of_keys(url, get)}\n"
    for line in refused(found.refusals):
        yield line


def refused(refusals: Sequence[RefusalRow]) -> Iterator[str]:
    """Lines about refused tokens, the newest first. Somebody else may have sent them in the client's name."""
    yield "  refused lately:\n" if refusals else "  refused lately: nothing\n"
    for row in refusals:
        why = Why(row.reason).text if row.reason in set(Why) else row.reason
        yield f"    {row.at.isoformat(timespec='seconds')} {row.place}: {why}\n"


async def _said_of_keys(url: str, get: Get) -> str:
    try:
        keys = read_key_set(await get(url, LIMIT, SECONDS))
    except (CallRefused, CallFailed) as error:
        return f"cannot be had: {error}"
    except ValueError:
        return "cannot be had: the answer is no JSON"
    good = [_said_of_key(key) for many in keys.values() for key in many if isinstance(key, PublicKey)]
    bad = [f"{kid} {why}" for kid, many in keys.items() for why in many if isinstance(why, str)]
    return "".join(c if c.isprintable() else "?" for c in "; ".join([*good, *bad])) or "none"  # others wrote the kids


def _said_of_key(key: PublicKey) -> str:
    return f"{key.kid} ({' or '.join(sorted(key.algorithms))})"
