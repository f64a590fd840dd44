"""No report yields an event that PagerDuty refuses."""

from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings

from responder.model.report import Report
from responder.sinks.pagerduty.event import MAX_BYTES, resolve, trigger
from tests.strategies import gpu_report, reports
from tests.wire.pagerduty import ROUTING_KEY, PagerDutyWire

PAGE = "https://responder.example.com/incidents/inc-4k2jx7qa"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(reports)
def test_no_report_yields_what_pagerduty_refuses(report: Report) -> None:
    wire = PagerDutyWire()
    for event in (trigger(report, PAGE), resolve(report, joined=True), resolve(report, joined=False)):
        sent = event | {"routing_key": ROUTING_KEY, "dedup_key": "d" * 255}
        body = httpx.Request("POST", PAGE, json=sent).content
        assert list(wire.problems(body, sent)) == []


def test_details_go_first_when_the_event_is_too_large() -> None:
    report = gpu_report()
    step = report.hypotheses[0].next_steps[0].model_copy(update={"do": "𝔘" * 1500})
    huge = report.hypotheses[0].model_copy(update={"next_steps": (step,) * 400})
    kept = trigger(report.model_copy(update={"hypotheses": (huge,)}), PAGE)
    assert len(kept["payload"]["custom_details"]["next_steps"]) == 20
    owner = report.incident.model_copy(update={"owner": "x" * MAX_BYTES})
    dropped: dict[str, Any] = trigger(report.model_copy(update={"incident": owner}), PAGE)["payload"]
    assert list(dropped["custom_details"]) == ["note"]
    assert dropped["summary"].startswith("SEV2 GPU 3")
