"""`responder evaluate`: labelled cases through the engine, the measures out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from responder.config import read
from responder.errors import InputError
from responder.library.evaluate import evaluate
from responder.library.skills import load_skills
from responder.wiring.knowledge import skill_folders
from responder.wiring.progress import progress


def evaluate_cases(cases: Sequence[Path], config: Path | None, out: Path | None, *, watched: bool) -> dict[str, Any]:
    """The summary; with `out` also a result per line. Raises ConfigError or InputError."""
    library = load_skills(skill_folders(read(config)))
    with progress("evaluating", shown=watched) as advance:
        summary = evaluate(cases, library.knowledge, library.skills, advance)
    if out is not None:
        rows = (
            orjson.dumps(result.model_dump(mode="json", by_alias=True), option=orjson.OPT_APPEND_NEWLINE)
            for result in summary.results
        )
        try:
            out.write_bytes(b"".join(rows))
        except OSError as error:
            raise InputError(f"cannot write {out}: {error.strerror}") from error
    return summary.model_dump(mode="json", by_alias=True)
