"""`responder replay`, `--diff` and `export`: the past through today's (or other) rules and skills. Nothing is ever sent.

The engine is the live one on a virtual clock; evidence is what was recorded then, and what was never asked is named. What is
compared: which incidents exist, their rule, skill, leading class, severity and parent, and their sinks.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from responder.config import Loaded, read
from responder.errors import ConfigError, InputError
from responder.library.paths import with_folder
from responder.logic.identity import key_text
from responder.model.incident import Incident, Severity
from responder.model.report import Report
from responder.pipeline.playbook import Playbook
from responder.runtime.clock import SystemClock
from responder.wiring.diagnosing import Diagnosing
from responder.wiring.history import History, arrival_order, lines, read_file, read_journal
from responder.wiring.knowledge import read_playbook
from responder.wiring.progress import progress
from responder.wiring.simulation import Simulation
from responder.wiring.store import open_reader

COMPARED = ("rule", "skill", "class", "severity", "status", "parent", "events")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One incident as decided in one run."""

    id: str
    rule: str
    key: str
    skill: str | None
    class_: str | None
    severity: str
    status: str
    parent: str | None
    events: int
    title: str
    report: Report | None = None

    def facts(self) -> dict[str, object]:
        return {"rule": self.rule, "skill": self.skill, "class": self.class_, "severity": self.severity,
                "status": self.status, "parent": self.parent, "events": self.events}  # fmt: skip


@dataclass(slots=True)
class Replayed:
    """The result of a replay, and of the comparison where one was asked for."""

    events: int
    outcomes: list[Outcome]
    sent: int = 0
    not_recorded: tuple[str, ...] = ()
    compared_with: str | None = None
    gained: list[Outcome] = field(default_factory=list)
    lost: list[Outcome] = field(default_factory=list)
    changed: list[tuple[Outcome, Outcome, tuple[str, ...]]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "events": self.events,
            "sent": 0,
            "would_send": self.sent,
            "incidents": [_plain(one) for one in self.outcomes],
            "not_recorded": list(self.not_recorded),
        }
        if self.compared_with is not None:
            out["diff"] = {
                "compared_with": self.compared_with,
                "gained": [_plain(one) for one in self.gained],
                "lost": [_plain(one) for one in self.lost],
                "changed": [
                    {"id": new.id, "was": _plain(old), "now": _plain(new), "fields": list(names)}
                    for old, new, names in self.changed
                ],
            }
        return out

    def print(self) -> None:
        """For people."""
        out = sys.stdout.write
        if self.compared_with is None:
            for one in self.outcomes:
                tail = f"  (symptom of {one.parent})" if one.parent else ""
                out(f"{one.id}  {one.severity}  {one.class_ or 'unknown':<28} {one.rule:<28} {one.title[:70]}{tail}\n")
        else:
            for mark, group in (("+", self.gained), ("-", self.lost)):
                for one in group:
                    out(f"{mark} {one.rule} {one.key}  {one.severity}  {one.class_ or 'unknown'}  {one.title[:70]}\n")
            for old, new, names in self.changed:
                what = ", ".join(f"{n}: {old.facts()[n]} -> {new.facts()[n]}" for n in names)
                out(f"~ {new.rule} {new.key}  {what}\n")
            if not (self.gained or self.lost or self.changed):
                out(f"no difference to {self.compared_with}\n")
        out(
            f"{self.events} events, {len(self.outcomes)} incidents; nothing was sent ({self.sent} messages would have been)\n"
        )
        if self.not_recorded:
            out(f"not recorded then, so not known now: {', '.join(self.not_recorded)}\n")


async def replay_source(
    source: str,
    config: Path | None,
    *,
    start: datetime | None,
    end: datetime | None,
    rules: Path | None,
    skills: Path | None,
    diff: bool,
    watched: bool,
) -> Replayed:
    """Raises ConfigError for a bad configuration, InputError for a source that cannot be read."""
    loaded = read(config)
    with progress("reading", shown=watched) as advance:
        history = await _history(source, loaded, start, end, advance)
    if not history.events:
        raise InputError(f"no events in {source}" + (" in that span" if start or end else ""))
    book = read_playbook(
        loaded,
        rules=tuple(map(str, with_folder(rules.resolve(), loaded.config.rules, "rules"))) if rules else None,
        skills=(str(skills.resolve()), *loaded.config.skills) if skills else None,
    )
    with progress("replaying", len(history.events), shown=watched) as advance:
        result = await run(history, book, loaded, advance)
    if diff:
        recorded = bool(history.incidents)
        if recorded:
            before, name = _recorded(history), "what was decided then"
        else:
            with progress("replaying with the configured rules", len(history.events), shown=watched) as advance:
                before = (await run(history, read_playbook(loaded), loaded, advance)).outcomes
            name = "the configured rules"
        compare(result, before, name)
    return result


