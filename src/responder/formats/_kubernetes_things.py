"""What a Kubernetes object is, whom it belongs to, and the event that is made of it.

Label keys: batch/v1 Job, Kubeflow training-operator, JobSet, KubeRay, Volcano, KServe, Kueue and the recommended labels of
kubernetes.io/docs/concepts/overview/working-with-objects/common-labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from responder.errors import InputError
from responder.formats import _reading
from responder.formats._reading import first_line, text
from responder.logic.entities import Entities, merge_entities
from responder.logic.identity import event_id, fingerprint
from responder.logic.kinds import kind_of_name
from responder.model.event import AlertSeverity, Event, JobFact, Kind, LogPart, Status
from responder.ports import RawMessage

JOB_KINDS = frozenset(
    {
        "Job",
        "CronJob",
        "PyTorchJob",
        "TFJob",
        "MPIJob",
        "XGBoostJob",
        "PaddleJob",
        "JAXJob",
        "TrainJob",
        "RayJob",
        "JobSet",
    }
    | {"Workflow", "PodGroup"}
)
SERVICE_KINDS = frozenset(
    {"Deployment", "StatefulSet", "ReplicaSet", "DaemonSet", "Service", "InferenceService", "LLMInferenceService"}
    | {"RayService", "RayCluster", "LeaderWorkerSet", "Revision", "HorizontalPodAutoscaler", "Endpoints"}
)
_ENTITY_OF_KIND = {
    "Pod": "pod",
    "Node": "node",
    "PersistentVolumeClaim": "volume",
    "PersistentVolume": "volume",
    "ClusterQueue": "queue",
    "LocalQueue": "queue",
    "Queue": "queue",
    "Namespace": "namespace",
    **dict.fromkeys(JOB_KINDS, "job"),
    **dict.fromkeys(SERVICE_KINDS, "service"),
}
_BELONGS = (
    ("training.kubeflow.org/job-name", "job"),
    ("jobset.sigs.k8s.io/jobset-name", "job"),
    ("ray.io/originated-from-cr-name", "job"),
    ("volcano.sh/job-name", "job"),
    ("batch.kubernetes.io/job-name", "job"),
    ("job-name", "job"),
    ("serving.kserve.io/inferenceservice", "service"),
    ("leaderworkerset.sigs.k8s.io/name", "service"),
    ("kueue.x-k8s.io/queue-name", "queue"),
    ("kueue.x-k8s.io/priority-class", "priority"),
)
_APPLICATION = ("app.kubernetes.io/instance", "app.kubernetes.io/name", "app", "k8s-app")
_SCHEDULING = frozenset(
    {"FailedScheduling", "NotTriggerScaleUp", "Unschedulable", "Preempted", "QuotaReserved", "Inadmissible"}
)


@dataclass(frozen=True, slots=True)
class Thing:
    """An object, as far as we need to know it."""

    kind: str
    name: str
    namespace: str
    uid: str
    cluster: str
    labels: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def key(self) -> dict[str, str]:
        """What a fingerprint of it is made of: a new object of the same name is another one."""
        return {"cluster": self.cluster, "kind": self.kind, "object": self.uid or f"{self.namespace}/{self.name}"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What an observation says about a thing."""

    status: Status
    severity: AlertSeverity
    reason: str
    text: str
    title: str
    at: datetime | None
    distinct: str = ""
    """Tells apart observations of one thing at one time."""
    aspect: str = ""
    """What about the thing: a node has several conditions, each with a state of its own."""
    labels: Mapping[str, str] = field(default_factory=dict)
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    logs: tuple[LogPart, ...] = ()
    job: JobFact | None = None
    lapses_at: datetime | None = None


