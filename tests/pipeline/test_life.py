"""The life of an incident on a virtual clock: first report, revisions, repeats, escalation, and its end."""

from datetime import timedelta

import pytest

from responder.model.delivery import EscalationStep, Owner, Visible
from responder.model.event import Status
from responder.model.incident import IncidentStatus, Severity
from tests.making import T0, event, minutes
from tests.pipeline.conftest import Simulate, node_rule

pytestmark = pytest.mark.asyncio
XID = {"alertname": "XidError", "severity": "critical", "xid": "79"}


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


async def test_the_first_report_waits_for_the_group_and_no_longer(simulate: Simulate) -> None:
    engine = await simulate(node_rule(group_wait=seconds(10)))
    await engine.feed([event(labels=XID)], T0)
    await engine.feed([event(labels={**XID, "gpu": "3"}, at=T0 + seconds(4))], T0 + seconds(4))
    await engine.advance(T0 + seconds(9.9))
    assert engine.orders() == []
    await engine.advance(T0 + seconds(10))
    (order,) = engine.orders()
    assert (order.reason, order.visible, order.claimed_at) == ("first_report", Visible.OPEN, T0 + seconds(10))
    (report,) = await engine.reports(order.incident_id)
    assert report.incident.events == 2
    assert report.revision == 1


async def test_the_shipped_rules_know_a_lost_gpu(simulate: Simulate) -> None:
    engine = await simulate()
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    incident = await engine.only()
    (report,) = [r for r in await engine.reports(incident.id) if r.revision == 1]
    assert report.rule.name == incident.rule.name == "gpu-lost"
    assert report.hypotheses[0].class_.startswith("gpu.")
    known = {one.id for one in report.evidence}
    assert all(id in known for hypothesis in report.hypotheses for id in hypothesis.because)


async def test_new_events_make_one_revision_per_group_interval(simulate: Simulate) -> None:
    engine = await simulate(node_rule(group_interval=minutes(1)))
    await engine.feed([event(labels=XID)], T0)
    for n in range(5):
        at = T0 + seconds(10 + n)
        await engine.feed([event(labels={**XID, "gpu": str(n)}, at=at)], at)
    await engine.advance(T0 + seconds(69))
    assert engine.reasons() == ["first_report"]
    await engine.advance(T0 + seconds(70))
    assert engine.reasons() == ["first_report", "new_revision"]
    incident = await engine.only()
    assert [report.incident.events for report in await engine.reports(incident.id)] == [1, 6]


async def test_duplicates_change_nothing(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(5))
    before = len(engine.orders())
    (answer,) = await engine.feed([event(labels=XID, at=T0 + minutes(6), start=T0)], T0 + minutes(6))
    assert (answer.accepted, answer.duplicates) == (0, 1)
    await engine.advance(T0 + minutes(20))
    assert len(engine.orders()) == before


async def test_evidence_is_looked_at_once_more_when_the_last_samples_are_in(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(10))
    incident = await engine.only()
    asked = sorted({row.asked_at - T0 for row in await engine.store.read(lambda tx: tx.evidence(incident.id))})
    assert asked[0] == timedelta(), "gathering starts with the first event, not after the wait"
    assert asked[-1] == seconds(3 + 75)
    assert len(asked) == 3


async def test_when_all_members_are_over_it_resolves_and_every_sink_hears(simulate: Simulate) -> None:
    engine = await simulate(node_rule(), sinks=("console", "slack"))
    one, two = {**XID, "gpu": "1"}, {**XID, "gpu": "2"}
    await engine.feed([event(labels=one), event(labels=two)], T0)
    await engine.advance(T0 + minutes(2))
    at = T0 + minutes(3)
    await engine.feed([event(Status.RESOLVED, labels=one, at=at, start=T0, ends_at=at)], at)
    await engine.advance(at + seconds(30))
    assert (await engine.only()).status is IncidentStatus.OPEN, "one of two is still firing"
    await engine.feed([event(Status.RESOLVED, labels=two, at=at + minutes(1), start=T0, ends_at=at)], at + minutes(1))
    await engine.advance(at + minutes(1))
    incident = await engine.only()
    assert incident.status is IncidentStatus.RESOLVED
    for sink in ("console", "slack"):
        last = engine.orders(sink)[-1]
        assert (last.visible, last.reason) == (Visible.RESOLVED, "resolved")
    count = len(engine.orders())
    await engine.advance(at + minutes(60 * 24))
    assert len(engine.orders()) == count, "what is over is not repeated"


async def test_over_before_the_first_report_says_nothing_but_why(simulate: Simulate) -> None:
    engine = await simulate(node_rule(group_wait=seconds(30)))
    await engine.feed([event(labels=XID)], T0)
    at = T0 + seconds(10)
    await engine.feed([event(Status.RESOLVED, labels=XID, at=at, start=T0, ends_at=at)], at)
    await engine.advance(T0 + minutes(10))
    incident = await engine.only()
    assert incident.status is IncidentStatus.RESOLVED
    assert engine.orders() == []
    assert await engine.decided(incident.id) == [("console", False, "resolved_before_first_report")]


