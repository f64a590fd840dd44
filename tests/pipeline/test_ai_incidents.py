"""The five types of AI incident from their event to the report: class, severity with its reason, escalation, containment, review."""

from datetime import timedelta

import pytest

from responder.model.delivery import EscalationStep, Owner
from responder.model.event import AlertSeverity, Event, Kind
from responder.model.report import Report
from tests.making import T0, event
from tests.pipeline.conftest import Simulate

pytestmark = pytest.mark.asyncio
LADDER = tuple(
    EscalationStep(level=level, who=who, after=timedelta(minutes=minutes))
    for level, who, minutes in (("L1", "on-call", 15), ("L2", "AI tech lead", 30), ("L3", "ops lead", 60))
)
REVIEW = (
    "timeline in UTC",
    "customer impact",
    "root cause, technical and of process",
    "mitigations deployed",
    "evaluations and regression tests added",
    "action items with their owners",
)


def told(incident_type: str, word: AlertSeverity) -> Event:
    labels = {"alertname": "", "node": "", "incident_type": incident_type, "service": "assistant"}
    return event(
        labels=labels,
        entities={"service": ("assistant",), "node": ()},
        kind=Kind.AGENT,
        format="native",
        severity=word,
        title=f"{incident_type} in assistant",
    )


async def reported(simulate: Simulate, incident_type: str, word: AlertSeverity = AlertSeverity.WARNING) -> Report:
    names = ("ai-safety", "ai-platform", "inference-platform", "default")
    engine = await simulate(owners={name: Owner(name=name, escalation=LADDER) for name in names})
    await engine.feed([told(incident_type, word)], T0)
    await engine.advance(T0 + timedelta(minutes=2))
    return (await engine.reports((await engine.only()).id))[-1]


@pytest.mark.parametrize(
    ("incident_type", "cause", "severity", "level"),
    [
        ("cross_tenant_leak", "ai.cross_tenant_leak", "SEV1", "L3"),
        ("pii_leak", "ai.pii_leak", "SEV1", "L3"),
        ("toxic_output", "ai.toxic_output", "SEV2", "L3"),
        ("vendor_outage", "ai.vendor_outage", "SEV2", "L1"),
        ("agent_loop", "ai.runaway_agent", "SEV2", "L1"),
    ],
)
async def test_each_type_has_its_class_severity_and_escalation(
    simulate: Simulate, incident_type: str, cause: str, severity: str, level: str
) -> None:
    report = await reported(simulate, incident_type)
    first = report.hypotheses[0]
    assert (report.skill.name, first.class_) == ("service-incident-classifier", cause)
    assert report.incident.severity.value == severity
    assert report.incident.severity_reason
    assert report.escalation is not None
    assert report.escalation.level == level
    if level == "L3":
        assert "legal" in report.escalation.who
        assert report.escalation.due_at == report.incident.opened_at
    else:
        assert report.escalation.due_at == report.incident.opened_at + timedelta(minutes=15)
    assert first.next_steps[0].do.startswith("Contain")
    assert first.next_steps[0].reversible
    assert all(field in first.next_steps[-1].do for field in REVIEW)
    assert report.timeline
    assert all(entry.at.tzinfo is not None and not entry.at.utcoffset() for entry in report.timeline)
    assert "safety-incident-classifier" in {one.name for one in report.related_skills}
    assert report.quality.passed, [check for check in report.quality.checks if not check.passed]


async def test_a_leak_is_graded_by_what_it_is_and_not_by_the_senders_word(simulate: Simulate) -> None:
    quiet = await reported(simulate, "cross_tenant_leak", AlertSeverity.INFO)
    assert quiet.incident.severity.value == "SEV1"