def obj(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An inner object; {} when there is none."""
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def objects(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """An inner list of objects; what is none of them is left out."""
    inner = value.get(key)
    return [item for item in inner if type(item) is dict] if type(inner) is list else []


def string(item: Mapping[str, Any], key: str, longest: int = _reading.MAX_VALUE) -> str:
    """A text field; "" when it is not there or is an object or a list."""
    return text(item.get(key), longest)


def instant(item: Mapping[str, Any], key: str) -> datetime | None:
    """A time field. Raises InputError when it is no time."""
    return _reading.instant(item.get(key), key)


def thing(item: dict[str, Any], kind: str, cluster: str = "") -> Thing:
    """The object itself, from its metadata."""
    metadata = obj(item, "metadata")
    name = string(metadata, "name", 253)
    if not name:
        raise InputError(
            f"an object of kind {kind[:60]} must have metadata.name, found {', '.join(list(metadata)[:8])[:120] or 'none'}"
        )
    owners = tuple(
        (string(one, "kind", 253), string(one, "name", 253)) for one in objects(metadata, "ownerReferences")[:8]
    )
    return Thing(
        kind=kind,
        name=name,
        namespace=string(metadata, "namespace", 253),
        uid=string(metadata, "uid", 253),
        cluster=string(item, "clusterName", 253) or cluster,
        labels=texts(obj(metadata, "labels")),
        owners=owners,
    )


def texts(labels: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if type(value) is str and len(value) <= 253}


def entities(what: Thing) -> Entities:
    """The thing under its own kind, and what its labels and owners say that it belongs to."""
    out: dict[str, tuple[str, ...]] = {}

    def add(kind: str, name: str) -> None:
        if name and kind != "priority":
            out[kind] = (*out.get(kind, ()), name)

    own = _ENTITY_OF_KIND.get(what.kind)
    if own:
        add(own, what.name)
    for label, kind in _BELONGS:
        add(kind, what.labels.get(label, ""))
    for kind, name in what.owners:
        owner = _ENTITY_OF_KIND.get(kind)
        # A ReplicaSet's name is a Deployment's with a hash that changes with each rollout.
        add(owner or "", name.rpartition("-")[0] or name if kind == "ReplicaSet" else name) if owner else None
    if "job" not in out and "service" not in out and own in (None, "pod"):
        add("service", next((what.labels[key] for key in _APPLICATION if key in what.labels), ""))
    add("namespace", what.namespace)
    add("cluster", what.cluster)
    return merge_entities(out, {})


def jobs_above(what: Thing) -> tuple[str, ...]:
    """Ids of the jobs that own it, the outermost first. A CronJob owns runs that are jobs of their own."""
    owners = (name for kind, name in what.owners if kind in JOB_KINDS and kind != "CronJob")
    labelled = (name for label, kind in _BELONGS if kind == "job" and (name := what.labels.get(label)))
    own = what.name if what.kind in JOB_KINDS else ""
    names = dict.fromkeys(name for name in (*labelled, *owners) if name != own)
    return tuple(f"{what.namespace}/{name}" if what.namespace else name for name in names)


def kind_of_thing(what: Thing, named: Entities, reason: str) -> Kind:
    """The kind of event that an observation of it is."""
    if reason in _SCHEDULING or what.kind in ("Workload", "ClusterQueue", "LocalQueue"):
        return Kind.SCHEDULER
    if what.kind == "Node":
        return Kind.NODE
    if what.kind in JOB_KINDS:
        return Kind.TRAINING_JOB
    if "job" in named:
        return Kind.TRAINING_JOB
    return kind_of_name(what.name) or (Kind.INFERENCE_SERVICE if "service" in named else Kind.TRAINING_JOB)


def to_event(message: RawMessage, what: Thing, seen: Seen) -> Event:
    """The event of an observation."""
    named = merge_entities(entities(what), seen.entities)
    labels = {
        "object_kind": what.kind,
        "object": what.name,
        "namespace": what.namespace,
        "cluster": what.cluster,
        "reason": seen.reason,
        **seen.labels,
    }
    labels = {name: text(value, 1024) for name, value in labels.items() if value}
    print_ = fingerprint({**what.key, "aspect": seen.aspect})
    began = seen.at or message.received_at
    return Event(
        id=event_id("kubernetes", message.source, print_, seen.status.value, seen.at, content=seen.distinct),
        format="kubernetes",
        source=message.source,
        fingerprint=print_,
        kind=kind_of_thing(what, named, seen.reason),
        status=seen.status,
        severity=seen.severity,
        title=first_line(seen.title),
        labels=labels,
        annotations={"message": text(seen.text)} if seen.text else {},
        entities=named,
        starts_at=began,
        starts_at_given=seen.at is not None,
        ends_at=seen.lapses_at if seen.status is Status.FIRING else None,
        received_at=message.received_at,
        logs=seen.logs,
        job=seen.job,
    )


def gpus_of(containers: list[dict[str, Any]]) -> int:
    """GPUs that containers ask for: extended resources whose name is a GPU's (nvidia.com/gpu, nvidia.com/mig-*, amd.com/gpu)."""
    total = 0
    for container in containers:
        resources = obj(container, "resources")
        asked = obj(resources, "limits") or obj(resources, "requests")
        for name, amount in asked.items():
            if name.startswith(("nvidia.com/gpu", "nvidia.com/mig-", "amd.com/gpu", "gpu.intel.com/")):
                count = str(amount)
                total += int(count) if count.isascii() and count.isdigit() and len(count) < 6 else 0
    return total
