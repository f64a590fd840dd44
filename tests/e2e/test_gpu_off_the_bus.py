"""A GPU drops off the bus: real Prometheus, real Alertmanager, our daemon, one Slack message and one PagerDuty incident."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.daemon import running
from tests.e2e.exporter import NODE, UUIDS, exporting
from tests.servers.alertmanager import Start as StartAlertmanager
from tests.servers.prometheus import Start as StartPrometheus
from tests.wire.pagerduty import PagerDutyWire
from tests.wire.slack import SlackWire

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ALERT_RULES = {
    "groups": [
        {
            "name": "gpu",
            "rules": [
                {
                    "alert": "GPUFellOffBus",
                    "expr": "DCGM_FI_DEV_XID_ERRORS == 79",
                    "labels": {"severity": "critical", "cluster": "aurora"},
                    "annotations": {
                        "summary": "GPU {{ $labels.gpu }} of {{ $labels.Hostname }} reports Xid {{ $value }}"
                    },
                }
            ],
        }
    ]
}


def slurm(at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "jobid": 482077,
        "cluster": "aurora",
        "job_name": "clip-pretrain",
        "username": "rsingh",
        "user_id": 4802,
        "groupname": "vision",
        "account": "vision",
        "partition": "h100",
        "nodes": f"{NODE},gpu-b018",
        "total_nodes": 2,
        "total_cpus": 192,
        "@start": (at - timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%S"),
        "tres_alloc": "cpu=192,mem=2000G,node=2,gres/gpu=16,gres/gpu:h100=16",
        **more,
    }


def failed_pod(at: datetime) -> dict[str, Any]:
    return {
        "type": "MODIFIED",
        "object": {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "clip-pretrain-worker-1", "namespace": "training"},
            "spec": {
                "nodeName": NODE,
                "containers": [{"name": "train", "resources": {"limits": {"memory": "64Gi"}}}],
            },
            "status": {
                "phase": "Failed",
                "containerStatuses": [
                    {
                        "name": "train",
                        "restartCount": 0,
                        "state": {
                            "terminated": {
                                "exitCode": 1,
                                "reason": "Error",
                                "message": "RuntimeError: CUDA error: unspecified launch failure",
                                "finishedAt": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                            }
                        },
                    }
                ],
            },
        },
    }


def test_one_fault_is_one_message_and_one_page_from_first_signal_to_resolve(
    tmp_path: Path,
    prometheus: StartPrometheus,
    alertmanager: StartAlertmanager,
    slack: SlackWire,
    pagerduty: PagerDutyWire,
    sinks: dict[str, Any],
) -> None:
    now = datetime.now(UTC)
    with exporting() as exporter:
        config: dict[str, Any] = {
            "sinks": sinks,
            "enrichers": {"history": {}, "prometheus": {"url": "http://127.0.0.1:9"}},
            "prices": {"gpu_hour_usd": {"H100": 2.5, "default": 2.0}},
        }
        with running(tmp_path / "daemon", config) as daemon:
            am = alertmanager(
                {
                    "route": {"receiver": "responder", "group_by": ["alertname", "Hostname"], "group_wait": "0s",
                              "group_interval": "1s", "repeat_interval": "1h"},
                    "receivers": [
                        {
                            "name": "responder",
                            "webhook_configs": [{"url": f"{daemon.url}/v1/events/alertmanager", "send_resolved": True}],
                        }
                    ],
                }
            )  # fmt: skip
            prom = prometheus(
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": ["rules.yml"],
                    "scrape_configs": [{"job_name": "dcgm", "static_configs": [{"targets": [exporter.address]}]}],
                    "alerting": {
                        "alertmanagers": [{"static_configs": [{"targets": [am.url.removeprefix("http://")]}]}]
                    },
                },
                files={"rules.yml": yaml.safe_dump(ALERT_RULES)},
            )
            daemon.stop()
            daemon.config["enrichers"]["prometheus"]["url"] = prom.url
            daemon.write()
            daemon.start()

            assert daemon.post("/v1/events/slurm", slurm(now)).status_code == 202
            daemon.until(lambda: scraped(prom.url) >= 2, "two scrapes of a healthy GPU")
            exporter.lost = True
            assert daemon.post("/v1/events/kubernetes", failed_pod(now)).status_code == 202
            ended = slurm(now, state="NODE_FAIL", exit_code="0:1", failed_node=NODE, elapsed=14400)
            ended["@end"] = now.strftime("%Y-%m-%dT%H:%M:%S")
            assert daemon.post("/v1/events/slurm", ended).status_code == 202

            def settled() -> list[dict[str, Any]]:
                found = daemon.incidents()
                tops = [one for one in found if one["parent"] is None]
                ready = len(found) >= 3 and len(tops) == 1 and tops[0]["class"] == "gpu.fallen_off_bus"
                return tops if ready else []

            (top,) = daemon.until(settled, "the GPU, the pod and the job to be one incident", 60)
            # The report follows when the last of them has joined.
            daemon.until(lambda: len(daemon.report(top["id"])["children"]) >= 2, "the pod and the job in the report")
            check_report(daemon.report(top["id"]))
            daemon.until(lambda: len(slack.roots()) == 1, "one Slack message")
            text = str(slack.roots())
            assert NODE in text
            assert UUIDS[1] in text
            open_pages = [one for one in pagerduty.incidents if one.status != "resolved"]
            assert len(open_pages) == 1

            exporter.lost = False
            daemon.until(
                lambda: next(i for i in daemon.incidents() if i["id"] == top["id"])["status"] == "resolved",
                "the resolve",
                60,
            )
            daemon.until(lambda: all(one.status == "resolved" for one in pagerduty.incidents), "PagerDuty's resolve")
            assert len(slack.roots()) == 1
            assert daemon.until(lambda: "resolved" in str(slack.roots()[0]).lower(), "Slack to show it")
            keys = {one.dedup_key for one in pagerduty.incidents}
            assert len(pagerduty.incidents) == len(keys) == 1


def scraped(url: str) -> int:
    """How often the GPU that is about to fail was seen healthy."""
    query = f'count_over_time(DCGM_FI_DEV_XID_ERRORS{{UUID="{UUIDS[1]}"}}[5m])'
    rows = httpx.get(f"{url}/api/v1/query", params={"query": query}, timeout=10).json()["data"]["result"]
    return int(rows[0]["value"][1]) if rows else 0


def check_report(report: dict[str, Any]) -> None:
    """Node, GPU, Xid, jobs hit, hours, cost, action; every claim cited."""
    first = report["hypotheses"][0]
    assert first["class"] == "gpu.fallen_off_bus"
    assert first["probability"] > 0.8
    assert report["impact"]["nodes"][0] == NODE
    assert UUIDS[1] in [gpu["uuid"] for gpu in report["impact"]["gpus"]]
    assert "482077" in report["impact"]["jobs"] or "clip-pretrain" in report["impact"]["jobs"]
    assert report["impact"]["gpu_hours_lost"] == pytest.approx(64, abs=0.2)
    assert report["impact"]["cost_usd"] == pytest.approx(160, abs=1)
    assert any("79" in str(one["statement"]) for one in report["evidence"])
    assert "cordon" in first["next_steps"][0]["do"].lower()
    known = {one["id"] for one in report["evidence"]}
    assert set(first["because"]) <= known
    assert first["because"]
    assert len(report["children"]) >= 2
    sources = {one["source"] for one in report["evidence"]}
    assert "prometheus" in sources
