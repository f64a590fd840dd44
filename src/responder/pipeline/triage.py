"""TRIAGE: a due incident becomes a report revision and a desired state per sink.

Reads a snapshot, gathers evidence with no transaction open, diagnoses, relates, assesses, composes, and commits if the claim
still holds. Events that arrive meanwhile are not lost: the commit notices them and makes the incident due again.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.errors import Conflict
from responder.logic.compose import Findings, compose, same_content
from responder.logic.correlate import SETTLE_AFTER
from responder.logic.diagnosis import needs_for, related_skills
from responder.logic.grade import Driver, grade
from responder.logic.impact import assess, nodes_at_fault, with_symptoms
from responder.logic.relate import Relation, relate
from responder.logic.runbook import runbook_url
from responder.logic.work import works
from responder.model.delivery import Send
from responder.model.diagnosis import BENIGN, UNKNOWN, Case, Diagnosis, MissingNeed, Verdict
from responder.model.evidence import Missing, Reading, RecordedAnswer
from responder.model.incident import Incident, IncidentStatus
from responder.model.journal import Quarantined
from responder.model.report import IncidentRef, Provenance, Report
from responder.model.skill import Skill
from responder.pipeline.desire import desire, merge, merge_all, sinks_of
from responder.pipeline.enrich import Answers, latest_answers
from responder.pipeline.playbook import Playbook
from responder.pipeline.snapshot import Snapshot, Surroundings, read_snapshot, read_surroundings
from responder.ports import Claim, Clock, Sink, Store, Tx
from responder.telemetry import CHECKS, QUARANTINED, REPORTS, STAGE_SECONDS, log

_log = log(__name__)

SOURCE_BACK = timedelta(minutes=5)
"""How long to wait before asking again a source that was away."""
GIVE_UP_ASKING = timedelta(hours=1)
"""After this the first minutes are history: a source that comes back later is not worth a new revision."""
AWAY = ("timeout", "unreachable")
ASKING_REASONS = ("opened", "reopened", "new_events", "evidence_settled", "source_back", "asked")
"""Passes that ask the enrichers; the others restate what is recorded (acknowledged, resolved, merged...)."""

Diagnoser = Callable[[Case, Skill], Awaitable[Diagnosis]]


@dataclass(frozen=True, slots=True)
class Triaged:
    """All that one pass found, before it is committed."""

    seen: Snapshot
    incident: Incident
    diagnosis: Diagnosis
    report: Report
    asked: Sequence[RecordedAnswer]
    answers: Mapping[str, Reading | Missing]
    relation: Relation


class Triage:
    """The second loop."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        book: Callable[[], Playbook],
        enrich: Answers,
        sinks: Mapping[str, Sink],
        diagnose: Diagnoser,
        committed: Callable[[datetime | None], None],
        *,
        version: str,
        recorded: bool,
    ) -> None:
        self._store = store
        self._clock = clock
        self._book = book
        self._enrich = enrich
        self._sinks = sinks
        self._diagnose = diagnose
        self._committed = committed
        self._version = version
        self._recorded = recorded

    async def work(self, claim: Claim) -> None:
        """Do one claimed `gather` or `triage`. Raises Conflict when it must be redone."""
        seen = await self._store.read(lambda tx: read_snapshot(tx, claim.ref))
        book = self._book()
        skill = book.skill(seen.incident.rule.skill) if seen else None
        never_shown = seen is not None and seen.previous is None and seen.incident.status is IncidentStatus.RESOLVED
        if seen is None or skill is None or never_shown:
            if seen is not None and skill is None:
                _log.error("no_skill", incident=claim.ref, rule=seen.incident.rule.name, skill=seen.incident.rule.skill)
            over = seen.incident if seen is not None and never_shown else None
            await self._store.write(lambda tx: self._nothing_to_say(tx, claim, over))
            return
        if claim.kind == "gather":
            await self._first_look(claim, seen, skill)
            return
        started = time.perf_counter()
        found = await self._triage(claim, seen, skill, book)
        due = await self._store.write(lambda tx: self._commit(tx, claim, found, book))
        STAGE_SECONDS.labels("triage").observe(time.perf_counter() - started)
        REPORTS.labels(skill.name, found.report.verdict.value).inc()
        for check in found.report.quality.checks:
            if not check.passed:
                CHECKS.labels(check.id).inc()
        self._committed(due)

    def _nothing_to_say(self, tx: Tx, claim: Claim, over: Incident | None) -> None:
        """An incident that was over before its first report: each sink's record says why it heard nothing."""
        if tx.complete(claim) and over is not None and claim.kind == "triage":
            now, reason = self._clock.now(), "resolved_before_first_report"
            silent = [sink.name for sink in sinks_of(over, self._sinks)]
            tx.append_sends([Send(incident_id=over.id, sink=n, at=now, sent=False, reason=reason) for n in silent])

    async def _first_look(self, claim: Claim, seen: Snapshot, skill: Skill) -> None:
        """As soon as it opens: gather evidence, and note what it looks like, so that the other signals of the same fault,
        whose own waiting ends earlier, find it."""
        asked = await self._ask(seen, skill, claim.reason)
        answers = latest_answers([*seen.recorded, *asked])
        diagnosis = await self._safely_diagnose(seen.case(answers, self._clock.now()), skill)

        def keep(tx: Tx) -> None:
            tx.put_evidence(asked)
            tx.complete(claim)
            current = tx.incidents([claim.ref]).get(claim.ref)
            if current is None or current.revision or diagnosis.first is None:
                return
            noted = {"first_class": diagnosis.first.class_, "title": diagnosis.title or current.title}
            entities = {**current.entities, **seen.entities(diagnosis)}
            tx.put_incidents(
                [current.model_copy(update={**noted, "entities": entities, "version": current.version + 1})]
            )

        await self._store.write(keep)

    async def _ask(self, seen: Snapshot, skill: Skill, reason: str) -> list[RecordedAnswer]:
        if reason not in ASKING_REASONS or seen.incident.status is IncidentStatus.RESOLVED:
            return []
        now = self._clock.now()
        needs = needs_for(skill, seen.case({}, now))
        return await self._enrich.answer(seen, needs, now, anew=reason in ("evidence_settled", "source_back"))

    async def _triage(self, claim: Claim, seen: Snapshot, skill: Skill, book: Playbook) -> Triaged:
        asked = await self._ask(seen, skill, claim.reason)
        now = self._clock.now()
        answers = latest_answers([*seen.recorded, *asked])
        diagnosis = await self._safely_diagnose(seen.case(answers, now), skill)
        entities = seen.entities(diagnosis)
        around = await self._store.read(lambda tx: read_surroundings(tx, seen, entities))
        incident = seen.incident.model_copy(update={"entities": entities})
        relation = self._relate(incident, seen, diagnosis, around, book)
        children = {child.id: child for child in (*seen.children, *relation.children)}
        hit = with_symptoms(entities, [child.entities for child in children.values()])
        impact = assess(hit, around.jobs, seen.events, answers, book.prices, incident.last_event_at)
        first = diagnosis.first
        cause = first.class_ if first and first.class_ not in (UNKNOWN, BENIGN) else None
        driver = grade(
            book.matrix,
            Driver(incident.severity, incident.severity_reason),
            cause if diagnosis.verdict is Verdict.DIAGNOSED else None,  # a hint must not page
            first.probability if first else 0.0,
            {id: known.severity for id, known in book.knowledge.taxonomy.items()},
            impact,
            sum(work.gpus for work in works(around.jobs)),
            nodes_at_fault(entities, seen.events),
            [(one.id, one.severity) for one in children.values() if one.status is not IncidentStatus.RESOLVED],
        )
        parent = relation.parent or seen.parent
        incident = incident.model_copy(
            update={
                "severity": driver.severity,
                "severity_reason": driver.why,
                "title": diagnosis.title or incident.title,
                "first_class": first.class_ if first else None,
                "parent": parent.id if parent else None,
            }
        )
        known = book.knowledge.taxonomy.get(cause) if cause else None
        report = compose(
            Findings(
                incident=incident,
                skill=skill,
                rules_version=book.rules.version,
                diagnosis=diagnosis,
                impact=impact,
                changes=around.changes,
                related=related_skills(diagnosis, skill, book.knowledge),
                parent=_ref(parent) if parent else None,
                children=[_ref(child) for child in children.values()],
                provenance=self._provenance(book, answers),
                events=seen.events,
                actions=seen.actions,
                owner=book.owner(incident.owner),
                runbook_url=runbook_url(incident, seen.events),
                escalate_at_once=known.escalate_at_once if known else None,
            ),
            now,
        )
        return Triaged(seen, incident, diagnosis, report, asked, answers, relation)

    async def _safely_diagnose(self, case: Case, skill: Skill) -> Diagnosis:
        try:
            return await self._diagnose(case, skill)
        except Exception as error:  # a skill that breaks must not cost the report: what is known still goes out  # noqa: BLE001
            _log.exception("skill_failed", skill=skill.name)
            event = case.events[-1] if case.events else None
            what = f"skill {skill.name}: {type(error).__name__}: {error}"
            if event is not None:
                held = Quarantined(
                    id=f"q-{event.id}",
                    at=self._clock.now(),
                    source=event.source,
                    format=event.format,
                    stage="triage",
                    error=what,
                    body=event.model_dump_json(),
                )
                await self._store.write(lambda tx: tx.put_quarantine([held]))
                QUARANTINED.labels(event.format, "triage").inc()
            return Diagnosis(
                verdict=Verdict.INSUFFICIENT_EVIDENCE,
                hypotheses=(),
                missing=(MissingNeed(need="diagnosis", reason=f"{what} failed"),),
                title=event.title if event else "",
                summary="The skill failed on this incident; its last event is in quarantine. What is known is below.",
            )

    def _relate(
        self, incident: Incident, seen: Snapshot, diagnosis: Diagnosis, around: Surroundings, book: Playbook
    ) -> Relation:
        if incident.status is IncidentStatus.RESOLVED or seen.parent is not None:
            return Relation()
        taxonomy = book.knowledge.taxonomy
        return relate(
            incident,
            diagnosis.first.class_ if diagnosis.first else UNKNOWN,
            around.others,
            {id: known.explains for id, known in taxonomy.items()},
            self._clock.now(),
            absorbing=frozenset(id for id, known in taxonomy.items() if known.absorbs_unknown),
            root=around.top,
        )

    def _provenance(self, book: Playbook, answers: Mapping[str, Reading | Missing]) -> Provenance:
        return Provenance(
            responder=self._version,
            config=book.config_version,
            rules=book.rules.version,
            skills=book.skills_version,
            recorded=self._recorded,
            not_recorded=tuple(
                sorted(n for n, a in answers.items() if isinstance(a, Missing) and a.reason == "not_recorded")
            ),
        )

    # commit: one transaction, fenced by the claim

    def _commit(self, tx: Tx, claim: Claim, found: Triaged, book: Playbook) -> datetime | None:
        now = self._clock.now()
        seen, id = found.seen, found.incident.id
        current = tx.incidents([id]).get(id)
        if not tx.holds(claim) or current is None:
            raise Conflict(f"{id} was claimed by another worker")
        if (current.status, current.episode, current.parent) != (
            seen.incident.status,
            seen.incident.episode,
            seen.incident.parent,
        ):
            raise Conflict(f"{id} changed while it was triaged")
        around = read_surroundings(tx, seen, found.incident.entities)
        related = self._relate(found.incident, seen, found.diagnosis, around, book)
        if _kin(related) != _kin(found.relation):
            # Another incident of the same fault was diagnosed meanwhile: redo with that in view, or both would be reported.
            raise Conflict(f"{id} turned out to belong with another incident")
        tx.put_evidence(found.asked)
        tx.complete(claim)
        news = seen.previous is None or not same_content(seen.previous, found.report)
        stored = current.model_copy(
            update={
                **{
                    name: getattr(found.incident, name)
                    for name in ("severity_reason", "title", "first_class", "parent")
                },
                "severity": found.incident.severity.worst(current.severity),
                "entities": {**current.entities, **found.incident.entities},
                "revision": found.report.revision if news else current.revision,
                "version": current.version + 1,
                "updated_at": now,
            }
        )
        tx.put_incidents([stored])
        if news:
            tx.put_report(found.report)
        self._join(tx, stored, found, book, now)
        if news:
            desire(tx, stored, self._sinks, book, _reason(claim.reason, seen), now)
        self._follow_up(tx, claim, stored, current, found, now)
        return now

    def _join(self, tx: Tx, incident: Incident, found: Triaged, book: Playbook, now: datetime) -> None:
        parent = found.relation.parent
        if parent is not None:
            merge(tx, parent, incident, self._sinks, book, now)
            tx.set_timers([("triage", parent.id, now, "child_joined")])
        elif found.relation.children:
            merge_all(tx, incident, found.relation.children, self._sinks, book, now)

    def _follow_up(
        self, tx: Tx, claim: Claim, incident: Incident, before: Incident, found: Triaged, now: datetime
    ) -> None:
        if incident.status is IncidentStatus.RESOLVED:
            return
        timers: list[tuple[str, str, datetime, str]] = []
        if before.events != found.seen.incident.events:
            timers.append(("triage", incident.id, now + incident.rule.group_interval, "new_events"))
        elif claim.reason in ("opened", "reopened"):
            timers.append(("triage", incident.id, now + SETTLE_AFTER, "evidence_settled"))
            if incident.parent is None:
                timers.append(("repeat", incident.id, now + incident.rule.repeat_interval, "repeat"))
        elif claim.reason in ("evidence_settled", "source_back"):
            away = any(isinstance(a, Missing) and a.reason in AWAY for a in found.answers.values())
            if away and now - incident.opened_at < GIVE_UP_ASKING:
                timers.append(("triage", incident.id, now + SOURCE_BACK, "source_back"))
        elif found.seen.previous is None or claim.reason == "new_events":
            timers.append(("triage", incident.id, now + SETTLE_AFTER, "evidence_settled"))
        escalation = found.report.escalation
        if escalation is not None and escalation.due_at is not None and escalation.due_at > now:
            timers.append(("escalate", incident.id, escalation.due_at, escalation.level))
        if timers:
            tx.advance_timers(timers)


def _kin(relation: Relation) -> tuple[str | None, frozenset[str]]:
    return relation.parent.id if relation.parent else None, frozenset(child.id for child in relation.children)


def _reason(claimed: str, seen: Snapshot) -> str:
    if seen.incident.status is IncidentStatus.RESOLVED:
        return "resolved"
    if seen.previous is None:
        return "first_report"
    return {"new_events": "new_revision", "evidence_settled": "new_revision", "source_back": "new_revision"}.get(
        claimed, claimed
    )


def _ref(incident: Incident) -> IncidentRef:
    return IncidentRef.model_validate({"id": incident.id, "title": incident.title, "class": incident.first_class})
