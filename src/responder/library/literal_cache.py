"""Remembers, from one start to the next, which texts each pattern demands: working that out is half of reading the skills.

A file per user (or `CacheDirectory=` of systemd), valid for the code that wrote it, replaced whole. It is a convenience: where it
cannot be read or written, the patterns are worked out again and nobody is told.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import orjson

from responder.logic.diagnosis import literals

MOST = 20_000
"""Patterns kept: an order of magnitude above what ships; beyond that the oldest folder tried out yesterday is in there too."""


def cache_folder() -> Path:
    """systemd's `CACHE_DIRECTORY`, else the XDG base directory specification's place."""
    given = os.environ.get("CACHE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "responder"


class LiteralCache:
    """`required`, remembered. Call `save` when all patterns were asked for."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file: Path | None = None
        self._known: dict[str, list[str] | None] = {}
        self._asked: dict[str, list[str] | None] = {}
        self._news = False
        with contextlib.suppress(OSError, RuntimeError):  # no home, no access
            code = hashlib.sha256(Path(literals.__file__).read_bytes()).hexdigest()[:12]
            self._file = (folder or cache_folder()) / f"literals-{code}.json"
            self._known = _read(self._file)

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
        """Whole or not at all; another process that does the same at the same time writes the same."""
        if not self._news or self._file is None:
            return
        kept = self._asked if len(self._known) + len(self._asked) > MOST else {**self._known, **self._asked}
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._file.parent, delete=False) as made:
                made.write(orjson.dumps(kept))
            Path(made.name).replace(self._file)
            _drop(other for other in self._file.parent.glob("literals-*.json") if other != self._file)


def _read(file: Path) -> dict[str, list[str] | None]:
    try:
        known = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    right = isinstance(known, dict) and all(needs is None or _texts(needs) for needs in known.values())
    return known if right else {}


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _drop(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
