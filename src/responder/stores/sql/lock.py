"""The lock file beside an SQLite store: a second daemon on the same file is refused, and told who is first.

The lock is the kernel's (`flock`): it goes when its holder dies, however it dies. What the file says is for people only.
"""

import fcntl
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import IO

from responder.errors import ConfigError


class Lock:
    """Held from `take` to `release`."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(database.name + ".lock")
        self._file: IO[str] | None = None

    def take(self, now: datetime) -> None:
        """Raises ConfigError when another process has it."""
        try:
            file = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"the store's lock file cannot be written ({error.strerror})",
                file=self._path,
                hint="the folder of the store must exist and be writable for the user that runs responder",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read(200).strip() or "another process"
            file.close()
            raise ConfigError(
                "the store is in use",
                file=self._database,
                found=f"held by {holder}",
                expected="one daemon per SQLite file",
                hint="stop the other one, give this one a file of its own, or let both share a PostgreSQL database",
            ) from error
        except OSError as error:
            file.close()
            raise ConfigError(
                f"the store's lock file cannot be locked ({error.strerror})",
                file=self._path,
                hint="keep an SQLite store on a local disk; for a network file system use PostgreSQL",
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {now:%Y-%m-%d %H:%M:%S} UTC\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """The file stays: deleting it would let two processes lock two files of one name."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None
