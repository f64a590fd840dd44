"""Times as the wire has them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.logic.timestamps import parse_instant

AT = datetime(2026, 3, 14, 2, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-14T02:00:07Z",
        "2026-03-14T02:00:07",
        "2026-03-14T02:00:07.000000000Z",
        "2026-03-14T03:00:07+01:00",
        "2026-W11-6T02:00:07",
        "2026-03-14 02:00:07",
        1773453607,
        1773453607.0,
        1773453607000,
        1773453607000000,
        1773453607000000000,
        "1773453607",
    ],
)
def test_one_moment_in_many_spellings(written: object) -> None:
    assert parse_instant(written) == AT


@pytest.mark.parametrize("written", ["2026-03-14T03+01:00", "2026-03-14T03:00+01", "2026-W11-6T02:00+00"])
def test_a_short_zone_is_one_zone(written: str) -> None:
    assert parse_instant(written) == AT.replace(second=0)


def test_nanoseconds_are_cut() -> None:
    assert parse_instant("2026-03-14T02:00:07.123456789Z") == AT.replace(microsecond=123456)


@pytest.mark.parametrize(
    "nothing", [None, "", "Unknown", "N/A", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", 0, "0", 0.0]
)
def test_no_time_is_none(nothing: object) -> None:
    assert parse_instant(nothing) is None


@pytest.mark.parametrize(
    "wrong",
    [
        "yesterday",
        "2026-13-01T00:00:00Z",
        True,
        [],
        {},
        -5,
        float("inf"),
        float("nan"),
        1e300,
        "9999-12-31T23:59:59-10:00",
    ],
)
def test_what_is_no_time_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="time|future"):
        parse_instant(wrong)


@given(st.one_of(st.text(max_size=40), st.floats(), st.integers(), st.none(), st.booleans(), st.datetimes().map(str)))
def test_any_value_is_a_utc_time_nothing_or_a_value_error(value: object) -> None:
    try:
        at = parse_instant(value)
    except ValueError:
        return
    assert at is None or at.tzinfo is UTC
