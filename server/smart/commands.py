"""`add-client`, `remove-client` and `doctor`, over the plan and the record."""

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator

from server.auth.registry import all_clients
from server.clock import now
from server.errors import UnusableSetting
from server.outgoing import Outgoing
from server.policy.plan import Plan
from server.smart.add_client import new_client
from server.smart.doctor import Examined, examine, refused
from server.store.client_port import Clients


def run(chosen: Namespace, plan: Plan, record: Clients, base_url: str, *, on: bool) -> list[str]:
    """What a command prints. on: whether callers are authenticated here. Raises UnusableSetting."""
    if chosen.command == "add-client":
        return list(_add(chosen, plan, record))
    if chosen.command == "remove-client":
        return list(_remove(chosen.client, record))
    said = [] if on else ["Authentication is off here (VITRUVIAN_AUTHENTICATION): no token is looked at.\n"]
    return [*said, *asyncio.run(_listed(_doctor(chosen.client, plan, record, base_url)))]


def _add(chosen: Namespace, plan: Plan, record: Clients) -> Iterator[str]:
    given = {
        "id": chosen.client,
        "name": chosen.name,
        "npis": chosen.npi,
        "issuer": chosen.issuer,
        "jwks_urls": chosen.jwks_url,
        "algorithms": chosen.algorithm,
        "hooks": chosen.hooks,
        "scopes": chosen.scopes.split(),
        "per_minute": chosen.per_minute,
        "max_body_bytes": chosen.max_body_bytes,
    }
    others = [c for c in all_clients(plan.registered, record) if c.id != chosen.client or c in plan.registered]
    record.put(chosen.client, new_client(given, chosen.keys, others), now())
    yield f"{chosen.client} can call within ten seconds; `python -m server doctor {chosen.client}` says what it needs\n"


def _remove(client: str, record: Clients) -> Iterator[str]:
    if not record.remove(client):
        raise UnusableSetting(f"{client} was not added here; a client of the plan file is removed there.")
    yield f"{client} can no longer call, ten seconds from now\n"


async def _doctor(named: str | None, plan: Plan, record: Clients, base_url: str) -> AsyncIterator[str]:
    clients = [c for c in all_clients(plan.registered, record) if named in (None, c.id)]
    if named is not None and not clients:
        raise UnusableSetting(f"No client is called {named}; `doctor` without a name lists all.")
    get = Outgoing(plan.outgoing).get
    for client in clients:
        found = Examined(client, client in plan.registered, record.refusals(client.id))
        async for line in examine(found, base_url, get):
            yield line
    if named is None:
        yield "Nobody known\n"
        for line in refused(record.refusals("")):
            yield line


async def _listed(lines: AsyncIterator[str]) -> list[str]:
    return [line async for line in lines]
