"""The errors of the product, sorted by who must act and whether trying again helps.

    ResponderError
    ├── ConfigError   an operator edits a file; always says where, what was found, what was expected
    ├── InputError    the sender is wrong: quarantined, never retried
    │   └── NotFound  what was asked for does not exist
    ├── Transient     the world is wrong: try again, perhaps after `retry_after`
    ├── Permanent     the world says no: do not try again
    └── Conflict      another writer committed first: redo from a fresh read

Adapters translate their library's exceptions into these at the edge and chain them (`raise ... from`).
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


class ResponderError(Exception):
    """Something went wrong that a person can do something about."""


@dataclass(eq=False)
class ConfigError(ResponderError):
    """A file that an operator wrote cannot be used.

    `line` and `column` count from 1; None where the place is not known (a value from the environment).
    """

    message: str
    file: Path | None = None
    line: int | None = None
    column: int | None = None
    found: str | None = None
    expected: str | None = None
    hint: str | None = None
    code: str = "C100"

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        lines = [f"{place}: {self.message}" if place else self.message]
        if self.found is not None:
            lines.append(f"  found:    {self.found}")
        if self.expected is not None:
            lines.append(f"  expected: {self.expected}")
        if self.hint is not None:
            lines.append(f"  to do:    {self.hint}")
        return "\n".join(lines)


class InputError(ResponderError):
    """What the sender sent cannot be used; sending it again will not help."""

    def __init__(self, message: str, *, where: str | None = None) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.where = where


class NotFound(InputError):
    """What was asked for does not exist."""


class Transient(ResponderError):
    """It may work later.

    `retry_after` is what the other side asked for, None where it said nothing.
    `outcome_unknown` is true when the request may have taken effect (timeout, connection lost after sending, 5xx).
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None, outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown


class Permanent(ResponderError):
    """It will not work however often it is tried (bad credentials, unknown channel, refused payload)."""


class Conflict(ResponderError):
    """Another writer committed first; read again and redo."""
