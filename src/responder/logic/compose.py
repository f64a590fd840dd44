"""Puts a report together from what the earlier stages found, and checks it against its own checklist."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.logic.quality import check
from responder.model.delivery import Owner
from responder.model.diagnosis import Diagnosis, MissingNeed, SuggestedSkill, TimelineEntry
from responder.model.event import Change, Event, Status
from responder.model.evidence import Evidence
from responder.model.incident import Incident, Severity
from responder.model.journal import Action
from responder.model.report import (
    Escalation,
    Impact,
    IncidentRef,
    Provenance,
    Quality,
    Report,
    ReportIncident,
    RuleRef,
    SkillRef,
)
from responder.model.skill import Skill

TIMELINE_LIMIT = 40
"""Entries of the timeline: the first ones, the rest is counted."""

AT_ONCE = 4
"""Events of one second that are listed one by one; of more the first stands for all."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a report is made of."""

    incident: Incident
    skill: Skill
    rules_version: str
    diagnosis: Diagnosis
    impact: Impact
    changes: Sequence[Change]
    related: Sequence[SuggestedSkill]
    parent: IncidentRef | None
    children: Sequence[IncidentRef]
    provenance: Provenance
    events: Sequence[Event]
    actions: Sequence[Action]
    owner: Owner
    runbook_url: str | None
    escalate_at_once: str | None = None
    """From the leading class: who must know without waiting."""


def compose(found: Findings, now: datetime) -> Report:
    """The next revision. Pure: the same findings and time give the same report."""
    incident, diagnosis = found.incident, found.diagnosis
    revision = incident.revision + 1
    change_evidence = [
        Evidence(id=f"c{n}", source="change", statement=f"{change.what}" + (f" ({change.entity})" if change.entity else ""),
                 observed_at=change.at, link=change.link)
        for n, change in enumerate(found.changes, 1)
    ]  # fmt: skip
    report = Report(
        id=f"rep-{incident.id.removeprefix('inc-')}-{incident.episode}-{revision}",
        revision=revision,
        created_at=now,
        verdict=diagnosis.verdict,
        incident=ReportIncident(
            id=incident.id,
            key=incident.key,
            status=incident.status,
            severity=incident.severity,
            severity_reason=incident.severity_reason,
            owner=incident.owner,
            runbook_url=found.runbook_url,
            opened_at=incident.opened_at,
            events=incident.events,
            episode=incident.episode,
            acknowledged_by=incident.acknowledged_by,
        ),
        rule=RuleRef(name=incident.rule.name, version=incident.rules_version or found.rules_version),
        skill=SkillRef(
            name=found.skill.name, version=found.skill.version, mode=found.skill.mode.value, domain=found.skill.domain
        ),
        title=diagnosis.title or incident.title,
        summary=_summary(diagnosis, found.impact),
        hypotheses=diagnosis.hypotheses,
        ruled_out=diagnosis.ruled_out,
        missing=_in_order(diagnosis.missing, found.skill),
        impact=found.impact,
        changes=tuple(found.changes),
        escalation=escalation(incident, found.owner, found.escalate_at_once, now),
        phases=diagnosis.phases,
        evidence=(*diagnosis.evidence, *change_evidence),
        timeline=_timeline(found, now),
        related_skills=tuple(found.related),
        parent=found.parent,
        children=tuple(found.children),
        provenance=found.provenance,
    )
    return report.model_copy(update={"quality": Quality(checks=check(report))})


def _summary(diagnosis: Diagnosis, impact: Impact) -> str:
    said = diagnosis.summary.strip()
    return f"{said} {impact.statement}".strip() if impact.statement not in said else said


def _in_order(missing: Sequence[MissingNeed], skill: Skill) -> tuple[MissingNeed, ...]:
    """As the skill lists its needs: answers come back in any order, and another order is no news."""
    places = {need.name: place for place, need in enumerate(skill.needs)}
    return tuple(sorted(missing, key=lambda one: (places.get(one.need, len(places)), one.need)))


