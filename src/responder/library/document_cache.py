"""Remembers, from one start to the next, what the knowledge files say: reading 1 MB of YAML takes ten times as long as reading the
same as JSON. Places are not kept: an error reads the YAML again, and what is no acceptable YAML is never remembered.
"""

import hashlib
from pathlib import Path
from typing import Any

import orjson

from responder import yaml_tree
from responder.document import Document, parse, read_text
from responder.library.cache_file import CacheFile

MOST = 500
"""Files kept: several times what ships."""


class DocumentCache:
    """`document.load`, remembered by the content of the file. Call `save` when all files were asked for."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = CacheFile("documents", yaml_tree, folder)
        self._known = self._file.read()
        self._asked: dict[str, Any] = {}
        self._news = False

    def load(self, file: Path, *, code: str) -> Document:
        """Raises ConfigErrors as `document.load` does."""
        text = read_text(file, code=code)
        key = hashlib.sha256(text.encode()).hexdigest()
        if key in self._known:
            document = Document(file, self._known[key], text, code)
        else:
            document = parse(text, file, code=code)
            if not _same_as_json(document.data):
                return document
            self._news = True
        self._asked[key] = document.data
        return document

    def save(self) -> None:
        if self._news:
            many = len(self._known) + len(self._asked) > MOST
            self._file.write(self._asked if many else {**self._known, **self._asked})


def _same_as_json(data: Any) -> bool:
    """JSON has no infinity, and orjson no number above 64 bits."""
    try:
        return bool(orjson.loads(orjson.dumps(data)) == data)
    except TypeError:
        return False
