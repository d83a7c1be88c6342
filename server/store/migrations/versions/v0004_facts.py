"""What happens to a case is kept as facts, and a caller with what was asked."""

from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_AT = sa.DateTime(timezone=True)
_fact = sa.table(
    "fact",
    sa.column("submission", sa.BigInteger),
    sa.column("number", sa.Integer),
    sa.column("at", _AT),
    sa.column("kind", sa.Text),
    sa.column("body", sa.LargeBinary),
)


def upgrade() -> None:
    _columns()
    connection = op.get_bind()
    for seq, received in connection.execute(
        sa.text("SELECT seq, received FROM submission").columns(received=_AT)
    ).all():
        _facts_of(connection, seq, received)
    op.drop_table("revision")


def _columns() -> None:
    op.create_table(
        "fact",
        sa.Column("submission", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.PrimaryKeyConstraint("submission", "number", name="pk_fact"),
        sa.ForeignKeyConstraint(["submission"], ["submission.seq"], name="fk_fact_submission"),
    )
    op.add_column("submission", sa.Column("caller", sa.Text))
    op.add_column("submission", sa.Column("facts", sa.Integer, nullable=False, server_default="2"))
    # what was answered until the first change of a decision was answered while the case had two facts
    op.execute("UPDATE former_rendering SET number = -(number + 1)")
    op.execute("UPDATE former_rendering SET number = -number")
    op.execute("ALTER TABLE former_rendering RENAME COLUMN number TO facts")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE fact ALTER COLUMN body SET STORAGE EXTERNAL")


def _facts_of(connection: sa.Connection, seq: int, received: Any) -> None:
    """A receipt, the machine's decision, and each decision after it, with the items as each of them left them."""
    later = connection.execute(
        sa.text("SELECT at, items FROM revision WHERE submission = :seq ORDER BY number").columns(at=_AT),
        {"seq": seq},
    ).all()
    items = connection.execute(sa.text("SELECT * FROM item WHERE submission = :seq ORDER BY sequence"), {"seq": seq})
    stand = orjson.dumps([{str(k): v for k, v in row.items()} for row in items.mappings()], default=str)
    left = [*(row.items.encode() for row in later), stand]
    times = [received, *(row.at for row in later)]
    rows = [{"submission": seq, "number": 1, "at": received, "kind": "earlier", "body": None}]
    rows += [
        {"submission": seq, "number": n, "at": at, "kind": "earlier", "body": body}
        for n, (at, body) in enumerate(zip(times, left, strict=True), 2)
    ]
    connection.execute(sa.insert(_fact), rows)
    connection.execute(
        sa.text("UPDATE submission SET facts = :facts WHERE seq = :seq"), {"facts": len(rows), "seq": seq}
    )
