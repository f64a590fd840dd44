"""A one-off triage: a payload or a log in, a report out. The same engine on a store in memory; nothing is kept or sent."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson

from responder.errors import InputError
from responder.logic.identity import event_id, fingerprint, match_labels
from responder.logic.redact import redact_event, redact_text
from responder.logic.route import Router
from responder.model.event import AlertSeverity, Event, Kind, LogPart, Status
from responder.model.report import Report
from responder.model.rule import All, Outcome, Rule, RuleSet
from responder.pipeline.enrich import Answers
from responder.pipeline.playbook import Playbook
from responder.ports import Format, RawMessage
from responder.wiring.adapters import formats as all_formats
from responder.wiring.diagnosing import Diagnosing
from responder.wiring.simulation import Simulation

GUESS_ORDER = ("grafana", "alertmanager", "cloudevents", "slurm", "kubernetes", "native")
"""From the most particular shape to the most permissive."""


async def triage_once(
    book: Playbook,
    body: bytes,
    *,
    kind: str | None = None,
    at: datetime | None = None,
    answers: Answers | None = None,
) -> list[Report]:
    """Reports on what the bytes say, the worst first. Raises InputError when they hold nothing to triage."""
    now = at or datetime.now(UTC)
    events = decode_any(body, now, all_formats())
    plain = not events
    if plain:
        events = [log_event(body, now, kind)]
    firing = [event for event in events if event.status is not Status.RESOLVED]
    if not firing:
        raise InputError("it only says that things are over: nothing to triage")
    events = [redact_event(event.model_copy(update={"status": Status.FIRING})) for event in firing]
    if plain or kind is not None:
        book = _sent_to(book, kind or guess_kind(book, events[0]), events[0])
    diagnose = Diagnosing(lambda: book)
    async with Simulation(book, diagnose, now, answers=answers) as simulation:
        await simulation.feed(events, now)
        await simulation.settle(timedelta(minutes=1))
        reports = list((await simulation.reports()).values())
        if not reports:
            entries = await simulation.journal()
            why = entries[0].trail.reason if entries else "no event"
            raise InputError(f"no rule opens an incident for this ({why}); `responder explain FILE` shows the rules")
    return sorted(reports, key=lambda report: (report.parent is not None, report.incident.severity.rank, report.id))


def decode_any(body: bytes, at: datetime, formats: dict[str, Format]) -> list[Event]:
    """Events of the first format that understands the bytes; none when they are no JSON payload that we know."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(parsed, dict | list):
        return []
    for name in GUESS_ORDER:
        if name not in formats:
            continue
        try:
            decoded = formats[name].decode(RawMessage(body, name, name, at, {"content-type": "application/json"}))
        except InputError:
            continue
        if decoded.events:
            return list(decoded.events)
    return []


def log_event(body: bytes, at: datetime, kind: str | None) -> Event:
    """Plain text as an event with a log. Undecodable bytes are replaced: a log cut in the middle is normal."""
    text = body.decode("utf-8", "replace")
    if not text.strip():
        raise InputError("the input is empty")
    labels = {"alertname": "log"}
    print_ = fingerprint({"text": redact_text(text[:4096])})
    return Event(
        id=event_id("log", "triage", print_, "firing", at, None),
        format="log",
        source="triage",
        fingerprint=print_,
        kind=Kind(kind) if kind else Kind.TRAINING_JOB,
        status=Status.FIRING,
        severity=AlertSeverity.ERROR,
        title="Log given for triage",
        labels=labels,
        starts_at=at,
        received_at=at,
        logs=(LogPart(text=text),),
    )


def guess_kind(book: Playbook, event: Event) -> str:
    """The kind whose skill is surest about it."""
    best, best_score = event.kind.value, -1.0
    from responder.logic.diagnosis import diagnose
    from responder.model.diagnosis import BENIGN, UNKNOWN, Case

    for kind in Kind:
        skill = _skill_for(book, kind.value)
        if skill is None:
            continue
        case = Case(
            kind=kind.value, events=(event.model_copy(update={"kind": kind}),), event_count=1, at=event.received_at
        )
        first = diagnose(case, book.skills[skill], book.knowledge).first
        score = first.probability if first and first.class_ not in (UNKNOWN, BENIGN) else 0.0
        if score > best_score + 1e-9:
            best, best_score = kind.value, score
    return best


def _skill_for(book: Playbook, kind: str) -> str | None:
    named: Sequence[str] = [name for name, skill in book.skills.items() if kind in skill.kinds]
    fallback = book.skill(None)
    return named[0] if named else fallback.name if fallback else None


def _sent_to(book: Playbook, kind: str, event: Event) -> Playbook:
    """A playbook with one rule: everything to the skill of that kind, with owner, runbook and severities of the rule that takes such
    an event when it comes by itself (the catch-all where none does)."""
    labels = match_labels(book.located(event.model_copy(update={"kind": Kind(kind)})))
    taken = [rule for rule in book.router.route(labels) if rule.outcome is Outcome.TRIAGE]
    theirs = next(iter(taken), book.rules.rules[-1] if book.rules.rules else None)
    rule = Rule(
        name=theirs.name if theirs else "one-off",
        match=All(),
        skill=_skill_for(book, kind),
        group_by=("cluster",),
        group_wait=timedelta(),
        owner=theirs.owner if theirs else None,
        runbook_url=theirs.runbook_url if theirs else None,
        severity=theirs.severity if theirs else {},
    )
    ruleset = RuleSet(rules=(rule,), version=book.rules.version)
    return replace(book, rules=ruleset, router=Router(ruleset))
