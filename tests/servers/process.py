"""One server as a process of this machine: started, waited for by condition, stopped by its process id.

The server runs under `supervise.py`, which ends it when this process is gone for whatever reason: a killed test run
leaves nothing behind. Nothing here knows which server it is.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

SUPERVISE = Path(__file__).with_name("supervise.py")
STOP_WITHIN_S = 20.0  # the supervisor kills after 15 s
PROBE_EVERY_S = 0.02


class ServerError(Exception):
    """A real server could not be had; the message says what to install or what its log said."""


class Runnable(Protocol):
    """A process or a container."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def exited(self) -> bool: ...
    def log_tail(self) -> str: ...


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def wait_until_ready(name: str, server: Runnable, ready: Callable[[], bool], within_s: float) -> None:
    """Returns as soon as `ready` says so; a server that ends before, or is slower, is a `ServerError` with its log."""
    deadline = time.monotonic() + within_s
    while not ready():
        if server.exited():
            raise ServerError(f"{name} ended before it was ready. Its last lines:\n{server.log_tail()}")
        if time.monotonic() > deadline:
            raise ServerError(f"{name} was not ready within {within_s:.0f} s. Its last lines:\n{server.log_tail()}")
        time.sleep(PROBE_EVERY_S)


def port_answers(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Process:
    """`line` is one shell line, run in `directory`, as `user` where that is given and we are root."""

    line: str
    directory: Path
    user: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    _supervisor: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def start(self) -> None:
        if not self.exited():
            return
        argv = [sys.executable, "-I", str(SUPERVISE), *(("--user", self.user) if self.user else ()), "--", self.line]
        with self.log.open("ab") as log:
            self._supervisor = subprocess.Popen(
                argv,
                cwd=self.directory,
                env={**os.environ, **self.environment},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C of the test run is for the test run
            )

    def stop(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        assert supervisor.stdin is not None
        supervisor.stdin.close()  # the supervisor's sign to end the server
        try:
            supervisor.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
            raise

    def exited(self) -> bool:
        return self._supervisor is None or self._supervisor.poll() is not None

    def log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-25:]) if self.log.exists() else "(no log)"
