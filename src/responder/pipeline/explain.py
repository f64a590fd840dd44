"""Why: everything that was decided about one event, from the rules that looked at it to the messages that left."""

from typing import Any

from responder.logic.identity import match_labels
from responder.model.event import Event
from responder.pipeline.playbook import Playbook
from responder.ports import Tx


def explain_event(tx: Tx, event_id: str, book: Playbook) -> dict[str, Any] | None:
    """None when no such event is in the journal. The rules shown are today's; `decided_with` is the version of then."""
    entry = tx.journal_entries([event_id]).get(event_id)
    if entry is None:
        return None
    state_key = (entry.event.source, entry.event.fingerprint)
    state = tx.alert_states([state_key]).get(state_key)
    return {
        **explain_routing(entry.event, book),
        "trail": entry.trail.model_dump(mode="json"),
        "decided_with": entry.trail.rules_version,
        "rules_now": book.rules.version,
        "seen": {"count": state.count, "first_at": state.first_seen_at.isoformat(), "last_at": state.last_seen_at.isoformat(),
                 "status": state.status} if state else None,
        "incidents": [_incident(tx, id) for id in entry.trail.incident_ids],
    }  # fmt: skip


def explain_routing(event: Event, book: Playbook) -> dict[str, Any]:
    """The part that needs no store: labels that rules see, and each rule down to the matcher that failed."""
    located = book.located(event)
    labels = match_labels(located)
    return {
        "event": event.model_dump(mode="json", exclude={"logs"}),
        "labels": dict(labels),
        "rules": [step.model_dump(mode="json") for step in book.router.explain(labels)],
    }


def _incident(tx: Tx, id: str) -> dict[str, Any]:
    incident = tx.incidents([id]).get(id)
    if incident is None:
        return {"id": id, "gone": "purged"}
    return {
        "id": id,
        "rule": incident.rule.name,
        "skill": incident.rule.skill,
        "status": incident.status.value,
        "severity": incident.severity.value,
        "severity_reason": incident.severity_reason,
        "parent": incident.parent,
        "class": incident.first_class,
        "sends": [send.model_dump(mode="json") for send in tx.sends(id)],
        "deliveries": [
            {
                "sink": row.sink,
                "desired": row.desired.value,
                "shown": row.receipt.visible.value if row.receipt and row.receipt.visible else None,
                "message_id": row.receipt.message_id if row.receipt else None,
                "failing_since": row.failing_since.isoformat() if row.failing_since else None,
                "last_error": row.last_error,
            }
            for row in tx.deliveries(id).values()
        ],
    }
