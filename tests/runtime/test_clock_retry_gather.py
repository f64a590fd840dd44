"""The small mechanics: a clock that only goes forward, waits that grow, questions with deadlines."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.runtime.clock import SystemClock, VirtualClock
from responder.runtime.gather import gather
from responder.runtime.retry import delay
from tests.making import T0

seconds = st.floats(0, 4000).map(lambda s: timedelta(seconds=s))


def test_the_system_clock_is_aware_and_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta()


@given(st.lists(seconds))
def test_a_virtual_clock_stands_still_and_never_goes_back(moves: list[timedelta]) -> None:
    clock = VirtualClock(T0)
    assert clock.now() == clock.now() == T0
    for move in moves:
        before = clock.now()
        clock.move_to(T0 + move)
        assert clock.now() == max(before, T0 + move)


@given(st.integers(0, 10_000), st.none() | seconds)
def test_a_wait_is_bounded_and_never_shorter_than_was_asked_for(attempts: int, asked: timedelta | None) -> None:
    wait = delay(attempts, asked)
    assert timedelta(seconds=1) <= wait <= max(timedelta(seconds=61), asked or timedelta())
    assert asked is None or wait >= asked


def test_waits_grow_until_the_cap() -> None:
    for attempts, least, most in ((1, 1, 2), (2, 2, 3), (3, 4, 5), (6, 32, 33), (7, 60, 61), (40, 60, 61)):
        assert timedelta(seconds=least) <= delay(attempts) <= timedelta(seconds=most)
    assert len({delay(3) for _ in range(20)}) > 1, "jitter: replicas must not come back in step"


@pytest.mark.asyncio
async def test_what_is_late_or_fails_is_replaced_and_holds_nobody_up() -> None:
    never = asyncio.Event()
    cancelled = asyncio.Event()

    async def ask(question: str) -> str:
        if question == "late":
            try:
                await never.wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise
        if question == "broken":
            raise KeyError("no such metric")
        if question == "own timeout":
            raise TimeoutError
        return f"{question}!"

    replies = await gather(
        ["a", "late", "broken", "own timeout", "b"],
        ask,
        deadline=lambda question: timedelta(milliseconds=20 if question == "late" else 5000),
        late=lambda question: f"{question}: late",
        failed=lambda question, error: f"{question}: {type(error).__name__}",
    )
    assert replies == ["a!", "late: late", "broken: KeyError", "own timeout: late", "b!"]
    assert cancelled.is_set(), "a late question is given up, not left running"


@pytest.mark.asyncio
async def test_cancelling_the_asker_cancels_the_questions() -> None:
    asked = asyncio.Event()
    gone: list[int] = []

    async def ask(question: int) -> int:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.append(question)
        return question

    task = asyncio.create_task(
        gather([1, 2], ask, deadline=lambda q: timedelta(hours=1), late=lambda q: 0, failed=lambda q, e: 0)
    )
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(gone) == [1, 2]
