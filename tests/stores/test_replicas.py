"""Two stores on one PostgreSQL, as two daemons would have: who wins, and what the other is told."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from responder.errors import ConfigError, Conflict, Transient
from responder.model.journal import Checkpoint
from responder.ports import Tx
from responder.runtime.clock import VirtualClock
from responder.stores.sql import create
from responder.stores.sql.store import SqlStore
from tests.making import T0, incident, minutes

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]
LONG = 30.0
Pair = tuple[SqlStore, SqlStore]


@pytest_asyncio.fixture
async def pair(postgres_url: str) -> AsyncIterator[Pair]:
    """Both open an empty database at the same time."""
    stores = (create(postgres_url, clock=VirtualClock(T0)), create(postgres_url, clock=VirtualClock(T0)))
    await asyncio.gather(*(store.open() for store in stores))
    yield stores
    await asyncio.gather(*(store.close() for store in stores))


class Held:
    """A work that stops after its statements until it may commit."""

    def __init__(self, work: Callable[[Tx], Any]) -> None:
        self._work = work
        self._reached, self._go = threading.Event(), threading.Event()

    def __call__(self, tx: Tx) -> Any:
        value = self._work(tx)
        self._reached.set()
        assert self._go.wait(LONG)
        return value

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._reached.wait, LONG)

    def let_go(self) -> None:
        self._go.set()


async def test_only_one_opens_the_incident_of_a_key(pair: Pair) -> None:
    first, second = pair
    opening = Held(lambda tx: tx.put_incidents([incident("inc-1")]))
    winner = asyncio.create_task(first.write(opening))
    await opening.reached()
    loser = asyncio.create_task(second.write(lambda tx: tx.put_incidents([incident("inc-2")])))
    opening.let_go()
    await winner
    with pytest.raises(Conflict):
        await loser
    assert set(await second.read(lambda tx: tx.incidents(["inc-1", "inc-2"]))) == {"inc-1"}


async def test_a_decision_from_an_old_snapshot_is_refused(pair: Pair) -> None:
    first, second = pair
    await first.write(lambda tx: tx.put_incidents([incident()]))

    def bump(tx: Tx) -> None:
        found = tx.incidents(["inc-a"])["inc-a"]
        tx.put_incidents([found.model_copy(update={"version": found.version + 1})])

    read_first = Held(lambda tx: tx.incidents(["inc-a"]))

    def late(tx: Tx) -> None:
        read_first(tx)
        bump(tx)

    losing = asyncio.create_task(second.write(late))
    await read_first.reached()
    await first.write(bump)
    read_first.let_go()
    with pytest.raises(Conflict):
        await losing
    assert (await first.read(lambda tx: tx.incidents(["inc-a"])))["inc-a"].version == 2


async def test_claims_are_disjoint_and_nobody_waits(pair: Pair) -> None:
    first, second = pair
    await first.write(lambda tx: tx.set_timers([("triage", f"r{n}", T0, "x") for n in range(6)]))
    held = Held(lambda tx: tx.claim(T0, ["triage"], 4, T0 + minutes(2)))
    claiming = asyncio.create_task(first.write(held))
    await held.reached()
    others = await second.write(lambda tx: tx.claim(T0, ["triage"], 4, T0 + minutes(2)))
    held.let_go()
    ours = await claiming
    assert (len(ours), len(others)) == (4, 2)
    assert {one.ref for one in ours} | {one.ref for one in others} == {f"r{n}" for n in range(6)}


async def test_an_offset_moves_once(pair: Pair) -> None:
    first, second = pair

    def move(expected: int | None, to: int) -> Callable[[Tx], None]:
        one = Checkpoint(cluster="c", group="g", topic="t", partition=0, expected=expected, next=to)
        return lambda tx: tx.advance([one])

    await first.write(move(None, 5))
    held = Held(move(5, 9))
    moving = asyncio.create_task(first.write(held))
    await held.reached()
    zombie = asyncio.create_task(second.write(move(5, 7)))
    held.let_go()
    await moving
    with pytest.raises(Conflict):
        await zombie
    assert await second.read(lambda tx: tx.checkpoint("c", "g", "t", 0)) == 9


async def test_a_lost_connection_is_transient_and_comes_back(pair: Pair, postgres_url: str) -> None:
    store, _ = pair
    writing = Held(lambda tx: tx.put_meta("k", "lost"))
    task = asyncio.create_task(store.write(writing))
    await writing.reached()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'responder'")
    writing.let_go()
    with pytest.raises(Transient) as caught:
        await task
    assert caught.value.outcome_unknown  # it broke at the commit
    await store.write(lambda tx: tx.put_meta("k", "back"))
    assert await store.read(lambda tx: tx.meta("k")) == "back"


async def test_a_database_that_does_not_exist_is_a_matter_of_configuration(postgres_url: str) -> None:
    with pytest.raises(ConfigError, match="refuses us"):
        await create(f"{postgres_url}_none", clock=VirtualClock(T0)).open()
