"""One bad thing harms itself alone: events that break intake, skills and enrichers that break; retries and purging."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from responder.model.diagnosis import Case, Diagnosis, Hypothesis, Verdict
from responder.model.event import Event
from responder.model.evidence import Ask, Missing, Reading
from responder.model.incident import Severity
from responder.model.journal import Quarantined
from responder.model.skill import Skill
from responder.pipeline.enrich import Enrich
from responder.pipeline.ingest import Ingest
from responder.pipeline.operate import Operate
from responder.pipeline.timers import Timers
from responder.ports import Accepted, Decoded, RawMessage, Rejected
from tests.making import T0, event, minutes
from tests.pipeline.conftest import Engine, Simulate, node_rule

pytestmark = pytest.mark.asyncio
XID = {"alertname": "XidError", "severity": "critical", "xid": "79"}


def poison(n: int) -> Event:
    """An event as only a format with a bug can make it: a time without its zone, which cannot be compared."""
    return event(labels={**XID, "node": f"bad{n}"}).model_copy(update={"ends_at": datetime(2026, 11, 20)})  # noqa: DTZ001


class Scripted:
    """A format whose bodies name what they hold: `g3` a good event, `b1` one that breaks intake, `r` a rejected part,
    `u` one that breaks routing, `x` a crash of the format itself."""

    name = "scripted"
    description = "for tests"

    def decode(self, message: RawMessage) -> Decoded:
        events, rejected = [], []
        for word in message.body.decode().split():
            if word[0] == "g":
                events.append(event(labels={**XID, "node": f"n{word[1:]}"}))
            elif word[0] == "b":
                events.append(poison(int(word[1:])))
            elif word[0] == "u":
                events.append(event(labels=XID).model_copy(update={"labels": {"alertname": "half a \ud800 pair"}}))
            elif word[0] == "r":
                rejected.append(Rejected("no labels", word))
            else:
                raise ZeroDivisionError(word)
        return Decoded(tuple(events), tuple(rejected))


async def intake(engine: Engine) -> Ingest:
    simulation = engine.simulation
    made = Ingest(engine.store, simulation.clock, {"scripted": Scripted()}, simulation.engine.shelf.current)
    simulation.engine.ingest = made
    engine.operate = simulation.engine.operate = Operate(engine.store, simulation.clock, made, lambda due: None)
    made.start()
    return made


async def accept(engine: Engine, *bodies: str) -> tuple[Accepted, ...]:
    """As if a batch of messages came in one poll."""
    made = await intake(engine)
    messages = [
        RawMessage(body.encode(), "scripted", "scripted", T0, {}, f"topic/0/{n}") for n, body in enumerate(bodies)
    ]
    try:
        return await made.accept(messages)
    finally:
        await made.close()


async def held(engine: Engine) -> list[Quarantined]:
    return await engine.store.read(lambda tx: tx.quarantine("held", 1000))


def counts(answers: Sequence[Accepted]) -> list[tuple[int, int, int]]:
    return [(one.accepted, one.duplicates, one.quarantined) for one in answers]


async def test_one_bad_event_of_a_batch_harms_itself_alone(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    answers = await accept(engine, "g1", "g2 g3", "b1", "g4", "g1", "g5")
    assert counts(answers) == [(1, 0, 0), (2, 0, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 0, 0)]
    assert [one.error for one in answers] == [None] * 6
    assert len(await engine.simulation.incidents()) == 5
    (entry,) = await held(engine)
    assert entry.id == answers[2].quarantine_ids[0]
    assert entry.stage == "ingest"
    assert "offset-naive" in entry.error
    assert "bad1" in entry.body


async def test_one_bad_event_of_a_message_does_not_take_its_neighbours_along(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    (answer,) = await accept(engine, "g1 b1 g2 r b2 g3 b3 r")
    assert counts([answer]) == [(3, 0, 5)]
    kept = await held(engine)
    assert {entry.id for entry in kept} == set(answer.quarantine_ids), "each under an id of its own"
    assert len(kept) == 5
    assert sorted(entry.stage for entry in kept) == ["decode", "decode", "ingest", "ingest", "ingest"]


async def test_a_batch_of_only_bad_events_is_kept_whole(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    answers = await accept(engine, *(f"b{n}" for n in range(7)))
    assert counts(answers) == [(0, 0, 1)] * 7
    assert len(await held(engine)) == 7


async def test_an_event_that_breaks_routing_or_a_format_that_breaks_costs_that_message(simulate: Simulate) -> None:
    engine = await simulate()
    answers = await accept(engine, "g1", "u", "x", "g2")
    assert counts(answers) == [(1, 0, 0), (0, 0, 1), (0, 0, 1), (1, 0, 0)]
    assert "ZeroDivisionError" in (answers[2].error or "")
    assert len(await held(engine)) == 2


async def test_what_intake_could_not_store_can_be_retried(simulate: Simulate) -> None:
    """The held body is the event, not the sender's own form."""
    engine = await simulate(node_rule())
    (answer,) = await accept(engine, "g1 b1")
    again = await engine.operate.retry_quarantined(answer.quarantine_ids[0], "ann", "cli")
    assert (again.accepted, again.quarantined) == (1, 0), "its time has a zone now: it was stored as UTC"
    assert await held(engine) == []
    assert len(await engine.simulation.incidents()) == 2


