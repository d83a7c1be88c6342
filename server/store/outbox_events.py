"""Writes what subscribers are to be told, in the transaction of the change that they are told of."""

from collections.abc import Iterator

import orjson
from sqlalchemy import Connection, insert, or_, select, update

from server.decision.request import AuthorizationRequest
from server.fhir.codes import TRANSMISSION_IDENTIFIERS
from server.fhir.read import Resource, dicts, extensions
from server.store import rows
from server.store.outbox_ports import OFF
from server.store.outbox_schema import event, subscription, subscription_filter
from server.store.ports import Change

_SENDER = ("interchangeSenderID", "applicationSenderCode")


def senders_of(request: AuthorizationRequest) -> frozenset[str]:
    """By which values a subscription is about a request: its sender's ids, its provider's identifiers (pas T-14)."""
    return frozenset((*_transmission(request.claim), *_identifiers(request.requester, request.organization)))


def record_events(connection: Connection, seq: int, change: Change) -> None:
    """One event for each subscription about the case, numbered without a gap.

    The row of a subscription is locked until the commit, so an event is seen after those with smaller numbers. Rows are
    taken in the order of their keys, so that two changes never wait for each other.
    """
    request, at = change.case.request, change.facts[-1].at
    about = (
        select(subscription.c.seq, subscription.c.sees)
        .where(
            subscription.c.seq.in_(
                select(subscription_filter.c.subscription).where(
                    subscription_filter.c.value.in_(sorted(map(rows.key, senders_of(request))))
                )
            ),
            subscription.c.status != OFF,
            or_(subscription.c.end.is_(None), subscription.c.end > at),
        )
        .order_by(subscription.c.seq)
    )
    providers = {*request.npis, *request.requester_npis}
    for found in connection.execute(about).all():
        if found.sees is not None and providers.isdisjoint(orjson.loads(found.sees)):
            continue
        next_number = (
            update(subscription)
            .where(subscription.c.seq == found.seq, subscription.c.status != OFF)
            .values(events=subscription.c.events + 1)
            .returning(subscription.c.events)
        )
        number = connection.execute(next_number).scalar()
        if number is not None:
            row = {"subscription": found.seq, "number": number, "submission": seq, "facts": change.case.facts, "at": at}
            connection.execute(insert(event), row)


def _transmission(claim: Resource) -> Iterator[str]:
    for sent in extensions(claim, TRANSMISSION_IDENTIFIERS):
        for part in dicts(sent.get("extension")):
            if part.get("url") in _SENDER and isinstance(part.get("valueString"), str):
                yield part["valueString"].strip()


def _identifiers(*providers: Resource | None) -> Iterator[str]:
    for provider in providers:
        if provider is not None and provider.get("resourceType") == "Organization":
            for identifier in dicts(provider.get("identifier")):
                if isinstance(identifier.get("value"), str):
                    yield identifier["value"].strip()
