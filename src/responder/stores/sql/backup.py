"""A consistent copy of an SQLite store while the daemon writes to it (SQLite's online backup).

PostgreSQL has its own tools for that, and we do not pretend to be one.
"""

import contextlib
import os
import sqlite3
from pathlib import Path

from responder.errors import ConfigError
from responder.stores.sql.address import parse_address
from responder.stores.sql.faults import translate

_PAGES = 2_000
"""Copied between two chances for the writer."""


def backup(store_url: str, to: Path) -> None:
    """Copy the store to a new file. Raises ConfigError when that cannot be, Transient for a full disk."""
    address = parse_address(store_url)
    if address.kind == "postgresql":
        raise ConfigError(
            "a PostgreSQL store is backed up with PostgreSQL's own tools",
            found=address.shown,
            hint=f"pg_dump --format=custom --file={to} {address.url.database or ''}".rstrip(),
        )
    if address.path is None:
        raise ConfigError("a store in memory cannot be backed up", found=store_url, expected="sqlite:FILE")
    if not address.path.is_file():
        raise ConfigError(
            "there is no store to back up", file=address.path, hint="correct `store:`, or start the daemon once"
        )
    if to.exists():
        raise ConfigError("the backup would overwrite a file", file=to, hint="name a file that does not exist")
    copy_sqlite(address.path, to)


def copy_sqlite(database: Path, to: Path) -> None:
    """Copy under a temporary name, check it, bring it to disk, then give it its name: a half copy is never taken for one."""
    part = to.with_name(f"{to.name}.part")
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as source,
            contextlib.closing(sqlite3.connect(part)) as target,
        ):
            source.backup(target, pages=_PAGES, sleep=0.01)
            (verdict,) = target.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise ConfigError(f"the copy is damaged, and so is the store: {verdict}", file=database)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(to)
    except OSError as error:
        fault = translate(error, str(to))
        if fault is error:
            fault = ConfigError(f"the copy cannot be written ({error.strerror})", file=to)
        raise fault from error
    except sqlite3.Error as error:
        raise ConfigError(f"the store cannot be copied: {error}", file=to) from error
    finally:
        part.unlink(missing_ok=True)
