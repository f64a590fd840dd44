"""The shape of `*.test.yaml`: what happens when, and what must be true then; and the events that an entry stands for.

A test runs on a virtual clock from 0s. `repeat` writes many events at once: one for each combination of its values, where
`n[001-016]` counts. Labels are what a format would have made of the sender's message; entities are found in them as live.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import product
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from responder.duration import Duration, format_duration
from responder.logic.entities import entities_of, merge_entities
from responder.logic.identity import event_id, fingerprint
from responder.logic.severity import severity_of, severity_of_word
from responder.model.event import Event, JobFact, JobState, Kind, LogPart, Status
from responder.model.incident import IncidentStatus, Severity
from responder.model.value import Value

MOST_EVENTS = 20_000  # of one entry; a slip of the pen should not fill the memory

_COUNT = re.compile(r"\[(\d+)-(\d+)\]")


def _several(value: object) -> object:
    return list(counted(value)) if isinstance(value, str) else value


def counted(text: str) -> Iterator[str]:
    """`n[01-03]` is n01, n02, n03; several brackets multiply; a text without any is itself."""
    found = _COUNT.search(text)
    if found is None:
        yield text
        return
    first, last = found.groups()
    if int(last) - int(first) >= MOST_EVENTS:
        raise ValueError(f"{found.group()} counts too far")
    for number in range(int(first), int(last) + 1):
        yield from counted(f"{text[: found.start()]}{number:0{len(first)}}{text[found.end() :]}")


class EventEntry(Value):
    """One event, or as many as `repeat` has combinations."""

    at: Duration = Field(description="Since the start of the test.")
    labels: dict[str, str] = Field(default_factory=dict)
    repeat: dict[str, Annotated[list[str], BeforeValidator(_several)]] = Field(
        default_factory=dict, description="Label to its values: a list, or `n[01-16]`."
    )
    annotations: dict[str, str] = Field(default_factory=dict)
    status: Status = Status.FIRING
    kind: Kind = Kind.MONITORING
    format: str = "alertmanager"
    severity: str | None = Field(None, description="The sender's word, where the labels hold none.")
    entities: dict[str, Annotated[list[str], BeforeValidator(_several)]] = Field(
        default_factory=dict, description="Beyond those that the labels name."
    )
    job_state: JobState | None = Field(None, description="Makes it an event of the job that the entities name.")
    log: str | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "EventEntry":
        count = 1
        for values in self.repeat.values():
            count *= len(values)
        if count > MOST_EVENTS:
            raise ValueError(f"repeat makes {count:,} events; the most is {MOST_EVENTS:,}")
        return self

    def events(self, start: datetime) -> Iterator[Event]:
        """The events, with the same ids whenever the same labels occur at the same time."""
        for values in product(*self.repeat.values()):
            yield self._event(start + self.at, self.labels | dict(zip(self.repeat, values, strict=True)))

    def _event(self, at: datetime, labels: Mapping[str, str]) -> Event:
        entities = merge_entities(self.entities, entities_of(labels))
        mark = fingerprint(labels)
        severity = severity_of(labels) if self.severity is None else severity_of_word(self.severity)
        ended = at if self.status is not Status.FIRING or self.job_state is not None else None
        return Event(
            id=event_id(self.format, "test", mark, self.status.value, at, ended),
            format=self.format,
            source="test",
            fingerprint=mark,
            kind=self.kind,
            status=self.status,
            severity=severity,
            title=labels.get("alertname", ""),
            labels=dict(labels),
            annotations=self.annotations,
            entities=entities,
            starts_at=at,
            ends_at=at if self.status is Status.RESOLVED else None,
            received_at=at,
            logs=(LogPart(text=self.log),) if self.log else (),
            job=self._job(entities, at),
        )

    def _job(self, entities: Mapping[str, tuple[str, ...]], at: datetime) -> JobFact | None:
        names = entities.get("job")
        if self.job_state is None or not names:
            return None
        running = self.job_state in (JobState.PENDING, JobState.RUNNING)
        return JobFact(
            id=names[0],
            state=self.job_state,
            nodes=entities.get("node", ()),
            ended_at=None if running else at,
            seen_at=at,
        )


class IncidentEntry(Value):
    """An incident that must exist. What is left out is not compared."""

    rule: str
    key: dict[str, str] | None = None
    events: int | None = None
    sent: list[str] | None = Field(None, description="Sinks that have been sent something, in any order.")
    severity: Severity | None = None
    status: IncidentStatus | None = None
    episode: int | None = None
    parent: str | None = Field(None, description="Rule of the incident that this one is a symptom of.")


class ExpectEntry(Value):
    """What must be true at a time. `incidents` are all incidents there are; the counts are of all events so far."""

    at: Duration
    incidents: list[IncidentEntry] | None = None
    observed: int | None = None
    suppressed: int | None = None
    silenced: int | None = None
    resolved: int | None = None
    triaged: int | None = None

    @property
    def when(self) -> str:
        return format_duration(self.at)


class TestEntry(Value):
    """A story and what it comes to."""

    __test__ = False  # it is no test of ours

    name: str
    events: list[EventEntry]
    expect: list[ExpectEntry] = Field(min_length=1)

    @property
    def sinks(self) -> tuple[str, ...]:
        """Sinks that the expectations speak of; a run needs them configured."""
        entries = [one for expect in self.expect for one in expect.incidents or []]
        return tuple(sorted({sink for entry in entries for sink in entry.sent or []})) or ("console",)


class RouteEntry(Value):
    """Labels and the rules that take them: a test of routing alone."""

    labels: dict[str, str]
    kind: Kind = Kind.MONITORING
    status: Status = Status.FIRING
    format: str = "alertmanager"
    severity: str | None = None
    entities: dict[str, Annotated[list[str], BeforeValidator(_several)]] = Field(default_factory=dict)
    rule: str | list[str] = Field(description="The rule, or all of them in order where one continues; [] for none.")

    def event(self, at: datetime) -> Event:
        shared = self.model_dump(exclude={"rule"})
        return next(EventEntry.model_validate({**shared, "at": "0s"}).events(at))

    @property
    def rules(self) -> list[str]:
        return [self.rule] if isinstance(self.rule, str) else self.rule


class TestFile(Value):
    """Tests beside the rules that they test."""

    __test__ = False

    tests: list[TestEntry] = Field(default_factory=list)
    routes: list[RouteEntry] = Field(default_factory=list)
