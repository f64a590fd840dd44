"""Several signals of one fault: joined under the cause, one message, whoever was first; silences and acts of people."""

from datetime import timedelta

import pytest

from responder.errors import InputError, NotFound
from responder.model.delivery import Visible
from responder.model.event import AlertSeverity, JobFact, JobState, Kind, Status
from responder.model.incident import Incident, IncidentStatus
from responder.model.journal import Disposition
from tests.making import T0, event, minutes
from tests.pipeline.conftest import Engine, Simulate, node_rule

pytestmark = pytest.mark.asyncio
XID = {"alertname": "XidError", "severity": "critical", "xid": "79"}


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


async def by_rule(engine: Engine) -> dict[str, Incident]:
    return {one.rule.name: one for one in await engine.simulation.incidents()}


def node_not_ready(at: float) -> object:
    return event(labels={"alertname": "KubeNodeNotReady", "severity": "critical"}, at=T0 + seconds(at))


async def test_the_symptom_that_comes_later_is_shown_with_its_cause(simulate: Simulate) -> None:
    engine = await simulate()
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    at = T0 + minutes(2)
    await engine.feed([event(labels={"alertname": "KubeNodeNotReady", "severity": "critical"}, at=at)], at)
    await engine.advance(at + minutes(3))
    found = await by_rule(engine)
    cause = found.pop("gpu-lost")
    (symptom,) = found.values()
    assert symptom.parent == cause.id
    assert cause.parent is None
    assert {order.incident_id for order in engine.orders()} == {cause.id}, "the symptom has no message of its own"
    assert ("console", False, "symptom_of_parent") in await engine.decided(symptom.id)
    report = (await engine.reports(cause.id))[-1]
    assert [child.id for child in report.children] == [symptom.id]


async def test_the_cause_that_comes_later_takes_over_the_message_of_its_symptom(simulate: Simulate) -> None:
    engine = await simulate()
    await engine.feed([event(labels={"alertname": "KubeNodeNotReady", "severity": "critical"})], T0)
    await engine.advance(T0 + minutes(1))
    first = engine.orders()[0]
    at = T0 + minutes(2)
    await engine.feed([event(labels=XID, at=at)], at)
    await engine.advance(at + minutes(3))
    found = await by_rule(engine)
    cause = found.pop("gpu-lost")
    (symptom,) = found.values()
    assert first.incident_id == symptom.id
    assert symptom.parent == cause.id
    later = engine.orders()[-1]
    assert later.incident_id == cause.id
    assert later.receipt is not None
    assert later.receipt.message_id == f"console:{symptom.id}", "the message that is there is updated, none is added"
    rows = await engine.store.read(lambda tx: tx.deliveries(symptom.id))
    assert rows["console"].receipt is None
    resolved = at + minutes(10)
    await engine.feed([event(Status.RESOLVED, labels=XID, at=resolved, start=at, ends_at=resolved)], resolved)
    await engine.advance(resolved + seconds(1))
    assert engine.orders()[-1].visible is Visible.RESOLVED
    assert engine.orders()[-1].receipt is not None


async def test_both_were_shown_then_the_symptom_says_where_it_went(simulate: Simulate) -> None:
    """Diagnosed apart, each with its message; the job that names both joins them."""
    engine = await simulate()
    await engine.feed([event(labels={**XID, "node": "n1"})], T0)
    await engine.feed(
        [event(labels={"alertname": "NCCLTimeout", "severity": "critical", "node": "n2"}, at=T0 + seconds(1))],
        T0 + seconds(1),
    )
    await engine.advance(T0 + minutes(1))
    assert len({order.incident_id for order in engine.orders()}) == 2
    at = T0 + minutes(2)
    both = {"node": ("n2", "n1")}
    await engine.feed(
        [
            event(
                labels={"alertname": "NCCLTimeout", "severity": "critical", "node": "n2", "rank": "7"},
                at=at,
                entities=both,
            )
        ],
        at,
    )
    await engine.advance(at + minutes(3))
    found = await engine.simulation.incidents()
    joined = [one for one in found if one.parent is not None]
    assert len(joined) == 1
    merged = [order for order in engine.orders() if order.visible is Visible.MERGED]
    assert {order.incident_id for order in merged} == {joined[0].id}


