"""The durable state: one writer thread with group commit, a few reader threads with snapshots beside it.

Owns the threads, the connections and the lock file, from `open` to `close`. Nothing here runs on the event loop but waiting.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Engine

from responder.errors import Permanent, Transient
from responder.ports import Clock, Tx
from responder.stores.sql.address import Address, parse_address, require_folder
from responder.stores.sql.checkpoints import Checkpoints
from responder.stores.sql.engine import READERS, reader_engine, writer_engine
from responder.stores.sql.faults import translate
from responder.stores.sql.lock import Lock
from responder.stores.sql.migrate import check_current, prepare
from responder.stores.sql.tx import SqlTx
from responder.stores.sql.writer import Job, Writer

T = TypeVar("T")


class SqlStore:
    """The daemon's store. See `ports.Store`."""

    def __init__(self, address: Address, clock: Clock) -> None:
        self.address = address
        self._clock = clock
        self._lock = Lock(address.path) if address.path is not None else None
        self._writer: Writer | None = None
        self._checkpoints: Checkpoints | None = None
        self._readers: Readers | None = None
        self._engines: list[Engine] = []

    async def open(self) -> None:
        try:
            await asyncio.to_thread(self._open)
        except BaseException:
            await self.close()
            raise

    async def write(self, work: Callable[[Tx], T], ready: Callable[[], None] | None = None) -> T:
        if self._writer is None:
            raise Transient(f"{self.address.shown} is not open")
        value: T = await asyncio.wrap_future(self._writer.submit(Job(work, ready=ready)))
        return value

    async def read(self, work: Callable[[Tx], T]) -> T:
        if self._writer is None:
            raise Transient(f"{self.address.shown} is not open")
        if self._readers is None:  # in memory: there is one connection, and it is the writer's
            value: T = await asyncio.wrap_future(self._writer.submit(Job(work, keep=False)))
            return value
        return await self._readers.run(work)

    async def close(self) -> None:
        """Finishes what is queued. May be called twice."""
        await asyncio.to_thread(self._close)

    def _open(self) -> None:
        require_folder(self.address)
        if self._lock is not None:
            self._lock.take(self._clock.now())
        engine = writer_engine(self.address)
        self._engines.append(engine)
        prepare(self.address, engine)
        if self.address.path is not None or self.address.kind == "postgresql":
            self._readers = Readers(self.address)
        if self.address.path is not None:
            self._checkpoints = Checkpoints(self.address.path)
            self._checkpoints.start()
            self._writer = Writer(engine, self.address.shown, self._checkpoints.wrote)
        else:
            self._writer = Writer(engine, self.address.shown)
        self._writer.start()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.stop()
        if self._checkpoints is not None:
            self._checkpoints.stop()
            self._checkpoints = None
        if self._readers is not None:
            self._readers.close()
        while self._engines:
            self._engines.pop().dispose()
        if self._lock is not None:
            self._lock.release()


class ReadOnlyStore:
    """A look at a store beside a running daemon: no lock, no migration, no writes."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._readers: Readers | None = None

    async def open(self) -> None:
        """Raises ConfigError when there is no store, or one of another version."""
        readers = Readers(self.address)
        try:
            await asyncio.to_thread(check_current, self.address, readers.engine)
        except BaseException:
            readers.close()
            raise
        self._readers = readers

    async def write(self, work: Callable[[Tx], T], ready: Callable[[], None] | None = None) -> T:
        raise Permanent(f"{self.address.shown} was opened for reading only")

    async def read(self, work: Callable[[Tx], T]) -> T:
        if self._readers is None:
            raise Transient(f"{self.address.shown} is not open")
        return await self._readers.run(work)

    async def close(self) -> None:
        if self._readers is not None:
            await asyncio.to_thread(self._readers.close)


class Readers:
    """Threads that read, each transaction a snapshot."""

    def __init__(self, address: Address) -> None:
        self.engine = reader_engine(address)
        self._where = address.shown
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._closed = False

    async def run(self, work: Callable[[Tx], T]) -> T:
        if self._closed:
            raise Transient(f"{self._where} is closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    def close(self) -> None:
        self._closed = True
        self._threads.shutdown()
        self.engine.dispose()

    def _read(self, work: Callable[[Tx], T]) -> T:
        try:
            with self.engine.connect() as connection, connection.begin() as transaction:
                value = work(SqlTx(connection, self._where))
                with contextlib.suppress(Exception):  # there is nothing to lose
                    transaction.rollback()
                return value
        except Exception as error:
            fault = translate(error, self._where)
            if fault is error:
                raise
            raise fault from error


def create(url: str, *, clock: Clock) -> SqlStore:
    """The store at an address as written in the configuration. Raises ConfigError for what is none."""
    return SqlStore(parse_address(url), clock)


def create_reader(url: str) -> ReadOnlyStore:
    """The same store for reading only, also while a daemon runs on it. Not for one in memory: that is nobody else's."""
    address = parse_address(url)
    if address.kind == "sqlite" and address.path is None:
        raise Permanent("a store in memory belongs to the process that made it")
    return ReadOnlyStore(address)
