"""Kubernetes' own Events: core/v1, events.k8s.io/v1, and the flattened form of kubernetes-event-exporter.

core/v1 names the object `involvedObject` and the text `message`, events.k8s.io/v1 `regarding` and `note`
(k8s.io/api/events/v1/types.go). Type Normal reports progress. An Event is never resolved; it is forgotten after an hour
(kube-apiserver --event-ttl, default 1h0m0s), and so it lapses here, an hour after it was last seen or told.
"""

from datetime import datetime, timedelta
from typing import Any

from responder.errors import InputError
from responder.formats._kubernetes_things import Seen, Thing, instant, obj, string, texts, to_event
from responder.formats._reading import first_line
from responder.model.event import AlertSeverity, Event, Status
from responder.ports import RawMessage

EVENT_TTL = timedelta(hours=1)


def is_event(item: dict[str, Any]) -> bool:
    return "involvedObject" in item or "regarding" in item or item.get("kind") == "Event"


def from_event(message: RawMessage, item: dict[str, Any], cluster: str) -> Event:
    """One Event object."""
    about = obj(item, "involvedObject") or obj(item, "regarding")
    name = string(about, "name", 253)
    if not name:
        raise InputError(
            f"an Event must name its object in involvedObject or regarding, found {', '.join(list(item)[:8])[:120]}"
        )
    what = Thing(
        kind=string(about, "kind", 253) or "Object",
        name=name,
        namespace=string(about, "namespace", 253),
        uid=string(about, "uid", 253),
        cluster=string(item, "clusterName", 253) or cluster,
        labels=texts(obj(about, "labels")),
    )
    reason = string(item, "reason", 253)
    text = string(item, "message") or string(item, "note")
    first, last = _times(item)
    normal = string(item, "type") == "Normal"
    source = obj(item, "source") or obj(item, "deprecatedSource")
    component = string(source, "component", 253) or string(item, "reportingComponent", 253)
    host = string(source, "host", 253) or (string(item, "reportingInstance", 253) if component == "kubelet" else "")
    seen = Seen(
        status=Status.INFO if normal else Status.FIRING,
        severity=AlertSeverity.INFO if normal else AlertSeverity.WARNING,
        reason=reason,
        text=text,
        title=f"{reason or 'Event'} on {what}: {first_line(text)[:200]}" if text else f"{reason or 'Event'} on {what}",
        at=first or last,
        distinct=f"{reason} {last.isoformat() if last else ''} {string(obj(item, 'metadata'), 'uid', 253)}",
        aspect=reason,
        labels={
            "type": string(item, "type", 60),
            "component": component,
            "action": string(item, "action", 253),
            "count": string(item, "count", 20),
            "container": _container(about),
        },
        entities={"node": (host,)} if host and what.kind != "Node" else {},
        lapses_at=max(last, message.received_at) + EVENT_TTL if last is not None else None,
    )
    return to_event(message, what, seen)


def _times(item: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """First and last time; a series moves its last time on."""
    metadata, series = obj(item, "metadata"), obj(item, "series")
    first = (
        instant(item, "firstTimestamp")
        or instant(item, "deprecatedFirstTimestamp")
        or instant(item, "eventTime")
        or instant(metadata, "creationTimestamp")
    )
    last = (
        instant(series, "lastObservedTime")
        or instant(item, "lastTimestamp")
        or instant(item, "deprecatedLastTimestamp")
        or instant(item, "eventTime")
        or first
    )
    return first or last, last


def _container(about: dict[str, Any]) -> str:
    """`spec.containers{pytorch}`"""
    path = string(about, "fieldPath", 253)
    before, brace, rest = path.partition("{")
    return rest.rstrip("}") if brace and "ontainers" in before else ""