async def test_a_job_that_succeeds_later_closes_what_it_opened(simulate: Simulate) -> None:
    engine = await simulate(node_rule(name="job", group_by=("job",), skill="training-job-debugger"))

    def ended(state: JobState, at: float) -> object:
        fact = JobFact(id="4711", state=state, gpus=8, started_at=T0 - minutes(60), ended_at=T0 + minutes(at))
        failed = state is JobState.FAILED
        return event(
            Status.FIRING if failed else Status.INFO,
            T0 + minutes(at),
            labels={"alertname": "SlurmJob", "state": state.value},
            kind=Kind.TRAINING_JOB,
            severity=AlertSeverity.ERROR,
            entities={"job": ("4711",)},
            job=fact,
        )

    await engine.feed([ended(JobState.FAILED, 0)], T0)  # type: ignore[list-item]
    await engine.advance(T0 + minutes(1))
    await engine.feed([ended(JobState.COMPLETED, 30)], T0 + minutes(30))  # type: ignore[list-item]
    await engine.advance(T0 + minutes(31))
    assert (await engine.only()).status is IncidentStatus.RESOLVED
    assert engine.orders()[-1].visible is Visible.RESOLVED


async def test_what_is_silenced_opens_nothing_while_it_lasts(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    made = await engine.operate.silence('alertname="XidError"', minutes(60), "ann", "cli", "replacing the riser")
    (answer,) = await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(30))
    assert answer.accepted == 1
    assert await engine.simulation.incidents() == []
    (entry,) = await engine.simulation.journal()
    assert (entry.trail.disposition, entry.trail.silence_id) == (Disposition.SILENCED, made.id)
    await engine.feed([event(labels={**XID, "node": "n2"}, at=T0 + minutes(61))], T0 + minutes(61))
    assert len(await engine.simulation.incidents()) == 1, "the silence is over"


async def test_what_still_fires_when_its_silence_ends_is_heard(simulate: Simulate) -> None:
    """Alertmanager sends what fires again and again; the copy after the silence is news to everybody."""
    engine = await simulate(node_rule())
    await engine.operate.silence('alertname="XidError"', minutes(60), "ann", "cli", "replacing the riser")
    for at in (0, 30, 59, 61, 90):
        await engine.feed([event(labels=XID, at=T0 + minutes(at), start=T0)], T0 + minutes(at))
    await engine.advance(T0 + minutes(95))
    incident = await engine.only()
    assert incident.opened_at == T0 + minutes(61)
    assert engine.reasons()[0] == "first_report"


async def test_acts_of_people_are_audited_and_once_is_enough(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    incident = await engine.only()
    for _ in range(2):
        await engine.operate.acknowledge(incident.id, "ann", "slack")
    await engine.operate.feedback(incident.id, "bob", "page", right=True)
    await engine.operate.resolve(incident.id, "ann", "cli", "riser reseated")
    with pytest.raises(InputError):
        await engine.operate.acknowledge(incident.id, "ann", "slack")
    with pytest.raises(NotFound):
        await engine.operate.resolve("inc-nobody", "ann", "cli")
    await engine.advance(T0 + minutes(2))
    done = await engine.only()
    assert done.confirmed_class == incident.first_class
    assert engine.orders()[-1].visible is Visible.RESOLVED
    actions = await engine.store.read(lambda tx: tx.actions(None, None, incident.id))
    assert [(one.who, one.via, one.what) for one in actions][-2:] == [
        ("bob", "page", "feedback"),
        ("ann", "cli", "resolve"),
    ]
    with pytest.raises(InputError):
        await engine.operate.silence('node!="nowhere"', minutes(5), "ann", "cli", "everything")