def _timeline(found: Findings, now: datetime) -> tuple[TimelineEntry, ...]:
    incident = found.incident
    entries = [TimelineEntry(at=change.at, what=f"Change: {change.what}") for change in found.changes]
    started = {(event.starts_at, event.title) for event in found.events}
    entries += [entry for entry in found.diagnosis.timeline if (entry.at, entry.what) not in started]
    moments: dict[tuple[datetime, Status], list[Event]] = {}
    for event in found.events:
        moments.setdefault((event.starts_at.replace(microsecond=0), event.status), []).append(event)
    for (_, status), events in moments.items():
        word = "Resolved" if status is Status.RESOLVED else "Firing"
        shown = events if len(events) <= AT_ONCE else events[:1]
        more = f", and {len(events) - 1} more at that moment" if len(events) > AT_ONCE else ""
        entries += [TimelineEntry(at=one.starts_at, what=f"{word}: {one.title}"[:300] + more) for one in shown]
    entries.append(
        TimelineEntry(at=incident.opened_at, what=f"Incident {incident.id} opened by rule {incident.rule.name}")
    )
    entries += [TimelineEntry(at=act.at, what=_done(act)) for act in found.actions if act.what in _ACTS]
    if incident.resolved_at is not None and not any(act.what == "resolve" for act in found.actions):
        entries.append(TimelineEntry(at=incident.resolved_at, what="Resolved: no member fires any more"))
    unique = {(entry.at, entry.what): entry for entry in sorted(entries, key=lambda entry: (entry.at, entry.what))}
    out = list(unique.values())
    if len(out) > TIMELINE_LIMIT:
        rest = out[TIMELINE_LIMIT - 1 :]
        out = [*out[: TIMELINE_LIMIT - 1], TimelineEntry(at=rest[0].at, what=f"... and {len(rest)} more entries")]
    return tuple(out)


_ACTS = {"ack": "Acknowledged", "resolve": "Resolved", "escalate": "Escalated", "feedback": "Feedback"}


def _done(act: Action) -> str:
    comment = str(act.detail.get("comment") or act.detail.get("level") or "")
    return f"{_ACTS[act.what]} by {act.who} via {act.via}" + (f": {comment}" if comment else "")


def escalation(incident: Incident, owner: Owner, at_once: str | None, now: datetime) -> Escalation | None:
    """Who is next if nobody acknowledges: L1 on-call, L2 tech lead, L3 ops lead with risk and legal.

    `at_once` (personal data, safety) goes to L3 without waiting, acknowledged or not.
    """
    if incident.resolved_at is not None:
        return None
    if at_once is not None:
        return Escalation(level="L3", who=at_once, due_at=incident.opened_at, why="this class goes to L3 at once")
    if incident.acknowledged_by is not None or incident.severity.rank > Severity.SEV2.rank:
        return None
    waited = timedelta()
    for step in owner.escalation:
        waited += step.after
        if incident.opened_at + waited > now:
            why = f"{incident.severity.value} not acknowledged after {int(waited.total_seconds() // 60)} min"
            return Escalation(level=step.level, who=step.who, due_at=incident.opened_at + waited, why=why)
    if not owner.escalation:
        return None
    final = owner.escalation[-1]
    return Escalation(
        level=final.level, who=final.who, due_at=incident.opened_at + waited, why="every earlier step has passed"
    )


def same_content(one: Report, other: Report) -> bool:
    """Whether a new revision would tell nothing new: timings and the revision itself do not count."""
    return _content(one) == _content(other)


def _content(report: Report) -> Mapping[str, object]:
    volatile = {"id", "revision", "created_at", "phases", "quality", "provenance", "escalation"}
    body = report.model_dump(mode="json", by_alias=True, exclude=volatile)
    body["incident"].pop("events", None)
    for evidence in body["evidence"]:
        evidence.pop("series", None)
    return body
