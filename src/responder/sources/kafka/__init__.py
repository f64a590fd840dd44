"""Kafka: several topics, a format each.

`settings` what an operator sets · `consumer` reads and keeps the place · `connection` a started client · `topic` reads one
once, for replay.
"""

from responder.ports import Context
from responder.sources.kafka.consumer import Kafka
from responder.sources.kafka.settings import Settings, client_options, refuse_unknown
from responder.sources.kafka.topic import check, read_topic_messages

DESCRIPTION = "Kafka topics, a format each; offsets are stored with the events"

__all__ = ["DESCRIPTION", "Kafka", "Settings", "check", "create", "read_topic_messages"]


def create(settings: Settings, context: Context) -> Kafka:
    """Raises ConfigError for options and certificates that cannot be used: better now than when the broker answers."""
    refuse_unknown(settings)
    client_options(settings)
    return Kafka(settings, context)
