"""The record of what came in and what was decided about it."""

from enum import StrEnum
from typing import NamedTuple

from pydantic import Field, JsonValue

from responder.model.event import Event
from responder.model.value import Instant, Value


class Disposition(StrEnum):
    """What became of an event at intake."""

    TRIAGED = "triaged"
    OBSERVED = "observed"
    SUPPRESSED = "suppressed"
    SILENCED = "silenced"
    DUPLICATE = "duplicate"
    RESOLVED = "resolved"
    QUARANTINED = "quarantined"


class MatchStep(Value):
    """Why a rule matched or not: the first matcher that failed, with what the event had."""

    rule: str
    matched: bool
    failed_at: str | None = None
    found: str | None = None


class Trail(Value):
    """Every decision at intake about one event, in order."""

    disposition: Disposition
    reason: str
    rules: tuple[str, ...] = ()
    """Names of the rules that matched, in order."""
    incident_ids: tuple[str, ...] = ()
    suppressed_by: str | None = None
    silence_id: str | None = None
    rules_version: str = ""


class JournalEntry(NamedTuple):
    """An event with its trail, as stored."""

    event: Event
    trail: Trail
    seq: int = 0


class AlertState(Value):
    """One row per (source, fingerprint): "duplicate" means that this did not change."""

    source: str
    fingerprint: str
    status: str
    first_seen_at: Instant
    last_seen_at: Instant
    starts_at: Instant
    ends_at: Instant | None = None
    count: int = 1
    event_id: str
    incident_ids: tuple[str, ...] = ()


class Quarantined(Value):
    """What could not be used: kept (redacted) with its error, listed, retryable."""

    id: str
    at: Instant
    source: str
    format: str
    stage: str
    """decode | triage | deliver"""
    error: str
    body: str
    """The redacted body or event; `base64:` in front when it was no text."""
    headers: dict[str, str] = Field(default_factory=dict)
    attempts: int = 1
    state: str = "held"
    """held | retried | dropped"""


class Action(Value):
    """What a person or a reload did: append-only, replayed, audited."""

    id: str
    at: Instant
    who: str
    via: str
    """cli, api, page, slack, pagerduty, config, system"""
    what: str
    """ack, resolve, silence, unsilence, feedback, reload, retry, drop, refused..."""
    incident_id: str | None = None
    detail: dict[str, JsonValue] = Field(default_factory=dict)


class Checkpoint(Value):
    """Progress in a partition; moves by compare-and-set with the batch's own transaction."""

    cluster: str
    group: str
    topic: str
    partition: int
    expected: int | None
    """The `next` that must be stored now; None: no row yet."""
    next: int
