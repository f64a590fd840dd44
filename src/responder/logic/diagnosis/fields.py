"""Typed values out of the named groups of a match, and conditions on them.

Extractors: int, float, bytes (`2.50 GiB`), duration (`600000 ms`, `10m`), hex, and `{of: GROUP, bits: [low, high]}` on a hex or
integer group. A group that does not parse is left out, so that a condition on it is not met.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

_BYTES = re.compile(r"([\d.,]+)\s*([kKMGTP]?)(i?)[bB]?")
_DURATION = re.compile(r"([\d.]+)\s*(ms|milliseconds?|us|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)?\b")
_SCALE = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_SECONDS = {"ms": 0.001, "mi": 60.0, "us": 1e-6, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def extract(spec: Mapping[str, JsonValue], groups: Mapping[str, str | None]) -> dict[str, Any]:
    """The groups that took part, converted as `spec` says; the others stay texts."""
    values: dict[str, Any] = {name: text for name, text in groups.items() if text is not None}
    for name, kind in spec.items():
        try:
            if isinstance(kind, dict):
                values[name] = _bits(int(str(groups[str(kind["of"])]), 0), kind["bits"])
            elif name in values:
                values[name] = convert(str(kind), values[name])
        except (KeyError, TypeError, ValueError):
            values.pop(name, None)
    return values


def _bits(word: int, bits: Any) -> int:
    low, high = bits
    return (word >> int(low)) & ((1 << (int(high) - int(low) + 1)) - 1)


def convert(kind: str, text: str) -> int | float | str:
    """One text as int, float, bytes, duration (seconds) or hex. Raises ValueError."""
    if kind == "int":
        return int(text.replace(",", ""))
    if kind == "float":
        return float(text.replace(",", ""))
    if kind == "hex":
        return int(text, 16)
    if kind == "bytes":
        found = _BYTES.match(text.strip())
        if not found:
            raise ValueError(text)
        base = 1024 if found.group(3) or found.group(2).isupper() or found.group(2) == "k" else 1000
        return int(float(found.group(1).replace(",", "")) * base ** _SCALE[found.group(2).upper()])
    if kind == "duration":
        found = _DURATION.match(text.strip())
        if not found:
            raise ValueError(text)
        unit = found.group(2) or "s"
        scale = 0.001 if unit.startswith("millis") else _SECONDS.get(unit[:2], _SECONDS.get(unit[:1], 1.0))
        return float(found.group(1)) * scale
    return text


def meets(where: Mapping[str, JsonValue], values: Mapping[str, Any]) -> bool:
    """Whether extracted values meet all conditions: a value, a list of values, or {above:, below:}."""
    return all(_meets_one(wanted, values.get(name)) for name, wanted in where.items())


def _meets_one(wanted: JsonValue, value: Any) -> bool:
    if value is None:
        return False
    if isinstance(wanted, list):
        return any(_equal(one, value) for one in wanted)
    if isinstance(wanted, dict):
        try:
            number = float(value)
            above, below = wanted.get("above"), wanted.get("below")
            return (above is None or number > float(str(above))) and (below is None or number < float(str(below)))
        except (TypeError, ValueError):
            return False
    return _equal(wanted, value)


def _equal(wanted: JsonValue, value: Any) -> bool:
    return wanted == value or str(wanted).casefold() == str(value).casefold()
