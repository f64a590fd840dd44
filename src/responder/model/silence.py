"""Silences and maintenance windows: events that match are journalled, and open nothing while it lasts."""

from pydantic import Field

from responder.model.rule import Condition
from responder.model.value import Instant, Value


class Silence(Value):
    """Who does not want to hear of what, from when to when, and why."""

    id: str
    match: Condition
    text: str
    """The matchers as the author wrote them."""
    starts_at: Instant
    ends_at: Instant
    created_by: str
    comment: str
    created_at: Instant
    maintenance: bool = False
    configured: bool = Field(default=False, description="true when it comes from the configuration file")

    def active_at(self, at: Instant) -> bool:
        return self.starts_at <= at < self.ends_at
