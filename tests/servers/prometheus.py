"""Prometheus servers for the tests, each with a configuration and, where wanted, a past of its own."""

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml

from tests.servers.container import Container, engine_answers
from tests.servers.http import HttpServer
from tests.servers.machine import require_program, server_directory
from tests.servers.process import Process, Runnable, free_ports

IMAGE = "prom/prometheus:v3.5.0"
PACKAGE = "prometheus"


@dataclass(frozen=True)
class Prometheus(HttpServer):
    """After a test has rewritten `config`, a POST to `{url}/-/reload` reads it again."""

    NAME = "Prometheus"

    directory: Path | None = None

    @property
    def config(self) -> Path:
        assert self.directory is not None, "this Prometheus came from the environment: its files are not here"
        return self.directory / "prometheus.yml"


class Start(Protocol):
    """What the fixture `prometheus` gives: as `running`, ended with the test."""

    def __call__(
        self, config: Mapping[str, object] | None = None, *, files: Mapping[str, str] | None = None, history: str = ""
    ) -> Prometheus: ...


@contextlib.contextmanager
def running(
    config: Mapping[str, object] | None = None, *, files: Mapping[str, str] | None = None, history: str = ""
) -> Iterator[Prometheus]:
    """Prometheus with this configuration; `files` (rules, targets) lie beside it, so name them by relative path.

    `history` is OpenMetrics text with timestamps, ending in `# EOF`: samples that are already there at the start.
    From the environment (`RESPONDER_TEST_PROMETHEUS=http://...`, only for a caller who brings nothing), Docker, or this
    machine.
    """
    if not (config or files or history) and (url := os.environ.get("RESPONDER_TEST_PROMETHEUS")):
        yield Prometheus(url.rstrip("/"))
        return
    (port,) = free_ports(1)
    with server_directory("prometheus") as directory:
        (directory / "prometheus.yml").write_text(yaml.safe_dump(dict(config or {})))
        for name, text in (files or {}).items():
            (directory / name).write_text(text)
        if history:
            (directory / "history.om").write_text(history)
        server: Runnable
        if engine_answers():
            server = Container(IMAGE, _line("prometheus", "promtool", port, bool(history)), directory)
        else:
            prometheus_, promtool = (str(require_program((name,), PACKAGE)) for name in ("prometheus", "promtool"))
            server = Process(_line(prometheus_, promtool, port, bool(history)), directory)
        prometheus = Prometheus(f"http://127.0.0.1:{port}", directory, server=server)
        try:
            prometheus.start()
            yield prometheus
        finally:
            server.stop()


def _line(prometheus: str, promtool: str, port: int, with_history: bool) -> str:
    create_blocks = f"{shlex.quote(promtool)} tsdb create-blocks-from openmetrics history.om data >/dev/null &&"
    return (
        f"{create_blocks + ' rm history.om &&' if with_history else ''} exec {shlex.quote(prometheus)} "
        f"--config.file=prometheus.yml --storage.tsdb.path=data --storage.tsdb.retention.time=10y "
        f"--web.listen-address=127.0.0.1:{port} --web.enable-lifecycle --log.level=warn"
    )
