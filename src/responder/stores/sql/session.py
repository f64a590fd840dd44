"""What every part of a transaction stands on: a connection, statements that both databases understand, text that fits columns.

Statements are built once, when a module is loaded, and take their values as parameters: building one costs more than running it.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from responder.stores.sql.faults import translate

Row = Mapping[str, Any]
Overwrite = Callable[[Any, Any], Mapping[str, Any]]
"""From the table's columns and the refused row's (`excluded`) to what is set instead."""

_IN_ONE_LIST = 500
"""Values in one IN list: far below SQLite's 32,766 and PostgreSQL's 65,535 parameters, and a text that is quick to parse."""
_KEY_CHARACTERS = 256
"""PostgreSQL refuses index entries above 2,704 bytes; two such keys of four-byte characters fit."""


@dataclass(frozen=True, slots=True)
class Upsert:
    """INSERT ... ON CONFLICT, which SQLAlchemy spells per database."""

    sqlite: Executable
    postgresql: Executable

    @classmethod
    def into(cls, table: Table, overwrite: Overwrite | None) -> "Upsert":
        """On a row with the same primary key: `overwrite` it, or keep it (None)."""
        keys = [column.name for column in table.primary_key]
        made: list[Executable] = []
        for dialect in (sqlite, postgresql):
            statement = dialect.insert(table)
            if overwrite is None:
                made.append(statement.on_conflict_do_nothing())
            else:
                made.append(
                    statement.on_conflict_do_update(
                        index_elements=keys, set_=dict(overwrite(table.c, statement.excluded))
                    )
                )
        return cls(*made)

    @classmethod
    def replacing(cls, table: Table) -> "Upsert":
        """Overwrite all that is no key."""
        names = [column.name for column in table.columns if not column.primary_key]
        return cls.into(table, lambda _, new: {name: new[name] for name in names})


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as the driver takes it. `statement` is only kept alive."""

    statement: Executable | Upsert
    text: str
    names: tuple[str, ...] | None
    """The parameters in order; None where the driver takes them by name."""
    constants: Mapping[str, Any]
    """Parameters whose values stand in the statement."""


_COMPILED: dict[tuple[int, str, tuple[str, ...]], _Compiled] = {}
"""The statements of this package are made once, when a module is loaded, so this does not grow."""


class Session:
    """A connection inside a transaction. Database errors leave it as the product's."""

    def __init__(self, connection: Connection, where: str) -> None:
        self._connection = connection
        self._where = where
        self._dialect = connection.dialect.name
        self.reads_only: bool = connection.get_execution_options().get("postgresql_readonly", False)
        """Only PostgreSQL refuses a lock to a reader; SQLite has none to give."""
        self._seqs: dict[str, int] = {}
        """Journal numbers of the events that this transaction appended."""

    def execute(self, statement: Executable | Upsert, values: Row | None = None) -> CursorResult[Any]:
        """One run of a statement."""
        try:
            return self._connection.execute(self._spelled(statement), values)
        except DBAPIError as error:
            raise translate(error, self._where) from error

    def execute_many(self, statement: Executable | Upsert, rows: Sequence[Row]) -> int:
        """The same statement for each row, all with the same keys; returns how many rows it touched.

        Compiled once for ever and handed to the driver as it is: the columns are numbers and text, which need no conversion,
        and SQLAlchemy's own way costs three times as much per row (measured in bench/store.py).
        """
        if not rows:
            return 0
        made = self._compiled(statement, tuple(rows[0]))
        full = [{**made.constants, **row} for row in rows] if made.constants else rows
        values: list[Any]
        if made.names is None:
            values = [dict(row) for row in full]
        elif len(made.names) == 1:
            values = [(row[made.names[0]],) for row in full]
        else:
            values = list(map(itemgetter(*made.names), full))
        try:
            return self._connection.exec_driver_sql(made.text, values).rowcount
        except DBAPIError as error:
            raise translate(error, self._where) from error

    def among(self, statement: Executable, values: Sequence[Any], **more: Any) -> Iterator[Any]:
        """Rows of a statement with an expanding parameter `values`, however many they are."""
        for start in range(0, len(values), _IN_ONE_LIST):
            yield from self.execute(statement, {"values": list(values[start : start + _IN_ONE_LIST]), **more})

    def _spelled(self, statement: Executable | Upsert) -> Executable:
        if isinstance(statement, Upsert):
            return statement.sqlite if self._dialect == "sqlite" else statement.postgresql
        return statement

    def _compiled(self, statement: Executable | Upsert, keys: tuple[str, ...]) -> "_Compiled":
        at = (id(statement), self._dialect, keys)
        if at not in _COMPILED:
            made: Any = self._spelled(statement)
            compiled = made.compile(dialect=self._connection.dialect, column_keys=list(keys))
            constants = {name: value for name, value in compiled.params.items() if name not in keys}
            names = tuple(compiled.positiontup) if compiled.positional else None
            _COMPILED[at] = _Compiled(statement, str(compiled), names, constants)
        return _COMPILED[at]


def plain(text: str) -> str:
    """Text of strangers for a column: PostgreSQL takes no NUL, and neither database half a surrogate pair."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def bounded(text: str) -> str:
    """Text of strangers for an index: plain, and a very long one ends in a hash of the whole."""
    clean = plain(text)
    if len(clean) <= _KEY_CHARACTERS:
        return clean
    return f"{clean[: _KEY_CHARACTERS - 33]}~{hashlib.sha256(clean.encode()).hexdigest()[:32]}"


def digest(*parts: str) -> str:
    """A key of fixed length for something long."""
    return hashlib.sha256("\0".join(plain(part) for part in parts).encode()).hexdigest()[:40]
