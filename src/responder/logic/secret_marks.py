"""What replaces a secret, and how a random value is told from a word."""

from functools import cache
from typing import Any

import re2

OPENING = b"[redacted:"
_MARKED = rb"\[redacted:[a-z-]+\]"
_MEMORY_BYTES = 64 << 20
"""RE2's automaton budget per pattern; the default of 8 MiB makes a table of this size fall back to its slow engine."""


def pattern(text: str) -> Any:
    """A compiled RE2 pattern over bytes. Typed Any: the binding carries no types."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    return re2.compile(text.encode("ascii"), options)


_EXACT = pattern(_MARKED.decode() + r"[)\]}>.]*")


@cache
def mark(kind: str) -> bytes:
    """`[redacted:kind]`."""
    return f"[redacted:{kind}]".encode()


def is_marked(value: bytes) -> bool:
    """Whether the value is a mark already."""
    return value.startswith(OPENING) and _EXACT.fullmatch(value) is not None


def mixes(value: bytes) -> bool:
    """Capitals and digits, as in a key; names of pods and hosts have no capitals (RFC 1123)."""
    return value.lower() != value and any(48 <= byte <= 57 for byte in value)


def looks_random(value: bytes) -> bool:
    """Long, and with a digit or mixed case inside: not a word of prose."""
    if len(value) < 16:
        return len(value) >= 8 and mixes(value)
    return any(48 <= byte <= 57 for byte in value) or (value.lower() != value and value[1:].lower() != value[1:])
