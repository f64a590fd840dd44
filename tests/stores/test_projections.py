"""What ran where and what was changed."""

from datetime import datetime
from typing import Any

import pytest

from responder.model.event import Change, JobFact, JobState
from responder.ports import Store
from tests.making import T0, minutes

pytestmark = pytest.mark.asyncio


def job(id: str, state: JobState = JobState.RUNNING, **more: Any) -> JobFact:
    return JobFact(id=id, state=state, **{"nodes": ("n1",), "started_at": T0, "seen_at": T0, **more})


async def on(store: Store, nodes: list[str], start: datetime, end: datetime) -> list[str]:
    return [found.id for found in await store.read(lambda tx: tx.jobs_on(nodes, start, end))]


async def test_facts_of_a_job_are_merged_over_batches_and_inside_one(store: Store) -> None:
    ended = job("1", JobState.FAILED, nodes=(), seen_at=T0 + minutes(9), ended_at=T0 + minutes(9))
    await store.write(lambda tx: tx.put_jobs([job("1", user="ann"), job("1", nodes=("n1", "n2"), gpus=8), job("2")]))
    await store.write(lambda tx: tx.put_jobs([ended]))
    found = await store.read(lambda tx: tx.jobs(["1", "2", "3"]))
    assert found["1"] == job(
        "1",
        JobState.FAILED,
        user="ann",
        gpus=8,
        nodes=("n1", "n2"),
        seen_at=T0 + minutes(9),
        ended_at=T0 + minutes(9),
    )
    assert set(found) == {"1", "2"}


async def test_jobs_on_a_node_in_a_span(store: Store) -> None:
    await store.write(
        lambda tx: tx.put_jobs(
            [
                job("before", JobState.COMPLETED, ended_at=T0 + minutes(4)),
                job("during", JobState.FAILED, started_at=T0 + minutes(6), ended_at=T0 + minutes(7)),
                job("still"),
                job("after", started_at=T0 + minutes(11)),
                job("waiting", JobState.PENDING, started_at=None),
                job("elsewhere", nodes=("n2",)),
                job("both", nodes=("n1", "n2")),
            ]
        )
    )
    start, end = T0 + minutes(5), T0 + minutes(10)
    assert await on(store, ["n1"], start, end) == ["both", "during", "still"]
    assert await on(store, ["n1", "n2", "n2"], start, end) == ["both", "during", "elsewhere", "still"]
    assert await on(store, [], start, end) == []


async def test_a_job_that_moved_is_no_longer_on_its_old_node(store: Store) -> None:
    await store.write(lambda tx: tx.put_jobs([job("1", JobState.NODE_FAIL, ended_at=T0 + minutes(1))]))
    again = job("1", nodes=("n2",), started_at=T0 + minutes(2), seen_at=T0 + minutes(2))
    await store.write(lambda tx: tx.put_jobs([again]))
    assert await on(store, ["n1"], T0, T0 + minutes(9)) == []
    assert await on(store, ["n2"], T0, T0 + minutes(9)) == ["1"]


async def test_changes_of_entities_and_of_everything_the_oldest_first(store: Store) -> None:
    driver = Change(at=T0 + minutes(3), what="driver 570", entity="n1")
    deploy = Change(at=T0 + minutes(1), what="deploy", entity="svc", link="https://ci/1")
    everywhere = Change(at=T0 + minutes(2), what="new firewall")
    other = Change(at=T0 + minutes(2), what="deploy", entity="n9")
    late = Change(at=T0 + minutes(20), what="deploy", entity="n1")
    await store.write(lambda tx: tx.put_changes([driver, deploy, everywhere, other, late, driver]))
    await store.write(lambda tx: tx.put_changes([deploy]))
    found = await store.read(lambda tx: tx.changes(["n1", "svc"], T0, T0 + minutes(10)))
    assert found == [deploy, everywhere, driver]
