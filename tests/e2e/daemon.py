"""The daemon as a process of its own, as a user starts it: a configuration file, an address, signals."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

READY_WITHIN_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Daemon:
    """One daemon on one folder; may be killed and started again on the same state."""

    folder: Path
    config: dict[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    """Put before the command, for example strace."""
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = {
            "store": f"sqlite:{self.folder}/responder.db",
            **self.config,
            "listen": {"address": f"127.0.0.1:{self.port}", **self.config.get("listen", {})},
        }
        self.file = self.folder / "responder.yaml"
        self.write()

    def write(self) -> None:
        self.file.write_text(yaml.safe_dump(self.config))

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def start(self, wait: bool = True) -> float:
        """Seconds until it was ready."""
        began = time.perf_counter()
        with (self.folder / "log").open("ab") as log, (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "responder", "run", "-c", str(self.file)],
                stdout=out,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        if wait:
            self.until(self.answers, "the daemon to answer", READY_WITHIN_S, pause=0.005)
        return time.perf_counter() - began

    def answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with status {self.process.returncode}:\n{self.log[-4000:]}")
        try:
            return httpx.get(f"{self.url}/healthz", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
            raise AssertionError(f"it did not end within 15 s of SIGTERM:\n{self.log[-3000:]}") from None

    def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return httpx.post(f"{self.url}{path}", timeout=30, **content, **more)

    def get(self, path: str, **more: Any) -> Any:
        answer = httpx.get(f"{self.url}{path}", timeout=10, **more)
        answer.raise_for_status()
        return answer.json()

    def incidents(self, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/v1/incidents", params={"limit": "1000", **query})["incidents"]
        return found

    def report(self, incident_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/v1/incidents/{incident_id}/report")
        return found

    def _summary(self) -> str:
        """One line per incident, for failures."""
        try:
            found = self.incidents()
        except (httpx.HTTPError, AssertionError) as error:
            return f"(no incidents to show: {error})"
        names = ("id", "rule", "status", "class", "parent", "events", "firing", "title", "entities")
        return "\n".join(str({name: one[name] for name in names})[:600] for one in found)

    def until(self, condition: Callable[[], Any], what: str, within_s: float = 30.0, pause: float = 0.05) -> Any:
        """Wait by condition, bounded; the value of the condition. Fails with the daemon's log."""
        deadline = time.monotonic() + within_s
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                log = self.log[-3000:] if (self.folder / "log").exists() else ""
                raise AssertionError(f"waited {within_s:g} s for {what}\n{self._summary()}\n{log}")
            time.sleep(pause)


@contextlib.contextmanager
def running(folder: Path, config: dict[str, Any], **more: Any) -> Iterator[Daemon]:
    daemon = Daemon(folder, config, **more)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()
