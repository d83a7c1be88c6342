"""Statements that run on every request: SQLAlchemy writes their SQL once, and the driver runs it directly.

For one row by its key, what SQLAlchemy does around each execution costs more than the database does. Measured on
SQLite, CPU: a read by key 12 us against 33, the authorization in force 16 against 43, an assertion with its commit 156
against 230. Without this, order-sign takes a tenth longer and a submit 4 %.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, TextClause, TextualSelect
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Insert, ReturningInsert
from sqlalchemy.types import TypeEngine

_Convert = Callable[[Any], Any]
_Statement = Insert | ReturningInsert[Any] | Select[Any] | CompoundSelect[Any] | TextClause | TextualSelect


class Compiled:
    """One statement for one dialect, with one value for each parameter: no expanding IN.

    It runs within the transaction of the Connection it is given. Values pass through the types of their columns in both
    directions, and errors are SQLAlchemy's, as if it had run the statement.
    """

    def __init__(
        self,
        statement: _Statement,
        dialect: Dialect,
    ) -> None:
        columns = None
        if isinstance(statement, Insert | ReturningInsert):  # the database itself assigns `seq`
            columns = [c.name for c in statement.table.columns if c.name != "seq"]
        compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
        self._sql = str(compiled)
        self._order: list[str] | None = compiled.positiontup  # None: this driver takes parameters by name
        self._fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        into = {
            name: _implementation(bind.type, dialect).bind_processor(dialect) for name, bind in compiled.binds.items()
        }
        self._into = {name: convert for name, convert in into.items() if convert}
        self._out = [
            _implementation(c.type, dialect).result_processor(dialect, None)
            for c in ([] if isinstance(statement, TextClause) else statement.exported_columns)
        ]
        self._error = dialect.loaded_dbapi.Error

    def run(self, connection: Connection, *rows: Mapping[str, Any]) -> None:
        """Executes the statement once for each row of values."""
        if rows:
            self._execute(connection, rows).close()

    def first(self, connection: Connection, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row, in the order of the selected columns; None when there is none."""
        cursor = self._execute(connection, (values,))
        row = cursor.fetchone()
        cursor.close()
        return row and tuple(convert(v) if convert else v for convert, v in zip(self._out, row, strict=True))

    def _execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Any:
        try:
            cursor = connection.connection.cursor()
            if len(rows) == 1:
                cursor.execute(self._sql, self._given(rows[0]))
            else:
                cursor.executemany(self._sql, [self._given(values) for values in rows])
        except self._error as error:
            raise DBAPIError.instance(self._sql, None, error, self._error, hide_parameters=True) from error
        return cursor

    def _given(self, values: Mapping[str, Any]) -> Any:
        given = {**self._fixed, **values}
        for name, convert in self._into.items():
            given[name] = convert(given[name])
        return given if self._order is None else [given[name] for name in self._order]


def _implementation(type_: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return type_.dialect_impl(dialect)
