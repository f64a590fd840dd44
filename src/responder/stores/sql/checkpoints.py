"""Copies SQLite's log into the database beside the writer, so that commits need not.

A commit that finds the log long copies it before it ends, and whoever waits for it waits 100 ms longer (40 MB). Here a thread does
that ahead of time, on a connection of its own and without waiting for anybody ("passive", sqlite.org/wal.html section 3); what came
since is all that is left for the commit that starts the log anew. It is a convenience: what fails here fails there, too, and is told.
"""

import contextlib
import sqlite3
import threading
from pathlib import Path

ROWS = 20_000
"""Rows written between two times: some 8,000 pages of the log, as a queue's events change them."""


class Checkpoints:
    """One per store on a file, from `start` to `stop`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = threading.Thread(target=self._run, name="store-checkpoint", daemon=True)
        self._due = threading.Event()
        self._stopping = False
        self._copied_at = 0

    def start(self) -> None:
        self._thread.start()

    def wrote(self, rows: int) -> None:
        """`rows`: all that the writing connection has changed since it was opened; fewer than before: it is another one. Returns at
        once."""
        if not 0 <= rows - self._copied_at < ROWS:
            self._copied_at = rows
            self._due.set()

    def stop(self) -> None:
        """Lets a copy that has begun finish. Blocks."""
        self._stopping = True
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while self._due.wait() and not self._stopping:
            self._due.clear()
            with contextlib.suppress(sqlite3.Error):
                copy(self._path)


def copy(database: Path) -> None:
    """As much of the log as no reader still needs. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
