"""Time stamps as programs write them at the head of a line: a dozen formats, one aware UTC instant.

Formats without a year or a date take it from `near` (the time of the event); formats without a zone are taken as UTC, and the
difference between machines is dealt with as clock skew (`order`). Seconds since boot give no instant: they only order lines.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_CLOCK = r"(?P<h>[01]\d|2[0-3]):(?P<mi>[0-5]\d):(?P<s>[0-5]\d|60)(?:[.,](?P<f>\d{1,9}))?"
_ZONE = r"\s?(?P<z>Z|UTC|GMT|[+-]\d\d:?\d\d)?"
_FORMATS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[\[(<]?(?P<y>(?:19|20)\d\d)[-/](?P<mo>0[1-9]|1[0-2])[-/](?P<d>[0-2]\d|3[01])[T _]{_CLOCK}{_ZONE}[\])>]?",
        rf"[\[(]?(?P<y>20\d\d)(?P<mo>0[1-9]|1[0-2])(?P<d>[0-2]\d|3[01])[T ]{_CLOCK}{_ZONE}[\])]?",
        rf"[\[(]?(?P<d>[0-3]\d)/(?P<mon>[A-Z][a-z]{{2}})/(?P<y>20\d\d):{_CLOCK}(?:\s(?P<z>[+-]\d{{4}}))?[\])]?",
        (
            rf"[\[(]?(?:[A-Z][a-z]{{2}},?\s+)?(?P<mon>[A-Z][a-z]{{2}})\s+(?P<d>\d{{1,2}})\s+{_CLOCK}(?:\s(?:UTC|GMT|[A-Z]{{3,4}}))?"
            rf"(?:\s(?P<y>20\d\d))?[\])]?"
        ),
        rf"[\[(]?(?:[A-Z][a-z]{{2}},?\s+)?(?P<d>\d{{1,2}})[\s-](?P<mon>[A-Z][a-z]{{2}})[\s-](?P<y>20\d\d)\s+{_CLOCK}{_ZONE}[\])]?",
        rf"\[?[IWEFDV](?P<mo>0[1-9]|1[0-2])(?P<d>[0-2]\d|3[01])\s+{_CLOCK}",
        rf"[\[(]?(?P<mo>0[1-9]|1[0-2])[-/](?P<d>[0-2]\d|3[01])\s+{_CLOCK}[\])]?",
        r"[\[(]?(?P<epoch>1[5-9]\d{8})(?:\.(?P<f>\d{1,9}))?(?=[\s:\])])[\])]?",
        r"\[\s{0,12}(?P<boot>\d{1,10}\.\d{3,6})\]",
        rf"[\[(]?{_CLOCK}[\])]?",
    )
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """`at` where the text names an instant; `boot_s` for seconds since boot; `end` is where the stamp ends in the text."""

    at: datetime | None
    boot_s: float | None
    end: int


def read_stamp(text: str, near: datetime, start: int = 0) -> Stamp | None:
    """The stamp that begins at `start`, None where there is none."""
    head = text[start : start + 1]
    if not head or not (head.isdigit() or head in "[(<" or head.isupper()):
        return None
    for pattern in _FORMATS:
        found = pattern.match(text, start)
        if found:
            return _stamp(found, near)
    return None


def _stamp(found: re.Match[str], near: datetime) -> Stamp | None:
    parts = found.groupdict()
    end = found.end()
    if parts.get("boot"):
        return Stamp(None, float(parts["boot"]), end)
    micros = int(((parts.get("f") or "0") + "000000")[:6])
    if parts.get("epoch"):
        return Stamp(datetime.fromtimestamp(int(parts["epoch"]), UTC) + timedelta(microseconds=micros), None, end)
    month = parts.get("mo") or _MONTHS.get((parts.get("mon") or "").lower())
    if parts.get("mon") and not month:
        return None
    clock = int(parts["h"]), int(parts["mi"]), min(59, int(parts["s"])), micros
    try:
        if month is None:
            at = near.astimezone(UTC).replace(hour=clock[0], minute=clock[1], second=clock[2], microsecond=micros)
            return Stamp(min((at + timedelta(days=n) for n in (-1, 0, 1)), key=lambda one: abs(one - near)), None, end)
        if parts.get("y"):
            at = datetime(int(parts["y"]), int(month), int(parts["d"]), *clock, tzinfo=UTC)
        else:
            years = (near.year - 1, near.year, near.year + 1)
            days = [
                datetime(year, int(month), int(parts["d"]), *clock, tzinfo=UTC)
                for year in years
                if _real(year, month, parts["d"])
            ]
            at = min(days, key=lambda one: abs(one - near))
        return Stamp(at - _offset(parts.get("z")), None, end)
    except (ValueError, OverflowError):
        return None


def _real(year: int, month: str | int, day: str) -> bool:
    return not (int(month) == 2 and int(day) == 29 and (year % 4 or (year % 100 == 0 and year % 400)))


def _offset(zone: str | None) -> timedelta:
    if not zone or zone[0] not in "+-":
        return timedelta()
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return size if zone[0] == "+" else -size
