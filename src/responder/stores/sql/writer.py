"""The one thread that writes, with group commit.

Owns the writing connection. Works wait in a queue; the thread takes all that wait (up to `GROUP`), runs each in a savepoint of one
transaction, commits once, and only then resolves their futures. A work that raises is rolled back alone. While others wait, a
second thread does the committing, and the first makes what comes next ready. `stop` lets what is queued finish and ends both.
"""

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, RootTransaction

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
    ready: Callable[[], None] | None = None
    """What is to be done before the work and needs no transaction."""
    future: Future[Any] = field(default_factory=Future)
    tx: SqlTx | None = None
    """Set while it has something left to do before the commit."""
    value: Any = None
    error: BaseException | None = None


@dataclass(eq=False, frozen=True, slots=True)
class _Open:
    """A transaction whose works are done."""

    connection: Connection
    transaction: RootTransaction
    group: list[Job]


class Writer:
    """See the module."""

    def __init__(self, engine: Engine, where: str, wrote: Callable[[int], None] = lambda rows: None) -> None:
        """`wrote` hears after each commit on SQLite how many rows were changed so far."""
        self._engine = engine
        self._wrote = wrote
        self._defers = engine.dialect.name == "sqlite"
        """SQLite works in this process, without the interpreter's lock: another thread may do it while this one goes on."""
        self._where = where
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="store-commit")
        self._committing: Future[None] | None = None
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
        self._committer.shutdown()

    def _run(self) -> None:
        going = True
        while going:
            group, going = self._take([])
            self._all_committed()
            if going:  # what came while the commit before ran goes with it
                group, going = self._take(group)
            if group:
                self._commit(group)
            del group
        self._all_committed()

    def _take(self, group: list[Job]) -> tuple[list[Job], bool]:
        """What else is there, ready to run, after what is in the group; waits for one when that is empty. False: it was the end."""
        while len(group) < GROUP and not (
            group and group[-1].ready
        ):  # what comes next is made ready while this commits
            try:
                job = self._queue.get() if not group else self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, False
            if job.future.set_running_or_notify_cancel():
                _make_ready(job)
                group.append(job)
        return group, True

    def _all_committed(self) -> None:
        if self._committing is not None:
            self._committing.result()
            self._committing = None

    def _commit(self, group: list[Job]) -> None:
        open = self._worked(group)
        if open is None:
            return
        if self._queue.empty():
            self._finish(open)
        else:
            self._committing = self._committer.submit(self._finish, open)

    def _worked(self, group: list[Job]) -> _Open | None:
        """The transaction with all works in it; None when there is nothing to commit."""
        connection = None
        try:
            connection = self._engine.connect()
            transaction = connection.begin()
            for job in group:
                self._work(connection, job, alone=len(group) == 1, last=job is group[-1])
            if any(job.error is None and job.keep for job in group):
                return _Open(connection, transaction, group)
            transaction.rollback()
            connection.close()
        except BaseException as error:  # noqa: BLE001 - the thread must outlive every work
            self._fail(group, error, committing=False)
            _leave_clean(connection)
        _settle(group)
        return None

    def _finish(self, open: _Open) -> None:
        """Commit, after what the last work left for it."""
        last = open.group[-1]
        try:
            if last.tx is not None:
                last.tx.finish()
        except BaseException as error:  # noqa: BLE001
            self._fail([last], error, committing=False)
            self._fail(open.group, error, committing=False)
            _leave_clean(open.connection)
            _settle(open.group)
            return
        try:
            open.transaction.commit()
            if self._defers:
                driver: Any = open.connection.connection.dbapi_connection
                self._wrote(driver.total_changes)
            open.connection.close()
        except BaseException as error:  # noqa: BLE001
            self._fail(open.group, error, committing=True)
            _leave_clean(open.connection)
        _settle(open.group)

    def _work(self, connection: Connection, job: Job, *, alone: bool, last: bool) -> None:
        """Run one work. Raises only when the transaction as a whole is lost. What the last one writes nobody in it reads again: some
        of that is left for the commit."""
        savepoint = None if alone else connection.begin_nested()
        try:
            if job.error is not None:
                raise job.error
            if not job.keep:
                self._only_reads(connection, "ON")
            tx = SqlTx(connection, self._where, defers=last and job.keep and self._defers)
            job.value = job.work(tx)
            job.tx = tx if tx.defers else None
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


def _make_ready(job: Job) -> None:
    try:
        if job.ready is not None:
            job.ready()
    except BaseException as error:  # noqa: BLE001
        job.error = error


def _leave_clean(connection: Connection | None) -> None:
    """After a failure: no transaction stays open. SQLAlchemy takes one whose COMMIT failed for ended; SQLite does not, and
    would refuse the next BEGIN."""
    if connection is None:
        return
    with contextlib.suppress(Exception):  # there is an error to tell already
        driver: Any = None if connection.invalidated else connection.connection.dbapi_connection
        if driver is not None and connection.dialect.name == "sqlite":
            with contextlib.suppress(sqlite3.Error):
                driver.rollback()
            if driver.in_transaction:
                connection.invalidate()
        elif driver is not None:
            connection.invalidate()
        connection.close()


def _lost(connection: Connection) -> bool:
    """Whether the database has already given up the whole transaction: a full disk on SQLite, a lost connection."""
    if connection.invalidated or connection.closed:
        return True
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        return not driver.in_transaction
    return bool(driver.closed)


def _settle(group: Iterable[Job]) -> None:
    for job in group:
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.value)
