"""Times as senders write them: RFC 3339, Go's zero time, Slurm's zoneless UTC, epoch numbers, "Unknown".

Results are aware and UTC. Nothing reads a clock; what has no time is None, and the caller decides what that means.
"""

from datetime import UTC, datetime

_NEVER = frozenset({"", "unknown", "none", "null", "n/a", "na", "invalid"})
_EARLIEST = 1971
"""Year. Before that it is a zero value in some epoch or zone: 0001-01-01 is Go's time.Time{}, 1970-01-01 an unset epoch."""
_LATEST = 2199
# An epoch number is told from milliseconds, microseconds and nanoseconds by its size: 2200-01-01 is 7.3e9 seconds.
_SCALES = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))


def parse_instant(value: object) -> datetime | None:
    """A time, or None where the sender says that there is none.

    Raises ValueError for what is no time at all, so that a typing error is not taken for "not given".
    """
    if type(value) is str:
        if value.startswith("0001-"):
            return None
        try:
            # `2026-03-14T02:00:07`: with a Z behind it, it is read as UTC in a third of the time that putting a zone on it takes.
            at = datetime.fromisoformat(value + "Z" if len(value) == 19 and value[13] == value[16] == ":" else value)
        except ValueError:
            return _odd(value)
        return _bounded(at if at.tzinfo is UTC else _utc(at), value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"not a time: {type(value).__name__}")
    return _epoch(float(value))


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"not a usable time: {at.isoformat()}") from None


def _bounded(at: datetime, value: object) -> datetime | None:
    if at.year < _EARLIEST:
        return None
    if at.year > _LATEST:
        raise ValueError(f"too far in the future: {str(value)[:40]}")
    return at


def _odd(value: str) -> datetime | None:
    """What datetime does not read: "Unknown", a number in quotes."""
    text = value.strip()
    if text.lower() in _NEVER:
        return None
    try:
        number = float(text[:32])
    except ValueError:
        raise ValueError(f"not a time: {value[:40]!r}") from None
    return _epoch(number)


def _epoch(number: float) -> datetime | None:
    if number == 0:
        return None
    if not 0 < number < 1e20:  # also refuses NaN and infinity
        raise ValueError(f"not a time: {number}")
    scale = next(scale for limit, scale in _SCALES if number < limit)
    try:
        return _bounded(datetime.fromtimestamp(number / scale, UTC), number)
    except (OverflowError, OSError, ValueError):
        raise ValueError(f"not a usable time: {number}") from None
