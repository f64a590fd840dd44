"""Group commit: who shares a commit, who fails alone, what happens when the commit itself fails."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from responder.errors import Conflict, Transient
from responder.model.journal import Disposition, JournalEntry, Trail
from responder.stores.sql.address import parse_address
from responder.stores.sql.engine import writer_engine
from responder.stores.sql.migrate import prepare
from responder.stores.sql.tx import SqlTx
from responder.stores.sql.writer import Job, Writer
from tests.making import event as made
from tests.making import incident

LONG = 30.0
TRAIL = Trail(disposition=Disposition.OBSERVED, reason="needs_nobody")


@dataclass
class Bench:
    """A writer on a file whose thread can be held, so that works queue up behind it."""

    writer: Writer
    engine: Engine
    commits: list[int] = field(default_factory=list)

    def submit(self, work: Any) -> "Future[Any]":
        return self.writer.submit(Job(work))

    def group(self, *works: Any) -> list["Future[Any]"]:
        """Works that wait together while another one is held."""
        started, go = threading.Event(), threading.Event()

        def hold(_: SqlTx) -> None:
            started.set()
            assert go.wait(LONG)

        held = self.submit(hold)
        assert started.wait(LONG)
        futures = [self.submit(work) for work in works]
        go.set()
        held.result(LONG)
        return futures

    def meta(self, key: str) -> str | None:
        found: str | None = self.submit(lambda tx: tx.meta(key)).result(LONG)
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    address = parse_address(f"sqlite:{tmp_path / 'w.db'}")
    engine = writer_engine(address)
    prepare(address, engine)
    made = Bench(Writer(engine, "store"), engine)
    event.listen(engine, "commit", lambda _: made.commits.append(1))
    made.writer.start()
    yield made
    made.writer.stop()
    engine.dispose()


def put(key: str) -> Any:
    return lambda tx: tx.put_meta(key, "x")


def broken(tx: SqlTx) -> None:
    tx.put_meta("broken", "x")
    raise ValueError("this work is broken")


def conflicting(tx: SqlTx) -> None:
    tx.put_meta("conflicting", "x")
    tx.put_incidents([incident(version=9)])


def test_works_that_wait_share_one_commit(bench: Bench) -> None:
    futures = bench.group(*(put(f"k{n}") for n in range(50)))
    for future in futures:
        future.result(LONG)
    assert len(bench.commits) == 2  # the held one, and all the others
    assert [bench.meta(f"k{n}") for n in range(50)] == ["x"] * 50


def test_a_failing_work_is_undone_alone_and_only_its_caller_hears_of_it(bench: Bench) -> None:
    first, bad, twice, last = bench.group(put("first"), broken, conflicting, put("last"))
    assert (first.result(LONG), last.result(LONG)) == (None, None)
    assert isinstance(bad.exception(LONG), ValueError)
    assert isinstance(twice.exception(LONG), Conflict)
    assert [bench.meta(key) for key in ("first", "broken", "conflicting", "last")] == ["x", None, None, "x"]


def test_a_failing_work_on_its_own_is_undone(bench: Bench) -> None:
    with pytest.raises(ValueError, match="broken"):
        bench.submit(broken).result(LONG)
    assert bench.meta("broken") is None


def test_later_works_of_a_group_see_what_earlier_ones_wrote(bench: Bench) -> None:
    _, seen = bench.group(put("k"), lambda tx: tx.meta("k"))
    assert seen.result(LONG) == "x"


def test_nobody_is_told_before_the_commit(bench: Bench) -> None:
    done_at_commit: list[bool] = []
    futures: list[Future[Any]] = []
    event.listen(bench.engine, "commit", lambda _: done_at_commit.extend(one.done() for one in futures))
    started, go = threading.Event(), threading.Event()

    def hold(_: SqlTx) -> None:
        started.set()
        assert go.wait(LONG)

    futures.append(bench.submit(hold))
    assert started.wait(LONG)
    go.set()
    futures[0].result(LONG)
    assert done_at_commit == [False]


def test_a_commit_that_fails_leaves_the_outcome_unknown_to_all(bench: Bench) -> None:
    def fail(_: Any) -> None:
        raise OSError(5, "Input/output error")

    first, bad, last = bench.group(put("first"), broken, lambda tx: event.listen(bench.engine, "commit", fail))
    for future in (first, last):
        error = future.exception(LONG)
        assert isinstance(error, Transient)
        assert error.outcome_unknown
    assert isinstance(bad.exception(LONG), ValueError)
    event.remove(bench.engine, "commit", fail)
    assert bench.meta("first") is None
    bench.submit(put("again")).result(LONG)


def test_a_full_disk_is_transient_loses_nothing_and_heals(bench: Bench) -> None:
    """A file that may not grow stands in for a disk that cannot: SQLite reports both with the same code."""
    bench.submit(put("before")).result(LONG)
    pages = bench.submit(lambda tx: tx.execute(text("PRAGMA page_count")).scalar()).result(LONG)
    bench.submit(lambda tx: tx.execute(text(f"PRAGMA max_page_count = {pages}"))).result(LONG)

    def large(tx: SqlTx) -> None:
        tx.put_meta("large", "x" * 1_000_000)

    with pytest.raises(Transient, match="disk is full") as caught:
        bench.submit(large).result(LONG)
    assert not caught.value.outcome_unknown
    beside, full = bench.group(put("before"), large)
    assert isinstance(full.exception(LONG), Transient)
    assert beside.exception(LONG) is None or isinstance(beside.exception(LONG), Transient)
    bench.submit(lambda tx: tx.execute(text("PRAGMA max_page_count = 1000000"))).result(LONG)
    bench.submit(large).result(LONG)
    assert bench.meta("before") == "x"


def test_a_work_that_nobody_waits_for_any_more_is_not_begun(bench: Bench) -> None:
    started, go = threading.Event(), threading.Event()

    def hold(_: SqlTx) -> None:
        started.set()
        assert go.wait(LONG)

    held = bench.submit(hold)
    assert started.wait(LONG)
    cancelled = bench.submit(put("cancelled"))
    assert cancelled.cancel()
    go.set()
    held.result(LONG)
    assert bench.meta("cancelled") is None


def test_stopping_finishes_what_is_queued_and_refuses_what_comes_later(bench: Bench) -> None:
    futures = bench.group(*(put(f"k{n}") for n in range(5)))
    bench.writer.stop()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(Transient, match="closed"):
        bench.submit(put("late"))


def test_what_needs_no_transaction_is_done_while_the_commit_before_is_on_its_way(bench: Bench) -> None:
    """The second work is made ready before the first is committed, and begins after that."""
    ready, committing = threading.Event(), threading.Event()
    seen: list[str] = []

    def hold(_: Any) -> None:
        if not committing.is_set():
            seen.append("commit")
            committing.set()
            assert ready.wait(LONG)

    def make_ready() -> None:
        assert committing.wait(LONG)
        seen.append("ready")
        ready.set()

    started, go = threading.Event(), threading.Event()

    def first(tx: SqlTx) -> None:
        tx.put_meta("first", "x")
        started.set()
        assert go.wait(LONG)
        event.listen(bench.engine, "commit", hold)

    one = bench.submit(first)
    assert started.wait(LONG)
    other = bench.writer.submit(Job(lambda tx: seen.append(f"work sees {tx.meta('first')}"), ready=make_ready))
    go.set()
    one.result(LONG)
    other.result(LONG)
    assert seen == ["commit", "ready", "work sees x"]


def test_a_work_that_cannot_be_made_ready_fails_alone(bench: Bench) -> None:
    def broken_ready() -> None:
        raise ValueError("not ready")

    ran: list[int] = []
    job = Job(lambda tx: ran.append(1), ready=broken_ready)
    with pytest.raises(ValueError, match="not ready"):
        bench.writer.submit(job).result(LONG)
    bench.submit(put("after")).result(LONG)
    assert ran == []
    assert bench.meta("after") == "x"


def test_what_was_left_for_the_commit_is_seen_by_the_transaction_itself(bench: Bench) -> None:
    def work(tx: SqlTx) -> list[str]:
        assert tx.defers
        tx.append_journal([JournalEntry(made(), TRAIL)], fresh=True)
        return sorted(tx.journalled([made().id]))

    assert bench.submit(work).result(LONG) == [made().id]


def test_what_fails_at_the_commit_is_known_not_to_be_stored(bench: Bench) -> None:
    def twice(tx: SqlTx) -> None:
        tx.put_meta("beside", "x")
        tx.append_journal([JournalEntry(made(), TRAIL), JournalEntry(made(), TRAIL)], fresh=True)

    error = bench.submit(twice).exception(LONG)
    assert error is not None
    assert not getattr(error, "outcome_unknown", False)
    assert bench.meta("beside") is None
    assert bench.submit(lambda tx: tx.journalled([made().id])).result(LONG) == set()


def test_only_the_last_of_a_group_leaves_something_for_the_commit(bench: Bench) -> None:
    """The others' rows are there for those behind them."""
    entry = JournalEntry(made(), TRAIL)

    def first(tx: SqlTx) -> bool:
        tx.append_journal([entry], fresh=True)
        return tx.defers

    def last(tx: SqlTx) -> tuple[bool, set[str]]:
        seen = tx.journalled([entry.event.id])
        tx.append_journal([JournalEntry(made(labels={"n": "2"}), TRAIL)], fresh=True)
        return tx.defers, seen

    one, other = bench.group(first, last)
    assert one.result(LONG) is False
    assert other.result(LONG) == (True, {entry.event.id})
    assert len(bench.submit(lambda tx: tx.journal_range(None, None, 0, 9)).result(LONG)) == 2


