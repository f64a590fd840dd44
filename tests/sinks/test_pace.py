"""Places in a queue: never more than the rate, never a place lost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.sinks.pace import Pacer, in_any_minute, parse_rate

START = datetime(2026, 1, 1, tzinfo=UTC)
ZERO = timedelta()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(("text", "seconds"), [("1/s", 1), ("120/m", 0.5), ("2 / h", 1800), ("0.5/s", 2)])
def test_rates_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_rate(text).interval == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "1/day", "0/s", "-1/s", 5, None])
def test_what_is_no_rate_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="for example 1/s"):
        parse_rate(text)


def test_a_burst_passes_and_the_rest_queues_in_order() -> None:
    pacer = Pacer(parse_rate("1/s"), burst=2)
    assert [pacer.wait("c", who, START).total_seconds() for who in "abcd"] == [0, 0, 1, 2]
    assert pacer.wait("c", "d", at(1)) == timedelta(seconds=1)
    assert pacer.wait("c", "c", at(1)) == ZERO
    assert pacer.wait("c", "e", at(1)) == timedelta(seconds=2)
    assert pacer.wait("other lane", "e", at(1)) == ZERO


def test_a_hold_moves_everybody_back_in_order() -> None:
    pacer = Pacer(parse_rate("1/s"), burst=1)
    assert pacer.wait("c", "a", START) == ZERO
    assert pacer.wait("c", "b", START) == timedelta(seconds=1)
    pacer.hold("c", timedelta(seconds=30), START)
    assert pacer.wait("c", "b", START) == timedelta(seconds=31)
    assert pacer.wait("c", "c", START) > timedelta(seconds=31)
    assert pacer.wait("c", "b", at(31)) == ZERO


@given(st.integers(1, 5), st.lists(st.floats(0, 3), max_size=60))
def test_who_comes_back_when_told_never_exceeds_the_rate(burst: int, gaps: list[float]) -> None:
    pacer = Pacer(parse_rate("1/s"), burst)
    passed: list[datetime] = []
    now = START
    for n, gap in enumerate(gaps):
        now += timedelta(seconds=gap)
        turn = now + pacer.wait("c", str(n), now)
        if turn > now:
            assert pacer.wait("c", str(n), turn) == ZERO
        passed.append(turn)
    assert passed == sorted(passed)
    for first, last in zip(passed, passed[burst:], strict=False):
        assert last - first >= timedelta(seconds=1) - timedelta(microseconds=1)


@given(st.integers(1, 300), st.integers(1, 400), st.lists(st.floats(0, 20), max_size=300))
def test_a_limit_over_a_sliding_minute_is_never_exceeded(count: int, burst: int, gaps: list[float]) -> None:
    pacer = in_any_minute(parse_rate(f"{count}/m"), burst)
    passed: list[datetime] = []
    now = START
    for n, gap in enumerate(gaps):
        now += timedelta(seconds=gap)
        passed.append(now + pacer.wait("c", str(n), now))
    for first, beyond in zip(passed, passed[count:], strict=False):
        assert beyond - first >= timedelta(minutes=1) - timedelta(milliseconds=1)
