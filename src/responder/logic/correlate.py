"""Folds a batch of routed events into what is stored: alert states, incidents, timers and a trail per event.

Pure: `batch.needed` says what must be read first, `fold` makes the changes from that and the time. Duplicates are events that change
no alert's state; what fires joins or opens the incident of its rule and key; what resolves closes an incident when the last of
its members did. The order inside a batch is the order of arrival.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from responder.logic.batch import Changes, IncidentKey, Known, Routed, StateKey, job_names
from responder.logic.identity import incident_id, key_text
from responder.model.event import Event, JobState, Status
from responder.model.incident import Incident, IncidentStatus, Severity
from responder.model.journal import AlertState, Disposition, JournalEntry, Trail
from responder.model.rule import Outcome, Rule
from responder.model.silence import Silence

# What most events are: finding a member of an enumeration takes longer than comparing it.
_INFO, _OBSERVED = Status.INFO, Disposition.OBSERVED
ENTITY_LIMIT = 512
"""Names kept per entity kind of one incident: a storm stays a bounded document."""


def fold(
    batch: Sequence[Routed],
    known: Known,
    now: datetime,
    *,
    severity: Callable[[Rule, Event], tuple[Severity, str]],
    rules_version: str,
    silenced: Callable[[Silence, Mapping[str, str]], bool],
) -> Changes:
    """Decide about each event in order; `known` is used up."""
    return _Fold(known, now, severity, rules_version, silenced).run(batch)


class _Fold:
    """One run over a batch; the state lives in `known` and `out`."""

    def __init__(
        self,
        known: Known,
        now: datetime,
        severity: Callable[[Rule, Event], tuple[Severity, str]],
        rules_version: str,
        silenced: Callable[[Silence, Mapping[str, str]], bool],
    ) -> None:
        self.known = known
        self.now = now
        self.severity = severity
        self.rules_version = rules_version
        self.silenced = silenced
        self.out = Changes()
        self.before = {incident.id: incident.version for incident in _all_incidents(known)}
        self.trails: dict[tuple[object, ...], Trail] = {}
        """Most events of a batch go the same way."""
        self.about_jobs: dict[str, list[Incident]] = {}
        """Incidents of jobs, by what their keys name."""
        for incident in known.of_jobs:
            for name in set(incident.key.values()) if "job" in incident.key else ():
                self.about_jobs.setdefault(name, []).append(incident)
        self.sooner: set[str] = set()
        """Incidents whose next triage was brought forward in this batch."""

    def run(self, batch: Sequence[Routed]) -> Changes:
        for routed in batch:
            self._one(routed)
        for id, incident in self.out.incidents.items():
            self.out.incidents[id] = incident.model_copy(
                update={"version": self.before.get(id, 0) + 1, "updated_at": self.now}
            )
        return self.out

    # one event

    def _one(self, routed: Routed) -> None:
        event = routed.event
        if event.id in self.known.journalled and (event.status is _INFO or event.job is not None):
            self.out.dispositions.append((event.id, Disposition.DUPLICATE))
            return
        if event.status is _INFO:
            self._observe(routed)
        elif event.status is Status.FIRING:
            self._firing(routed)
        else:
            self._resolved(routed)

    def _observe(self, routed: Routed) -> None:
        rules = tuple([rule.name for rule, _ in routed.rules])
        self._record(routed, _OBSERVED, "needs_nobody", rules=rules)
        self._facts(routed.event)

    def _firing(self, routed: Routed) -> None:
        event = routed.event
        key = (event.source, event.fingerprint)
        previous = self.known.states.get(key)
        if previous is not None and self._unchanged(previous, event):
            self._seen_again(key, previous, event)
            return
        if event.id in self.known.journalled:
            # The same occurrence after it resolved: a late copy of what is over, not a new fault.
            self.out.dispositions.append((event.id, Disposition.DUPLICATE))
            return
        incident_ids = self._place(routed)
        self._put_state(key, self._new_state(previous, event, incident_ids))
        self._facts(event)
        if event.ends_at is not None and event.ends_at > self.now:
            self.out.timers.append(("expire", "|".join(key), event.ends_at, "lapses"))

    def _unchanged(self, previous: AlertState, event: Event) -> bool:
        """Firing and still firing. Two Prometheus of an HA pair see the same alert start at slightly different times, so a
        differing start says nothing for an alert; a job's new end is a new failure."""
        if previous.status != Status.FIRING.value:
            return False
        if previous.ends_at is not None and previous.ends_at <= self.now:
            return False
        return not (event.job is not None and event.starts_at_given and event.starts_at > previous.starts_at)

    def _seen_again(self, key: StateKey, previous: AlertState, event: Event) -> None:
        update: dict[str, object] = {"last_seen_at": self.now, "count": previous.count + 1}
        if event.ends_at is not None and event.status is Status.FIRING:
            # A late copy of an earlier sighting does not make it lapse sooner.
            ends_at = max(event.ends_at, previous.ends_at or event.ends_at)
            update["ends_at"] = ends_at
            self.out.timers.append(("expire", "|".join(key), ends_at, "lapses"))
        self._put_state(key, previous.model_copy(update=update))
        self.out.dispositions.append((previous.event_id, Disposition.DUPLICATE))
        if event.status is Status.FIRING:
            for id in previous.incident_ids:
                self._goes_on(id)

    def _goes_on(self, id: str) -> None:
        """A member was seen again: what ends by its rule's patience alone must not end while its signal repeats, or every further
        copy would be a duplicate of something closed. Noted now and then: a write for each copy would cost more than it tells."""
        incident = self.out.incidents.get(id) or self.known.by_id.get(id)
        if incident is None or incident.status is IncidentStatus.RESOLVED or incident.rule.resolve_after is None:
            return
        if self.now - incident.last_event_at >= incident.rule.resolve_after / 8:
            seen = incident.model_copy(update={"last_event_at": self.now})
            self._put_incident((incident.rule.name, key_text(incident.key)), seen)

    def _place(self, routed: Routed) -> tuple[str, ...]:
        """Where a new firing event goes; records its trail and returns the incidents that it joined."""
        event = routed.event
        names = tuple(rule.name for rule, _ in routed.rules)
        silence = next(
            (s for s in self.known.silences if s.active_at(self.now) and self.silenced(s, routed.labels)), None
        )
        triage = [(rule, key) for rule, key in routed.rules if rule.outcome is Outcome.TRIAGE]
        if not routed.rules:
            self._record(routed, Disposition.OBSERVED, "no_rule_matched")
        elif silence is not None:
            self._record(routed, Disposition.SILENCED, silence.comment, rules=names, silence_id=silence.id)
        elif routed.suppressed is not None:
            rule_name, reason = routed.suppressed
            self._record(routed, Disposition.SUPPRESSED, reason, rules=names, suppressed_by=rule_name)
        elif not triage:
            self._record(routed, Disposition.OBSERVED, "rule_observes", rules=names)
        elif (told := self._told(triage)) and len(told) == len(triage):
            self._record(routed, Disposition.OBSERVED, "told_already", rules=names)
            return tuple(told.values())
        else:
            joined = tuple(self._join(rule, key, event) for rule, key in triage if rule.name not in told)
            self._record(routed, Disposition.TRIAGED, "routed", rules=names, incident_ids=joined)
            return joined
        return ()

    def _told(self, triage: Sequence[tuple[Rule, dict[str, str]]]) -> dict[str, str]:
        """Rules that tell a key once and did, with the incident in which they did."""
        latest = {rule.name: self.known.latest.get((rule.name, key_text(key))) for rule, key in triage if rule.once}
        return {
            name: one.id for name, one in latest.items() if one is not None and one.status is IncidentStatus.RESOLVED
        }

    def _join(self, rule: Rule, key: dict[str, str], event: Event) -> str:
        index = (rule.name, key_text(key))
        current = self.known.latest.get(index)
        severity, why = self.severity(rule, event)
        if current is None or (
            current.status is IncidentStatus.RESOLVED
            and (current.resolved_at is None or self.now - current.resolved_at > rule.reopen_within)
        ):
            incident = Incident(
                id=incident_id(rule.name, key, event.id),
                rule=rule,
                key=key,
                severity=severity,
                severity_reason=why,
                owner=rule.owner or "default",
                title=event.title,
                opened_at=self.now,
                updated_at=self.now,
                last_event_at=self.now,
                events=1,
                firing=1,
                entities=_merged({}, event.entities),
                rules_version=self.rules_version,
            )
            self._due_first(incident, "opened")
        elif current.status is IncidentStatus.RESOLVED:
            incident = current.model_copy(
                update={
                    "status": IncidentStatus.OPEN,
                    "episode": current.episode + 1,
                    "resolved_at": None,
                    "acknowledged_by": None,
                    "last_event_at": self.now,
                    "events": current.events + 1,
                    "firing": 1,
                    "parent": None,
                    "entities": _merged(current.entities, event.entities),
                    "severity": current.severity.worst(severity),
                }
            )
            self._due_first(incident, "reopened")
        else:
            incident = current.model_copy(
                update={
                    "last_event_at": self.now,
                    "events": current.events + 1,
                    "firing": current.firing + 1,
                    "entities": _merged(current.entities, event.entities),
                    "severity": current.severity.worst(severity),
                    "severity_reason": why if severity.rank < current.severity.rank else current.severity_reason,
                }
            )
            if current.revision and incident.id not in self.sooner:
                self.sooner.add(incident.id)
                self.out.earlier_timers.append(("triage", incident.id, self.now + rule.group_interval, "new_events"))
        if rule.resolve_after is not None:
            self.out.cancelled = [ref for ref in self.out.cancelled if ref != ("resolve", incident.id)]
            self.out.timers.append(("resolve", incident.id, self.now + rule.resolve_after, "resolve_after"))
        self._put_incident(index, incident)
        return incident.id

    def _due_first(self, incident: Incident, transition: str) -> None:
        self.out.timers.append(("gather", incident.id, self.now, transition))
        self.out.timers.append(("triage", incident.id, self.now + incident.rule.group_wait, transition))
        self.out.transitions.append((incident.rule.name, transition))

    def _resolved(self, routed: Routed) -> None:
        event = routed.event
        key = (event.source, event.fingerprint)
        previous = self.known.states.get(key)
        names = tuple(rule.name for rule, _ in routed.rules)
        self._facts(event)
        if previous is None:
            if event.id in self.known.journalled:
                self.out.dispositions.append((event.id, Disposition.DUPLICATE))
                return
            self._put_state(key, self._new_state(None, event, ()))
            self._record(routed, Disposition.OBSERVED, "resolved_without_firing", rules=names)
            return
        if previous.status == Status.RESOLVED.value or event.id in self.known.journalled:
            self._seen_again(key, previous, event)
            return
        if event.ends_at is not None and event.ends_at < previous.starts_at:
            # It arrived after the alert fired again: the older end says nothing about the newer start.
            self._record(routed, Disposition.OBSERVED, "late_resolve_of_an_earlier_firing", rules=names)
            return
        self._put_state(key, self._new_state(previous, event, previous.incident_ids))
        self.out.cancelled.append(("expire", "|".join(key)))
        for id in previous.incident_ids:
            self._member_over(id)
        reason = "resolved" if previous.incident_ids else "resolved_nothing_open"
        self._record(routed, Disposition.RESOLVED, reason, rules=names, incident_ids=previous.incident_ids)

    def _member_over(self, id: str) -> None:
        incident = self.out.incidents.get(id) or self.known.by_id.get(id)
        if incident is None or incident.status is IncidentStatus.RESOLVED:
            return
        firing = max(0, incident.firing - 1)
        changed = incident.model_copy(update={"firing": firing})
        if firing == 0:
            changed = self.close(changed, "all_members_resolved")
        self._put_incident((incident.rule.name, key_text(incident.key)), changed)

    def close(self, incident: Incident, reason: str) -> Incident:
        self.out.timers.append(("triage", incident.id, self.now, reason))
        self.out.cancelled.extend([("resolve", incident.id), ("repeat", incident.id), ("escalate", incident.id)])
        self.out.transitions.append((incident.rule.name, "resolved"))
        return incident.model_copy(update={"status": IncidentStatus.RESOLVED, "resolved_at": self.now, "firing": 0})

    # facts, records

    def _facts(self, event: Event) -> None:
        if event.change is not None:
            self.out.changes.append(event.change)
        job = event.job
        if job is None:
            return
        self.out.jobs.append(job if job.seen_at else job.model_copy(update={"seen_at": event.received_at}))
        if not self.about_jobs or job.state is not JobState.COMPLETED:
            return
        about = {one.id: one for name in job_names(event) for one in self.about_jobs.get(name, ())}
        for incident in about.values():
            current = self.out.incidents.get(incident.id, incident)
            if current.status is not IncidentStatus.RESOLVED:
                closed = self.close(current, "job_succeeded_later")
                self._put_incident((closed.rule.name, key_text(closed.key)), closed)

    def _put_incident(self, index: IncidentKey, incident: Incident) -> None:
        self.known.latest[index] = incident
        self.known.by_id[incident.id] = incident
        self.out.incidents[incident.id] = incident

    def _put_state(self, key: StateKey, state: AlertState) -> None:
        self.known.states[key] = state
        self.out.states[key] = state

    def _new_state(self, previous: AlertState | None, event: Event, incident_ids: tuple[str, ...]) -> AlertState:
        return AlertState(
            source=event.source,
            fingerprint=event.fingerprint,
            status=event.status.value,
            first_seen_at=previous.first_seen_at if previous else self.now,
            last_seen_at=self.now,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            count=previous.count + 1 if previous else 1,
            event_id=event.id,
            incident_ids=incident_ids,
        )

    def _record(
        self,
        routed: Routed,
        disposition: Disposition,
        reason: str,
        *,
        rules: tuple[str, ...] = (),
        incident_ids: tuple[str, ...] = (),
        suppressed_by: str | None = None,
        silence_id: str | None = None,
    ) -> None:
        event = routed.event
        way = (disposition, reason, rules, incident_ids, suppressed_by, silence_id)
        trail = self.trails.get(way)
        if trail is None:
            trail = self.trails[way] = Trail(
                disposition=disposition,
                reason=reason,
                rules=rules,
                incident_ids=incident_ids,
                suppressed_by=suppressed_by,
                silence_id=silence_id,
                rules_version=self.rules_version,
            )
        self.known.journalled.add(event.id)
        self.out.journal.append(JournalEntry(event=event, trail=trail))
        if incident_ids:
            self.out.links.extend([(id, event.id) for id in incident_ids])
        self.out.dispositions.append((event.id, disposition))


