"""Jobs on Kubernetes by their conditions: Job, PyTorchJob and its kin, TrainJob, JobSet, RayJob, and Kueue's Workload.

Condition types and reasons: k8s.io/api/batch/v1; kubeflow/training-operator and kubeflow/trainer APIs; ray-project/kuberay
ray-operator/apis/ray/v1 (jobStatus, jobDeploymentStatus); kubernetes-sigs/kueue workload_types.go.
"""

from typing import Any

from responder.formats._kubernetes_things import (
    Seen,
    Thing,
    gpus_of,
    instant,
    jobs_above,
    obj,
    objects,
    string,
    to_event,
)
from responder.formats._reading import first_line
from responder.model.event import AlertSeverity, Event, JobFact, JobState, Status
from responder.ports import RawMessage

# The first of these that is True counts: a job keeps its Running condition when it has failed.
_CONDITIONS: tuple[tuple[str, JobState], ...] = (
    ("Failed", JobState.FAILED),
    ("FailureTarget", JobState.FAILED),
    ("Complete", JobState.COMPLETED),
    ("Completed", JobState.COMPLETED),
    ("Succeeded", JobState.COMPLETED),
    ("SuccessCriteriaMet", JobState.COMPLETED),
    ("Suspended", JobState.PENDING),
    ("Restarting", JobState.RUNNING),
    ("Running", JobState.RUNNING),
    ("Created", JobState.PENDING),
)
_RAY = {
    "FAILED": JobState.FAILED,
    "ValidationFailed": JobState.FAILED,
    "Failed": JobState.FAILED,
    "SUCCEEDED": JobState.COMPLETED,
    "Complete": JobState.COMPLETED,
    "STOPPED": JobState.CANCELLED,
    "RUNNING": JobState.RUNNING,
    "Running": JobState.RUNNING,
    "Retrying": JobState.RUNNING,
}
_REASON_STATES = {
    "DeadlineExceeded": JobState.TIMEOUT,
    "MaximumExecutionTimeExceeded": JobState.TIMEOUT,
    "PreRunningDeadlineExceeded": JobState.TIMEOUT,
}
_EVICTED_BY_HARDWARE = frozenset({"NodeFailures"})
_FAILED = frozenset({JobState.FAILED, JobState.TIMEOUT, JobState.PREEMPTED, JobState.NODE_FAIL, JobState.OUT_OF_MEMORY})


def from_job(message: RawMessage, item: dict[str, Any], job: Thing, deleted: bool) -> Event:
    """One job object, as it is now."""
    status, spec = obj(item, "status"), obj(item, "spec")
    if job.kind == "Workload":
        state, condition = _workload(status)
    elif job.kind == "RayJob":
        state, condition = _ray(status)
    else:
        state, condition = _by_conditions(status)
    reason, text = string(condition, "reason", 253), string(condition, "message")
    if state is JobState.FAILED:
        state = _REASON_STATES.get(reason, state)
    started_at = instant(status, "startTime")
    at = instant(condition, "lastTransitionTime")
    over = state not in (JobState.PENDING, JobState.RUNNING)
    ended_at = (instant(status, "completionTime") or instant(status, "endTime") or at) if over else None
    if deleted and not over:
        state, ended_at, over = JobState.CANCELLED, ended_at or at, True
    failed = state in _FAILED and not deleted
    stuck = job.kind == "Workload" and reason == "Inadmissible"
    severity = AlertSeverity.ERROR if failed and state is not JobState.PREEMPTED else AlertSeverity.WARNING
    name = job.owners[0][1] if job.kind == "Workload" and job.owners else job.name
    fact_id = f"{job.namespace}/{name}" if job.namespace else name
    queue = string(spec, "queueName", 253) or job.labels.get("kueue.x-k8s.io/queue-name", "")
    seen = Seen(
        status=Status.FIRING if failed or (stuck and not deleted) else Status.INFO,
        severity=severity if failed or stuck else AlertSeverity.INFO,
        reason=reason,
        text=text,
        title=f"{job} {_word(state, deleted)}"
        + (f": {reason or ''} {first_line(text)[:200]}".rstrip() if failed or stuck else ""),
        at=(ended_at if over else None) or at or started_at,
        distinct=f"{state.value} {reason}",
        labels={"condition": string(condition, "type", 60), "job_state": state.value, "queue": queue},
        entities={"job": (name, fact_id), "queue": (queue,)},
        job=JobFact(
            id=fact_id,
            state=state,
            name=name,
            cluster=job.cluster or None,
            part_of=jobs_above(job) if job.kind != "Workload" else (),
            gpus=_gpus(job.kind, spec),
            queue=queue or None,
            reason=reason or None,
            submitted_at=instant(obj(item, "metadata"), "creationTimestamp"),
            started_at=started_at,
            ended_at=ended_at,
        ),
    )
    return to_event(message, job, seen)


