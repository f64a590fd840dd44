"""A command on a terminal of its own: a pseudo-terminal of a given width, with keys to press and a screen to read."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WITHIN_S = 60.0
CTRL_C = b"\x03"


class Terminal:
    """What a person would see and press."""

    def __init__(self, process: "subprocess.Popen[bytes]", keyboard: int) -> None:
        self.process = process
        self.keyboard = keyboard
        self.seen = b""

    @property
    def screen(self) -> str:
        return self.seen.decode(errors="replace").replace("\r\n", "\n")

    def press(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def until(self, words: str) -> None:
        """Read on until the words stand on the screen."""
        deadline = time.monotonic() + WITHIN_S
        while words not in self.screen:
            assert self._read(deadline), f"{words!r} never came:\n{self.screen[-3000:]}"

    def end(self) -> int:
        """Read to the end; the exit status."""
        deadline = time.monotonic() + WITHIN_S
        while self._read(deadline):
            pass
        return self.process.wait(10)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.keyboard], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise AssertionError(f"nothing more came within {WITHIN_S:g} s:\n{self.screen[-3000:]}")
        try:
            part = os.read(self.keyboard, 65536)
        except OSError:  # Linux: the other side is closed
            return False
        self.seen += part
        return bool(part)


@contextmanager
def opened(folder: Path, *arguments: str, columns: int = 100, **environment: str) -> Iterator[Terminal]:
    """`responder ARGUMENTS` in the folder, on a terminal so many columns wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RESPONDER_", "COLUMNS"))}
    process = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-m", "responder", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**clean, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        os.close(ours)
