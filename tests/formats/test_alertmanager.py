"""Alertmanager's webhook and API, as its users' installations send them."""

import pytest

from responder.errors import InputError
from responder.formats.alertmanager import FORMAT
from responder.model.event import AlertSeverity, Kind, Status
from tests.formats.samples import NEVER, NOW, alert, decode, message, only, webhook


def test_a_firing_alert_becomes_an_event_with_entities_severity_and_title() -> None:
    event = only(FORMAT, webhook(alert()))
    assert (event.format, event.source, event.fingerprint) == ("alertmanager", "test", "5b1c0a77d4e3f210")
    assert (event.status, event.severity, event.kind) == (Status.FIRING, AlertSeverity.CRITICAL, Kind.NODE)
    assert event.title == "GPU 3 of gpu-b017 fell off the bus"
    assert event.labels["severity"] == "page"
    assert event.entities == {
        "cluster": ("aurora",),
        "node": ("gpu-b017",),
        "gpu": ("GPU-6f9f1b2e-41c3-7d5a-9e21-0c55b1a7d3f4",),
        "gpu_index": ("3",),
        "pod": ("clip-worker-2",),
    }
    assert event.starts_at.isoformat() == "2026-03-14T02:00:07.123000+00:00"
    assert event.starts_at_given
    assert event.ends_at is None
    assert [(link.href, link.text) for link in event.links] == [
        ("http://prometheus:9090/graph?g0.expr=up", "source"),
        ("https://runbooks.example.com/xid", "runbook"),
        ("http://alertmanager:9093", "alertmanager"),
    ]


def test_the_end_of_a_firing_alert_means_nothing_in_a_webhook() -> None:
    assert only(FORMAT, webhook(alert(endsAt="2026-03-14T02:09:00Z"))).ends_at is None


def test_a_group_may_mix_firing_and_resolved() -> None:
    over = alert(
        status="resolved", endsAt="2026-03-14T02:04:00Z", labels={"alertname": "X", "node": "n2"}, fingerprint=None
    )
    decoded = decode(FORMAT, webhook(alert(), over, truncatedAlerts=7))
    assert [event.status for event in decoded.events] == [Status.FIRING, Status.RESOLVED]
    assert decoded.events[1].ends_at is not None
    assert {event.truncated for event in decoded.events} == {7}


def test_one_broken_alert_harms_no_other() -> None:
    broken = [
        {"status": "firing"},
        alert(labels={"a": ["no", "text"]}),
        alert(startsAt="yesterday"),
        alert(status="maybe"),
        7,
        None,
    ]
    decoded = decode(FORMAT, webhook(alert(), *broken, alert(fingerprint="ffffffffffffffff")))
    assert len(decoded.events) == 2
    assert [part.error.partition(":")[0] for part in decoded.rejected] == [f"alerts[{n}]" for n in range(1, 7)]
    assert "labels.a is a list" in decoded.rejected[1].error
    assert decoded.rejected[4].body == "7"


def test_resent_with_other_annotations_it_is_the_same_event_but_not_with_another_start_or_status() -> None:
    first = only(FORMAT, webhook(alert()))
    again = only(FORMAT, webhook(alert(annotations={"summary": "still, value 17"}), notification_reason="repeat"))
    later = only(FORMAT, webhook(alert(startsAt="2026-03-14T03:00:00Z")))
    over = only(FORMAT, webhook(alert(status="resolved", endsAt="2026-03-14T02:04:00Z")))
    other = FORMAT.decode(message(webhook(alert()), source="elsewhere")).events[0]
    assert again.id == first.id
    assert len({first.id, later.id, over.id, other.id}) == 4
    assert over.fingerprint == first.fingerprint


def test_without_a_start_it_began_when_it_arrived() -> None:
    event = only(FORMAT, webhook(alert(startsAt=NEVER)))
    assert event.starts_at == NOW
    assert not event.starts_at_given


@pytest.mark.parametrize(
    "labels", [{"alertname": "Watchdog", "severity": "critical"}, {"alertname": "X", "severity": "none"}]
)
def test_a_heartbeat_fires_with_no_severity(labels: dict[str, str]) -> None:
    event = only(FORMAT, webhook(alert(labels=labels)))
    assert (event.status, event.severity) == (Status.FIRING, AlertSeverity.NONE)


@pytest.mark.parametrize(
    ("annotations", "title"),
    [
        ({"message": "\n\n  disk is full  \nmore"}, "disk is full"),
        ({"description": "it is slow"}, "it is slow"),
        ({"summary": " "}, "Disk Full on n1"),
        ({}, "Disk Full on n1"),
    ],
)
def test_the_title_is_one_line(annotations: dict[str, str], title: str) -> None:
    event = only(FORMAT, webhook(alert(labels={"alertname": "Disk Full", "node": "n1"}, annotations=annotations)))
    assert event.title == title


def test_what_prometheus_posts_to_the_api_lapses_at_its_end() -> None:
    posted = {
        "labels": {"alertname": "X", "node": "n1"},
        "startsAt": "2026-03-14T02:00:00Z",
        "endsAt": "2026-03-14T02:09:00Z",
    }
    firing = only(FORMAT, [posted])
    assert (firing.status, firing.ends_at and firing.ends_at.minute) == (Status.FIRING, 9)
    over = only(FORMAT, [posted | {"endsAt": "2026-03-14T02:04:00Z"}])
    assert (over.status, over.fingerprint) == (Status.RESOLVED, firing.fingerprint)


def test_an_alert_silenced_at_the_alertmanager_needs_nobody() -> None:
    got = {"labels": {"alertname": "X"}, "startsAt": "2026-03-14T02:00:00Z", "endsAt": "2026-03-14T02:09:00Z"}
    assert only(FORMAT, [got | {"status": {"state": "suppressed", "silencedBy": ["s"]}}]).status is Status.INFO
    assert only(FORMAT, [got | {"status": {"state": "active"}}]).status is Status.FIRING


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"\xff\xfe",
        b'{"alerts": "none"}',
        b'{"text": "a custom template"}',
        b'{"alerts": {"a": 1}}',
        b"7",
        b"null",
        b'"alerts"',
        b'{"alerts": [NaN]}',
        b"[" * 100_000,
    ],
)
def test_a_body_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        decode(FORMAT, body)


def test_the_error_of_a_custom_payload_names_what_was_found() -> None:
    with pytest.raises(InputError, match="no list `alerts` in the body, which has text, level"):
        decode(FORMAT, {"text": "x", "level": "warn"})
