"""Bodies in the shapes that the programs really send, with invented names; and how to hand one to a format."""

from datetime import UTC, datetime
from typing import Any

import orjson

from responder.model.event import Event
from responder.ports import Decoded, Format, RawMessage

NOW = datetime(2026, 3, 14, 2, 5, tzinfo=UTC)
NEVER = "0001-01-01T00:00:00Z"


def message(body: Any, source: str = "test", headers: dict[str, str] | None = None) -> RawMessage:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return RawMessage(raw, "any", source, NOW, headers or {})


def decode(format: Format, body: Any, headers: dict[str, str] | None = None) -> Decoded:
    return format.decode(message(body, headers=headers))


def only(format: Format, body: Any, headers: dict[str, str] | None = None) -> Event:
    decoded = decode(format, body, headers)
    assert decoded.rejected == ()
    (event,) = decoded.events
    return event


def alert(**changes: Any) -> dict[str, Any]:
    """As in an Alertmanager webhook."""
    return {
        "status": "firing",
        "labels": {
            "alertname": "GPU Xid seen",
            "severity": "page",
            "cluster": "aurora",
            "Hostname": "gpu-b017",
            "gpu": "3",
            "UUID": "GPU-6f9f1b2e-41c3-7d5a-9e21-0c55b1a7d3f4",
            "job": "dcgm-exporter",
            "instance": "10.4.17.3:9400",
            "exported_pod": "clip-worker-2",
        },
        "annotations": {
            "summary": "GPU 3 of gpu-b017 fell off the bus",
            "runbook_url": "https://runbooks.example.com/xid",
        },
        "startsAt": "2026-03-14T02:00:07.123Z",
        "endsAt": NEVER,
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
        "fingerprint": "5b1c0a77d4e3f210",
        **changes,
    }


