"""What every part of a transaction stands on: a connection, statements that both databases understand, text that fits columns.

Statements are built once, when a module is loaded, and take their values as parameters: building one costs more than running it.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    CursorResult,
    Executable,
    Table,
    Text,
    any_,
    bindparam,
    func,
    select,
    tuple_,
)
from sqlalchemy.exc import DBAPIError

from responder.stores.sql.faults import translate

Row = Mapping[str, Any]
Rows = Sequence[Row] | Sequence[tuple[Any, ...]]
"""All alike; tuples are named ones. In the order of the table's columns they go to SQLite as they are."""
Overwrite = Callable[[Any, Any], Mapping[str, Any]]
"""From the table's columns and the refused row's (`excluded`) to what is set instead."""

_KEY_CHARACTERS = 256
"""PostgreSQL refuses index entries above 2,704 bytes; two such keys of four-byte characters fit."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """A statement that the two databases spell differently. `of` makes the one for a dialect when it is first run: what
    SQLAlchemy knows of PostgreSQL takes 40 ms to import, and a daemon on SQLite needs none of it."""

    of: Callable[[str], Executable]


def upsert(table: Table, overwrite: Overwrite | None) -> Spelled:
    """INSERT that on a row with the same primary key does `overwrite`, or keeps it (None)."""
    keys = [column.name for column in table.primary_key]

    def spell(dialect: str) -> Executable:
        statement = _insert_of(dialect)(table)
        if overwrite is None:
            made: Executable = statement.on_conflict_do_nothing()
        else:
            new = dict(overwrite(table.c, statement.excluded))
            made = statement.on_conflict_do_update(index_elements=keys, set_=new)
        return made

    return Spelled(spell)


def replacing(table: Table) -> Spelled:
    """INSERT that overwrites all that is no key."""
    names = [column.name for column in table.columns if not column.primary_key]
    return upsert(table, lambda _, new: {name: new[name] for name in names})


def _insert_of(dialect: str) -> Any:
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert
    from sqlalchemy.dialects import postgresql

    return postgresql.insert


ROWS_AT_ONCE = 512
"""Rows of one INSERT on SQLite. The driver gives up the interpreter's lock for each statement, and gets it back only when another
thread lets go: with one statement a row, a thread that is busy (a long log being read) held up every row for 5 ms (measured).
SQLite takes 32,766 parameters; the widest table has some 20 columns."""
Among = Callable[[ColumnElement[Any]], ColumnElement[bool]]
"""From a column to "its value is one of the listed"."""


def listed(make: Callable[[Among], Executable]) -> Spelled:
    """A query about a list of values, which goes to the database as one parameter: the text of the statement is the same for
    one value and for a thousand. SQLite unpacks a JSON array, PostgreSQL has arrays. `make` builds the query around the
    condition that it is given."""

    def spell(dialect: str) -> Executable:
        if dialect == "sqlite":
            unpacked = select(func.json_each(bindparam("values")).table_valued("value").c.value)
            return make(lambda column: column.in_(unpacked))
        return make(lambda column: column == any_(bindparam("values", type_=ARRAY(column.type))))

    return Spelled(spell)


Pair = Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]
"""From two columns to "their values are one of the listed pairs"."""


def paired(make: Callable[[Pair], Executable]) -> Spelled:
    """As `listed`, about pairs of texts. PostgreSQL takes them as two arrays of the same length."""

    def spell(dialect: str) -> Executable:
        if dialect == "sqlite":
            each = func.json_each(bindparam("values")).table_valued("value").c.value
            unpacked = select(func.json_extract(each, "$[0]"), func.json_extract(each, "$[1]"))
            return make(lambda one, other: tuple_(one, other).in_(unpacked))
        texts = ARRAY(Text())
        arrays = func.unnest(bindparam("values", type_=texts), bindparam("seconds", type_=texts))
        both = arrays.table_valued("first", "second").render_derived()
        return make(lambda one, other: tuple_(one, other).in_(select(both.c.first, both.c.second)))

    return Spelled(spell)


Statement = Executable | Spelled


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as the driver takes it. `statement` is only kept alive."""

    statement: Statement
    text: str
    names: tuple[str, ...] | None
    """The parameters in order; None where the driver takes them by name."""
    constants: dict[str, Any]
    """Parameters whose values stand in the statement."""
    row: str | None
    """The marks of one row in an INSERT for SQLite; None where several rows cannot be given at once."""

    def of_rows(self, count: int) -> str:
        return (
            self.text if count == 1 or self.row is None else self.text.replace(self.row, ", ".join([self.row] * count))
        )


_COMPILED: dict[tuple[int, str, tuple[str, ...]], _Compiled] = {}
"""The statements of this package are made once, when a module is loaded, so this does not grow."""


