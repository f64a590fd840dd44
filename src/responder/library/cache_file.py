"""A file of what was worked out at an earlier start: per user (or `CacheDirectory=` of systemd), valid for the code that wrote it,
replaced whole. It is a convenience: where it cannot be read or written, the work is done again and nobody is told.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson


def cache_folder() -> Path:
    """systemd's `CACHE_DIRECTORY`, else the XDG base directory specification's place."""
    given = os.environ.get("CACHE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "responder"


class CacheFile:
    """`NAME-CODE.json`; files of other code are removed when it is written."""

    def __init__(self, name: str, code: ModuleType, folder: Path | None = None) -> None:
        self._name = name
        self._file: Path | None = None
        with contextlib.suppress(OSError, RuntimeError):  # no home, no access
            digest = hashlib.sha256(Path(code.__file__ or "").read_bytes()).hexdigest()[:12]
            self._file = (folder or cache_folder()) / f"{name}-{digest}.json"

    def read(self) -> dict[str, Any]:
        """Empty where there is none, or none that can be read."""
        if self._file is None:
            return {}
        try:
            known = orjson.loads(self._file.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}
        return known if isinstance(known, dict) else {}

    def write(self, known: Mapping[str, Any]) -> None:
        """Whole or not at all; another process that does the same at the same time writes the same."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._file.parent, delete=False) as made:
                made.write(orjson.dumps(known))
            Path(made.name).replace(self._file)
            _drop(other for other in self._file.parent.glob(f"{self._name}-*.json") if other != self._file)


def _drop(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
