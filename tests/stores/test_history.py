"""Ageing: what is purged, what is rolled up, what stays."""

from datetime import timedelta

import pytest

from responder.errors import InputError
from responder.model.event import Change, Event, JobFact, JobState
from responder.model.incident import IncidentStatus
from responder.model.journal import Action, AlertState, Disposition, JournalEntry, Quarantined, Trail
from responder.ports import Store, Tx
from tests.making import T0, event, incident, minutes
from tests.strategies import gpu_report

pytestmark = pytest.mark.asyncio
DAY = timedelta(days=1)


def entry(one: Event) -> JournalEntry:
    return JournalEntry(event=one, trail=Trail(disposition=Disposition.TRIAGED, reason="routed"))


async def count(store: Store, kind: str, name: str, days: int, **labels: str) -> int:
    """In the `days` before T0 + 1 day."""
    end = T0 + DAY
    return await store.read(lambda tx: tx.count_events(kind, name, end - days * DAY, end, labels))


async def test_counts_survive_the_purging_of_events(store: Store) -> None:
    events = [
        event(at=T0 - day * DAY + minutes(n), labels={"xid": xid}, entities={"gpu": ("G1",)})
        for day in (0, 20, 40)
        for n, xid in enumerate(("79", "79", "48"))
    ]
    await store.write(lambda tx: tx.append_journal([entry(one) for one in events]))
    expected = {"all": 9, "xid 79": 6, "30 days": 6, "15 days": 3}

    async def seen() -> dict[str, int]:
        return {
            "all": await count(store, "node", "n1", 90),
            "xid 79": await count(store, "gpu", "G1", 90, xid="79"),
            "30 days": await count(store, "node", "n1", 30),
            "15 days": await count(store, "node", "n1", 15),
        }

    assert await seen() == expected
    while await store.write(lambda tx: tx.purge(T0 - 14 * DAY, T0 - 400 * DAY, 2)) >= 2:
        assert await seen() == expected
    left = await store.read(lambda tx: tx.journal_range(None, None, 0, 100))
    assert [one.event.id for one in left] == [one.id for one in events[:3]]
    await store.write(lambda tx: tx.purge(T0 + DAY, T0 - 400 * DAY, 100))
    assert await seen() == expected
    assert await store.read(lambda tx: tx.journal_entries([events[0].id])) == {}


async def test_alerts_are_counted_by_their_name_and_by_what_tells_them_apart(store: Store) -> None:
    flapping = [event(at=T0 - minutes(10 * n), labels={"node": "n1"}) for n in range(5)]
    other = [event(at=T0 - minutes(n), labels={"node": "n%_2"}) for n in range(3)]
    quoting = event(at=T0 - minutes(7), labels={"node": "n3", "note": f'"fingerprint":"{flapping[0].fingerprint}"'})
    old = event(at=T0 - 20 * DAY, labels={"node": "n1"})
    nameless = event(labels={"alertname": "", "node": "n4"})
    events = [*flapping, *other, quoting, old, nameless]
    await store.write(lambda tx: tx.append_journal([entry(one) for one in events]))
    name = flapping[0].labels["alertname"]

    async def named(days: int, fingerprint: str | None = None) -> int:
        end = T0 + DAY
        return await store.read(
            lambda tx: tx.count_events("alertname", name, end - days * DAY, end, {}, fingerprint=fingerprint)
        )

    assert await named(2) == 9
    assert await named(2, flapping[0].fingerprint) == 5
    assert await named(2, other[0].fingerprint) == 3
    assert await named(2, "0%") == 0
    assert await named(30) == 10
    await store.write(lambda tx: tx.purge(T0 - 14 * DAY, T0 - 400 * DAY, 100))
    assert await named(30) == 10  # what was purged is still counted by name


async def test_kinds_that_are_not_counted_say_so(store: Store) -> None:
    with pytest.raises(InputError):
        await count(store, "cluster", "prod-a", 1)


