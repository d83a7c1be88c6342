"""Clients, access tokens and refusals in SQL; see client_port.Clients for what each method promises."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select

from server.store.client_port import RefusalRow, TokenRow
from server.store.client_schema import access_token, client, refused_token
from server.store.sign_in import upsert

_T = TypeVar("_T")

KEPT = 20
"""Refusals of one client."""

_TOKEN = select(access_token).where(access_token.c.token == bindparam("hashed"))


class _Record(Protocol):
    """How SqlStore reads and writes."""

    def reading(self) -> AbstractContextManager[Connection]: ...

    def write(self, work: Callable[[Connection], _T]) -> _T: ...


class SqlClients:
    """The Clients port on SQLAlchemy Core."""

    def __init__(self, record: _Record) -> None:
        self._record = record

    def added(self) -> Sequence[Mapping[str, Any]]:
        with self._record.reading() as connection:
            return [orjson.loads(body) for body in connection.scalars(select(client.c.body).order_by(client.c.id))]

    def put(self, id_: str, table: Mapping[str, Any], at: datetime) -> None:
        def work(connection: Connection) -> None:
            upsert(connection, client, {"id": id_, "body": orjson.dumps(dict(table)).decode(), "added": at})
            connection.execute(delete(access_token).where(access_token.c.client == id_))

        self._record.write(work)

    def remove(self, id_: str) -> bool:
        def work(connection: Connection) -> bool:
            connection.execute(delete(access_token).where(access_token.c.client == id_))
            return connection.execute(delete(client).where(client.c.id == id_)).rowcount > 0

        return self._record.write(work)

    def keep(self, row: TokenRow, now: datetime) -> None:
        def work(connection: Connection) -> None:
            connection.execute(delete(access_token).where(access_token.c.expires < now))
            values = {"token": row.token, "client": row.client, "scope": row.scope, "expires": row.expires}
            connection.execute(insert(access_token), values)

        self._record.write(work)

    def token(self, token: str) -> TokenRow | None:
        with self._record.reading() as connection:
            row = connection.execute(_TOKEN, {"hashed": token}).mappings().one_or_none()
        return TokenRow(**row) if row else None

    def refused(self, row: RefusalRow) -> None:
        def work(connection: Connection) -> None:
            values = {"client": row.client, "at": row.at, "place": row.place, "reason": row.reason}
            connection.execute(insert(refused_token), values)
            of_client = select(refused_token.c.seq).where(refused_token.c.client == row.client)
            newest = of_client.order_by(refused_token.c.seq.desc()).limit(KEPT)
            kept = list(connection.scalars(newest))
            old = (refused_token.c.client == row.client) & (refused_token.c.seq < min(kept))
            connection.execute(delete(refused_token).where(old))

        self._record.write(work)

    def refusals(self, client: str) -> Sequence[RefusalRow]:
        found = (
            select(refused_token.c.client, refused_token.c.at, refused_token.c.place, refused_token.c.reason)
            .where(refused_token.c.client == client)
            .order_by(refused_token.c.seq.desc())
            .limit(KEPT)
        )
        with self._record.reading() as connection:
            return [RefusalRow(**row) for row in connection.execute(found).mappings()]
