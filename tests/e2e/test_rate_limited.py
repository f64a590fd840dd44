"""A Slack that answers 429: its Retry-After is honoured, nothing is dropped, and what piles up meanwhile becomes one update."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import running
from tests.wire.faults import Fault
from tests.wire.slack import SlackWire

pytestmark = pytest.mark.timeout(120)
RULES = """rules:
  - {name: rack, match: 'rack!=""', skill: gpu-node-health-diagnoser, group_by: [rack], group_wait: 20ms, group_interval: 20ms}
"""
NODES = 30
WAIT_S = 2


def alert(node: str) -> dict[str, Any]:
    labels = {"alertname": "NodeDown", "severity": "critical", "rack": "r1", "node": node}
    return {"kind": "node", "status": "firing", "labels": labels}


def test_updates_coalesce_while_slack_asks_to_wait(tmp_path: Path, slack: SlackWire, sinks: dict[str, Any]) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    config = {"rules": [str(tmp_path / "rules.yaml"), "builtin:default"], "sinks": {"slack": sinks["slack"]}}
    with running(tmp_path / "daemon", config) as daemon:
        daemon.post("/v1/events/native", alert("n0"))
        daemon.until(slack.roots, "the message")
        before = len(slack.called("chat.update"))
        with slack.lock:
            slack.faults.plan(Fault("chat.update", status=429, retry_after=WAIT_S))
        for number in range(1, NODES + 1):
            assert daemon.post("/v1/events/native", alert(f"n{number}")).json()["accepted"] == 1

        def everything_is_shown() -> bool:
            return f"{NODES + 1} events" in str(slack.roots()[0])

        daemon.until(everything_is_shown, "the last state in the message")
        (incident,) = daemon.incidents()
    assert incident["events"] == NODES + 1
    assert len(slack.roots()) == 1
    updates = slack.called("chat.update")[before:]
    assert updates[0].status == 429
    assert updates[1].at - updates[0].at >= WAIT_S
    assert 1 <= sum(call.effect for call in updates) < NODES / 2, "what piled up went as one"
