"""CloudEvents in all three modes, over HTTP's and Kafka's headers, with foreign formats inside."""

import base64
from typing import Any

import orjson
import pytest

from responder.errors import InputError
from responder.formats._cloud_types import meaning_of
from responder.formats.cloudevents import FORMAT
from responder.model.event import JobState, Kind, Status
from tests.formats.samples import (
    CLOUD_EVENT,
    KUBERNETES_EVENT,
    NATIVE,
    SLURM_FAILED,
    alert,
    decode,
    grafana_webhook,
    only,
    webhook,
)

STRUCTURED = {"content-type": "application/cloudevents+json; charset=UTF-8"}


def test_a_deploy_is_a_change() -> None:
    event = only(FORMAT, CLOUD_EVENT, STRUCTURED)
    assert (event.status, event.kind, event.title) == (Status.INFO, Kind.INFERENCE_SERVICE, "chat-70b 1.4.2 is out")
    assert event.change is not None
    assert (event.change.entity, event.change.what) == ("chat-70b", "chat-70b 1.4.2 is out")
    assert event.entities["service"] == ("chat-70b",)
    assert event.labels["type"] == "com.example.service.deployed"
    assert event.labels["version"] == "1.4.2"


@pytest.mark.parametrize("prefix", ["ce-", "ce_"])
def test_binary_mode_says_the_same(prefix: str) -> None:
    headers = {
        prefix + name: str(CLOUD_EVENT[name]) for name in ("specversion", "id", "source", "type", "subject", "time")
    }
    event = only(FORMAT, CLOUD_EVENT["data"], headers | {"content-type": "application/json"})
    assert event == only(FORMAT, CLOUD_EVENT, STRUCTURED)


def test_http_headers_are_percent_decoded() -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/a%20b",
        "ce-type": "x.deployed",
        "content-type": "text/plain",
    }
    event = only(FORMAT, "geändert".encode(), headers)
    assert event.labels["event_source"] == "/a b"
    assert event.title == "geändert"


def test_a_batch_and_a_body_without_a_telling_content_type() -> None:
    batch = [CLOUD_EVENT, CLOUD_EVENT | {"id": "2"}, {"specversion": "1.0"}]
    decoded = decode(FORMAT, batch, {"content-type": "application/cloudevents-batch+json"})
    assert len({event.id for event in decoded.events}) == 2
    assert "id, source, type missing" in decoded.rejected[0].error
    assert only(FORMAT, CLOUD_EVENT) == decoded.events[0]


def test_the_same_source_and_id_are_the_same_event() -> None:
    assert only(FORMAT, CLOUD_EVENT).id == only(FORMAT, CLOUD_EVENT | {"data": {}}).id
    assert only(FORMAT, CLOUD_EVENT).id != only(FORMAT, CLOUD_EVENT | {"source": "/other"}).id


def test_data_in_base64() -> None:
    packed = {key: value for key, value in CLOUD_EVENT.items() if key != "data"}
    packed["data_base64"] = base64.b64encode(orjson.dumps(CLOUD_EVENT["data"])).decode()
    assert only(FORMAT, packed) == only(FORMAT, CLOUD_EVENT)
    with pytest.raises(InputError, match="no base64"):
        decode(FORMAT, packed | {"data_base64": "*"})


@pytest.mark.parametrize(
    ("data", "format_name"),
    [
        (webhook(alert()), "alertmanager"),
        (grafana_webhook(alert()), "grafana"),
        (SLURM_FAILED, "slurm"),
        (KUBERNETES_EVENT, "kubernetes"),
        (NATIVE, "native"),
    ],
)
def test_data_of_another_format_is_read_as_that(data: Any, format_name: str) -> None:
    event = only(FORMAT, CLOUD_EVENT | {"type": "com.example.anything", "data": data})
    assert event.format == format_name
    assert event.status is Status.FIRING


def test_a_broken_alert_inside_is_set_aside() -> None:
    decoded = decode(FORMAT, CLOUD_EVENT | {"data": webhook(alert(), {"status": "firing"})})
    assert (len(decoded.events), len(decoded.rejected)) == (1, 1)


def test_a_failed_job_fires_with_its_facts() -> None:
    data = {
        "job_id": "4711",
        "name": "llama",
        "nodes": ["n1", "n2"],
        "reason": "exit 1",
        "log": "Traceback",
        "severity": "critical",
    }
    event = only(FORMAT, CLOUD_EVENT | {"type": "com.example.training.job.failed", "data": data})
    assert (event.status, event.kind, event.severity.value) == (Status.FIRING, Kind.TRAINING_JOB, "critical")
    assert event.job is not None
    assert (event.job.id, event.job.name, event.job.state, event.job.nodes) == (
        "4711",
        "llama",
        JobState.FAILED,
        ("n1", "n2"),
    )
    assert event.entities["job"] == ("4711", "llama")
    assert event.logs[0].text == "Traceback"


def test_what_fires_is_resolved_by_its_counterpart() -> None:
    fired = only(FORMAT, CLOUD_EVENT | {"type": "com.example.model.drift.alert", "data": {}})
    over = only(FORMAT, CLOUD_EVENT | {"id": "2", "type": "com.example.model.drift.resolved", "data": {}})
    assert (fired.status, over.status) == (Status.FIRING, Status.RESOLVED)
    assert fired.fingerprint == over.fingerprint


@pytest.mark.parametrize(
    ("type_", "outcome", "status", "change", "job"),
    [
        ("dev.cdevents.service.deployed.0.1.1", "", Status.INFO, True, None),
        ("dev.cdevents.service.rolledback.0.1.1", "", Status.INFO, True, None),
        ("com.example.config.changed", "", Status.INFO, True, None),
        ("com.example.deploy.failed", "", Status.FIRING, False, None),
        ("dev.tekton.event.taskrun.failed.v1", "", Status.FIRING, False, JobState.FAILED),
        ("dev.cdevents.pipelinerun.finished.0.1.1", "failure", Status.FIRING, False, JobState.FAILED),
        ("dev.cdevents.pipelinerun.finished.0.1.1", "success", Status.INFO, False, JobState.COMPLETED),
        ("com.example.TrainingJobTimedOut", "", Status.FIRING, False, JobState.TIMEOUT),
        ("com.example.job.oom", "", Status.FIRING, False, JobState.OUT_OF_MEMORY),
        ("com.example.job.started", "", Status.INFO, False, JobState.RUNNING),
        ("com.example.job.cancelled", "", Status.INFO, False, JobState.CANCELLED),
        ("com.example.model.registered", "", Status.INFO, True, None),
        ("com.example.node.unhealthy", "", Status.FIRING, False, None),
        ("com.example.file.downloaded", "", Status.INFO, False, None),
    ],
)
def test_types(type_: str, outcome: str, status: Status, change: bool, job: JobState | None) -> None:
    meaning = meaning_of(type_, outcome)
    assert (meaning.status, meaning.change, meaning.job) == (status, change, job)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"specversion": "0.3", "id": "1", "source": "x", "type": "y"}, "specversion is '0.3', expected 1.0"),
        ({"id": "1"}, "specversion"),
        ({"specversion": "1.0", "id": "1", "source": [], "type": "y"}, "source missing"),
        (7, "the body is a number"),
    ],
)
def test_what_is_no_cloudevent_is_refused(body: Any, error: str) -> None:
    with pytest.raises(InputError, match=error):
        decode(FORMAT, body)
