"""Kafka: several topics, a format each.

`settings` what an operator sets · `consumer` reads and keeps the place · `connection` a started client · `topic` reads one
once, for replay.
"""

from responder.ports import Context
from responder.sources.kafka.consumer import Kafka
from responder.sources.kafka.settings import Settings
from responder.sources.kafka.topic import check, read_topic_messages

DESCRIPTION = "Kafka topics, a format each; offsets are stored with the events"

__all__ = ["DESCRIPTION", "Kafka", "Settings", "check", "create", "read_topic_messages"]


def create(settings: Settings, context: Context) -> Kafka:
    return Kafka(settings, context)
