"""Nodes and services by their conditions: each is a state of its own that comes and goes.

Nodes: k8s.io/api/core/v1 NodeConditionType; kubernetes/node-problem-detector and GPU health agents add conditions that are
True when there is a problem (KernelDeadlock, ReadonlyFilesystem, XidError). Services: Deployment, KServe, KubeRay.
"""

from collections.abc import Iterator
from typing import Any

from responder.formats._kubernetes_things import Seen, Thing, instant, obj, objects, string, to_event
from responder.formats._reading import MAX_ITEMS, first_line
from responder.model.event import AlertSeverity, Event, Status
from responder.ports import RawMessage

_GOOD = ("Ready", "Healthy", "Available", "Initialized", "Provisioned", "Succeeded")
"""Endings of conditions that are well when True; of a node, all others are trouble when True."""
_SERVICE_CONDITIONS = frozenset({"Ready", "Available", "ReplicaFailure", "PredictorReady", "HeadPodReady"})


def from_node(message: RawMessage, item: dict[str, Any], node: Thing) -> Iterator[Event]:
    """A firing or resolved event per condition; a cordoned node says so in its labels."""
    cordoned = "true" if obj(item, "spec").get("unschedulable") is True else ""
    for condition in objects(obj(item, "status"), "conditions")[:MAX_ITEMS]:
        name = string(condition, "type", 120)
        if name:
            good = name.endswith(_GOOD)
            yield _event(message, node, name, good, condition, {"unschedulable": cordoned})


def from_service(message: RawMessage, item: dict[str, Any], service: Thing) -> Iterator[Event]:
    """Conditions that say whether it serves; an object without one is only noted."""
    any_told = False
    for condition in objects(obj(item, "status"), "conditions")[:MAX_ITEMS]:
        name = string(condition, "type", 120)
        if name in _SERVICE_CONDITIONS:
            any_told = True
            yield _event(message, service, name, name != "ReplicaFailure", condition, {})
    if not any_told:
        yield noted(message, service, item)


def noted(message: RawMessage, what: Thing, item: dict[str, Any], verb: str = "was seen") -> Event:
    """An object that says nothing about being well: for the journal."""
    metadata = obj(item, "metadata")
    seen = Seen(
        status=Status.INFO,
        severity=AlertSeverity.INFO,
        reason="",
        text="",
        title=f"{what} {verb}",
        at=instant(metadata, "deletionTimestamp") or instant(metadata, "creationTimestamp"),
        distinct=f"{verb} {string(metadata, 'resourceVersion', 60)}",
    )
    return to_event(message, what, seen)


def _event(
    message: RawMessage, what: Thing, name: str, good: bool, condition: dict[str, Any], labels: dict[str, str]
) -> Event:
    value = string(condition, "status", 20)
    well = value == ("True" if good else "False")
    reason, text = string(condition, "reason", 253), string(condition, "message")
    title = f"{what}: {name} is {value}"
    if not well and (reason or text):
        title += f" ({first_line(', '.join(filter(None, (reason, text))))[:200]})"
    seen = Seen(
        status=Status.RESOLVED if well else Status.FIRING,
        severity=AlertSeverity.INFO if well else AlertSeverity.ERROR if name == "Ready" else AlertSeverity.WARNING,
        reason=_event_reason(name, good, well) or reason,
        text=text,
        title=title,
        at=instant(condition, "lastTransitionTime"),
        distinct=name,
        aspect=name,
        labels={"condition": name, "condition_status": value, "condition_reason": reason, **labels},
    )
    return to_event(message, what, seen)


def _event_reason(name: str, good: bool, well: bool) -> str:
    """The word that the kubelet's own events use for the same trouble, so that one rule takes both."""
    if well or good:
        return ""
    return f"NodeHas{name}" if name.endswith("Pressure") else ""
