"""The PagerDuty stand-in refuses invalid events and keeps one incident per dedup key."""

from typing import Any

import httpx
import pytest

from tests.wire.pagerduty import ROUTING_KEY, PagerDutyWire


def event(**change: Any) -> dict[str, Any]:
    payload = {"summary": "s", "source": "n17", "severity": "error"} | change.pop("payload", {})
    return {"routing_key": ROUTING_KEY, "event_action": "trigger", "dedup_key": "k", "payload": payload} | change


def send(wire: PagerDutyWire, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{wire.base_url}/v2/enqueue", json=body)


@pytest.mark.parametrize(
    "change",
    [
        {"routing_key": "short"},
        {"event_action": "page"},
        {"dedup_key": "k" * 256},
        {"event_action": "resolve", "dedup_key": None},
        {"payload": {"summary": "s" * 1025}},
        {"payload": {"summary": " "}},
        {"payload": {"severity": "SEV1"}},
        {"payload": {"source": None}},
        {"payload": {"custom_details": {"a": "x" * 512_000}}},
        {"links": [{"text": "no href"}]},
        {"surprise": 1},
    ],
)
def test_invalid_events_are_refused(pagerduty: PagerDutyWire, change: dict[str, Any]) -> None:
    answer = send(pagerduty, event(**change))
    assert (answer.status_code, answer.json()["status"]) == (400, "invalid event")
    assert pagerduty.incidents == []


def test_one_open_incident_per_dedup_key(pagerduty: PagerDutyWire) -> None:
    for action, statuses in (
        ("trigger", ["triggered"]),
        ("trigger", ["triggered"]),
        ("acknowledge", ["acknowledged"]),
        ("resolve", ["resolved"]),
        ("trigger", ["resolved", "triggered"]),
    ):
        assert send(pagerduty, event(event_action=action)).status_code == 202
        assert [incident.status for incident in pagerduty.of("k")] == statuses


def test_more_than_the_rate_is_429_per_key() -> None:
    with PagerDutyWire(rate=2, burst=3, clock=lambda: 0.0).serve() as wire:
        assert [send(wire, event()).status_code for _ in range(4)] == [202, 202, 202, 429]
        assert send(wire, event(routing_key="f" * 32)).status_code == 202
