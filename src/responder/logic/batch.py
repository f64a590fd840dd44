"""A batch on its way into the store: events with what routing decided, what must be read to judge them, what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from responder.logic.identity import key_text
from responder.model.event import Change, Event, JobFact, JobState, Status
from responder.model.incident import Incident
from responder.model.journal import AlertState, Disposition, JournalEntry
from responder.model.rule import Outcome, Rule
from responder.model.silence import Silence

# What most events are: finding a member of an enumeration takes longer than comparing it.
_INFO, _COMPLETED = Status.INFO, JobState.COMPLETED
IncidentKey = tuple[str, str]
StateKey = tuple[str, str]


class Routed(NamedTuple):
    """An event with what routing decided; no rule at all is possible."""

    event: Event
    labels: Mapping[str, str]
    rules: tuple[tuple[Rule, dict[str, str]], ...] = ()
    """Matched rules in order, each with the event's key under it."""
    suppressed: tuple[str, str] | None = None
    """(rule name, its reason)."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What `fold` wants to know."""

    states: tuple[StateKey, ...]
    incidents: tuple[IncidentKey, ...]
    event_ids: tuple[str, ...]
    finished_jobs: tuple[tuple[str, str], ...]
    """("job", name) of jobs that succeeded: their open incidents resolve."""


@dataclass(slots=True)
class Known:
    """What was read for a batch; `fold` changes it as it goes, so that later events see earlier ones."""

    states: dict[StateKey, AlertState]
    latest: dict[IncidentKey, Incident]
    by_id: dict[str, Incident]
    journalled: set[str]
    of_jobs: list[Incident]
    silences: Sequence[Silence] = ()


@dataclass(slots=True)
class Changes:
    """What to write, in one transaction."""

    journal: list[JournalEntry] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    states: dict[StateKey, AlertState] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    timers: list[tuple[str, str, datetime, str]] = field(default_factory=list)
    earlier_timers: list[tuple[str, str, datetime, str]] = field(default_factory=list)
    cancelled: list[tuple[str, str]] = field(default_factory=list)
    jobs: list[JobFact] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    dispositions: list[tuple[str, Disposition]] = field(default_factory=list)
    """(event id as stored, what became of it), one per event of the batch, in order."""
    transitions: list[tuple[str, str]] = field(default_factory=list)
    """(rule, opened | reopened | resolved) for metrics."""

    def earliest_due(self) -> datetime | None:
        return min((due for _, _, due, _ in [*self.timers, *self.earlier_timers]), default=None)


def needed(batch: Sequence[Routed]) -> Needed:
    """What to read before `fold`."""
    told: list[Routed] = []
    ids: dict[str, None] = {}
    done: dict[str, None] = {}
    for routed in batch:
        event = routed.event
        ids[event.id] = None
        if event.status is not _INFO:
            told.append(routed)
        if event.job is not None and event.job.state is _COMPLETED:
            for name in job_names(event):
                done[name] = None
    return Needed(
        states=tuple({(r.event.source, r.event.fingerprint) for r in told}),
        incidents=tuple(
            {
                (rule.name, key_text(key))
                for r in told
                if r.event.status is Status.FIRING
                for rule, key in r.rules
                if rule.outcome is Outcome.TRIAGE
            }
        ),
        event_ids=tuple(ids),
        finished_jobs=tuple([("job", name) for name in done]),
    )


def job_names(event: Event) -> Sequence[str]:
    """Under which names an incident about the event's job may be filed: its id, its name. A name may come twice."""
    job, names = event.job, event.entities.get("job", ())
    return names if job is None else (*names, job.id, job.name) if job.name else (*names, job.id)
