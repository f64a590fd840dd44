"""What happened before, asked of a real store: incidents, starts of an alert, jobs that died on one card."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from responder.enrichers.history import History
from responder.model.evidence import Ask, Missing, Need, Reading, Window
from responder.model.incident import Incident, IncidentStatus
from responder.model.journal import Disposition, JournalEntry, Trail
from responder.ports import Store
from responder.runtime.clock import VirtualClock
from responder.stores.sql import create
from tests.making import T0, event, incident, job, minutes

pytestmark = pytest.mark.asyncio
DAY = timedelta(days=1)
CARD = "GPU-31313131"


@pytest_asyncio.fixture
async def store() -> AsyncIterator[Store]:
    made = create("sqlite::memory:", clock=VirtualClock(T0))
    await made.open()
    yield made
    await made.close()


def ask(query: object, **variables: str) -> Ask:
    named = {"gpu": CARD, "node": "n1", "alertname": "GPUXidErrors", **variables}
    return Ask(
        need=Need.model_validate({"name": "before", "source": "history", "query": query}),
        window=Window(start_at=T0 - minutes(10), at=T0, end_at=T0 + minutes(2)),
        variables={name: (value,) for name, value in named.items() if value},
    )


async def read(store: Store, query: object, **variables: str) -> Reading:
    found = await History(store).read(ask(query, **variables))
    assert isinstance(found, Reading), found
    return found


def fault(id: str, days: float, cause: str = "gpu.illegal_access", **more: Any) -> Incident:
    entities = {"gpu": (CARD,), "node": ("n1",), **more.pop("entities", {})}
    at = T0 - days * DAY
    fields = {"status": IncidentStatus.RESOLVED, "opened_at": at, "last_event_at": at, "first_class": cause, **more}
    return incident(id, key={"id": id}, entities=entities, **fields)


FAULTS = "gpu.illegal_access"
JOBS = {"entity": "gpu", "class": FAULTS, "count": "jobs", "window": "90d"}


async def test_incidents_of_a_card_are_counted_within_the_window(store: Store) -> None:
    past = [
        fault("inc-a", 2),
        fault("inc-b", 40, "gpu.fallen_off_bus"),
        fault("inc-c", 100),
        fault("inc-d", 1, entities={"gpu": ("GPU-other",)}),
    ]
    await store.write(lambda tx: tx.put_incidents(past))
    assert (await read(store, {"entity": "gpu", "window": "90d"})).value == 2
    found = await read(store, {"entity": "gpu", "window": "90d", "class": FAULTS})
    assert found.value == 1
    assert found.statement == (
        f"{FAULTS} happened 1 time in 90d on gpu {CARD}; last {T0 - 2 * DAY:%Y-%m-%d} ({FAULTS})"
    )


async def test_starts_of_an_alert_are_counted_by_name_and_by_fingerprint(store: Store) -> None:
    labels = {"alertname": "GPUXidErrors", "node": "n1"}
    flapping = [event(at=T0 - minutes(20 * n), labels=labels) for n in range(1, 5)]
    other = event(at=T0 - minutes(3), labels={**labels, "node": "n2"})
    journal = [
        JournalEntry(event=one, trail=Trail(disposition=Disposition.TRIAGED, reason="routed"))
        for one in (*flapping, other)
    ]
    await store.write(lambda tx: tx.append_journal(journal))
    named = await read(store, {"alert": "name", "window": "1d"})
    assert (named.value, named.statement) == (5, "fired 5 times in 1d of alert GPUXidErrors")
    itself = await read(store, {"alert": "fingerprint", "window": "1d"}, fingerprint=flapping[0].fingerprint)
    assert itself.value == 4
    assert itself.statement == "this very alert fired 4 times before in 1d of alert GPUXidErrors"
    assert (await read(store, {"alert": "name", "window": "30m"})).value == 2


async def test_jobs_that_died_on_one_card_are_unrelated_unless_they_are_the_same_program(store: Store) -> None:
    runs = [
        job("1", name="sft", user="ann", nodes=("n1",)),
        job("2", name="sft", user="ann", nodes=("n1",)),
        job("3", name="eval", user="bob", nodes=("n1",)),
        job("9", name="pretrain", user="eve", nodes=("n1",)),
    ]
    past = [fault(f"inc-{run.id}", int(run.id), entities={"job": (run.id,)}) for run in runs[:3]]

    def work(tx: Any) -> None:
        tx.put_jobs(runs)
        tx.put_incidents(past)

    await store.write(work)
    now = await read(store, JOBS, job="9")
    assert now.value == 2
    assert now.statement.startswith(f"2 unrelated jobs (eval of bob, sft of ann) hit by {FAULTS} in 90d on gpu {CARD}")
    assert (await read(store, JOBS, job="2")).value == 1  # its own program died there before: that says nothing new


async def test_a_job_is_found_by_where_it_ran_and_not_guessed(store: Store) -> None:
    alone = job("1", name="sft", user="ann", nodes=("n1",), started_at=T0 - 3 * DAY, ended_at=T0 - 2 * DAY)
    pair = [
        job(id, nodes=("n1",), name=f"job{id}", started_at=T0 - 9 * DAY, ended_at=T0 - 8 * DAY, pods=(f"w{id}-0",))
        for id in ("5", "6")
    ]
    past = [
        fault("inc-a", 2),
        fault("inc-b", 8),  # two jobs shared the node: which one it was is not known
        fault("inc-c", 8, entities={"pod": ("w6-0",)}),
        fault("inc-d", 30, entities={"pod": ("gone-worker-7",)}),
    ]

    def work(tx: Any) -> None:
        tx.put_jobs([alone, *pair])
        tx.put_incidents(past)

    await store.write(work)
    found = await read(store, JOBS)
    assert "(gone-worker, job6 of ann, sft of ann)" in found.statement


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("gpu", "valid dictionary"),
        ({"window": "90d"}, "give either entity or alert"),
        ({"entity": "gpu", "signature": "nvrm.xid"}, "signature"),
        ({"entity": "gpu", "window": "soon"}, "window"),
        ({"entity": "gpu", "count": "tears"}, "count"),
        ({"alert": "name", "class": FAULTS}, "by name or fingerprint alone"),
    ],
)
async def test_a_query_that_is_not_understood_is_refused(store: Store, query: object, says: str) -> None:
    found = await History(store).read(ask(query))
    assert isinstance(found, Missing)
    assert found.reason == "bad_query"
    assert says in found.detail


async def test_what_cannot_be_asked_is_missing_with_its_reason(store: Store) -> None:
    async def why(query: object, **variables: str) -> str:
        found = await History(store).read(ask(query, **variables))
        assert isinstance(found, Missing)
        return found.reason

    assert await why({"entity": "service"}) == "no_variable"
    assert await why({"entity": "cluster", "labels": {"xid": "79"}}, cluster="a") == "not_supported"
    assert await why({"alert": "fingerprint"}, fingerprint="f", alertname="") == "not_supported"
