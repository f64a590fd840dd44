"""The store as a whole: opening, snapshots, durability, closing."""

import asyncio
import signal
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from responder.errors import ConfigError, Permanent, Transient
from responder.ports import Store, Tx
from responder.runtime.clock import VirtualClock
from responder.stores.sql import create, create_reader
from responder.stores.sql.store import SqlStore
from responder.stores.sql.tx import SqlTx
from tests.making import T0

pytestmark = pytest.mark.asyncio
LONG = 30.0
CLOCK = VirtualClock(T0)

WRITE_AND_WAIT = """
import asyncio, sys
from responder.runtime.clock import SystemClock
from responder.stores.sql import create

async def main():
    store = create(sys.argv[1], clock=SystemClock())
    await store.open()
    for n in range(20):
        await store.write(lambda tx: tx.put_meta(f"k{n}", "x"))
        print(n, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_what_was_acknowledged_is_there_after_a_sigkill(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'r.db'}"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITE_AND_WAIT, url, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        told = [int(await child.stdout.readline()) for _ in range(20)]
    finally:
        child.kill()
        assert await child.wait() == -signal.SIGKILL
    store = create(url, clock=CLOCK)  # the lock of the dead is free
    await store.open()
    assert [await store.read(lambda tx, n=n: tx.meta(f"k{n}")) for n in told] == ["x"] * 20
    await store.close()


async def test_a_file_is_written_ahead_and_synced_with_every_commit(file_store: SqlStore) -> None:
    def look(tx: Tx) -> list[object]:
        assert isinstance(tx, SqlTx)
        return [tx.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert await file_store.write(look) == [
        "wal",
        2,
        1,
    ]  # 2 is FULL: https://www.sqlite.org/pragma.html#pragma_synchronous


async def test_reads_run_beside_a_write_and_see_only_what_was_committed(file_store: SqlStore) -> None:
    written, go = threading.Event(), threading.Event()

    def slow(tx: Tx) -> None:
        tx.put_meta("k", "new")
        written.set()
        assert go.wait(LONG)

    await file_store.write(lambda tx: tx.put_meta("k", "old"))
    writing = asyncio.create_task(file_store.write(slow))
    await asyncio.to_thread(written.wait, LONG)
    assert await file_store.read(lambda tx: tx.meta("k")) == "old"
    go.set()
    await writing
    assert await file_store.read(lambda tx: tx.meta("k")) == "new"


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(Permanent):
        await store.read(lambda tx: tx.put_meta("k", "x"))
    assert await store.read(lambda tx: tx.meta("k")) is None
    await store.write(lambda tx: tx.put_meta("k", "x"))


async def test_what_a_work_raises_or_returns_comes_back(store: Store) -> None:
    def fail(tx: Tx) -> None:
        tx.put_meta("k", "x")
        raise LookupError("mine")

    for run in (store.write, store.read):
        with pytest.raises((LookupError, Permanent)):
            await run(fail)
    with pytest.raises(LookupError, match="mine"):
        await store.write(fail)
    assert await store.read(lambda tx: tx.meta("k")) is None
    assert await store.write(lambda tx: 7) == 7


async def test_many_writers_at_once_all_get_their_own_answer(store: Store) -> None:
    def work(n: int, tx: Tx) -> int:
        tx.put_meta(f"k{n}", str(n))
        if n % 7 == 0:
            raise LookupError(n)
        return n

    tasks = [store.write(lambda tx, n=n: work(n, tx)) for n in range(200)]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [n for n in range(200) if n % 7] == [one for one in answers if isinstance(one, int)]
    found = await store.read(lambda tx: [tx.meta(f"k{n}") for n in range(200)])
    assert found == [None if n % 7 == 0 else str(n) for n in range(200)]


async def test_a_closed_store_refuses_and_closes_twice(url: str) -> None:
    store = create(url, clock=CLOCK)
    with pytest.raises(Transient, match="not open"):
        await store.read(lambda tx: tx.meta("k"))
    await store.open()
    await store.close()
    await store.close()
    for run in (store.write, store.read):
        with pytest.raises(Transient, match="closed"):
            await run(lambda tx: tx.meta("k"))


async def test_a_store_keeps_its_rows_over_a_restart(url: str) -> None:
    if url.endswith(":memory:"):
        pytest.skip("a store in memory ends with its process")
    for expected in (None, "x"):
        store = create(url, clock=CLOCK)
        await store.open()
        assert await store.read(lambda tx: tx.meta("k")) == expected
        await store.write(lambda tx: tx.put_meta("k", "x"))
        await store.close()


async def test_a_second_daemon_on_a_file_is_refused_and_told_who_is_first(file_store: SqlStore, tmp_path: Path) -> None:
    second = create(f"sqlite:{tmp_path / 'responder.db'}", clock=CLOCK)
    with pytest.raises(ConfigError, match="the store is in use") as caught:
        await second.open()
    assert "held by process" in str(caught.value)
    assert "2026-11-20 03:00:00 UTC" in str(caught.value)
    await file_store.write(lambda tx: tx.put_meta("k", "x"))  # the refusal did no harm
    await file_store.close()
    await second.open()
    assert await second.read(lambda tx: tx.meta("k")) == "x"
    await second.close()


async def test_a_reader_looks_beside_the_daemon_and_changes_nothing(file_store: SqlStore, tmp_path: Path) -> None:
    await file_store.write(lambda tx: tx.put_meta("k", "x"))
    reader = create_reader(f"sqlite:{tmp_path / 'responder.db'}")
    await reader.open()
    assert await reader.read(lambda tx: tx.meta("k")) == "x"
    with pytest.raises(Permanent, match="for reading only"):
        await reader.write(lambda tx: tx.put_meta("k", "y"))
    with pytest.raises(Permanent):
        await reader.read(lambda tx: tx.put_meta("k", "y"))
    await reader.close()


async def test_a_reader_of_nothing_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no store"):
        await create_reader(f"sqlite:{tmp_path / 'none.db'}").open()
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="folder") as caught:
        await create(f"sqlite:{tmp_path / 'no' / 'r.db'}", clock=CLOCK).open()
    assert "mkdir -p" in str(caught.value)


async def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, " * 500)
    with pytest.raises(Permanent, match="no database"):
        await create(f"sqlite:{path}", clock=CLOCK).open()
    assert path.read_text() == "these are my notes, " * 500


async def test_a_server_that_does_not_answer_is_transient() -> None:
    store = create("postgresql://postgres:hunter2@127.0.0.1:1/r?connect_timeout=2", clock=CLOCK)
    with pytest.raises(Transient) as caught:
        await store.open()
    assert "hunter2" not in str(caught.value)
