"""kill -9 between accept and delivery, twenty times, with vendors that answer 500 after taking effect: nothing lost, nothing twice."""

import random
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import sinks_for
from tests.e2e.daemon import Daemon
from tests.wire.faults import Fault
from tests.wire.pagerduty import PagerDutyWire
from tests.wire.slack import SlackWire

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

KILLS = 20
RULES = """
rules:
  - name: node-alert
    match: 'alertname="NodeAlert"'
    skill: alert-triage-classifier
    group_by: [node]
    group_wait: 200ms
    owner: test
    runbook_url: https://runbooks.example.com/node
"""


def alert(n: int) -> dict[str, Any]:
    labels = {"alertname": "NodeAlert", "severity": "critical", "node": f"n{n}"}
    return {"labels": labels, "annotations": {"summary": f"node n{n} is odd"}, "startsAt": "2026-11-20T03:00:00Z"}


class Sender(threading.Thread):
    """Posts one alert after the other, and remembers what was answered 2xx. What was not answered is sent again, as
    Alertmanager does."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.accepted: dict[str, str] = {}
        self.stopping = threading.Event()

    def run(self) -> None:
        n = 0
        with httpx.Client(timeout=5) as client:
            while not self.stopping.is_set():
                try:
                    answer = client.post(f"{self.url}/v1/events/alertmanager", json=[alert(n)])
                except httpx.HTTPError:
                    self.stopping.wait(0.02)
                    continue
                if answer.status_code == 202:
                    (id,) = answer.json()["event_ids"]
                    self.accepted[f"n{n}"] = id
                    n += 1
                self.stopping.wait(0.1)


def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    chance = random.Random(20261120)
    with SlackWire(rate=None).serve() as slack, PagerDutyWire(rate=None).serve() as pagerduty:
        for wire in (slack, pagerduty):
            wire.faults.plan(
                Fault(status=500, after=True, times=None, probability=0.2),
                Fault(status=500, times=None, probability=0.1),
            )
        (tmp_path / "rules.yaml").write_text(RULES)
        config = {
            "rules": [str(tmp_path / "rules.yaml"), "builtin:default"],
            "sinks": sinks_for(slack.base_url, pagerduty.base_url),
        }
        daemon = Daemon(tmp_path / "daemon", config)
        daemon.start()
        sender = Sender(daemon.url)
        sender.start()
        try:
            for _ in range(KILLS):
                sender.stopping.wait(chance.uniform(0.1, 0.9))
                daemon.kill()
                daemon.start()
        finally:
            sender.stopping.set()
            sender.join(10)
        slack.faults.clear()
        pagerduty.faults.clear()
        assert len(sender.accepted) > KILLS

        for id in sender.accepted.values():
            assert daemon.get(f"/v1/explain/{id}")["event"]["id"] == id

        def settled() -> bool:
            found = daemon.incidents(top_level="true")
            return len(found) >= len(sender.accepted) and all(delivered(daemon, one["id"]) for one in found)

        daemon.until(settled, "every incident to be delivered", 120, pause=0.5)
        found = daemon.incidents()
        nodes = {one["key"]["node"]: one["id"] for one in found}
        assert set(sender.accepted) <= set(nodes)
        roots = slack.roots()
        for node, id in nodes.items():
            mine = [root for root in roots if id in str(root)]
            assert len(mine) == 1, f"{node} has {len(mine)} Slack messages"
            pages = [one for one in pagerduty.incidents if id in one.dedup_key]
            assert len(pages) == 1, f"{node} has {len(pages)} PagerDuty incidents"
        assert daemon.stop() == 0


def delivered(daemon: Daemon, id: str) -> bool:
    rows = daemon.get(f"/v1/incidents/{id}")["deliveries"]
    return len(rows) == 2 and all(row["delivered_version"] >= row["desired_version"] for row in rows)


def test_every_acknowledged_batch_was_synced_to_disk(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    assert strace, "this test counts fsync with strace: apt-get install strace"
    trace = tmp_path / "trace"
    prefix = (strace, "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(trace))
    daemon = Daemon(tmp_path / "daemon", {"sinks": {}}, prefix=prefix)
    daemon.start()

    def syncs() -> int:
        return len(re.findall(r"f(?:data)?sync\(", trace.read_text()))

    try:
        for n in range(10):
            before = syncs()
            assert daemon.post("/v1/events/alertmanager", [alert(n)]).status_code == 202
            assert syncs() > before, "a 2xx was answered before anything reached the disk"
    finally:
        # strace passes no signal on by itself: end the daemon, and strace ends with it.
        subprocess.run(["pkill", "-TERM", "-P", str(daemon.process.pid if daemon.process else 0)], check=False)
        if daemon.process is not None:
            daemon.process.wait(15)
