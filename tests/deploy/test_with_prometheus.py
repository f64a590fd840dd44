"""A real Prometheus with the files of deploy/prometheus, pointed at a real daemon: an Xid becomes an incident, and what the
dashboard asks is answered."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.deploy.test_manifests import queries
from tests.deploy.tools import DEPLOY
from tests.e2e.daemon import Daemon
from tests.servers.prometheus import Prometheus, Start

TOKEN = "s3cret"
PAGE = b"""\
DCGM_FI_DEV_XID_ERROR{gpu="3",UUID="GPU-5f3c1a77-0b1e-4d1c-9d55-2a6f0e7c9b10",hostname="n17"} 79
DCGM_FI_DEV_GPU_TEMP_CELSIUS{gpu="0",UUID="GPU-1c0ffee0-0000-4000-8000-000000000000",hostname="n17"} 56
"""


@contextmanager
def exporter() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(PAGE)))
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, format: str, *arguments: object) -> None:
            """Not on the test's stderr."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)


def configured(daemon: Daemon, dcgm: str) -> tuple[dict[str, Any], dict[str, str]]:
    """prometheus.yml and its rules as they are shipped, but for addresses, the token's file, and the pace of a test."""
    folder = DEPLOY / "prometheus"
    document: dict[str, Any] = yaml.safe_load((folder / "prometheus.yml").read_text())
    ours = daemon.url.removeprefix("http://")
    document["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (receiver,) = document["alerting"]["alertmanagers"]
    receiver["static_configs"] = [{"targets": [ours]}]
    receiver["authorization"]["credentials_file"] = "token"
    targets = {"responder": ours, "dcgm": dcgm}
    for job in document["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    files = {name: (folder / name).read_text() for name in document["rule_files"]}
    return document, {**files, "token": TOKEN}


def ask(prometheus: Prometheus, query: str) -> dict[str, Any]:
    return dict(httpx.get(f"{prometheus.url}/api/v1/query", params={"query": query}, timeout=10).json())


@pytest.mark.integration
def test_an_xid_becomes_an_incident_and_the_dashboard_is_answered(tmp_path: Path, prometheus: Start) -> None:
    who = {"authorization": f"Bearer {TOKEN}"}
    daemon = Daemon(tmp_path, {"listen": {"auth": {"bearer": TOKEN}}})
    with exporter() as dcgm:
        daemon.start()
        try:
            config, files = configured(daemon, dcgm)
            server = prometheus(config, files=files)
            found = daemon.until(
                lambda: daemon.get("/v1/incidents", headers=who)["incidents"], "an incident of the Xid", 60
            )
            assert [(one["rule"], one["key"]) for one in found] == [("gpu-lost", {"node": "n17"})]

            ready = daemon.until(lambda: ask(server, "responder_ready")["data"]["result"], "a scrape of the daemon")
            assert {one["metric"]["part"] for one in ready} == {"store", "rules"}
            for query in queries():
                filled = query.replace("$__rate_interval", "1m").replace("$__range", "1h")
                filled = re.sub(r'"\$(job|instance)"', '".*"', filled)
                assert ask(server, filled)["status"] == "success", query
            groups = httpx.get(f"{server.url}/api/v1/rules", timeout=10).json()["data"]["groups"]
            assert [rule["name"] for group in groups for rule in group["rules"] if rule.get("lastError")] == []
        finally:
            assert daemon.stop() == 0