async def test_a_purge_stops_at_its_limit(store: Store) -> None:
    events = [event(at=T0 - 20 * DAY + minutes(n), labels={"node": f"n{n}"}) for n in range(10)]
    await store.write(lambda tx: tx.append_journal([entry(one) for one in events]))
    assert await store.write(lambda tx: tx.purge(T0, T0, 4)) == 4
    left = await store.read(lambda tx: tx.journal_range(None, None, 0, 100))
    assert [one.event.id for one in left] == [one.id for one in events[4:]]


async def test_an_expired_incident_goes_with_all_that_hangs_on_it_and_an_open_one_stays(store: Store) -> None:
    old = {"opened_at": T0 - 500 * DAY, "last_event_at": T0 - 500 * DAY}
    gone = incident("inc-gone", status=IncidentStatus.RESOLVED, resolved_at=T0 - 450 * DAY, **old)
    kept = incident("inc-open", key={"node": "n2"}, **old)
    recent = incident("inc-recent", status=IncidentStatus.RESOLVED, resolved_at=T0 - 10 * DAY, **old)

    def work(tx: Tx) -> None:
        tx.put_incidents([gone, kept, recent])
        for id in ("inc-gone", "inc-open"):
            tx.put_report(gpu_report(incident={"id": id}))
        tx.append_actions(
            [Action(id="act-1", at=T0 - 500 * DAY, who="ann", via="cli", what="ack", incident_id=gone.id)]
        )

    await store.write(work)
    assert await store.write(lambda tx: tx.purge(T0 - 14 * DAY, T0 - 400 * DAY, 100)) == 1
    ids = [gone.id, kept.id, recent.id]
    assert set(await store.read(lambda tx: tx.incidents(ids))) == {"inc-open", "inc-recent"}
    assert await store.read(lambda tx: tx.reports("inc-gone")) == []
    assert len(await store.read(lambda tx: tx.reports("inc-open"))) == 1
    shared = await store.read(lambda tx: tx.past_incidents([("node", "n1")], T0 - 600 * DAY, T0, None))
    assert [one.id for one in shared] == ["inc-open", "inc-recent"]
    assert len(await store.read(lambda tx: tx.actions(None, None, None))) == 1  # the audit stays


async def test_projections_states_and_quarantine_age_too(store: Store) -> None:
    def state(name: str, first: int, last: int) -> AlertState:
        times = {"first_seen_at": T0 - first * DAY, "last_seen_at": T0 - last * DAY, "starts_at": T0}
        return AlertState.model_validate(
            {"source": "s", "fingerprint": name, "status": "firing", "event_id": "e", **times}
        )

    def job(id: str, days: int) -> JobFact:
        return JobFact(
            id=id, state=JobState.COMPLETED, nodes=("n1",), seen_at=T0 - days * DAY, started_at=T0 - days * DAY
        )

    def held(id: str, days: int) -> Quarantined:
        at = T0 - days * DAY
        return Quarantined(id=id, at=at, source="s", format="f", stage="decode", error="e", body="")

    def work(tx: Tx) -> None:
        tx.put_alert_states([state("silent", 30, 20), state("still firing", 30, 1)])
        tx.put_jobs([job("old", 450), job("new", 1)])
        tx.put_quarantine([held("old", 20), held("new", 1)])
        tx.put_changes([Change(at=T0 - 20 * DAY, what="old"), Change(at=T0 - DAY, what="new")])

    await store.write(work)
    assert await store.write(lambda tx: tx.purge(T0 - 14 * DAY, T0 - 400 * DAY, 100)) == 4
    keys = [("s", "silent"), ("s", "still firing")]
    assert set(await store.read(lambda tx: tx.alert_states(keys))) == {keys[1]}
    assert [one.id for one in await store.read(lambda tx: tx.jobs_on(["n1"], T0 - 500 * DAY, T0))] == ["new"]
    assert [one.id for one in await store.read(lambda tx: tx.quarantine(None, 10))] == ["new"]
    assert [one.what for one in await store.read(lambda tx: tx.changes([], T0 - 30 * DAY, T0))] == ["new"]
    assert await store.write(lambda tx: tx.purge(T0 - 14 * DAY, T0 - 400 * DAY, 100)) == 0
