"""What went wrong in the database, in the product's own words.

Who must act and whether trying again helps is decided from the database's own codes (SQLite: result codes; PostgreSQL:
SQLSTATE, appendix A of its manual), and from the text of a message only where no code reaches us.
"""

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from responder.errors import ConfigError, Conflict, InputError, Permanent, ResponderError, Transient

_DISK_FULL = (
    "the store's disk is full: nothing more is accepted until there is space (free some, or shorten the retention)"
)

_SQLITE_UNIQUE = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
}
_SQLITE_TRANSIENT = {
    sqlite3.SQLITE_BUSY: "another process keeps the store locked",
    sqlite3.SQLITE_LOCKED: "another connection keeps the store locked",
    sqlite3.SQLITE_IOERR: "the store's disk failed to read or write",
    sqlite3.SQLITE_CANTOPEN: "the store's file cannot be opened",
    sqlite3.SQLITE_NOMEM: "out of memory in the store",
    sqlite3.SQLITE_INTERRUPT: "the store was interrupted",
}
_SQLITE_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

_PG_CONFLICT = {"40001", "40P01", "23505"}
"""serialization_failure, deadlock_detected, unique_violation."""
_PG_DISK_FULL = "53100"
_PG_TRANSIENT = ("08", "53", "57P", "55P03", "40", "58")
"""Connection, insufficient resources, operator intervention, lock not available, rollback, system error."""
_PG_ACCOUNT = ("28", "3D000", "42501")
"""Invalid authorization, no such database, insufficient privilege."""
_PG_DATA = ("22",)
_PG_REFUSALS = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "no password supplied",
    "permission denied",
)


def translate(error: BaseException, where: str) -> BaseException:
    """The product's error for a database's; anything else comes back as it is. `where` names the store for people."""
    if isinstance(error, ResponderError):
        return error
    if isinstance(error, DBAPIError):
        original = error.orig
        if isinstance(original, sqlite3.Error):
            return _sqlite(original, where, unique=isinstance(error, IntegrityError))
        return _postgresql(error, where)
    if isinstance(error, SQLAlchemyError):
        return Permanent(f"{where}: {type(error).__name__}: {error}")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Transient(f"{where}: {_DISK_FULL}")
    return error


def _sqlite(error: sqlite3.Error, where: str, *, unique: bool) -> ResponderError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # The driver's own complaint: a value that it cannot bind (too large an integer, an unpaired surrogate).
        return InputError(f"the store cannot hold this value: {error}", where=where)
    primary = code & 0xFF  # https://www.sqlite.org/rescode.html section 2: the low byte is the primary code
    if unique and code in _SQLITE_UNIQUE:
        return Conflict(f"{where}: {error}")
    if primary == sqlite3.SQLITE_FULL:
        return Transient(f"{where}: {_DISK_FULL}")
    if primary in _SQLITE_TRANSIENT:
        return Transient(f"{where}: {_SQLITE_TRANSIENT[primary]} ({error})")
    if primary in _SQLITE_DAMAGED:
        return Permanent(f"{where}: the file is damaged or no database ({error}); restore it from a backup")
    if primary in (sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH):
        return InputError(f"the store cannot hold this value: {error}", where=where)
    return Permanent(f"{where}: {error}")


def _postgresql(error: DBAPIError, where: str) -> ResponderError:
    state = getattr(error.orig, "sqlstate", None)
    message = f"{where}: {_first_line(error.orig)}"
    if state in _PG_CONFLICT:
        return Conflict(message)
    if state == _PG_DISK_FULL:
        return Transient(f"{where}: {_DISK_FULL}")
    if state is None:
        # No answer of the server: it could not be reached, or a value never left the driver.
        lost = error.connection_invalidated or type(error.orig).__name__ in ("OperationalError", "InterfaceError")
        if _refused(message):
            return _account(error, where)
        if lost:
            return Transient(message)
        if type(error.orig).__name__ == "DataError":
            return InputError(f"the store cannot hold this value: {_first_line(error.orig)}", where=where)
        return Permanent(message)
    if state.startswith(_PG_TRANSIENT):
        return Transient(message)
    if state.startswith(_PG_DATA):
        return InputError(f"the store cannot hold this value: {_first_line(error.orig)}", where=where)
    if state.startswith(_PG_ACCOUNT):
        return _account(error, where)
    return Permanent(message)


def _account(error: DBAPIError, where: str) -> ConfigError:
    return ConfigError(
        f"{where} refuses us: {_first_line(error.orig)}",
        hint="check the user, the password (PGPASSWORD or a passfile), the database's name and its grants",
    )


def _refused(message: str) -> bool:
    """A server that refuses the connection itself sends its code, but libpq hands on only the text (in English, or as
    `lc_messages` of the server has it: then it is taken for a passing failure, and tried again)."""
    return any(part in message for part in _PG_REFUSALS)


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
