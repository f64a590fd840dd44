"""Labelled cases on disk: JSONL (one case a line) or YAML (`examples:`), with what a right answer is.

Only `kind` and `text` may reach the engine; the rest of a case is for the score.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
from pydantic import ValidationError

from responder.document import load
from responder.errors import ConfigError
from responder.model.value import Value

HEALTHY = "unknown"
"""Class of a case where the right answer is that nobody is needed or nothing can be said."""


class LabelledCase(Value):
    """A text and the class that an expert gave it."""

    id: str
    kind: str
    text: str
    class_: str
    acceptable: tuple[str, ...] = ()
    hard: bool = False
    origin: str = ""

    @property
    def right(self) -> frozenset[str]:
        """Classes that count as right."""
        return frozenset((self.class_, *self.acceptable))


def read_cases(paths: Sequence[Path]) -> list[LabelledCase]:
    """All cases of files and folders. Raises ConfigError naming file and line."""
    cases = [case for path in paths for case in _read(path)]
    if not cases:
        raise ConfigError(
            "no labelled cases found",
            file=paths[0] if paths else None,
            expected="a .jsonl file or YAML with `examples:`",
        )
    return cases


def _read(path: Path) -> Iterator[LabelledCase]:
    if path.is_dir():
        for file in sorted([*path.rglob("*.jsonl"), *path.rglob("*.yaml")]):
            yield from _read(file)
    elif path.suffix in (".yaml", ".yml"):
        document = load(path, code="E100")
        listed = document.data.get("examples") if isinstance(document.data, dict) else document.data
        for number, row in enumerate(listed or []):
            yield _case(row, path, document.place(("examples", number))[0] if isinstance(document.data, dict) else None)
    else:
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror or error}", file=path) from error
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    row = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise ConfigError(
                        f"not JSON: {error}", file=path, line=number, expected="one case (an object) per line"
                    ) from error
                yield _case(row, path, number)


def _case(row: object, file: Path, line: int | None) -> LabelledCase:
    if not isinstance(row, dict):
        raise ConfigError("a case is an object with id, kind, text and class", file=file, line=line)
    known = {name: row[name] for name in ("id", "kind", "text", "acceptable", "hard") if name in row}
    try:
        return LabelledCase.model_validate({**known, "class_": row.get("class"), "origin": file.name})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]).removesuffix("_") if first["loc"] else "case"
        raise ConfigError(f"{name}: {first['msg']}", file=file, line=line, expected="id, kind, text, class") from error
