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


def with_folder(
    folder: Path, sources: Sequence[str], kind: str, suffixes: Sequence[str] = (".yaml", ".yml")
) -> list[Path]:
    """The paths of a setting whose own folders are replaced by `folder`; the built-in ones stay where the setting names them.

    A file of the folder with the name of a built-in one stands in for it, in its place in the order, so that an edited copy of the
    built-in files is just that.
    """
    if BUILTIN not in sources:
        return [folder]
    shipped = sorted(file for file in builtin(kind).iterdir() if file.suffix in suffixes and file.is_file())
    own = {file.name: file for file in sorted(folder.iterdir()) if file.suffix in suffixes and file.is_file()}
    taken = {file.name for file in shipped}
    return [*(file for name, file in own.items() if name not in taken), *(own.get(file.name, file) for file in shipped)]