def webhook(*alerts: Any, **changes: Any) -> dict[str, Any]:
    """Alertmanager's envelope, version 4."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="GPU Xid seen"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "responder",
        "groupLabels": {"alertname": "GPU Xid seen"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
        **changes,
    }


def grafana_webhook(*alerts: Any, **changes: Any) -> dict[str, Any]:
    return webhook(*alerts, version="1", orgId=1, title="[FIRING:1]", state="alerting", message="**Firing**") | changes


GRAFANA_ALERT = {
    "status": "firing",
    "labels": {
        "alertname": "TTFT burn",
        "grafana_folder": "inference",
        "severity": "critical",
        "model_name": "chat-70b",
    },
    "annotations": {"description": "The error budget burns\n16 times too fast"},
    "startsAt": "2026-03-14T02:00:00Z",
    "endsAt": NEVER,
    "generatorURL": "http://grafana:3000/alerting/grafana/ttft/view",
    "fingerprint": "9a0b33c1d2e4f567",
    "silenceURL": "http://grafana:3000/alerting/silence/new",
    "dashboardURL": "http://grafana:3000/d/vllm",
    "panelURL": "javascript:alert(1)",
    "values": {"A": 16.2, "B": 1},
    "valueString": "[ var='A' labels={} value=16.2 ]",
    "orgId": 1,
}

SLURM_FAILED = {
    "jobid": 482131,
    "cluster": "aurora",
    "job_name": "llama-70b-sft",
    "username": "mkowalski",
    "user_id": 4711,
    "account": "nlp",
    "partition": "h100",
    "alloc_node": "login2",
    "nodes": "gpu-a[001-003,007]",
    "total_nodes": 4,
    "@submit": "2026-03-13T22:50:00",
    "@eligible": "2026-03-13T22:50:00",
    "@start": "2026-03-13T23:00:00",
    "@end": "2026-03-14T02:00:00",
    "elapsed": 10800,
    "state": "FAILED",
    "exit_code": "1:0",
    "derived_ec": "1:0",
    "tres_alloc": "cpu=384,mem=4000G,node=4,gres/gpu=32,gres/gpu:h100=32",
    "work_dir": "/home/mkowalski/sft",
    "std_err": "/home/mkowalski/sft/482131.err",
    "script": "#!/bin/bash\nexport TOKEN=do-not-keep-me",
    "comment": "do-not-keep-me",
    "admin_comment": "do-not-keep-me",
}

KUBERNETES_EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "llama-worker-0.17f2", "namespace": "ml", "uid": "e-1"},
    "involvedObject": {
        "kind": "Pod",
        "namespace": "ml",
        "name": "llama-worker-0",
        "uid": "p-1",
        "apiVersion": "v1",
        "fieldPath": "spec.containers{pytorch}",
    },
    "reason": "BackOff",
    "message": "Back-off restarting failed container pytorch in pod llama-worker-0",
    "type": "Warning",
    "source": {"component": "kubelet", "host": "gpu-n17"},
    "firstTimestamp": "2026-03-14T02:00:00Z",
    "lastTimestamp": "2026-03-14T02:04:00Z",
    "count": 7,
}

POD_KILLED_FOR_MEMORY = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "llama-worker-0",
        "namespace": "ml",
        "uid": "p-1",
        "labels": {"training.kubeflow.org/job-name": "llama", "kueue.x-k8s.io/queue-name": "research"},
        "ownerReferences": [{"kind": "PyTorchJob", "name": "llama", "uid": "j-1"}],
    },
    "spec": {
        "nodeName": "gpu-n17",
        "containers": [{"name": "pytorch", "resources": {"limits": {"nvidia.com/gpu": "8", "cpu": "64"}}}],
    },
    "status": {
        "phase": "Failed",
        "startTime": "2026-03-14T01:00:00Z",
        "containerStatuses": [
            {
                "name": "pytorch",
                "ready": False,
                "restartCount": 0,
                "state": {
                    "terminated": {
                        "exitCode": 137,
                        "reason": "OOMKilled",
                        "message": "Traceback (most recent call last):\nRuntimeError: killed",
                        "finishedAt": "2026-03-14T02:00:00Z",
                    }
                },
            }
        ],
    },
}

PYTORCHJOB_FAILED = {
    "apiVersion": "kubeflow.org/v1",
    "kind": "PyTorchJob",
    "metadata": {"name": "llama", "namespace": "ml", "uid": "j-1", "creationTimestamp": "2026-03-14T00:50:00Z"},
    "spec": {
        "pytorchReplicaSpecs": {
            "Master": {
                "replicas": 1,
                "template": {"spec": {"containers": [{"resources": {"limits": {"nvidia.com/gpu": 8}}}]}},
            },
            "Worker": {
                "replicas": 3,
                "template": {"spec": {"containers": [{"resources": {"limits": {"nvidia.com/gpu": 8}}}]}},
            },
        }
    },
    "status": {
        "startTime": "2026-03-14T01:00:00Z",
        "conditions": [
            {"type": "Created", "status": "True", "reason": "PyTorchJobCreated"},
            {"type": "Running", "status": "False", "reason": "PyTorchJobRunning"},
            {
                "type": "Failed",
                "status": "True",
                "reason": "PyTorchJobFailed",
                "message": "PyTorchJob llama is failed because 1 Worker replica(s) failed.",
                "lastTransitionTime": "2026-03-14T02:00:00Z",
            },
        ],
    },
}

NATIVE = {
    "kind": "training_job",
    "status": "firing",
    "labels": {"alertname": "TrainingFailed", "severity": "critical", "job_name": "llama", "node": "gpu-n17"},
    "annotations": {"summary": "llama stopped at step 41000"},
    "starts_at": "2026-03-14T02:00:00Z",
    "log": "line 1\nline 2",
    "logs": [{"rank": 3, "node": "gpu-n17", "text": "CUDA out of memory"}, {"text": "rank unknown"}],
    "links": ["https://wandb.example.com/run/1", {"href": "https://grafana.example.com/d/1", "text": "dashboard"}],
    "job": {
        "id": "4711",
        "state": "failed",
        "name": "llama",
        "nodes": ["gpu-n17", "gpu-n18"],
        "ended_at": "2026-03-14T02:00:00Z",
    },
}

CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "A234-1234-1234",
    "source": "/ci/deploys",
    "type": "com.example.service.deployed",
    "subject": "chat-70b",
    "time": "2026-03-14T02:00:00Z",
    "datacontenttype": "application/json",
    "data": {"version": "1.4.2", "namespace": "serving", "message": "chat-70b 1.4.2 is out"},
}
