"""Reads a Kafka topic from its start to its present end, for replay. No group, no commits: nobody notices."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from responder.errors import InputError
from responder.logic.redact import redact_event
from responder.sources.kafka import Settings, read_topic_messages
from responder.wiring import adapters
from responder.wiring.history import History


async def read_topic(
    topic: str,
    raw: Mapping[str, Any],
    start: datetime | None,
    end: datetime | None,
    advance: Callable[[int], None],
) -> History:
    """Events of a configured topic by the time the broker got them. Raises InputError for a topic that is not configured."""
    settings: Settings = adapters.settings("sources", "kafka", raw)
    format = settings.topics.get(topic)
    if format is None:
        raise InputError(f"topic {topic} is not configured; sources.kafka.topics has {', '.join(settings.topics)}")
    decode = adapters.formats()[format].decode
    out = History()
    async for message in read_topic_messages(settings, topic, start, end):
        try:
            decoded = decode(message)
        except InputError:
            continue  # live would quarantine it; for replay there is nothing to decide about
        out.events += [(redact_event(event), None) for event in decoded.events]
        advance(len(out.events))
    return out
