"""Brings a database to the present schema. Alembic is loaded only when there is something to do.

An SQLite file that holds data is copied beside itself before it is changed. Replicas that start together on one PostgreSQL
take turns (advisory lock); the second finds nothing left to do.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from responder.errors import ConfigError
from responder.stores.sql.address import Address, require_folder
from responder.stores.sql.backup import copy_sqlite
from responder.stores.sql.engine import writer_engine
from responder.stores.sql.faults import translate
from responder.stores.sql.lock import Lock

HEAD = "0001"
"""The revision that this code reads and writes; the newest in `migrations/versions`."""
_ADVISORY_LOCK = 7_264_001
"""Any number that nobody else locks in the same database."""
_MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(address: Address, engine: Engine) -> None:
    """Migrate if needed. Raises ConfigError for a newer schema, Transient for a lost server."""
    try:
        revision = _revision(engine)
        if revision == HEAD:
            return
        _refuse_newer(address, revision)
        if address.path is not None and _holds_tables(engine):
            copy_sqlite(address.path, address.path.with_name(f"{address.path.name}.before-{HEAD}"))
        _upgrade(address, engine)
    except Exception as error:
        fault = translate(error, address.shown)
        if fault is error:
            raise
        raise fault from error


def check_current(address: Address, engine: Engine) -> None:
    """For those that only read. Raises ConfigError when the database is not of this version."""
    if address.path is not None and not address.path.is_file():
        raise ConfigError("there is no store", file=address.path, hint="start the daemon once, or correct `store:`")
    try:
        revision = _revision(engine)
    except Exception as error:
        fault = translate(error, address.shown)
        if fault is error:
            raise
        raise fault from error
    if revision != HEAD:
        raise ConfigError(
            "the store has another version's schema",
            file=address.path,
            found=f"revision {revision}",
            expected=f"revision {HEAD}",
            hint="responder db upgrade",
        )


def upgrade(address: Address, now: datetime) -> tuple[str | None, str]:
    """For `responder db upgrade`: the revision before and after. No daemon may run on an SQLite file meanwhile."""
    require_folder(address)
    lock = Lock(address.path) if address.path is not None else None
    engine = writer_engine(address)
    try:
        if lock is not None:
            lock.take(now)
        before = _revision(engine) if address.path is None or address.path.is_file() else None
        prepare(address, engine)
        return before, HEAD
    except SQLAlchemyError as error:
        raise translate(error, address.shown) from error
    finally:
        engine.dispose()
        if lock is not None:
            lock.release()


def _revision(engine: Engine) -> str | None:
    """None for a database without a store."""
    with engine.connect() as connection:
        return _revision_in(connection)


def _upgrade(address: Address, engine: Engine) -> None:
    with engine.connect() as connection:
        if address.kind == "postgresql":
            # A snapshot would be older than the lock that was waited for.
            connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            if address.kind == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            _upgrade_on(connection)


def _upgrade_on(connection: Connection) -> None:
    from alembic import command

    if _revision_in(connection) != HEAD:  # else another replica was first
        command.upgrade(alembic_config(connection), "head")


def _refuse_newer(address: Address, revision: str | None) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if revision is not None and revision not in known:
        raise ConfigError(
            "the store was written by a newer version of responder",
            file=address.path,
            found=f"revision {revision}",
            expected=f"revision {HEAD} or older",
            hint="install that version again, or restore the copy that it made before it migrated",
        )


def _holds_tables(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(inspect(connection).get_table_names())


def _revision_in(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def alembic_config(connection: Connection) -> Any:
    """Alembic's configuration without a file: our migrations, on this connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
