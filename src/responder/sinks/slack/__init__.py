"""Slack: one message per incident, updated in place; details and news in its thread.

`settings` what an operator sets · `sink` delivers · `plan` decides the next step · `root`, `details`, `thread` render ·
`blocks` keeps within Block Kit's limits · `api` speaks HTTP · `signature` and `socket` are for what people send back.
"""

from responder.ports import Context
from responder.sinks.slack.settings import Settings
from responder.sinks.slack.sink import Slack

DESCRIPTION = "one Slack message per incident, updated in place, details in its thread"

__all__ = ["DESCRIPTION", "Settings", "create"]


def create(settings: Settings, context: Context) -> Slack:
    return Slack(settings, context.clock, context.base_url, context.user_agent)
