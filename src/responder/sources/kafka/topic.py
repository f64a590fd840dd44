"""A topic read once, from its beginning to where it ends now, without a group: for replay, and for `doctor`."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from responder.ports import RawMessage
from responder.sources.kafka.connection import Connected, raw_messages
from responder.sources.kafka.settings import Settings, client_options

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer


async def check(settings: Settings) -> str | None:
    """For `doctor`: None when the cluster answers and has the topics. Raises Transient when it cannot be reached."""
    async with Connected(client_options(settings)) as (consumer, _):
        known = await consumer.topics()
    missing = sorted(set(settings.topics) - set(known))
    return f"no such topic: {', '.join(missing)}" if missing else None


async def read_topic_messages(
    settings: Settings, topic: str, start: datetime | None, end: datetime | None
) -> AsyncIterator[RawMessage]:
    """Every message of a topic that is there now, oldest offsets first per partition, by the broker's time stamp."""
    from aiokafka import TopicPartition

    async with Connected({**client_options(settings), "group_id": None}) as (consumer, _):
        partitions = [
            TopicPartition(topic, number)
            for number in sorted(consumer.partitions_for_topic(topic) or await _partitions(consumer, topic))
        ]
        if not partitions:
            return
        consumer.assign(partitions)
        last = await consumer.end_offsets(partitions)
        first = await consumer.beginning_offsets(partitions)
        for tp in partitions:
            consumer.seek(tp, first[tp])
        open_ = {tp for tp in partitions if last[tp] > first[tp]}
        while open_:
            found = await consumer.getmany(*open_, timeout_ms=1000, max_records=settings.max_records)
            for tp, records in found.items():
                for record in records:
                    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
                    if (start is None or at >= start) and (end is None or at < end):
                        for message in raw_messages(settings, tp, (record,), at):
                            yield message
            open_ = {tp for tp in open_ if await consumer.position(tp) < last[tp]}


async def _partitions(consumer: "AIOKafkaConsumer", topic: str) -> set[int]:
    """The consumer knows only topics that it subscribed to; ask for all once."""
    await consumer.topics()
    consumer.subscribe([topic])
    found = set(consumer.partitions_for_topic(topic) or ())
    for _ in range(20):
        if found:
            break
        await consumer.topics()
        await asyncio.sleep(0.1)
        found = set(consumer.partitions_for_topic(topic) or ())
    consumer.unsubscribe()
    return found
