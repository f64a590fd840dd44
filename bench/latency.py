"""From webhook to posted report beyond `group_wait`, with a local Prometheus asked on the way."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.measuring import alert, percentile, post_all, say
from tests.e2e.conftest import sinks_for
from tests.e2e.daemon import running
from tests.servers import prometheus as prometheuses
from tests.wire.pagerduty import PagerDutyWire
from tests.wire.slack import SlackWire

COUNT = 60
WAIT_S = 0.5
RULES = f"""
rules:
  - name: bench
    match: 'alertname="GpuXidError"'
    skill: gpu-node-health-diagnoser
    group_by: [node]
    group_wait: {int(WAIT_S * 1000)}ms
    owner: bench
    runbook_url: https://runbooks.example.com/gpu
"""


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        prometheuses.running() as prometheus,
        SlackWire(rate=None).serve() as slack,
        PagerDutyWire(rate=None).serve() as pagerduty,
    ):
        (Path(folder) / "rules.yaml").write_text(RULES)
        config: dict[str, Any] = {
            "rules": [f"{folder}/rules.yaml", "builtin:default"],
            "enrichers": {"history": {}, "prometheus": {"url": prometheus.url}},
            "sinks": {"slack": sinks_for(slack.base_url, pagerduty.base_url)["slack"]},
        }
        taken = []
        with running(Path(folder), config) as daemon:
            for n in range(COUNT):
                began = time.time()
                post_all(daemon.url, "/v1/events/alertmanager", [json.dumps([alert(n, nodes=COUNT)]).encode()], 1)
                while len(slack.roots()) <= n:
                    time.sleep(0.001)
                taken.append(time.time() - began - WAIT_S)
        say(bench="latency", reports=COUNT, beyond_group_wait_p50_ms=percentile(taken, 0.5) * 1000,
            beyond_group_wait_p99_ms=percentile(taken, 0.99) * 1000)  # fmt: skip


if __name__ == "__main__":
    main()