async def test_a_retry_that_fails_again_stays_one_entry(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    (answer,) = await accept(engine, "x")
    made = await intake(engine)
    again = await engine.operate.retry_quarantined(answer.quarantine_ids[0], "ann", "cli")
    await made.close()
    assert again.error is not None
    (entry,) = await held(engine)
    assert (entry.id, entry.attempts, entry.state) == (answer.quarantine_ids[0], 2, "held")


async def test_a_skill_that_breaks_still_yields_a_report(simulate: Simulate) -> None:
    async def broken(case: Case, skill: Skill) -> Diagnosis:
        raise RecursionError("a pattern without end")

    engine = await simulate(node_rule(), diagnose=broken)
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    (order,) = engine.orders()
    assert order.reason == "first_report"
    report = (await engine.reports(order.incident_id))[-1]
    assert report.verdict.value == "insufficient_evidence"
    assert any("RecursionError" in one.reason for one in report.missing)
    assert report.title
    (entry,) = await held(engine)
    assert entry.stage == "triage"


@pytest.mark.parametrize(
    ("verdict", "severity"), [(Verdict.DIAGNOSED, Severity.SEV2), (Verdict.INSUFFICIENT_EVIDENCE, Severity.SEV3)]
)
async def test_a_class_that_is_only_a_hint_raises_no_severity(
    simulate: Simulate, verdict: Verdict, severity: Severity
) -> None:
    async def guess(case: Case, skill: Skill) -> Diagnosis:
        first = Hypothesis(class_="gpu.fallen_off_bus", title="GPU gone", probability=0.8)
        return Diagnosis(verdict=verdict, hypotheses=(first,), title="GPU gone", summary="")

    engine = await simulate(node_rule(severity={"default": "SEV3"}), diagnose=guess)
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    assert (await engine.only()).severity is severity


async def test_what_broke_a_skill_is_triaged_again_on_retry(simulate: Simulate) -> None:
    broken = True

    async def mended(case: Case, skill: Skill) -> Diagnosis:
        if broken:
            raise RecursionError("a pattern without end")
        return await right(case, skill)

    engine = await simulate(node_rule(), diagnose=mended)
    from responder.wiring.diagnosing import Diagnosing

    right = Diagnosing(engine.simulation.engine.shelf.current)
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(5))
    (entry,) = await held(engine)
    broken = False
    await engine.operate.retry_quarantined(entry.id, "ann", "cli")
    await engine.advance(T0 + minutes(6))
    assert await held(engine) == []
    incident = await engine.only()
    assert (await engine.reports(incident.id))[-1].hypotheses


class Broken:
    """An enricher with a bug, or one that never answers in time."""

    name = "prometheus"

    def key(self, ask: Ask) -> str:
        return ask.need.name

    async def read(self, ask: Ask) -> Reading | Missing:
        raise IndexError("list index out of range")

    async def check(self) -> str | None:
        return None

    async def close(self) -> None: ...


async def test_an_enricher_that_breaks_is_missing_evidence_and_no_more(simulate: Simulate) -> None:
    engine = await simulate(node_rule())
    simulation = engine.simulation
    simulation.engine.answers = Enrich({"prometheus": Broken()})
    simulation.engine.__post_init__()
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    incident = await engine.only()
    report = (await engine.reports(incident.id))[-1]
    assert report.hypotheses[0].class_.startswith("gpu.")
    reasons = {one.reason for one in report.missing}
    assert any("failed" in reason or "IndexError" in reason for reason in reasons), reasons


def short_memory(engine: Engine, events: timedelta, incidents: timedelta) -> None:
    simulation = engine.simulation
    simulation.engine.timers = Timers(
        engine.store,
        simulation.clock,
        simulation.engine.shelf.current,
        simulation.sinks,
        lambda due: None,
        keep_events=events,
        keep_incidents=incidents,
    )


async def test_the_past_is_purged_by_the_hour_and_counted_for_history(simulate: Simulate) -> None:
    engine = await simulate(node_rule(resolve_after=timedelta(hours=1)))
    short_memory(engine, timedelta(days=14), timedelta(days=30))
    await engine.simulation.engine.timers.start()
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + timedelta(days=13))
    assert len(await engine.simulation.journal()) == 1
    await engine.advance(T0 + timedelta(days=15))
    assert await engine.simulation.journal() == []
    assert (await engine.only()).resolved_at is not None, "the incident is kept longer than its events"
    start, end = T0 - timedelta(days=1), T0 + timedelta(days=20)
    assert await engine.store.read(lambda tx: tx.count_events("node", "n1", start, end, {})) == 1
    await engine.advance(T0 + timedelta(days=32))
    assert await engine.simulation.incidents() == []
    due = (await engine.store.read(lambda tx: tx.timers("purge", ["journal"])))["journal"]
    assert timedelta() < due - engine.simulation.clock.now() <= timedelta(hours=1)


async def test_an_alert_that_outlives_its_first_event_in_the_journal_still_lapses(simulate: Simulate) -> None:
    """Prometheus says every minute that it still fires; after weeks the event of its beginning is purged."""
    engine = await simulate(node_rule())
    short_memory(engine, timedelta(days=14), timedelta(days=400))
    await engine.simulation.engine.timers.start()
    for day in range(20):
        at = T0 + timedelta(days=day)
        await engine.feed([event(labels=XID, at=at, start=T0, ends_at=at + timedelta(days=1, minutes=5))], at)
    await engine.advance(T0 + timedelta(days=19, hours=12))
    assert (await engine.only()).resolved_at is None
    await engine.advance(T0 + timedelta(days=21))
    assert (await engine.only()).resolved_at is not None
