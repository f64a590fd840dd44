"""Servers that say over HTTP whether they are ready."""

from dataclasses import dataclass, field
from typing import ClassVar

import httpx

from tests.servers.process import Runnable, wait_until_ready


def http_ok(url: str) -> bool:
    """Whether the address answers 200; a refused connection is a no."""
    try:
        return httpx.get(url, timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@dataclass(frozen=True)
class HttpServer:
    """One that may be stopped and started again; one that the environment names is left alone."""

    NAME: ClassVar[str]

    url: str
    server: Runnable | None = field(default=None, repr=False, kw_only=True)

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()

    def start(self) -> None:
        """Again, on the same port and data."""
        if self.server is not None:
            self.server.start()
            wait_until_ready(self.NAME, self.server, lambda: http_ok(f"{self.url}/-/ready"), within_s=30)
