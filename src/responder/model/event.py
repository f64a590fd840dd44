"""One normalised occurrence: an alert that fires or resolves, a job that ends, a cluster event.

Formats make events out of bytes; everything after them sees only these.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field

from responder.model.value import Instant, Value

EVENT_SCHEMA = "responder.event/v1"


class Kind(StrEnum):
    """What sort of thing the event is about."""

    TRAINING_JOB = "training_job"
    INFERENCE_SERVICE = "inference_service"
    NODE = "node"
    SCHEDULER = "scheduler"
    DATA_PIPELINE = "data_pipeline"
    REGISTRY = "registry"
    AGENT = "agent"
    MONITORING = "monitoring"


class Status(StrEnum):
    """FIRING: something is wrong (an alert fires, a job failed). RESOLVED: it is over. INFO: it needs nobody by itself."""

    FIRING = "firing"
    RESOLVED = "resolved"
    INFO = "info"


class AlertSeverity(StrEnum):
    """What the sender said, normalised; the incident's own severity is SEV1 to SEV4."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NONE = "none"


class LogPart(Value):
    """A piece of log text; `rank` and `node` where the sender knows them."""

    text: str
    rank: int | None = None
    node: str | None = None


class Link(Value):
    """A URL to look at, never fetched by us."""

    href: str
    text: str = ""


class JobState(StrEnum):
    """Life of a job, over all schedulers."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    NODE_FAIL = "node_fail"


class JobFact(Value):
    """What an event says of a job; merged over time into the projection of what runs where."""

    id: str
    state: JobState
    name: str | None = None
    cluster: str | None = None
    nodes: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    part_of: tuple[str, ...] = ()
    """Ids of the jobs that own it, the outermost first: a pod's job, a job's set."""
    gpus: int | None = None
    gpu_model: str | None = None
    user: str | None = None
    owner: str | None = None
    queue: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None
    submitted_at: Instant | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    checkpoint_at: Instant | None = None
    seen_at: Instant | None = None


class Change(Value):
    """A deploy, driver or configuration change; shown when something breaks shortly after."""

    at: Instant
    what: str
    entity: str = ""
    link: str | None = None


class Event(Value):
    """One occurrence. `id` is derived from its content (see `logic.identity`), so that a resent event has the same id.

    `labels` are what rules match on; `entities` maps an entity kind (cluster, node, gpu, job, pod, service, model, rack,
    tenant, namespace, queue, user) to names, first the most specific.
    """

    id: str
    format: str
    source: str
    """Namespace of the fingerprint: where it came from, the same for both halves of an HA pair."""
    fingerprint: str
    kind: Kind
    status: Status
    severity: AlertSeverity = AlertSeverity.WARNING
    title: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    entities: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    starts_at: Instant
    starts_at_given: bool = True
    """False when the sender gave no start and `starts_at` is the time of arrival."""
    ends_at: Instant | None = None
    """Resolved: when it ended. Firing: when the alert lapses unless it is sent again."""
    received_at: Instant
    logs: tuple[LogPart, ...] = ()
    links: tuple[Link, ...] = ()
    job: JobFact | None = None
    change: Change | None = None
    truncated: int = 0
    """How many sibling alerts the sender left out (Alertmanager's truncatedAlerts)."""

    def entity(self, kind: str) -> str | None:
        """The most specific entity of a kind, None where the event names none."""
        names = self.entities.get(kind)
        return names[0] if names else None

    def with_logs(self, logs: tuple[LogPart, ...]) -> Self:
        return self.model_copy(update={"logs": logs})
