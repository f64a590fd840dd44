"""Connections: how each database must be set so that "committed" means "on disk", and readers do not wait for the writer."""

import contextlib
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import QueuePool, StaticPool

from responder.errors import ConfigError
from responder.stores.sql.address import Address

BUSY_MS = 5_000
"""How long SQLite waits for a lock of another process (a backup, a command) before the work fails as Transient."""
WRITER_CACHE_KIB, READER_CACHE_KIB = 32_768, 8_192
"""SQLite's page cache per connection; filled only as far as it is used."""
CHECKPOINT_PAGES = 25_000
"""A commit copies the log into the database when it has 100 MB, not SQLite's 4: a page that every batch changes is copied once for
many batches, and most of it was copied before (`checkpoints`)."""
LOCK_MS = 10_000
"""How long PostgreSQL waits for a row that another replica is writing."""
CONNECT_SECONDS = 10
READERS = 4


def writer_engine(address: Address) -> Engine:
    """For the one writer thread."""
    return _sqlite(address, writes=True) if address.kind == "sqlite" else _postgresql(address, 1, writes=True)


def reader_engine(address: Address) -> Engine:
    """For `READERS` threads; every transaction is a read-only snapshot."""
    return _sqlite(address, writes=False) if address.kind == "sqlite" else _postgresql(address, READERS, writes=False)


def _sqlite(address: Address, *, writes: bool) -> Engine:
    in_memory = address.path is None
    pool: dict[str, Any] = (
        {"poolclass": StaticPool}
        if in_memory
        else {"poolclass": QueuePool, "pool_size": 1 if writes else READERS, "max_overflow": 0}
    )
    engine = create_engine(address.url, connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000}, **pool)

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _: Any) -> None:
        # The driver must not begin transactions by itself: it would begin deferred ones, and fail when one wants to write.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"busy_timeout = {BUSY_MS}",
            f"cache_size = -{WRITER_CACHE_KIB if writes else READER_CACHE_KIB}",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            "secure_delete = FAST",
            "temp_store = MEMORY",
            f"query_only = {'OFF' if writes else 'ON'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(address: Address, size: int, *, writes: bool) -> Engine:
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ"}
    if not writes:
        options["postgresql_readonly"] = True
    query = {"application_name": "responder", "connect_timeout": str(CONNECT_SECONDS)} | dict(address.url.query)
    try:
        engine = create_engine(
            address.url.set(query=query), pool_size=size, max_overflow=0, pool_pre_ping=True, execution_options=options
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigError(f"PostgreSQL cannot be used: {error}", found=address.shown) from error

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _: Any) -> None:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(f"SET lock_timeout = {LOCK_MS}")
            # Every query of ours searches an index (tests/stores/test_plans.py). Left to itself the server plans a prepared
            # statement while a new table is still empty, and then reads all of it 50,000 rows later, until its first ANALYZE.
            cursor.execute("SET enable_seqscan = off")
            cursor.execute("SET jit = off")  # compiling takes longer than such queries run
            cursor.execute("SHOW synchronous_commit")
            if cursor.fetchone()[0] == "off":
                cursor.execute(
                    "SET synchronous_commit = on"
                )  # an acknowledged event must survive a crash of the server
        connection.commit()

    return engine