def test_what_fails_at_the_commit_is_told_to_its_own_and_the_others_try_again(bench: Bench) -> None:
    def twice(tx: SqlTx) -> None:
        tx.append_journal([JournalEntry(made(), TRAIL), JournalEntry(made(), TRAIL)], fresh=True)

    beside, culprit = bench.group(put("beside"), twice)
    error = beside.exception(LONG)
    assert isinstance(error, Transient)
    assert not error.outcome_unknown
    assert not isinstance(culprit.exception(LONG), Transient)
    assert bench.meta("beside") is None
    bench.submit(put("beside")).result(LONG)
    assert bench.meta("beside") == "x"


@pytest.mark.parametrize("count", [1, 2, 3, 511, 512, 513, 1500])
def test_any_number_of_rows_goes_in_once(bench: Bench, count: int) -> None:
    entries = [JournalEntry(made(labels={"n": str(n)}), TRAIL) for n in range(count)]
    ids = [entry.event.id for entry in entries]
    bench.submit(lambda tx: tx.append_journal(entries[: count // 2])).result(LONG)
    bench.submit(lambda tx: tx.append_journal(entries)).result(LONG)  # some are there already
    assert bench.submit(lambda tx: tx.journalled(ids)).result(LONG) == set(ids)
    stored = bench.submit(lambda tx: tx.journal_range(None, None, 0, 2000)).result(LONG)
    assert [entry.event.id for entry in stored] == ids
