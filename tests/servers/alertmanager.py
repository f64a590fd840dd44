"""Alertmanagers for the tests, each with a configuration of its own, alone (no cluster)."""

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import yaml

from tests.servers.container import Container, engine_answers
from tests.servers.http import HttpServer
from tests.servers.machine import require_program, server_directory
from tests.servers.process import Process, Runnable, free_ports

IMAGE = "prom/alertmanager:v0.28.1"
PACKAGE = "prometheus-alertmanager"
PROGRAMS = ("prometheus-alertmanager", "alertmanager")  # Debian's name, upstream's name
NOBODY_LISTENS = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}


@dataclass(frozen=True)
class Alertmanager(HttpServer):
    """Alerts go to `{url}/api/v2/alerts`."""

    NAME = "Alertmanager"


class Start(Protocol):
    """What the fixture `alertmanager` gives: as `running`, ended with the test."""

    def __call__(self, config: Mapping[str, object] | None = None) -> Alertmanager: ...


@contextlib.contextmanager
def running(config: Mapping[str, object] | None = None) -> Iterator[Alertmanager]:
    """Alertmanager with this configuration, from the environment (`RESPONDER_TEST_ALERTMANAGER=http://...`, only for a
    caller who brings no configuration), Docker, or this machine."""
    if config is None and (url := os.environ.get("RESPONDER_TEST_ALERTMANAGER")):
        yield Alertmanager(url.rstrip("/"))
        return
    (port,) = free_ports(1)
    with server_directory("alertmanager") as directory:
        (directory / "alertmanager.yml").write_text(yaml.safe_dump(dict(config or NOBODY_LISTENS)))
        server: Runnable
        if engine_answers():
            server = Container(IMAGE, _line("/bin/alertmanager", port), directory)
        else:
            server = Process(_line(str(require_program(PROGRAMS, PACKAGE)), port), directory)
        alertmanager = Alertmanager(f"http://127.0.0.1:{port}", server=server)
        try:
            alertmanager.start()
            yield alertmanager
        finally:
            server.stop()


def _line(program: str, port: int) -> str:
    return (
        f"exec {shlex.quote(program)} --config.file=alertmanager.yml --storage.path=data --log.level=warn "
        f"--web.listen-address=127.0.0.1:{port} --cluster.listen-address="
    )
