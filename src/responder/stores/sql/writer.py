"""The one thread that writes, with group commit.

Owns the writing connection. Works wait in a queue; the thread takes all that wait (up to `GROUP`), runs each in a savepoint of one
transaction, commits once, and only then resolves their futures. A work that raises is rolled back alone. `stop` lets what is
queued finish and ends the thread.
"""

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine

from responder.errors import Transient
from responder.stores.sql.faults import translate
from responder.stores.sql.tx import SqlTx

GROUP = 128
"""Works per commit at most: the first of them waits for the last."""


@dataclass(eq=False, slots=True)
class Job:
    """A work and who waits for it. `keep` is false for a read: whatever it did is undone."""

    work: Callable[[SqlTx], Any]
    keep: bool = True
    future: Future[Any] = field(default_factory=Future)
    value: Any = None
    error: BaseException | None = None


class Writer:
    """See the module."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._where = where
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._open = threading.Lock()
        self._closed = False

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Job) -> Future[Any]:
        """Raises Transient when the store is closed."""
        with self._open:
            if self._closed:
                raise Transient(f"{self._where} is closed")
            self._queue.put(job)
        return job.future

    def stop(self) -> None:
        """Finish what is queued, then end. Blocks."""
        with self._open:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            group, going = self._take()
            if group:
                self._commit(group)
                for job in group:
                    _settle(job)
            del group

    def _take(self) -> tuple[list[Job], bool]:
        """Wait for one, then take what else is there; False when that was the end."""
        group: list[Job] = []
        job = self._queue.get()
        while job is not None:
            if job.future.set_running_or_notify_cancel():
                group.append(job)
            if len(group) >= GROUP:
                return group, True
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _commit(self, group: list[Job]) -> None:
        committing = False
        try:
            with self._engine.connect() as connection, _left_clean(connection):
                transaction = connection.begin()
                for job in group:
                    self._work(connection, job, alone=len(group) == 1)
                if all(job.error is not None or not job.keep for job in group):
                    transaction.rollback()
                    return
                committing = True
                transaction.commit()
        except BaseException as error:  # noqa: BLE001 - the thread must outlive every work
            self._fail(group, error, committing)

    def _work(self, connection: Connection, job: Job, *, alone: bool) -> None:
        """Run one work. Raises only when the transaction as a whole is lost."""
        savepoint = None if alone else connection.begin_nested()
        try:
            if not job.keep:
                self._only_reads(connection, "ON")
            job.value = job.work(SqlTx(connection, self._where))
        except BaseException as error:
            if _lost(connection):
                raise
            job.error = translate(error, self._where)
            if job.error is not error:
                job.error.__cause__ = error
        finally:
            if not job.keep and not _lost(connection):
                self._only_reads(connection, "OFF")
        if savepoint is not None:
            if job.error is None:
                savepoint.commit()
            else:
                savepoint.rollback()

    def _only_reads(self, connection: Connection, state: str) -> None:
        """Only a store in memory reads on this thread, and that is SQLite."""
        connection.exec_driver_sql(f"PRAGMA query_only = {state}")

    def _fail(self, group: list[Job], error: BaseException, committing: bool) -> None:
        """The transaction is gone. A work that had failed by itself keeps its own error; the others may be tried again."""
        cause = translate(error, self._where)
        for job in group:
            if job.error is not None:
                continue
            if committing:
                job.error = Transient(f"{cause} (whether it was committed is not known)", outcome_unknown=True)
            elif len(group) == 1:
                job.error = cause
            else:
                job.error = Transient(f"{cause} (the whole transaction was rolled back)")
            if job.error is not error:
                job.error.__cause__ = error


@contextlib.contextmanager
def _left_clean(connection: Connection) -> Iterator[None]:
    """After a failure: no transaction stays open. SQLAlchemy takes one whose COMMIT failed for ended; SQLite does not, and
    would refuse the next BEGIN."""
    try:
        yield
    except BaseException:
        driver: Any = None if connection.invalidated else connection.connection.dbapi_connection
        if driver is not None and connection.dialect.name == "sqlite":
            with contextlib.suppress(sqlite3.Error):
                driver.rollback()
            if driver.in_transaction:
                connection.invalidate()
        elif driver is not None:
            connection.invalidate()
        raise


def _lost(connection: Connection) -> bool:
    """Whether the database has already given up the whole transaction: a full disk on SQLite, a lost connection."""
    if connection.invalidated or connection.closed:
        return True
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        return not driver.in_transaction
    return bool(driver.closed)


def _settle(job: Job) -> None:
    if job.error is not None:
        job.future.set_exception(job.error)
    else:
        job.future.set_result(job.value)
