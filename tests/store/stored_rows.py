"""What stands in a table, read past the store."""

from typing import Any

from sqlalchemy import create_engine, select

from server.store import schema


def rows_of(url: str, table: str) -> list[dict[str, Any]]:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = connection.execute(select(schema.metadata.tables[table])).mappings().all()
    engine.dispose()
    return [dict(row) for row in found]
