"""A started client on a cluster, and messages as the formats take them. The client is imported only when Kafka is configured."""

import inspect
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from responder.errors import ConfigError, Transient
from responder.ports import RawMessage
from responder.sources.kafka.settings import Settings

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition


class Connected:
    """A started consumer and its cluster's id; everything is closed at the end."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = dict(options)

    async def __aenter__(self) -> "tuple[AIOKafkaConsumer, str]":
        from aiokafka import AIOKafkaConsumer
        from aiokafka.admin import AIOKafkaAdminClient
        from aiokafka.errors import KafkaError

        known = inspect.signature(AIOKafkaAdminClient).parameters
        common = {name: value for name, value in self._options.items() if name in known}
        try:
            admin = AIOKafkaAdminClient(**common)
            try:
                await admin.start()
                cluster = str((await admin.describe_cluster()).get("cluster_id") or "unnamed")
            finally:
                await admin.close()
            self._consumer = AIOKafkaConsumer(
                **self._options,
                enable_auto_commit=False,
                auto_offset_reset="none",
                max_partition_fetch_bytes=4 * 1024 * 1024,
            )
            try:
                await self._consumer.start()
            except BaseException:
                await self._consumer.stop()
                raise
        except (KafkaError, TypeError) as error:
            if isinstance(error, TypeError):
                raise ConfigError(f"sources.kafka has an option that aiokafka does not know: {error}") from error
            raise Transient(str(error)) from error
        return self._consumer, cluster

    async def __aexit__(self, *exc: object) -> None:
        await self._consumer.stop()


def raw_messages(
    settings: Settings, place: "TopicPartition", records: "Sequence[ConsumerRecord[Any, Any]]", now: datetime
) -> list[RawMessage]:
    """Records of a partition as messages of its topic's format; those without a value say nothing."""
    format, origin = settings.topics[place.topic], f"{place.topic}/{place.partition}/"
    return [
        RawMessage(
            record.value,
            format,
            format,
            now,
            _said(record.headers) if record.headers else {},
            f"{origin}{record.offset}",
        )
        for record in records
        if record.value
    ]


def _said(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    return {name.lower(): value.decode("utf-8", "replace") for name, value in headers if value is not None}
