"""Kubernetes: Events, and objects as watches and exporters send them (Pod, Node, Job, PyTorchJob, RayJob, Workload...).

One object, a watch envelope `{"type": "MODIFIED", "object": {...}}`, a List, or a JSON list of any of these.
"""

from collections.abc import Iterable
from typing import Any

from responder.errors import InputError
from responder.formats._kubernetes_conditions import from_node, from_service, noted
from responder.formats._kubernetes_events import from_event, is_event
from responder.formats._kubernetes_jobs import from_job
from responder.formats._kubernetes_pods import from_pod
from responder.formats._kubernetes_things import JOB_KINDS, SERVICE_KINDS, string, thing
from responder.formats._reading import document, each, found, single
from responder.model.event import Event
from responder.ports import Decoded, RawMessage

_WATCHED = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})
"""Types of a watch's events (k8s.io/apimachinery pkg/watch)."""


class Kubernetes:
    """What happens in a cluster, told by the cluster."""

    name = "kubernetes"
    description = (
        "Kubernetes Events and objects (Pod, Node, Job, PyTorchJob, RayJob, Workload...), bare or from a watch"
    )

    def decode(self, message: RawMessage) -> Decoded:
        body = document(message)
        if type(body) is list:
            return each(body, "objects", lambda item: kubernetes_events(message, item))
        if type(body) is dict and type(body.get("items")) is list:
            listed = string(body, "kind", 120).removesuffix("List")
            return each(body["items"], "items", lambda item: kubernetes_events(message, item, listed))
        return single(body, lambda item: kubernetes_events(message, item))


def is_kubernetes(item: Any) -> bool:
    """Whether an object is one of Kubernetes', or a watch's envelope around one."""
    if type(item) is not dict:
        return False
    if string(item, "type", 20) in _WATCHED and type(item.get("object")) is dict:
        return True
    return is_event(item) or (type(item.get("metadata")) is dict and type(item.get("kind")) is str)


def kubernetes_events(message: RawMessage, item: Any, listed: str = "") -> Iterable[Event]:
    """The events of one object; of a Node one per condition. `listed`: the kind of the list that it came in."""
    if type(item) is not dict:
        raise InputError(f"an object of Kubernetes must be a JSON object, found {found(item)}")
    cluster, deleted = string(item, "clusterName", 253) or string(item, "cluster", 253), False
    if string(item, "type", 20) in _WATCHED and type(item.get("object")) is dict:
        if item["type"] == "BOOKMARK":
            return ()
        if item["type"] == "ERROR":
            raise InputError(f"the watch ended with an error: {string(item['object'], 'message', 300)}")
        deleted = item["type"] == "DELETED"
        item = item["object"]
    if is_event(item) or listed == "Event":
        return () if deleted else (from_event(message, item, cluster),)
    return _object(message, item, string(item, "kind", 120) or listed, cluster, deleted)


def _object(message: RawMessage, item: dict[str, Any], kind: str, cluster: str, deleted: bool) -> Iterable[Event]:
    if not kind or type(item.get("metadata")) is not dict:
        raise InputError(f"no object of Kubernetes: expected kind and metadata, or an Event; found {found(item)}")
    what = thing(item, kind, cluster)
    if kind == "Pod":
        return (from_pod(message, item, what, deleted),)
    if kind in JOB_KINDS or kind == "Workload":
        return (from_job(message, item, what, deleted),)
    if deleted:
        return (noted(message, what, item, "was deleted"),)
    if kind == "Node":
        return tuple(from_node(message, item, what)) or (noted(message, what, item),)
    if kind in SERVICE_KINDS:
        return tuple(from_service(message, item, what))
    return (noted(message, what, item),)


FORMAT = Kubernetes()
