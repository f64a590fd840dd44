"""PagerDuty by Events API v2: trigger, acknowledge, resolve; and the check of what its webhooks send back."""

from responder.ports import Context
from responder.sinks.pagerduty.settings import Settings
from responder.sinks.pagerduty.signature import verify
from responder.sinks.pagerduty.sink import PagerDuty

DESCRIPTION = "one PagerDuty incident per episode, by Events API v2"

__all__ = ["DESCRIPTION", "Settings", "create", "verify"]


def create(settings: Settings, context: Context) -> PagerDuty:
    return PagerDuty(settings, context.clock, context.base_url, context.user_agent)
