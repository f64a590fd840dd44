"""The log is copied into the database beside the writer."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from responder.runtime.clock import VirtualClock
from responder.stores.sql import create
from responder.stores.sql.checkpoints import ROWS, Checkpoints
from tests.making import T0

LONG = 30.0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    """With a page in it, and more in its log, which the connection that is kept open leaves there."""
    path = tmp_path / "r.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE t (x)")
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 100)
    yield path
    connection.close()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def test_the_log_is_copied_after_many_rows(database: Path) -> None:
    before = database.stat().st_size
    checkpoints = Checkpoints(database)
    checkpoints.start()
    checkpoints.wrote(ROWS - 1)
    assert not checkpoints._due.is_set()
    checkpoints.wrote(ROWS)
    until(lambda: database.stat().st_size > before)
    checkpoints.wrote(2 * ROWS - 1)
    assert not checkpoints._due.is_set()
    checkpoints.wrote(1)  # of a new connection, after the old one broke
    until(lambda: not checkpoints._due.is_set())
    assert checkpoints._copied_at == 1
    checkpoints.stop()


def test_what_cannot_be_copied_ends_nothing(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "gone" / "r.db")
    checkpoints.start()
    checkpoints.wrote(ROWS)
    until(lambda: not checkpoints._due.is_set())
    assert checkpoints._thread.is_alive()
    checkpoints.stop()
    assert not checkpoints._thread.is_alive()


def test_a_store_has_its_log_copied_while_it_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("responder.stores.sql.checkpoints.ROWS", 20)
    path = tmp_path / "r.db"

    async def write() -> int:
        store = create(f"sqlite:{path}", clock=VirtualClock(T0))
        await store.open()
        before = path.stat().st_size
        for number in range(30):
            await store.write(lambda tx, number=number: tx.put_meta(f"k{number}", "x" * 4000))  # type: ignore[misc]
        await asyncio.to_thread(until, lambda: path.stat().st_size > before)
        await store.close()
        return before

    assert asyncio.run(write()) < path.stat().st_size
    assert "store-checkpoint" not in [thread.name for thread in threading.enumerate()]
