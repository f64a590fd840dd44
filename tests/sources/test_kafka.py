"""The Kafka source against a real broker: where it begins, who may write, what it does when the topic is not as it was."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from responder.errors import ConfigError, Conflict, InputError, Transient
from responder.logic.diagnosis import Knowledge, Signatures
from responder.logic.route import Router
from responder.model.journal import Checkpoint, JournalEntry
from responder.model.rule import Outcome, RuleSet
from responder.pipeline.ingest import Ingest
from responder.pipeline.playbook import Playbook
from responder.ports import Accepted, Context, Intake, RawMessage
from responder.runtime.clock import SystemClock
from responder.sources.kafka import Kafka, Settings, check, create
from responder.stores.sql import create as create_store
from responder.wiring.adapters import formats
from responder.wiring.topic import read_topic
from tests.making import rule
from tests.servers.kafka import Kafka as Broker

pytestmark = [pytest.mark.integration, pytest.mark.asyncio, pytest.mark.timeout(90)]
CLOCK = SystemClock()


class Place:
    """A store with its intake; outlives the sources that write to it."""

    def __init__(self) -> None:
        observe = RuleSet(rules=(rule("observe", outcome=Outcome.OBSERVE),), version="test")
        book = Playbook(
            observe, Router(observe), {}, Knowledge(taxonomy={}, signatures=Signatures({}, {})), "test", "test"
        )
        self.store = create_store("sqlite::memory:", clock=CLOCK)
        self.intake = Ingest(self.store, CLOCK, formats(), lambda: book)

    async def journal(self) -> list[JournalEntry]:
        return await self.store.read(lambda tx: tx.journal_range(None, None, 0, 100_000))

    async def numbers(self) -> list[int]:
        """Which of the sent events are stored, in order; one stored twice would be there twice."""
        return sorted(int(entry.event.labels["n"]) for entry in await self.journal())

    async def until(self, condition: Callable[[], Awaitable[Any] | Any], what: str) -> None:
        try:
            async with asyncio.timeout(30):
                while True:
                    value = condition()
                    if await value if asyncio.iscoroutine(value) else value:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"waited for {what}; stored: {await self.numbers()}") from None

    async def has(self, count: int) -> None:
        async def enough() -> bool:
            return len(await self.journal()) >= count

        await self.until(enough, f"{count} events")


@contextlib.asynccontextmanager
async def place() -> AsyncIterator[Place]:
    made = Place()
    await made.store.open()
    made.intake.start()
    try:
        yield made
    finally:
        await made.intake.close()
        await made.store.close()


def settings(broker: Broker, topic: str, **more: Any) -> Settings:
    wanted = {
        "bootstrap_servers": broker.address,
        "group_id": f"g-{topic}",
        "topics": {topic: "native"},
        "poll_timeout": "50ms",
        "metadata_max_age_ms": 500,
        "retry_backoff_ms": 50,
        "session_timeout_ms": 6000,
        "heartbeat_interval_ms": 200,
        **more,
    }
    return Settings.model_validate(wanted)


@contextlib.asynccontextmanager
async def reading(
    here: Place, wanted: Settings, *, shared: bool = False, intake: Intake | None = None
) -> AsyncIterator[Kafka]:
    source = create(wanted, Context(CLOCK, here.store, shared_store=shared))
    task = asyncio.create_task(source.run(intake or here.intake))
    try:
        yield source
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def placed(here: Place, source: Kafka) -> None:
    """It has its partitions, and knows where to read."""
    await here.until(lambda: source.ready() is None or "other members" in source.ready(), "the source to be ready")


def body(n: int) -> bytes:
    at = datetime(2026, 11, 20, 3, tzinfo=UTC).isoformat()
    return orjson.dumps(
        {"kind": "node", "status": "firing", "labels": {"alertname": "A", "n": str(n)}, "starts_at": at}
    )


async def send(broker: Broker, topic: str, numbers: Sequence[int], raw: Sequence[bytes | None] = ()) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, acks="all")
    await producer.start()
    try:
        for value in (*raw, *(body(n) for n in numbers)):
            await producer.send(topic, value, key=None if value else b"k")
        await producer.flush()
    finally:
        await producer.stop()


@contextlib.asynccontextmanager
async def administering(broker: Broker) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def test_the_first_start_begins_where_it_is_told(kafka: Broker) -> None:
    topic = await kafka.new_topic(2)
    await send(kafka, topic, range(5))
    async with place() as old, reading(old, settings(kafka, topic, group_id="all", start="earliest")):
        await old.has(5)
        assert await old.numbers() == [0, 1, 2, 3, 4]
    async with place() as new, reading(new, settings(kafka, topic, group_id="new")) as source:
        await placed(new, source)
        await send(kafka, topic, [7])
        await new.has(1)
        assert await new.numbers() == [7]


async def test_a_place_is_kept_over_a_restart_before_the_first_message(kafka: Broker) -> None:
    """`latest` means the first start, not every start that found nothing."""
    topic = await kafka.new_topic(1)
    await send(kafka, topic, [0, 1])
    async with place() as here:
        async with reading(here, settings(kafka, topic)) as source:
            await placed(here, source)
        await send(kafka, topic, [2, 3])
        async with reading(here, settings(kafka, topic)):
            await here.has(2)
        assert await here.numbers() == [2, 3]


async def test_offsets_follow_in_the_group_for_lag_tools(kafka: Broker) -> None:
    topic = await kafka.new_topic(1)
    async with place() as here:
        async with reading(here, settings(kafka, topic, start="earliest")):
            await send(kafka, topic, range(9))
            await here.has(9)
        async with administering(kafka) as admin:
            offsets = await admin.list_consumer_group_offsets(f"g-{topic}")
        assert offsets[TopicPartition(topic, 0)].offset == 9


async def test_what_is_empty_or_broken_moves_on_all_the_same(kafka: Broker) -> None:
    topic = await kafka.new_topic(1)
    async with place() as here:
        async with reading(here, settings(kafka, topic, start="earliest")):
            await send(kafka, topic, [1], [None, b"", b"\xff\xfe", b'{"kind": 3}'])
            await here.has(1)
        held = await here.store.read(lambda tx: tx.quarantine("held", 10))
        assert len(held) == 2
        async with reading(here, settings(kafka, topic)) as source:
            await placed(here, source)
            await send(kafka, topic, [2])
            await here.has(2)
        assert len(await here.store.read(lambda tx: tx.quarantine(None, 10))) == 2, "not read twice"


async def test_a_batch_of_one_whose_place_was_taken_is_dropped(kafka: Broker) -> None:
    """Another replica has moved the offset: what this one holds was, or will be, stored by that one."""
    topic = await kafka.new_topic(1)
    async with place() as here, reading(here, settings(kafka, topic, start="earliest"), shared=True) as source:
        await send(kafka, topic, [0, 1])
        await here.has(2)
        moved = Checkpoint(cluster=source._cluster, group=f"g-{topic}", topic=topic, partition=0, expected=2, next=5)
        await here.intake.accept((), (moved,))
        with structlog.testing.capture_logs() as logs:
            await send(kafka, topic, range(2, 9))
            await here.has(6)
        assert await here.numbers() == [0, 1, 5, 6, 7, 8]
        assert "offsets_moved_elsewhere" in {line["event"] for line in logs}
        with pytest.raises(Conflict):
            await here.intake.accept((), (moved,))


async def test_replicas_come_and_go_and_each_message_is_stored_once(kafka: Broker) -> None:
    topic = await kafka.new_topic(4)
    wanted = settings(kafka, topic, start="earliest", max_records=20)
    async with place() as here:
        async with reading(here, wanted, shared=True):
            await send(kafka, topic, range(200))
            await here.has(50)
            async with reading(here, wanted, shared=True) as second:
                await send(kafka, topic, range(200, 400))
                await placed(here, second)
                await here.has(400)
            await send(kafka, topic, range(400, 500))
            async with reading(here, wanted, shared=True):
                await send(kafka, topic, range(500, 600))
                await here.has(600)
        assert await here.numbers() == list(range(600))


async def test_a_second_member_of_the_group_on_a_store_of_our_own_is_said(kafka: Broker) -> None:
    topic = await kafka.new_topic(2)
    wanted = settings(kafka, topic, start="earliest")
    async with place() as here, place() as there, reading(here, wanted) as first:
        await placed(here, first)
        async with reading(there, wanted):
            await here.until(lambda: "other members" in (first.ready() or ""), "the first to tell")
            await send(kafka, topic, range(10))

            async def all_ten() -> bool:
                return len(await here.journal()) + len(await there.journal()) == 10

            await here.until(all_ten, "all ten, wherever")
            assert "other members" in (first.ready() or ""), "and goes on telling"
        await here.until(lambda: first.ready() is None, "the first to have it all again")


async def test_a_recreated_topic_is_read_from_its_start(kafka: Broker) -> None:
    topic = await kafka.new_topic(1)
    async with place() as here:
        async with reading(here, settings(kafka, topic, start="earliest")):
            await send(kafka, topic, range(6))
            await here.has(6)
        await kafka.delete_topic(topic)
        await here.until(lambda: gone(kafka, topic), "the topic to be gone")
        await kafka.new_topic(1, topic)
        await send(kafka, topic, [10, 11])
        with structlog.testing.capture_logs() as logs:
            async with reading(here, settings(kafka, topic)):
                await here.has(8)
        assert await here.numbers() == [0, 1, 2, 3, 4, 5, 10, 11]
        assert "topic_was_recreated" in {line["event"] for line in logs}


async def gone(broker: Broker, topic: str) -> bool:
    async with administering(broker) as admin:
        return topic not in await admin.list_topics()


async def test_what_the_broker_deleted_before_it_was_read_is_loud_and_the_rest_is_read(kafka: Broker) -> None:
    topic = await kafka.new_topic(1)
    async with place() as here:
        async with reading(here, settings(kafka, topic, start="earliest")):
            await send(kafka, topic, [0, 1])
            await here.has(2)
        await send(kafka, topic, range(2, 9))
        async with administering(kafka) as admin:
            await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=6)})
        with structlog.testing.capture_logs() as logs:
            async with reading(here, settings(kafka, topic)):
                await here.has(5)
        assert await here.numbers() == [0, 1, 6, 7, 8]
        (loud,) = [line for line in logs if line["event"] == "offset_out_of_range"]
        assert (loud["log_level"], loud["stored"], loud["oldest"], loud["lost"]) == ("error", 2, 6, 4)


class Shaky:
    """The intake, with the first calls of each kind failing as a store that is away does."""

    def __init__(self, intake: Intake, failures: int) -> None:
        self._intake = intake
        self.left = {"accept": failures, "checkpoint": failures}

    def _fail(self, kind: str) -> None:
        if self.left[kind]:
            self.left[kind] -= 1
            raise Transient("the store is away")

    async def accept(
        self, messages: Sequence[RawMessage], checkpoints: Sequence[Checkpoint] = ()
    ) -> tuple[Accepted, ...]:
        self._fail("accept")
        return await self._intake.accept(messages, checkpoints)

    async def checkpoint(self, cluster: str, group: str, topic: str, partition: int) -> int | None:
        self._fail("checkpoint")
        return await self._intake.checkpoint(cluster, group, topic, partition)


async def test_a_store_that_is_away_when_partitions_are_assigned_loses_nothing(kafka: Broker) -> None:
    topic = await kafka.new_topic(2)
    await send(kafka, topic, range(10))
    async with place() as here:
        shaky = Shaky(here.intake, 1)
        async with reading(here, settings(kafka, topic, start="earliest"), intake=shaky) as source:
            await here.has(10)
            await placed(here, source)
        assert shaky.left == {"accept": 0, "checkpoint": 0}
        assert await here.numbers() == list(range(10))


class Stumbling(Shaky):
    """Refuses batches now and then, in the middle of a row of them."""

    def __init__(self, intake: Intake) -> None:
        super().__init__(intake, 0)
        self.batches = 0

    async def accept(
        self, messages: Sequence[RawMessage], checkpoints: Sequence[Checkpoint] = ()
    ) -> tuple[Accepted, ...]:
        self.batches += bool(messages)
        if messages and self.batches % 4 == 3:
            raise Transient("away for a moment", retry_after=timedelta(milliseconds=10))
        return await super().accept(messages, checkpoints)


async def test_batches_behind_one_that_was_not_stored_are_read_again_in_order(kafka: Broker) -> None:
    topic = await kafka.new_topic(1)
    await send(kafka, topic, range(60))
    async with place() as here:
        stumbling = Stumbling(here.intake)
        with structlog.testing.capture_logs() as logs:
            async with reading(here, settings(kafka, topic, start="earliest", max_records=5), intake=stumbling):
                await here.has(60)
        assert [int(entry.event.labels["n"]) for entry in await here.journal()] == list(range(60))
        assert sum(line["event"] == "not_stored" for line in logs) >= 3


async def test_the_client_s_own_options_are_passed_on_and_unknown_ones_refused(kafka: Broker) -> None:
    topic = await kafka.new_topic(1)
    known = settings(kafka, topic, max_poll_interval_ms=60_000, fetch_max_wait_ms=100, client_id="gpu-responder")
    assert await check(known) is None
    with pytest.raises(ConfigError, match="session_timeout_seconds"):
        await check(settings(kafka, topic, session_timeout_seconds=6))


async def test_the_doctor_names_a_topic_that_is_not_there_or_a_broker_that_is_away(kafka: Broker) -> None:
    topic = await kafka.new_topic(1)
    wanted = settings(kafka, topic, topics={topic: "native", "no-such-topic": "slurm"})
    assert await check(wanted) == "no such topic: no-such-topic"
    with pytest.raises(Transient, match="bootstrap"):
        await check(settings(kafka, topic, bootstrap_servers="127.0.0.1:1"))


async def test_a_topic_is_replayed_without_a_group_noticing(kafka: Broker) -> None:
    topic = await kafka.new_topic(3)
    await send(kafka, topic, range(30), [b"\xff", None])
    raw = settings(kafka, topic).model_dump()
    history = await read_topic(topic, raw, None, None, lambda done: None)
    assert sorted(int(event.labels["n"]) for event, _ in history.events) == list(range(30))
    later = await read_topic(topic, raw, datetime.now(UTC), None, lambda done: None)
    assert later.events == []
    with pytest.raises(InputError, match="not configured"):
        await read_topic("other", raw, None, None, lambda done: None)
    async with administering(kafka) as admin:
        assert f"g-{topic}" not in {group for group, _ in await admin.list_consumer_groups()}
