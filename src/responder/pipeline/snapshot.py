"""What triage reads: the incident with its members, and what stands around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.logic.correlate import ENTITY_LIMIT
from responder.logic.hosts import unify
from responder.logic.relate import WINDOW, tight_entities
from responder.model.delivery import Delivery
from responder.model.diagnosis import Case, Diagnosis, PastIncident
from responder.model.event import Change, Event, JobFact, Status
from responder.model.evidence import Missing, Reading, RecordedAnswer
from responder.model.incident import Incident
from responder.model.journal import Action
from responder.model.report import Report
from responder.ports import Tx

BEFORE, AFTER = timedelta(minutes=10), timedelta(minutes=2)
"""Evidence window around the event's time: a fault shows in the minutes before, its consequences soon after."""
CHANGES_BEFORE = timedelta(hours=6)
"""A deploy or driver change this shortly before is worth showing."""
HISTORY = timedelta(days=90)
"""The longer of the two spans in which a repeat means something (30 and 90 days)."""
MEMBERS = 200
"""Member events that a diagnosis looks at; a storm is sampled (the first and the newest)."""
PAST = 20
"""Past incidents of the same things that a diagnosis looks at, the newest."""
ENTITIES_ASKED = 200
"""Names that one lookup may carry."""


OWNERS = 2
"""Steps from a pod to what owns it: its job, and the set or queue that made that."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An incident as one read transaction saw it."""

    incident: Incident
    events: Sequence[Event]
    recorded: Sequence[RecordedAnswer]
    previous: Report | None
    children: Sequence[Incident]
    parent: Incident | None
    past: Sequence[Incident]
    deliveries: Mapping[str, Delivery]
    actions: Sequence[Action]

    @property
    def anchor(self) -> datetime:
        """When it happened: the start of the first member that fires."""
        firing = [event.starts_at for event in self.events if event.status is Status.FIRING]
        return min(firing, default=self.incident.opened_at)

    def variables(self) -> dict[str, tuple[str, ...]]:
        """What query templates may name: entities, labels on which all members agree, and the members' fingerprints."""
        out: dict[str, tuple[str, ...]] = {}
        for event in self.events:
            for name, value in event.labels.items():
                known = out.get(name, ())
                if value not in known and len(known) < ENTITIES_ASKED:
                    out[name] = (*known, value)
        prints = tuple(dict.fromkeys(event.fingerprint for event in self.events))[:ENTITIES_ASKED]
        agreed = {name: values for name, values in out.items() if len(values) == 1}
        return {**agreed, "fingerprint": prints, **self.incident.entities}

    def case(self, answers: Mapping[str, Reading | Missing], at: datetime) -> Case:
        return Case(
            kind=self.events[0].kind.value if self.events else "monitoring",
            events=tuple(self.events),
            event_count=self.incident.events,
            readings=dict(answers),
            at=at,
            entities=self.incident.entities,
            past=tuple(
                PastIncident.model_validate(
                    {
                        "id": old.id,
                        "at": old.opened_at,
                        "class": old.confirmed_class or old.first_class,
                        "confirmed": old.confirmed_class is not None,
                        "title": old.title,
                    }
                )
                for old in self.past
            ),
        )

    def entities(self, diagnosis: Diagnosis) -> dict[str, tuple[str, ...]]:
        """In the order of the diagnosis, which puts the one it blames first; then what only members beyond its sample name."""
        out = dict(self.incident.entities)
        for kind, names in diagnosis.entities.items():
            all_names = [*names, *out.get(kind, ())]
            out[kind] = (unify(all_names) if kind == "node" else tuple(dict.fromkeys(all_names)))[:ENTITY_LIMIT]
        return out


def read_snapshot(tx: Tx, incident_id: str) -> Snapshot | None:
    """None when the incident is gone (purged)."""
    incident = tx.incidents([incident_id]).get(incident_id)
    if incident is None:
        return None
    tied = tight_entities(incident.entities)[:50]
    past = tx.past_incidents(tied, incident.opened_at - HISTORY, incident.opened_at, incident.id, PAST)
    return Snapshot(
        incident=incident,
        events=tx.members(incident.id, MEMBERS),
        recorded=tx.evidence(incident.id),
        previous=tx.latest_reports([incident.id]).get(incident.id),
        children=tx.children(incident.id),
        parent=tx.incidents([incident.parent]).get(incident.parent) if incident.parent else None,
        past=past,
        deliveries=tx.deliveries(incident.id),
        actions=tx.actions(None, None, incident.id),
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else was going on: jobs, changes, other open incidents with the tops of their own chains."""

    jobs: Sequence[JobFact]
    changes: Sequence[Change]
    others: Sequence[Incident]
    tops: Mapping[str, Incident]

    def top(self, incident: Incident) -> Incident:
        return self.tops.get(incident.parent, incident) if incident.parent else incident


def read_surroundings(tx: Tx, seen: Snapshot, entities: Mapping[str, Sequence[str]]) -> Surroundings:
    """Jobs that the incident names, or else those that ran on its nodes; those of its symptoms; and what owns these."""
    incident = seen.incident
    at = incident.last_event_at
    told = [event.job for event in seen.events if event.job]
    names = entities.get("job", ())
    spaced = [f"{space}/{name}" for space in entities.get("namespace", ())[:1] for name in names]
    named = tuple(dict.fromkeys([*names, *(id for job in told for id in (job.id, *job.part_of)), *spaced]))
    jobs = tx.jobs(named[:ENTITIES_ASKED]) if named else {}
    nodes = tuple(entities.get("node", ()))[:ENTITIES_ASKED]
    if nodes and not named:
        jobs = {job.id: job for job in tx.jobs_on(nodes, seen.anchor - BEFORE, at)}
    below = {name for child in seen.children for name in child.entities.get("job", ())} - set(jobs)
    if below:
        jobs |= tx.jobs(tuple(sorted(below))[:ENTITIES_ASKED])
    for _ in range(OWNERS):
        above = {owner for job in jobs.values() for owner in job.part_of} - set(jobs)
        found = tx.jobs(tuple(sorted(above))[:ENTITIES_ASKED]) if above else {}
        if not found:
            break
        jobs |= found
    tied = tight_entities(entities)[:ENTITIES_ASKED]
    others = tx.open_incidents_sharing(tied, at - WINDOW) if tied else []
    parents = tuple({other.parent for other in others if other.parent})
    names = tuple(dict.fromkeys(name for group in entities.values() for name in group))[:ENTITIES_ASKED]
    changes = tx.changes(names, seen.anchor - CHANGES_BEFORE, at) if names else []
    return Surroundings(
        jobs=tuple(jobs.values()),
        changes=tuple(changes[-10:]),
        others=others,
        tops=tx.incidents(parents) if parents else {},
    )