async def test_an_alert_that_nobody_sends_again_lapses_at_its_end(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    await engine.feed([event(labels=XID, ends_at=T0 + minutes(5))], T0)
    await engine.feed([event(labels=XID, at=T0 + minutes(3), start=T0, ends_at=T0 + minutes(8))], T0 + minutes(3))
    await engine.advance(T0 + minutes(7.9))
    assert (await engine.only()).status is IncidentStatus.OPEN
    await engine.advance(T0 + minutes(8))
    assert (await engine.only()).status is IncidentStatus.RESOLVED


async def test_what_never_says_resolved_ends_by_its_rule(simulate: Simulate) -> None:
    engine = await simulate(node_rule(resolve_after=minutes(30)))
    await engine.feed([event(labels=XID)], T0)
    await engine.feed([event(labels={**XID, "gpu": "1"}, at=T0 + minutes(20))], T0 + minutes(20))
    await engine.advance(T0 + minutes(49))
    assert (await engine.only()).status is IncidentStatus.OPEN
    await engine.advance(T0 + minutes(50))
    assert (await engine.only()).status is IncidentStatus.RESOLVED
    assert engine.orders()[-1].visible is Visible.RESOLVED


async def test_a_recurrence_soon_after_reopens_as_a_new_episode(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    await engine.feed([event(labels=XID)], T0)
    at = T0 + minutes(10)
    await engine.feed([event(Status.RESOLVED, labels=XID, at=at, start=T0, ends_at=at)], at)
    again = at + minutes(20)
    await engine.feed([event(labels=XID, at=again)], again)
    await engine.advance(again + minutes(1))
    incident = await engine.only()
    assert (incident.episode, incident.status) == (2, IncidentStatus.OPEN)
    assert engine.orders()[-1].visible is Visible.OPEN
    assert engine.orders()[-1].episode == 2


async def test_it_is_said_again_until_somebody_takes_it(simulate: Simulate) -> None:
    engine = await simulate(node_rule(repeat_interval=timedelta(hours=4)))
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + timedelta(hours=8, minutes=1))
    assert engine.reasons().count("repeat") == 2
    incident = await engine.only()
    await engine.operate.acknowledge(incident.id, "ann", "cli")
    await engine.advance(T0 + timedelta(days=2))
    assert engine.reasons().count("repeat") == 2
    assert engine.reasons()[-1] == "acknowledged"
    assert engine.orders()[-1].visible is Visible.ACKNOWLEDGED


async def test_nobody_answers_and_the_next_level_is_named(simulate: Simulate) -> None:
    steps = (
        EscalationStep(level="L1", who="ann", after=minutes(15)),
        EscalationStep(level="L2", who="bob", after=minutes(15)),
    )
    engine = await simulate(node_rule(owner="gpu"), owners={"gpu": Owner(name="gpu", escalation=steps)})
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(5))
    incident = await engine.only()
    first = (await engine.reports(incident.id))[-1].escalation
    assert first is not None
    await engine.advance(T0 + timedelta(hours=2))
    actions = await engine.store.read(lambda tx: tx.actions(None, None, incident.id))
    assert next((one.what, one.via, one.detail["level"]) for one in actions) == ("escalate", "system", first.level)
    last = (await engine.reports(incident.id))[-1].escalation
    assert last is not None
    assert last.level == "L2"
    assert "escalated" in engine.reasons()


async def test_an_acknowledged_incident_is_not_escalated(simulate: Simulate) -> None:
    step = EscalationStep(level="L1", who="ann", after=minutes(15))
    engine = await simulate(node_rule(owner="gpu"), owners={"gpu": Owner(name="gpu", escalation=(step,))})
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    incident = await engine.only()
    await engine.operate.acknowledge(incident.id, "ann", "cli")
    await engine.advance(T0 + timedelta(hours=2))
    assert "escalated" not in engine.reasons()


async def test_a_shadow_rule_does_everything_but_send(simulate: Simulate) -> None:
    engine = await simulate(node_rule(shadow=True))
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(10))
    incident = await engine.only()
    assert await engine.reports(incident.id)
    assert engine.orders() == []
    assert ("console", False, "rule_is_in_shadow") in await engine.decided(incident.id)


async def test_a_sink_hears_only_of_its_severity_and_worse(simulate: Simulate) -> None:
    engine = await simulate(
        node_rule(severity={"default": "SEV4", "info": "SEV4"}),
        sinks=("console", "pager"),
        minimum={"pager": Severity.SEV1},
    )
    await engine.feed([event(labels={"alertname": "SomethingOdd", "severity": "info"})], T0)
    await engine.advance(T0 + minutes(5))
    incident = await engine.only()
    assert incident.severity.rank > 1
    assert engine.orders("console")
    assert engine.orders("pager") == []
    assert ("pager", False, "below_minimum_severity") in await engine.decided(incident.id)


async def test_a_rule_that_names_its_sinks_reaches_no_other(simulate: Simulate) -> None:
    engine = await simulate(node_rule(sinks=("slack",)), sinks=("console", "slack"))
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    assert engine.orders("console") == []
    assert engine.reasons("slack")[0] == "first_report"


async def test_a_warning_that_repeats_stays_open_past_its_rules_patience_and_ends_an_hour_after_the_last(
    simulate: Simulate,
) -> None:
    engine = await simulate(node_rule(resolve_after=minutes(360)))
    first = event()
    for n in range(20):  # nine and a half hours, every half an hour
        at = T0 + minutes(30 * n)
        await engine.feed([first.model_copy(update={"id": f"ev_{n}", "ends_at": at + minutes(60)})], at)
        await engine.advance(at + minutes(20))
        assert (await engine.only()).status is IncidentStatus.OPEN, n
    await engine.advance(T0 + minutes(30 * 19 + 61))
    assert (await engine.only()).status is IncidentStatus.RESOLVED