def _by_conditions(status: dict[str, Any]) -> tuple[JobState, dict[str, Any]]:
    conditions = _true(status)
    for name, state in _CONDITIONS:
        if name in conditions:
            return state, conditions[name]
    active = status.get("active")
    return (JobState.RUNNING if type(active) is int and active > 0 else JobState.PENDING), {}


def _true(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: one
        for one in objects(status, "conditions")
        if type(name := one.get("type")) is str and one.get("status") == "True"
    }


def _ray(status: dict[str, Any]) -> tuple[JobState, dict[str, Any]]:
    """RayJob has two words of its own and no conditions; they are given the form of one."""
    words = (string(status, "jobStatus", 60), string(status, "jobDeploymentStatus", 60))
    word = next(
        (one for one in words if _RAY.get(one) is JobState.FAILED), next((one for one in words if one in _RAY), "")
    )
    condition = {"type": word, "reason": status.get("reason"), "message": status.get("message")}
    ended = status.get("endTime")
    return _RAY.get(word, JobState.PENDING), condition | ({"lastTransitionTime": ended} if ended else {})


def _workload(status: dict[str, Any]) -> tuple[JobState, dict[str, Any]]:
    conditions = _true(status)
    finished, evicted = conditions.get("Finished"), conditions.get("Evicted")
    if finished is not None:
        return (JobState.FAILED if finished.get("reason") == "Failed" else JobState.COMPLETED), finished
    if evicted is not None:
        by_hardware = string(evicted, "reason", 60) in _EVICTED_BY_HARDWARE
        return (JobState.NODE_FAIL if by_hardware else JobState.PREEMPTED), evicted
    if "Admitted" in conditions:
        return JobState.RUNNING, conditions["Admitted"]
    waiting = next((one for one in objects(status, "conditions") if one.get("type") == "QuotaReserved"), {})
    return JobState.PENDING, waiting


def _word(state: JobState, deleted: bool) -> str:
    return "was deleted" if deleted else state.value.replace("_", " ")


def _gpus(kind: str, spec: dict[str, Any]) -> int | None:
    """GPUs of all replicas, where the specification is there and says so."""
    total, known = 0, False
    groups: list[tuple[Any, dict[str, Any]]] = []
    if kind == "Job":
        groups.append((spec.get("parallelism", 1), obj(obj(spec, "template"), "spec")))
    for key, replicas in spec.items():
        if key.endswith("ReplicaSpecs") and type(replicas) is dict:
            groups += [
                (one.get("replicas", 1), obj(obj(one, "template"), "spec"))
                for one in replicas.values()
                if type(one) is dict
            ]
    groups += [(one.get("count", 1), obj(obj(one, "template"), "spec")) for one in objects(spec, "podSets")]
    for count, pod in groups:
        if type(count) is int and 0 <= count < 100_000 and pod:
            known = True
            total += count * gpus_of(objects(pod, "containers"))
    trainer = obj(spec, "trainer")
    nodes = trainer.get("numNodes", 1)
    if obj(trainer, "resourcesPerNode") and type(nodes) is int and 0 < nodes < 100_000:
        known, total = True, nodes * gpus_of([{"resources": obj(trainer, "resourcesPerNode")}])
    return total if known else None
