"""Deliveries: per incident and sink, what should be visible, what is visible, and why."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field, JsonValue

from responder.model.value import Instant, Value


class Owner(Value):
    """A team: where its messages go and who is called next."""

    name: str
    targets: dict[str, str] = Field(default_factory=dict)
    """Sink name to that sink's own address: a channel id, a routing key."""
    escalation: tuple["EscalationStep", ...] = ()


class EscalationStep(Value):
    """Level L1..L3, who is called, and after how long without an acknowledgement."""

    level: str
    who: str
    after: timedelta = timedelta(minutes=15)


class Visible(StrEnum):
    """What a sink should show of an incident."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    MERGED = "merged"
    """It turned out to be a symptom of another incident, which now carries the message."""


class Receipt(Value):
    """What a sink remembers of what it showed. `data` is the sink's own (channel and ts, dedup key...).

    A delivery is made of steps with one outside effect each; `done` is false while steps remain, and the receipt is
    committed between steps, so a crash repeats one step at most.
    """

    data: dict[str, JsonValue] = Field(default_factory=dict)
    message_id: str | None = None
    link: str | None = None
    revision: int = 0
    visible: Visible | None = None
    at: Instant | None = None
    done: bool = True


class Delivery(Value):
    """One row per (incident, sink): desired state, actual state, and the state of trying."""

    incident_id: str
    sink: str
    target: dict[str, str] = Field(default_factory=dict)
    """Where it goes, resolved when first desired and kept."""
    episode: int = 1
    desired: Visible = Visible.OPEN
    desired_revision: int = 0
    reason: str = ""
    """The named reason of the latest decision to send."""
    receipt: Receipt | None = None
    delivered_version: int = 0
    desired_version: int = 0
    """Grows with each change of what is desired; equal to `delivered_version` when all is shown."""
    attempts: int = 0
    failing_since: Instant | None = None
    last_error: str | None = None
    attempt_started_at: Instant | None = None
    """Set and committed before an outside effect, cleared with its receipt: set at a claim means "outcome unknown"."""
    note: str = ""
    """Shown with the report: "sent here because slack has been failing since..."."""
    abandoned: bool = False
    """A permanent error: not tried again until something new is desired."""


class Send(Value):
    """One line of the record of sends and silences, for `explain` and the audit."""

    incident_id: str
    sink: str
    at: Instant
    sent: bool
    reason: str
    """A named reason: first_report, new_revision, resolved, reopened, repeat, merged, shadow, below_minimum_severity,
    symptom_of_parent, silenced, replay, superseded, failed..."""
    revision: int = 0
    message_id: str | None = None
    detail: str = ""


class Order(Value):
    """What a sink is asked to make visible now. The report travels beside it, so that this stays small."""

    delivery_id: str
    """Stable over retries of the same desired state: `<incident>.<episode>.<sink>.<desired_version>`."""
    incident_id: str
    episode: int
    visible: Visible
    reason: str
    target: dict[str, str]
    receipt: Receipt | None = None
    outcome_unknown: bool = False
    claimed_at: Instant
    first_attempt_at: Instant
    note: str = ""