class Session:
    """A connection inside a transaction. Database errors leave it as the product's."""

    def __init__(self, connection: Connection, where: str, *, defers: bool = False) -> None:
        self._connection = connection
        self._where = where
        self.defers = defers
        """Whether somebody calls `finish` before the commit."""
        self._deferred: list[tuple[Statement, Rows]] = []
        self._dialect = connection.dialect.name
        self.reads_only: bool = connection.get_execution_options().get("postgresql_readonly", False)
        """Only PostgreSQL refuses a lock to a reader; SQLite has none to give."""

    def execute(self, statement: Executable) -> CursorResult[Any]:
        """One run of a statement that is built for this very run."""
        self.finish()
        try:
            return self._connection.execute(statement)
        except DBAPIError as error:
            raise translate(error, self._where) from error

    def ask(self, statement: Statement, values: Row | None = None) -> CursorResult[Any]:
        """One run of a statement that was built when its module was loaded. Compiled once for ever, see `execute_many`."""
        self.finish()
        return self.peek(statement, values)

    def peek(self, statement: Statement, values: Row | None = None) -> CursorResult[Any]:
        """As `ask`, for what no deferred statement of this transaction has changed."""
        row = values or {}
        made = self._compiled(statement, tuple(row))
        full = {**made.constants, **row} if made.constants else row
        try:
            return self._connection.exec_driver_sql(
                made.text, dict(full) if made.names is None else tuple(full[name] for name in made.names)
            )
        except DBAPIError as error:
            raise translate(error, self._where) from error

    def execute_many(self, statement: Statement, rows: Rows) -> int:
        """The same statement for each row, all with the same keys; returns how many rows it touched.

        Compiled once for ever and handed to the driver as it is: the columns are numbers and text, which need no conversion,
        and SQLAlchemy's own way costs three times as much per row (measured in bench/store.py).
        """
        self.finish()
        return self._run_many(statement, rows) if rows else 0

    def later(self, statement: Statement, rows: Rows) -> None:
        """Like `execute_many`, where nobody asks how many rows it touched: together with the commit, on the thread that commits,
        or before whatever this transaction asks next."""
        if self.defers:
            self._deferred.append((statement, rows))
        else:
            self.execute_many(statement, rows)

    def finish(self) -> None:
        """Run what was deferred. Raises as `execute_many` does."""
        deferred, self._deferred = self._deferred, []
        for statement, rows in deferred:
            if rows:
                self._run_many(statement, rows)

    def _run_many(self, statement: Statement, rows: Rows) -> int:
        names = _names(rows[0])
        made = self._compiled(statement, names)
        try:
            if made.names is None:
                return self._connection.exec_driver_sql(
                    made.text, [made.constants | _named(row) for row in rows]
                ).rowcount
            values: Sequence[Any] = rows
            if made.names != names or not isinstance(rows[0], tuple):
                full = [made.constants | _named(row) for row in rows]
                values = [tuple([row[name] for name in made.names]) for row in full]
            if made.row is None:
                return self._connection.exec_driver_sql(made.text, list(values)).rowcount
            return sum(
                self._connection.exec_driver_sql(made.of_rows(len(part)), tuple(chain.from_iterable(part))).rowcount
                for part in _parts(values)
            )
        except DBAPIError as error:
            raise translate(error, self._where) from error

    def among(self, statement: Spelled, values: Collection[Any], **more: Any) -> CursorResult[Any]:
        """Rows of a query about these values, however many they are; none without any."""
        packed = orjson.dumps(list(values)).decode() if self._dialect == "sqlite" else list(values)
        return self.ask(statement, {"values": packed, **more})

    def among_pairs(self, statement: Spelled, pairs: Collection[tuple[str, str]], **more: Any) -> CursorResult[Any]:
        """Rows of a query about these pairs, however many they are; none without any."""
        if self._dialect == "sqlite":
            return self.ask(statement, {"values": orjson.dumps(list(pairs)).decode(), **more})
        return self.ask(
            statement, {"values": [one for one, _ in pairs], "seconds": [other for _, other in pairs], **more}
        )

    def _compiled(self, statement: Statement, keys: tuple[str, ...]) -> "_Compiled":
        at = (id(statement), self._dialect, keys)
        if at not in _COMPILED:
            made: Any = statement.of(self._dialect) if isinstance(statement, Spelled) else statement
            compiled = made.compile(dialect=self._connection.dialect, column_keys=list(keys))
            constants = {name: value for name, value in compiled.params.items() if name not in keys}
            names = tuple(compiled.positiontup) if compiled.positional else None
            text = str(compiled)
            row = f"({', '.join('?' * len(names or ()))})"
            several = self._dialect == "sqlite" and text.count(f"VALUES {row}") == 1
            _COMPILED[at] = _Compiled(statement, text, names, constants, row if several else None)
        return _COMPILED[at]


def _names(row: Any) -> tuple[str, ...]:
    return tuple(getattr(row, "_fields", row))


def _named(row: Any) -> dict[str, Any]:
    return dict(row._asdict() if hasattr(row, "_asdict") else row)


def _parts(values: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """In powers of two, so that there are few different statements and each stays prepared."""
    start = 0
    while start < len(values):
        size = min(ROWS_AT_ONCE, 1 << ((len(values) - start).bit_length() - 1))
        yield values[start : start + size]
        start += size


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
