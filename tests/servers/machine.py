"""Where this machine keeps a server's programs, and the directory that each server gets."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import ServerError

CACHE = Path(__file__).parents[2] / ".servers"  # what `make servers` fetched


def find_program(names: tuple[str, ...], folders: str = "") -> Path | None:
    """The first of the names on PATH, or in the newest of the folders that the glob pattern names."""
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    if folders:
        root = Path("/")
        for folder in sorted(root.glob(folders.lstrip("/")), key=_version, reverse=True):
            for name in names:
                if (folder / name).is_file():
                    return folder / name
    return None


def require_program(names: tuple[str, ...], package: str, folders: str = "") -> Path:
    """As `find_program`; a missing one is a `ServerError` that says what to install."""
    if found := find_program(names, folders):
        return found
    raise ServerError(
        f"{' or '.join(names)} is not installed. Run `make servers` as root (Debian package: {package}), "
        "start a Docker engine, or give an address in the environment (RESPONDER_TEST_...)."
    )


@contextlib.contextmanager
def server_directory(name: str, user: str | None = None) -> Iterator[Path]:
    """A directory for one server's data and log, owned by `user` where we may give it away; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"responder-{name}-", ignore_cleanup_errors=True) as made:
        directory = Path(made)
        if user and os.geteuid() == 0:
            shutil.chown(directory, user, user)
        yield directory


def _version(folder: Path) -> list[int]:
    return [int(digits) for part in folder.parts if (digits := "".join(c for c in part if c.isdigit()))]
