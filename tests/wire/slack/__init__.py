"""Slack on the wire: the methods that the product uses, with Slack's refusals, limits and shapes."""

from tests.wire.slack.server import SlackWire
from tests.wire.slack.workspace import APP_TOKEN, BOT_TOKEN, CHANNEL, SCOPES, SIGNING_SECRET, Channel

__all__ = ["APP_TOKEN", "BOT_TOKEN", "CHANNEL", "SCOPES", "SIGNING_SECRET", "Channel", "SlackWire"]
