"""Kafka: several topics, a format each; at least once in, exactly once stored.

Offsets live in the store, in the same transaction as the events, and move by compare-and-set: a zombie after a rebalance can
neither rewind nor double. The group's own offsets are mirrored afterwards, for lag tools only. First start, an offset out of
range and a recreated topic are loud. A broker that is away is tried again for ever, and `/readyz` tells.

One task consumes; a rebalance only changes which partitions it reads. It ends when cancelled.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from responder.errors import Conflict, Transient
from responder.model.journal import Checkpoint
from responder.ports import Context, Intake, RawMessage
from responder.runtime.retry import delay
from responder.sources.kafka.connection import Connected, raw_messages
from responder.sources.kafka.settings import Settings, client_options
from responder.telemetry import log

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

_log = log(__name__)
MIRROR_EVERY = timedelta(seconds=5)
"""How often the group's own offsets follow: lag tools look every 15 s or so."""
CHECK_EVERY = timedelta(seconds=2)
"""How often a silent broker is asked whether it is there."""
ON_THEIR_WAY = 4
"""Batches that may wait for the store while the next is fetched: one commits, one is made ready behind it, and the others are there
when the event loop is late because it diagnoses."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """What a poll brought, being stored."""

    storing: "asyncio.Task[None]"
    places: "Mapping[TopicPartition, int]"
    """Per partition the next offset after it."""


async def _accept(intake: Intake, messages: Sequence[RawMessage], checkpoints: Sequence[Checkpoint]) -> None:
    await intake.accept(messages, checkpoints)


class Kafka:
    """The consumer."""

    name = "kafka"

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._problem: str | None = "not connected yet"
        self._shared: str | None = None
        """Set while others are in our group although the store is ours alone."""
        self._unplaced: Exception | None = None
        """Why the assigned partitions could not be started; the client only logs what its listener raises."""
        self._cluster = ""
        self._next: dict[TopicPartition, int | None] = {}
        """Per assigned partition the `next` that the store holds once all that is on its way has arrived; None: no row yet."""
        self._stored: dict[TopicPartition, int] = {}
        """Per assigned partition what the store is known to hold."""
        self._on_their_way: deque[_Batch] = deque()
        self._most = ON_THEIR_WAY
        """Fewer after one was not stored: all behind it were for nothing, and may be again."""

    def ready(self) -> str | None:
        return self._problem or self._shared

    async def run(self, intake: Intake) -> None:
        """Consume for ever. Raises ConfigError for an option that the client does not know."""
        failures = 0
        while True:
            try:
                async with Connected(client_options(self._settings)) as (consumer, cluster):
                    self._cluster, self._unplaced = cluster, None
                    consumer.subscribe(tuple(self._settings.topics), listener=_Assigned(self, consumer, intake))
                    failures = 0
                    await self._consume(consumer, intake)
            except asyncio.CancelledError:
                raise
            except (Transient, OSError) as error:
                failures += 1
                self._problem = f"{self._settings.servers}: {error}"
                wait = delay(min(failures, 5))
                _log.warning(
                    "kafka_away",
                    error=f"{self._settings.servers}: {error}",
                    again_in_s=round(wait.total_seconds(), 1),
                    to_do="start the broker, or correct sources.kafka; it is tried again until then",
                )
                await asyncio.sleep(wait.total_seconds())

    async def _consume(self, consumer: "AIOKafkaConsumer", intake: Intake) -> None:
        from aiokafka.errors import KafkaError

        loop = asyncio.get_running_loop()
        mirrored = checked = loop.time()
        timeout = int(self._settings.poll_timeout.total_seconds() * 1000)
        try:
            while True:
                found = await consumer.getmany(timeout_ms=timeout, max_records=self._settings.max_records)
                if self._unplaced is not None:
                    # What was fetched meanwhile began somewhere: connect again rather than read from there.
                    raise Transient(f"partitions not started: {self._unplaced}") from self._unplaced
                if found:
                    self._problem = None
                    self._send(intake, found)
                await self._arrived(consumer, intake, self._most if found else 0)
                if not found and loop.time() - checked >= CHECK_EVERY.total_seconds():
                    checked = loop.time()
                    await self._check(consumer)
                if loop.time() - mirrored >= MIRROR_EVERY.total_seconds():
                    mirrored = loop.time()
                    await self._mirror(consumer)
        except KafkaError as error:
            raise Transient(str(error)) from error
        finally:
            await self._all_arrived()
            await self._mirror(consumer)

    async def _check(self, consumer: "AIOKafkaConsumer") -> None:
        """A poll that brings nothing says nothing: ask for the metadata. The client reconnects by itself."""
        from aiokafka.errors import KafkaError

        try:
            async with asyncio.timeout(5):
                known = await consumer.topics()
        except (KafkaError, TimeoutError) as error:
            self._problem = f"{self._settings.servers}: {str(error) or 'no answer'}"
            return
        missing = sorted(set(self._settings.topics) - set(known))
        self._problem = f"no such topic: {', '.join(missing)}" if missing else None

    def _send(self, intake: Intake, found: "Mapping[TopicPartition, Sequence[ConsumerRecord[Any, Any]]]") -> None:
        """One transaction for everything of a poll, begun but not waited for."""
        now = self._context.clock.now()
        live = {tp: records for tp, records in found.items() if tp in self._next and records}
        if not live:
            return
        messages = [
            message for tp, records in live.items() for message in raw_messages(self._settings, tp, records, now)
        ]
        places = {tp: records[-1].offset + 1 for tp, records in live.items()}
        checkpoints = [
            Checkpoint(
                cluster=self._cluster,
                group=self._settings.group_id,
                topic=tp.topic,
                partition=tp.partition,
                expected=self._next[tp],
                next=next,
            )
            for tp, next in places.items()
        ]
        self._next.update(places)
        self._on_their_way.append(_Batch(asyncio.create_task(_accept(intake, messages, checkpoints)), places))

    async def _arrived(self, consumer: "AIOKafkaConsumer", intake: Intake, left: int) -> None:
        """Wait until at most `left` batches are on their way. When one does not hold, those behind it do not either, for they
        expect its offsets: all are redone from the stored ones."""
        while self._on_their_way and (len(self._on_their_way) > left or self._on_their_way[0].storing.done()):
            batch = self._on_their_way[0]
            try:
                await asyncio.shield(batch.storing)  # a source that is told to stop lets what it began be stored
            except (Conflict, Transient) as error:
                await self._all_arrived()
                self._most = 0
                if isinstance(error, Conflict):
                    _log.warning(
                        "offsets_moved_elsewhere", error=str(error), note="the batch was dropped and is read again"
                    )
                else:
                    self._problem = f"not stored: {error}"
                    _log.warning("not_stored", error=str(error))
                    await asyncio.sleep(delay(1, error.retry_after).total_seconds())
                await self._seek(consumer, intake, list(self._next))
                return
            self._on_their_way.popleft()
            self._keep(batch)
            self._most = min(self._most + 1, ON_THEIR_WAY)

    async def _all_arrived(self) -> None:
        """However each of them ends."""
        while self._on_their_way:
            batch = self._on_their_way.popleft()
            if isinstance((await asyncio.gather(batch.storing, return_exceptions=True))[0], BaseException):
                continue
            self._keep(batch)

    def _keep(self, batch: _Batch) -> None:
        self._stored.update({tp: next for tp, next in batch.places.items() if tp in self._next})

    async def _mirror(self, consumer: "AIOKafkaConsumer") -> None:
        """Tell the group where we are, for lag tools. Nothing depends on it."""
        from aiokafka.errors import KafkaError

        offsets = dict(self._stored)
        if not offsets:
            return
        try:
            async with asyncio.timeout(2):
                await consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            _log.debug("offsets_not_mirrored", error=str(error))

    # partitions

    async def assigned(self, consumer: "AIOKafkaConsumer", intake: Intake, partitions: "list[TopicPartition]") -> None:
        """Start each partition where the store says, whatever the group's own offsets are."""
        self._shared = None
        if not self._context.shared_store:
            every = {(topic, p) for topic in self._settings.topics for p in consumer.partitions_for_topic(topic) or ()}
            lacking = every - {(tp.topic, tp.partition) for tp in partitions}
            if lacking:
                _log.error(
                    "group_is_shared",
                    group=self._settings.group_id,
                    partitions_elsewhere=len(lacking),
                    hint="another consumer is in this group, but SQLite cannot be shared: give this daemon its own group_id, "
                    "or use PostgreSQL",
                )
                self._shared = f"group {self._settings.group_id} has other members, but the store is not shared"
        self._next, self._stored = {}, {}
        # Held still, at any offset, before the first await: the client would look for offsets of the group's own meanwhile,
        # and give up where there are none.
        for tp in partitions:
            consumer.seek(tp, 0)
        consumer.pause(*partitions)
        try:
            await self._seek(consumer, intake, partitions)
        except Exception as error:  # noqa: BLE001 - the client would only log it
            self._unplaced = error
            return
        consumer.resume(*partitions)

    def revoked(self) -> None:
        self._next, self._stored = {}, {}

    async def _seek(self, consumer: "AIOKafkaConsumer", intake: Intake, partitions: "list[TopicPartition]") -> None:
        if not partitions:
            return
        first = await consumer.beginning_offsets(partitions)
        last = await consumer.end_offsets(partitions)
        for tp in partitions:
            stored = await intake.checkpoint(self._cluster, self._settings.group_id, tp.topic, tp.partition)
            begin = self._start(tp, stored, first[tp], last[tp])
            if stored is None:
                # Kept at once: a restart before the first message must not skip what arrives in between.
                fresh = Checkpoint(
                    cluster=self._cluster, group=self._settings.group_id, topic=tp.topic, partition=tp.partition,
                    expected=None, next=begin,
                )  # fmt: skip
                await intake.accept((), (fresh,))
                stored = begin
            consumer.seek(tp, begin)
            self._next[tp] = self._stored[tp] = stored

    def _start(self, tp: "TopicPartition", stored: int | None, first: int, last: int) -> int:
        """Where to read from; everything but "go on" is loud."""
        where = {"topic": tp.topic, "partition": tp.partition}
        if stored is None:
            begin = first if self._settings.start == "earliest" else last
            _log.warning("partition_never_read", **where, begins_at=begin, start=self._settings.start)
            return begin
        if stored < first:
            _log.error("offset_out_of_range", **where, stored=stored, oldest=first, lost=first - stored)
            return first
        if stored > last:
            _log.error("topic_was_recreated", **where, stored=stored, newest=last, begins_at=first)
            return first
        return stored


def _Assigned(source: Kafka, consumer: "AIOKafkaConsumer", intake: Intake) -> Any:  # noqa: N802 -- makes an instance
    """aiokafka's rebalance listener; its class is imported only when Kafka is configured."""
    from aiokafka import ConsumerRebalanceListener

    class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
        async def on_partitions_revoked(self, revoked: Any) -> None:
            source.revoked()

        async def on_partitions_assigned(self, assigned: Any) -> None:
            await source.assigned(consumer, intake, sorted(assigned))

    return Listener()
