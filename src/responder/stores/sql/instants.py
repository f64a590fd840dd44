"""Times in the database: whole microseconds since 1970 UTC, as integers.

Exact (a float is not), sortable, and the same on every database; time zones never reach a column.
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
"""Microseconds."""


def micros(at: datetime) -> int:
    """An aware time as a column value."""
    since = at - _EPOCH
    return since.days * DAY + since.seconds * 1_000_000 + since.microseconds


def maybe_micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def instant(value: int) -> datetime:
    """A column value as an aware time."""
    return _EPOCH + timedelta(microseconds=value)


def maybe_instant(value: int | None) -> datetime | None:
    return None if value is None else instant(value)
