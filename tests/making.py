"""Small events, rules and incidents for tests of the pure core."""

from datetime import UTC, datetime, timedelta
from typing import Any

from responder.logic.batch import Routed
from responder.logic.identity import event_id, fingerprint, match_labels
from responder.model.event import AlertSeverity, Event, JobFact, JobState, Kind, Status
from responder.model.incident import Incident, IncidentStatus, Severity
from responder.model.rule import All, Rule

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def event(status: Status = Status.FIRING, at: datetime = T0, *, start: datetime | None = None, **more: Any) -> Event:
    labels = {"alertname": "GPUFellOffBus", "node": "n1", **more.pop("labels", {})}
    prints = fingerprint(labels)
    starts_at = start or at
    entities = {"node": (labels["node"],), **more.pop("entities", {})}
    fields: dict[str, Any] = {
        "id": event_id("alertmanager", "am", prints, status.value, starts_at, more.get("ends_at")),
        "format": "alertmanager",
        "source": "am",
        "fingerprint": prints,
        "kind": Kind.NODE,
        "status": status,
        "severity": AlertSeverity.CRITICAL,
        "title": f"{labels['alertname']} on {labels['node']}",
        "labels": labels,
        "entities": entities,
        "starts_at": starts_at,
        "received_at": at,
        **more,
    }
    return Event(**fields)


def rule(name: str = "gpu", **more: Any) -> Rule:
    return Rule(**{"name": name, "match": All(), "skill": "s", "owner": "o", "runbook_url": "https://r/x", **more})


def routed(one: Event, *rules: Rule, key: dict[str, str] | None = None) -> Routed:
    chosen = rules or (rule(),)
    keyed = key if key is not None else {"node": one.labels.get("node", "")}
    return Routed(one, match_labels(one), tuple((r, keyed) for r in chosen))


def incident(id: str = "inc-a", **more: Any) -> Incident:
    return Incident(
        **{
            "id": id,
            "rule": rule(),
            "key": {"node": "n1"},
            "owner": "o",
            "opened_at": T0,
            "updated_at": T0,
            "last_event_at": T0,
            "events": 1,
            "firing": 1,
            "entities": {"node": ("n1",)},
            "severity": Severity.SEV3,
            "status": IncidentStatus.OPEN,
            "version": 1,
            **more,
        }
    )


def job(id: str = "4711", state: JobState = JobState.FAILED, **more: Any) -> JobFact:
    return JobFact(
        **{
            "id": id,
            "state": state,
            "gpus": 8,
            "started_at": T0 - timedelta(hours=3),
            "ended_at": T0,
            "user": "ann",
            **more,
        }
    )
