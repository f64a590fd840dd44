"""Kubernetes objects as exporters and watchers send them: Events, and the status of Pods, Jobs, Nodes and job operators.

Shapes: core/v1 and events.k8s.io/v1 Events (kubernetes-event-exporter sends the former with `involvedObject.labels`), watch
envelopes `{type, object}`, PyTorchJob, RayJob, TrainJob, MPIJob, Kueue Workload. A Normal event and a running or succeeded object
are information; a Warning, and what failed, fires. Absence proves nothing: events are rate limited and live an hour.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from responder.errors import InputError
from responder.formats._reading import (
    MAX_ITEMS,
    clean,
    document,
    each,
    first_line,
    instant,
    mapping,
    text,
    texts,
    whole,
)
from responder.logic.entities import entities_of, merge_entities
from responder.logic.identity import event_id, fingerprint
from responder.model.event import AlertSeverity, Event, JobFact, JobState, Kind, LogPart, Status
from responder.ports import Decoded, RawMessage

# Reasons of events that are about capacity or a node, not about the pod itself (kubernetes, pkg/kubelet/events and scheduler).
_SCHEDULING = {"FailedScheduling", "NotTriggerScaleUp", "TriggeredScaleUp", "Preempted", "QuotaReserved", "Admitted", "Evicted",
               "FailedCreate", "PodsReadyTimeout"}  # fmt: skip
_BAD_CONDITIONS = {"Failed", "FailureTarget", "Evicted", "ReplicaFailure"}
_GOOD_CONDITIONS = {"Complete", "Succeeded", "SuccessCriteriaMet", "Finished"}
_GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu")
_JOB_LABELS = ("training.kubeflow.org/job-name", "batch.kubernetes.io/job-name", "job-name", "ray.io/cluster",
               "volcano.sh/job-name", "jobset.sigs.k8s.io/jobset-name", "kueue.x-k8s.io/job")  # fmt: skip


class Kubernetes:
    """The format."""

    name = "kubernetes"
    description = "Kubernetes Events, and status of Pods, Jobs, Nodes, PyTorchJobs, RayJobs, Kueue Workloads"

    def decode(self, message: RawMessage) -> Decoded:
        body = document(message)
        if isinstance(body, list):
            return each(body, "objects", lambda raw: read_object(message, raw, self.name))
        body = mapping(body, "the body")
        if isinstance(body.get("items"), list) and str(body.get("kind", "")).endswith("List"):
            return each(body["items"][:MAX_ITEMS], "items", lambda raw: read_object(message, raw, self.name))
        return Decoded((read_object(message, body, self.name),))


def read_object(message: RawMessage, raw: Any, name: str) -> Event:
    """One object or watch envelope. Raises InputError."""
    body = mapping(raw, "the object")
    if "object" in body and "kind" not in body:
        body = mapping(body["object"], "object")
    kind = body.get("kind")
    if kind in (None, "Event") and ("involvedObject" in body or "regarding" in body):
        return _event(message, body, name)
    if not isinstance(kind, str) or "status" not in body:
        raise InputError("neither an Event nor an object with kind and status")
    return _status_of(message, body, kind, name)


def _event(message: RawMessage, body: dict[str, Any], name: str) -> Event:
    about = mapping(body.get("involvedObject", body.get("regarding")), "involvedObject")
    source = body.get("source", body.get("deprecatedSource"))
    source = source if isinstance(source, dict) else {}
    reason, message_text = text(body.get("reason"), 200), text(body.get("message", body.get("note")))
    series = body.get("series") if isinstance(body.get("series"), dict) else {}
    at = next(
        (
            found
            for value in (body.get("lastTimestamp"), (series or {}).get("lastObservedTime"), body.get("eventTime"),
                          body.get("deprecatedLastTimestamp"), body.get("firstTimestamp"))
            if (found := instant(value, "timestamp")) is not None
        ),
        None,
    )  # fmt: skip
    kind, object_name = text(about.get("kind"), 100), text(about.get("name"), 300)
    namespace = text(about.get("namespace"), 300)
    component = text(source.get("component"), 200) or text(
        body.get("reportingComponent", body.get("reportingController")), 200
    )
    labels = {
        "reason": reason,
        "type": text(body.get("type"), 40),
        "object_kind": kind,
        "object": object_name,
        "namespace": namespace,
        "component": component,
        **_kind_label(kind, object_name),
    }
    host = text(source.get("host"), 300)
    own = texts(about.get("labels"), "involvedObject.labels") if isinstance(about.get("labels"), dict) else {}
    return _made(
        message,
        name,
        labels={**{k: v for k, v in own.items() if k in _JOB_LABELS}, **labels},
        status=Status.FIRING if body.get("type") == "Warning" else Status.INFO,
        kind=_event_kind(kind, reason),
        title=first_line(message_text, f"{reason} {kind} {object_name}"),
        text_=message_text,
        node=host if kind != "Node" else object_name,
        at=at,
        identity={"uid": text(about.get("uid"), 100), "reason": reason, "object": object_name, "namespace": namespace},
        job=None,
    )


def _event_kind(kind: str, reason: str) -> Kind:
    if kind == "Node":
        return Kind.NODE
    if reason in _SCHEDULING or kind in ("Workload", "PodGroup", "Queue"):
        return Kind.SCHEDULER
    if kind in ("InferenceService", "RayService", "LeaderWorkerSet"):
        return Kind.INFERENCE_SERVICE
    return (
        Kind.TRAINING_JOB if kind in ("Job", "PyTorchJob", "RayJob", "MPIJob", "TrainJob", "JobSet") else Kind.SCHEDULER
    )


def _kind_label(kind: str, object_name: str) -> dict[str, str]:
    names = {"Pod": "pod", "Node": "node", "Job": "job_name", "PyTorchJob": "job_name", "RayJob": "job_name", "MPIJob": "job_name",
             "TrainJob": "job_name", "JobSet": "job_name", "PersistentVolumeClaim": "persistentvolumeclaim",
             "InferenceService": "inferenceservice", "Deployment": "deployment", "Workload": "job_name"}  # fmt: skip
    label = names.get(kind)
    return {label: object_name} if label and object_name else {}


def _status_of(message: RawMessage, body: dict[str, Any], kind: str, name: str) -> Event:
    meta = body.get("metadata") if isinstance(body.get("metadata"), dict) else {}
    spec = body.get("spec") if isinstance(body.get("spec"), dict) else {}
    state = mapping(body["status"], "status")
    object_name, namespace = text((meta or {}).get("name"), 300), text((meta or {}).get("namespace"), 300)
    own = texts((meta or {}).get("labels"), "metadata.labels") if isinstance((meta or {}).get("labels"), dict) else {}
    labels = {"object_kind": kind, "object": object_name, "namespace": namespace, **_kind_label(kind, object_name)}
    job_name = next((own[key] for key in _JOB_LABELS if own.get(key)), "")
    if job_name and "job_name" not in labels:
        labels["job_name"] = job_name
    found = _pod(state) if kind == "Pod" else _node(state) if kind == "Node" else _conditions(state)
    status, reason, said, at, more = found
    labels |= {"reason": reason, **more}
    node = text((spec or {}).get("nodeName"), 300) if kind == "Pod" else object_name if kind == "Node" else ""
    job = None
    if kind not in ("Pod", "Node") and object_name:
        job = JobFact(
            id=f"{namespace}/{object_name}" if namespace else object_name,
            name=object_name,
            state=_job_state(state, status),
            reason=reason or None,
            started_at=instant(state.get("startTime"), "startTime"),
            ended_at=instant(state.get("completionTime"), "completionTime")
            or (at if status is not Status.INFO else None),
            seen_at=message.received_at,
        )
    gpus = _gpus(spec or {})
    if gpus:
        labels["gpus_requested"] = str(gpus)
    kinds = {"Pod": Kind.TRAINING_JOB, "Node": Kind.NODE, "Workload": Kind.SCHEDULER, "InferenceService": Kind.INFERENCE_SERVICE,
             "RayService": Kind.INFERENCE_SERVICE}  # fmt: skip
    return _made(
        message,
        name,
        labels=labels,
        status=status,
        kind=kinds.get(kind, Kind.TRAINING_JOB),
        title=first_line(
            f"{kind} {namespace + '/' if namespace else ''}{object_name} {reason}: {said}" if said else "",
            f"{kind} {namespace + '/' if namespace else ''}{object_name} {reason or status.value}",
        ),
        text_=said,
        node=node,
        at=at,
        identity={"uid": text((meta or {}).get("uid"), 100), "kind": kind, "object": object_name, "namespace": namespace,
                  "reason": reason},
        job=job,
    )  # fmt: skip


Found = tuple[Status, str, str, datetime | None, dict[str, str]]


def _pod(state: dict[str, Any]) -> Found:
    """A pod failed, or one of its containers did."""
    phase = text(state.get("phase"), 40)
    reason, said = text(state.get("reason"), 200), text(state.get("message"))
    at, more = None, {"phase": phase}
    bad = phase == "Failed"
    for one in _containers(state):
        for when in ("state", "lastState"):
            inner = one.get(when) if isinstance(one.get(when), dict) else {}
            ended, waiting = (inner or {}).get("terminated"), (inner or {}).get("waiting")
            if (
                isinstance(ended, dict)
                and (whole(ended.get("exitCode")) or 0) != 0
                and not (reason and when == "lastState")
            ):
                reason = reason or text(ended.get("reason"), 200) or "Error"
                said = said or text(ended.get("message"))
                at = at or instant(ended.get("finishedAt"), "finishedAt")
                more |= {"container": text(one.get("name"), 200), "exit_code": text(ended.get("exitCode"), 20)}
                bad = bad or when == "state" or reason == "OOMKilled"
            elif isinstance(waiting, dict) and text(waiting.get("reason"), 200) not in (
                "",
                "ContainerCreating",
                "PodInitializing",
            ):
                reason = reason or text(waiting.get("reason"), 200)
                said = said or text(waiting.get("message"))
                more["container"] = text(one.get("name"), 200)
                bad = True
    disrupted = next((c for c in _listed(state.get("conditions")) if c.get("type") == "DisruptionTarget"), None)
    if disrupted is not None and disrupted.get("status") == "True":
        reason, bad = text(disrupted.get("reason"), 200) or reason, True
        said = said or text(disrupted.get("message"))
    return Status.FIRING if bad else Status.INFO, reason, said, at, more


def _containers(state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        yield from _listed(state.get(key))


def _listed(raw: Any) -> list[dict[str, Any]]:
    return [one for one in raw[:1000] if isinstance(one, dict)] if isinstance(raw, list) else []


def _node(state: dict[str, Any]) -> Found:
    """Not ready, or under pressure."""
    for one in _listed(state.get("conditions")):
        kind, value = text(one.get("type"), 100), text(one.get("status"), 20)
        if (kind == "Ready" and value != "True") or (kind.endswith("Pressure") and value == "True"):
            reason = "NodeNotReady" if kind == "Ready" else f"NodeHas{kind}"
            more = {"condition": kind, "condition_reason": text(one.get("reason"), 200)}
            return Status.FIRING, reason, text(one.get("message")), instant(one.get("lastTransitionTime"), "time"), more
    return Status.INFO, "", "", None, {}


def _conditions(state: dict[str, Any]) -> Found:
    """Job, PyTorchJob, TrainJob, Workload... by conditions; RayJob by its own words."""
    ray = text(state.get("jobStatus"), 40) or text(state.get("jobDeploymentStatus"), 40)
    if ray in ("FAILED", "Failed", "ValidationFailed"):
        return (
            Status.FIRING,
            text(state.get("reason"), 200) or "AppFailed",
            text(state.get("message")),
            None,
            {"phase": ray},
        )
    for one in _listed(state.get("conditions")):
        if one.get("type") in _BAD_CONDITIONS and one.get("status") == "True":
            at = instant(one.get("lastTransitionTime", one.get("lastUpdateTime")), "time")
            reason = text(one.get("reason"), 200) or "Failed"
            return Status.FIRING, reason, text(one.get("message")), at, {"condition": text(one.get("type"), 100)}
    return Status.INFO, "", "", None, {"phase": ray} if ray else {}


def _job_state(state: dict[str, Any], status: Status) -> JobState:
    if status is Status.FIRING:
        return JobState.FAILED
    done = any(
        c.get("type") in _GOOD_CONDITIONS and c.get("status") == "True" for c in _listed(state.get("conditions"))
    )
    if done or state.get("jobStatus") == "SUCCEEDED":
        return JobState.COMPLETED
    return JobState.RUNNING if state.get("active") or state.get("startTime") else JobState.PENDING


def _gpus(spec: dict[str, Any]) -> int:
    """GPUs that a pod's containers ask for."""
    total = 0
    for one in _listed(spec.get("containers")):
        resources = one.get("resources")
        limits = resources.get("limits") if isinstance(resources, dict) else None
        if isinstance(limits, dict):
            total += sum(whole(limits.get(name)) or 0 for name in _GPU_RESOURCES)
    return total


def _made(
    message: RawMessage,
    name: str,
    *,
    labels: dict[str, str],
    status: Status,
    kind: Kind,
    title: str,
    text_: str,
    node: str,
    at: datetime | None,
    identity: dict[str, str],
    job: JobFact | None,
) -> Event:
    labels = {key: value for key, value in labels.items() if value}
    prints = fingerprint({key: value for key, value in identity.items() if value})
    entities = entities_of(labels)
    more = {"node": (node,), "job": tuple(n for n in (job.id, job.name) if n) if job else ()}
    return Event(
        id=event_id(
            name, message.source, prints, status.value, at or message.received_at, None, labels.get("exit_code", "")
        ),
        format=name,
        source=message.source,
        fingerprint=prints,
        kind=kind,
        status=status,
        severity=AlertSeverity.ERROR if status is Status.FIRING else AlertSeverity.INFO,
        title=title,
        labels=labels,
        entities=merge_entities(clean(more), entities),
        starts_at=at or message.received_at,
        starts_at_given=at is not None,
        received_at=message.received_at,
        logs=(LogPart(text=text_, node=node or None),) if text_ and status is Status.FIRING else (),
        job=job,
    )


FORMAT = Kubernetes()