async def run(
    history: History, book: Playbook, loaded: Loaded, advance: Callable[[int], None] = lambda done: None
) -> Replayed:
    """One pass over a history with one playbook."""
    groups = arrival_order(history.events)
    names = tuple(loaded.config.sinks)
    minimum = {
        name: Severity(raw["minimum_severity"])
        for name, raw in loaded.config.sinks.items()
        if raw and raw.get("minimum_severity")
    }
    diagnose = Diagnosing(lambda: book)
    actions = sorted(history.actions, key=lambda action: action.at)
    async with Simulation(
        book, diagnose, groups[0][0], sinks=names, minimum_severities=minimum, recorded=history.evidence
    ) as simulation:
        done = 0
        for at, events in groups:
            while actions and actions[0].at <= at:
                await simulation.act(actions.pop(0))
            await simulation.feed(events, at)
            done += len(events)
            advance(done)
        last = max([groups[-1][0], *(report.created_at for report in history.reports.values())])
        for action in actions:
            if action.at <= last:
                await simulation.act(action)
        await simulation.advance(last)
        if not history.reports:
            await simulation.settle(SETTLE)
        incidents = await simulation.incidents()
        reports = await simulation.reports()
        sent = sum(len(sink.orders) for sink in simulation.sinks.values())
    gaps = sorted({need for report in reports.values() for need in report.provenance.not_recorded})
    outcomes = [_outcome(incident, reports.get(incident.id)) for incident in incidents]
    return Replayed(len(history.events), sorted(outcomes, key=lambda one: one.id), sent, tuple(gaps))


SETTLE = timedelta(minutes=5)
"""Where the record does not say how long was waited, every first report and its evidence pass get this long."""


def compare(result: Replayed, before: Sequence[Outcome], name: str) -> None:
    """Fill in what differs: incidents are the same when rule and key are, or the id is."""
    result.compared_with = name
    old_by_id = {one.id: one for one in before}
    new_by_id = {one.id: one for one in result.outcomes}
    old_left = [one for one in before if one.id not in new_by_id]
    new_left = [one for one in result.outcomes if one.id not in old_by_id]
    pairs = [(old_by_id[id], new_by_id[id]) for id in old_by_id if id in new_by_id]
    for old in list(old_left):
        twin = next((new for new in new_left if new.key == old.key and new.rule != old.rule), None)
        if twin is not None:
            pairs.append((old, twin))
            old_left.remove(old)
            new_left.remove(twin)
    result.lost, result.gained = old_left, new_left
    for old, new in pairs:
        names = tuple(n for n in COMPARED if old.facts()[n] != new.facts()[n])
        if names:
            result.changed.append((old, new, names))


async def export_journal(
    config: Path | None,
    start: datetime | None,
    end: datetime | None,
    write: Callable[[bytes], object],
    *,
    watched: bool = False,
) -> None:
    """Write the export of the configured store."""
    loaded = read(config)
    with progress("reading", shown=watched) as advance:
        async with open_reader(loaded.config.store, SystemClock(), loaded) as store:
            history = await read_journal(store, start, end, advance)
    with progress("writing", history.size, shown=watched) as advance:
        for number, line in enumerate(lines(history)):
            write(line)
            advance(number)


async def _history(
    source: str, loaded: Loaded, start: datetime | None, end: datetime | None, advance: Callable[[int], None]
) -> History:
    if source == "journal":
        async with open_reader(loaded.config.store, SystemClock(), loaded) as store:
            return await read_journal(store, start, end, advance)
    if source.startswith("kafka:"):
        from responder.wiring.topic import read_topic

        kafka = loaded.config.sources.get("kafka")
        if kafka is None:
            raise ConfigError("replaying a topic needs sources.kafka in the configuration", file=loaded.file)
        return await read_topic(source.removeprefix("kafka:"), kafka, start, end, advance)
    if not source:
        raise ConfigError(
            "an empty name is no source", expected="journal, kafka:TOPIC, or a file of `responder export`"
        )
    history = read_file(Path(source))
    history.events = [
        (event, trail)
        for event, trail in history.events
        if (start is None or event.received_at >= start) and (end is None or event.received_at < end)
    ]
    return history


def _recorded(history: History) -> list[Outcome]:
    return sorted(
        (_outcome(incident, history.reports.get(incident.id)) for incident in history.incidents.values()),
        key=lambda one: one.id,
    )


def _outcome(incident: Incident, report: Report | None) -> Outcome:
    return Outcome(
        id=incident.id,
        rule=incident.rule.name,
        key=key_text(incident.key),
        skill=report.skill.name if report else incident.rule.skill,
        class_=incident.first_class,
        severity=incident.severity.value,
        status=incident.status.value,
        parent=incident.parent,
        events=incident.events,
        title=incident.title,
        report=report,
    )


def _plain(one: Outcome) -> dict[str, Any]:
    body: dict[str, Any] = {"id": one.id, "key": one.key, "title": one.title, **one.facts()}
    if one.report is not None:
        body["report"] = one.report.model_dump(mode="json", by_alias=True)
    return body
