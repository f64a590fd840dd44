"""Our own event, from scripts of all kinds."""

from typing import Any

import orjson
import pytest

from responder.errors import InputError
from responder.formats.native import FORMAT
from responder.model.event import AlertSeverity, JobState, Kind, Status
from tests.formats.samples import NATIVE, NOW, decode, only


def test_everything_that_can_be_said() -> None:
    event = only(FORMAT, NATIVE)
    assert (event.kind, event.status, event.severity) == (Kind.TRAINING_JOB, Status.FIRING, AlertSeverity.CRITICAL)
    assert event.title == "llama stopped at step 41000"
    assert [(part.rank, part.node, part.text) for part in event.logs] == [
        (None, None, "line 1\nline 2"),
        (3, "gpu-n17", "CUDA out of memory"),
        (None, None, "rank unknown"),
    ]
    assert [link.href for link in event.links] == ["https://wandb.example.com/run/1", "https://grafana.example.com/d/1"]
    assert event.job is not None
    assert (event.job.id, event.job.state) == ("4711", JobState.FAILED)
    assert event.entities["job"] == ("4711", "llama")
    assert event.entities["node"] == ("gpu-n17", "gpu-n18")


def test_an_event_decodes_to_what_its_own_document_says() -> None:
    first = only(FORMAT, NATIVE)
    document = orjson.loads(
        first.model_dump_json(include={"kind", "status", "labels", "annotations", "starts_at", "logs", "links", "job"})
    )
    again = only(FORMAT, document)
    assert again == first


def test_little_is_needed() -> None:
    event = only(FORMAT, {"labels": {"alertname": "Xid", "node": "n1"}})
    assert (event.kind, event.status, event.starts_at, event.starts_at_given) == (Kind.NODE, Status.FIRING, NOW, False)
    assert only(FORMAT, {"kind": "agent", "log": "boom"}).title == "agent event"
    assert only(FORMAT, {"title": "the queue is stuck"}).title == "the queue is stuck"


def test_a_job_says_by_its_state_whether_it_needs_somebody() -> None:
    done = only(FORMAT, {"kind": "training_job", "job": {"id": 7, "state": "completed", "future_field": 1}})
    assert (done.status, done.title) == (Status.INFO, "Job 7 completed")
    failed = only(FORMAT, {"job": {"id": "7", "state": "failed"}})
    assert (failed.status, failed.fingerprint) == (Status.FIRING, done.fingerprint)


def test_a_change_is_information() -> None:
    event = only(
        FORMAT,
        {"kind": "node", "change": {"what": "driver 580 rolled out", "entity": "gpu-n17", "link": "javascript:x"}},
    )
    assert event.change is not None
    assert (event.status, event.change.what, event.change.link, event.change.at) == (
        Status.INFO,
        "driver 580 rolled out",
        None,
        NOW,
    )


def test_an_id_makes_events_distinct() -> None:
    base = {"labels": {"alertname": "X"}, "starts_at": "2026-03-14T02:00:00Z"}
    assert only(FORMAT, base | {"id": "1"}).id != only(FORMAT, base | {"id": "2"}).id
    assert only(FORMAT, base | {"id": "1"}).fingerprint == only(FORMAT, base | {"id": "2"}).fingerprint
    assert only(FORMAT, base).id == only(FORMAT, base | {"annotations": {"summary": "changed"}}).id


def test_a_list_of_events_with_a_broken_one() -> None:
    decoded = decode(FORMAT, [NATIVE, {"kind": "nonsense", "labels": {"a": "b"}}, NATIVE | {"id": "2"}])
    assert len(decoded.events) == 2
    assert "events[1]: kind is 'nonsense', expected one of training_job" in decoded.rejected[0].error


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"kind": 7}, "kind is '7'"),
        ({"status": ["firing"]}, "status is 'a list'"),
        ({"labels": []}, "labels is a list"),
        ({"labels": {"a": {}}}, "labels.a is an object"),
        ({"log": 7}, "log is a number"),
        ({"logs": [{"rank": 1}]}, r"logs\[0\].text is missing"),
        ({"job": {"state": "failed"}}, "job.id is missing"),
        ({"job": {"id": "1", "state": "lost"}}, "state"),
        ({"change": {}}, "change.what is missing"),
        ({"starts_at": "soon"}, "starts_at: not a time"),
        ({"links": "x"}, "links is a text"),
        ({"entities": {"node": [7]}}, "entities.node"),
    ],
)
def test_errors_say_where_and_what(change: dict[str, Any], error: str) -> None:
    with pytest.raises(InputError, match=error):
        decode(FORMAT, NATIVE | change)


def test_an_event_that_says_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="says nothing"):
        decode(FORMAT, {"kind": "node", "status": "firing"})
