"""Where rules and skills are read from: folders of the operator, and the built-in ones."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

BUILTIN = "builtin:default"


def builtin(kind: str) -> Path:
    """The shipped `rules` or `skills`: inside the installed package, or at the top of a checkout."""
    inside = Path(str(files("responder"))) / "builtin" / kind
    return inside if inside.is_dir() else Path(__file__).resolve().parents[3] / kind


def resolve(sources: Sequence[str], kind: str, beside: Path) -> list[Path]:
    """Paths in the order of search; relative ones are relative to the configuration file."""
    return [builtin(kind) if source == BUILTIN else beside / source for source in sources]
