"""The claiming loop over the real store: wakes for what is due, at most so wide, gives back what fails, ends in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
import pytest_asyncio

from responder.errors import Conflict, Transient
from responder.ports import Claim, Store
from responder.runtime.claims import ClaimLoop
from responder.runtime.clock import SystemClock
from responder.stores.sql import create

pytestmark = pytest.mark.asyncio
CLOCK = SystemClock()
KINDS = ("triage", "gather")


@pytest_asyncio.fixture
async def store() -> AsyncIterator[Store]:
    made = create("sqlite::memory:", clock=CLOCK)
    await made.open()
    yield made
    await made.close()


class Desk:
    """What the loop was given, and what it should do with it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.seen: list[Claim] = []
        self.changed = asyncio.Condition()
        self.reply: Callable[[Claim], Awaitable[None]] = self.complete

    async def complete(self, claim: Claim) -> None:
        await self.store.write(lambda tx: tx.complete(claim))

    async def work(self, claim: Claim) -> None:
        async with self.changed:
            self.seen.append(claim)
            self.changed.notify_all()
        await self.reply(claim)

    async def until(self, count: int) -> list[Claim]:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(self.seen) >= count)
        return self.seen

    async def set(self, loop: ClaimLoop, ref: str, *, kind: str = "triage", wait: timedelta = timedelta()) -> None:
        due = CLOCK.now() + wait
        await self.store.write(lambda tx: tx.set_timers([(kind, ref, due, "new")]))
        loop.wake(due)


class Running:
    """A loop that runs for the length of a block."""

    def __init__(self, store: Store, *, width: int = 8, grace: timedelta = timedelta(seconds=5)) -> None:
        self.desk = Desk(store)
        self.loop = ClaimLoop("test", store, CLOCK, KINDS, self.desk.work, width=width)
        self._grace = grace

    async def __aenter__(self) -> tuple[Desk, ClaimLoop]:
        self.task = asyncio.create_task(self.loop.run())
        return self.desk, self.loop

    async def __aexit__(self, *exc: object) -> None:
        await self.loop.stop(self._grace)
        await asyncio.wait_for(self.task, 10)


async def left(store: Store) -> dict[str, object]:
    refs = [f"i{n}" for n in range(30)]
    return dict(await store.read(lambda tx: tx.timers("triage", refs)))


async def test_it_sleeps_until_something_is_due_and_wakes_when_told(store: Store) -> None:
    async with Running(store) as (desk, loop):
        await desk.set(loop, "i1")
        (claim,) = await desk.until(1)
        assert (claim.kind, claim.ref, claim.reason) == ("triage", "i1", "new")
        await desk.set(loop, "i2", wait=timedelta(milliseconds=150))
        before = CLOCK.now()
        await desk.until(2)
        assert CLOCK.now() - before >= timedelta(milliseconds=100), "not before its time"
        await desk.set(loop, "later", wait=timedelta(hours=1))
        await desk.set(loop, "i3", kind="gather")
        assert (await desk.until(3))[2].ref == "i3", "something far away does not hide what is near"
    assert await left(store) == {}


async def test_what_is_due_at_its_start_is_done_without_being_told(store: Store) -> None:
    now = CLOCK.now()
    await store.write(lambda tx: tx.set_timers([("triage", f"i{n}", now, "left over") for n in range(20)]))
    async with Running(store, width=3) as (desk, _):
        await desk.until(20)
    assert sorted(claim.ref for claim in desk.seen) == sorted(f"i{n}" for n in range(20))
    assert await left(store) == {}


async def test_other_kinds_are_left_to_other_loops(store: Store) -> None:
    async with Running(store) as (desk, loop):
        await desk.set(loop, "i1|slack", kind="deliver")
        await desk.set(loop, "i1")
        await desk.until(1)
    assert [claim.kind for claim in desk.seen] == ["triage"]


async def test_no_more_at_a_time_than_its_width(store: Store) -> None:
    gate = asyncio.Event()
    active = peak = 0
    async with Running(store, width=2) as (desk, loop):

        async def hold(claim: Claim) -> None:
            nonlocal active, peak
            active += 1
            peak = max(peak, active)
            await gate.wait()
            await desk.complete(claim)
            active -= 1

        desk.reply = hold
        for n in range(5):
            await desk.set(loop, f"i{n}")
        await desk.until(2)
        gate.set()
        await desk.until(5)
    assert peak == 2


async def test_a_conflict_is_redone_at_once_and_a_transient_failure_later(store: Store) -> None:
    async with Running(store) as (desk, loop):
        errors: list[Exception] = [Conflict("changed meanwhile"), Transient("the sink is away")]

        async def fail_first(claim: Claim) -> None:
            if errors:
                raise errors.pop(0)
            await desk.complete(claim)

        desk.reply = fail_first
        before = CLOCK.now()
        await desk.set(loop, "i1")
        await desk.until(2)
        assert CLOCK.now() - before < timedelta(seconds=1)
        await desk.until(3)
        assert CLOCK.now() - before >= timedelta(seconds=1)
    assert [(claim.attempts, claim.reason) for claim in desk.seen] == [(0, "new"), (1, "conflict"), (2, "conflict")]
    assert await left(store) == {}


async def test_a_bug_in_one_piece_of_work_harms_that_alone_and_is_tried_again(store: Store) -> None:
    async with Running(store) as (desk, loop):

        async def broken(claim: Claim) -> None:
            if claim.ref == "i1" and claim.attempts == 0:
                raise KeyError("a bug")
            await desk.complete(claim)

        desk.reply = broken
        await desk.set(loop, "i1")
        await desk.set(loop, "i2")
        await desk.until(3)
    assert {claim.ref for claim in desk.seen[:2]} == {"i1", "i2"}
    assert (desk.seen[2].ref, desk.seen[2].attempts, desk.seen[2].reason) == ("i1", 1, "new")
    assert await left(store) == {}


async def test_stopping_gives_work_in_flight_its_grace_and_takes_no_more(store: Store) -> None:
    gate = asyncio.Event()
    async with Running(store) as (desk, loop):

        async def hold(claim: Claim) -> None:
            await gate.wait()
            await desk.complete(claim)

        desk.reply = hold
        await desk.set(loop, "i1")
        await desk.until(1)
        stopping = asyncio.create_task(loop.stop(timedelta(seconds=10)))
        await asyncio.sleep(0)
        await desk.set(loop, "i2")
        gate.set()
        await stopping
    assert [claim.ref for claim in desk.seen] == ["i1"]
    assert list(await left(store)) == ["i2"]


async def test_what_outlasts_the_grace_is_cancelled_and_keeps_its_lease(store: Store) -> None:
    async with Running(store, grace=timedelta(milliseconds=30)) as (desk, loop):

        async def forever(claim: Claim) -> None:
            await asyncio.Event().wait()

        desk.reply = forever
        await desk.set(loop, "i1")
        await desk.until(1)
    assert list(await left(store)) == ["i1"], "claimed again when the lease is over"
