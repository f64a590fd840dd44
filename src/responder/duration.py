"""Durations as people write them in YAML: `30s`, `5m`, `4h`, `14d`, `1h30m`, `500ms`."""

import re
from datetime import timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_LONGEST = 36525 * 86400.0
"""A century, in seconds: what is longer is a slip, and adding it to a time would leave the calendar."""
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


@lru_cache(1024)  # a stored incident carries its rule: the same few texts, thousands of times a second
def parse_duration(text: str) -> timedelta:
    """Read a duration as Prometheus and Alertmanager write it.

    Raises ValueError naming the accepted units; a bare number is refused because its unit is a guess ("0" is fine).
    """
    compact = text.strip().replace(" ", "")
    if compact == "0":
        return timedelta()
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(
            f"not a duration: {text!r} (write a number and a unit: ms, s, m, h, d, w; for example 30s or 1h30m)"
        )
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST:
        raise ValueError(f"not a duration: {text!r} is longer than a century")
    return timedelta(seconds=seconds)


@lru_cache(1024)
def format_duration(value: timedelta) -> str:
    """The shortest exact spelling in whole units: 90 s is `1m30s`."""
    milliseconds = round(value.total_seconds() * 1000)
    if milliseconds == 0:
        return "0s"
    out = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            out += f"{count}{unit}"
    return out


def _read(value: object) -> object:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        raise ValueError("not a duration: write a number and a unit, for example 30s")
    if isinstance(value, int | float) and value != 0:
        raise ValueError(f"a duration needs a unit: write {value}s, {value}m or {value}h")
    return value if isinstance(value, timedelta) else timedelta()


Duration = Annotated[timedelta, BeforeValidator(_read), PlainSerializer(format_duration, return_type=str)]
