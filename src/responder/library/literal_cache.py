"""Remembers, from one start to the next, which texts each pattern demands: working that out is half of reading the skills."""

from pathlib import Path

from responder.library.cache_file import CacheFile
from responder.logic.diagnosis import literals

MOST = 20_000
"""Patterns kept: an order of magnitude above what ships; beyond that the oldest folder tried out yesterday is in there too."""


class LiteralCache:
    """`required`, remembered. Call `save` when all patterns were asked for."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = CacheFile("literals", literals, folder)
        known = self._file.read()
        right = all(needs is None or _texts(needs) for needs in known.values())
        self._known: dict[str, list[str] | None] = known if right else {}
        self._asked: dict[str, list[str] | None] = {}
        self._news = False

    def required(self, pattern: str) -> tuple[str, ...] | None:
        """Sorted. Raises ValueError as `literals.required` does; that is not remembered."""
        if pattern in self._known:
            needs = self._known[pattern]
        else:
            found = literals.required(pattern)
            needs = None if found is None else sorted(found)
            self._news = True
        self._asked[pattern] = needs
        return None if needs is None else tuple(needs)

    def save(self) -> None:
        if self._news:
            many = len(self._known) + len(self._asked) > MOST
            self._file.write(self._asked if many else {**self._known, **self._asked})


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