def _all_incidents(known: Known) -> Iterable[Incident]:
    yield from known.latest.values()
    yield from known.by_id.values()
    yield from known.of_jobs


def _merged(have: Mapping[str, tuple[str, ...]], more: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    out = dict(have)
    for kind, names in more.items():
        known = out.get(kind, ())
        fresh = tuple(name for name in names if name not in known)
        if fresh:
            out[kind] = (known + fresh)[:ENTITY_LIMIT]
    return out


def closed(incident: Incident, now: datetime, reason: str) -> Changes:
    """Resolve an incident from outside a batch (a person, `resolve_after`)."""
    known = Known(states={}, latest={}, by_id={incident.id: incident}, journalled=set(), of_jobs=[])
    fold = _Fold(
        known, now, lambda rule, event: (incident.severity, ""), incident.rules_version, lambda s, labels: False
    )
    fold._put_incident((incident.rule.name, key_text(incident.key)), fold.close(incident, reason))
    return fold.run(())


def lapse(state: AlertState, now: datetime) -> bool:
    """Whether a firing alert whose sender fell silent is over."""
    return state.status == Status.FIRING.value and state.ends_at is not None and state.ends_at <= now


SETTLE_AFTER = timedelta(seconds=75)
"""One scrape interval (Prometheus' default of 60 s) and the scrape itself: then the last samples before a fault are in."""
