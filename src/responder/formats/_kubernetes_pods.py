"""Pods: why one failed, which container, with what exit code, on which node.

k8s.io/api/core/v1/types.go: PodStatus, ContainerStatus. Reasons of waiting containers: pkg/kubelet/images/types.go and
pkg/kubelet/container/sync_result.go.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
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
from responder.model.event import AlertSeverity, Event, JobFact, JobState, LogPart, Status
from responder.ports import RawMessage

_STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "RegistryUnavailable",
    }
    | {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PreStartHookError",
        "PostStartHookError",
    }
)


_HOW = ("running", "terminated")


@dataclass(frozen=True, slots=True)
class _Trouble:
    container: str
    reason: str
    exit_code: int | None
    signal: int | None
    text: str
    at: datetime | None
    killed_for_memory: bool


def from_pod(message: RawMessage, item: dict[str, Any], pod: Thing, deleted: bool) -> Event:
    """One Pod, as it is now."""
    status, spec = obj(item, "status"), obj(item, "spec")
    node, phase = string(spec, "nodeName", 253), string(status, "phase", 60)
    containers = [*objects(status, "containerStatuses"), *objects(status, "initContainerStatuses")]
    troubles = list(_troubles(containers))
    worst = next((one for one in troubles if one.killed_for_memory), troubles[0] if troubles else None)
    restarts = sum(count for one in containers if type(count := one.get("restartCount")) is int)
    failed = phase == "Failed" or bool(troubles)
    disruption = next(
        (
            one
            for one in objects(status, "conditions")
            if one.get("type") == "DisruptionTarget" and one.get("status") == "True"
        ),
        {},
    )
    reason = (
        ("OOMKilled" if worst is not None and worst.killed_for_memory else "")
        or string(status, "reason", 253)
        or string(disruption, "reason", 253)
        or (worst.reason if worst else "")
        or _unschedulable(status)
    )
    text = "\n".join(
        dict.fromkeys(
            filter(
                None,
                (string(status, "message"), string(disruption, "message"), *(first_line(one.text) for one in troubles)),
            )
        )
    )
    at = (worst.at if worst else None) or instant(disruption, "lastTransitionTime") or _changed(status)
    state = Status.FIRING if failed else Status.RESOLVED if _recovered(phase, containers, restarts) else Status.INFO
    if deleted:
        state = Status.INFO
    seen = Seen(
        status=state,
        severity=AlertSeverity.ERROR if failed else AlertSeverity.INFO,
        reason=reason,
        text=text,
        title=_title(pod, phase, node, reason, worst, deleted),
        at=at,
        distinct=f"{phase} {reason} {restarts} {'deleted' if deleted else ''}",
        labels={
            "phase": phase,
            "node": node,
            "container": worst.container if worst else "",
            "exit_code": str(worst.exit_code) if worst and worst.exit_code is not None else "",
            "signal": str(worst.signal) if worst and worst.signal is not None else "",
            "waiting": worst.reason if worst and worst.reason in _STUCK else "",
            "restarts": str(restarts) if restarts else "",
            "gpus_requested": str(gpus_of(objects(spec, "containers")) or ""),
        },
        entities={"node": (node,)} if node else {},
        logs=tuple(LogPart(text=one.text, node=node or None) for one in troubles if "\n" in one.text),
        job=_job(pod, spec, phase, node, worst, _started(item, status, containers), at, deleted),
    )
    return to_event(message, pod, seen)


def _troubles(containers: list[dict[str, Any]]) -> Iterable[_Trouble]:
    """Containers that ended badly or cannot start; for those in a loop, how they ended the last time."""
    for one in containers:
        state = obj(one, "state")
        ended, waiting = obj(state, "terminated"), obj(state, "waiting")
        stuck = string(waiting, "reason", 253)
        if stuck not in _STUCK:
            stuck = ""
        how = ended or (obj(obj(one, "lastState"), "terminated") if stuck else {})
        code, signal = how.get("exitCode"), how.get("signal")
        ended_badly = bool(ended) and (code != 0 or string(how, "reason") == "OOMKilled")
        if not (stuck or ended_badly):
            continue
        yield _Trouble(
            container=string(one, "name", 253),
            reason=stuck or string(how, "reason", 253) or "Error",
            exit_code=code if type(code) is int and 0 <= code < 1 << 31 else None,
            signal=signal if type(signal) is int and 0 < signal < 256 else None,
            text=string(how, "message") or string(waiting, "message"),
            at=instant(how, "finishedAt"),
            killed_for_memory=string(how, "reason") == "OOMKilled",
        )


def _recovered(phase: str, containers: list[dict[str, Any]], restarts: int) -> bool:
    """Everything runs now, after something had to be started again."""
    return (
        phase == "Running"
        and restarts > 0
        and all(one.get("ready") is True for one in containers if "running" in obj(one, "state"))
    )


def _unschedulable(status: dict[str, Any]) -> str:
    for one in objects(status, "conditions"):
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return string(one, "reason", 253)
    return ""


def _changed(status: dict[str, Any]) -> datetime | None:
    times = [at for one in objects(status, "conditions") if (at := instant(one, "lastTransitionTime")) is not None]
    return max(times, default=None) or instant(status, "startTime")


def _started(item: dict[str, Any], status: dict[str, Any], containers: list[dict[str, Any]]) -> datetime | None:
    """The kubelet's word, else the first container's, else when the pod was made (which counts its time in the queue, too)."""
    states = [obj(obj(one, key), how) for one in containers for key in ("state", "lastState") for how in _HOW]
    began = min((at for one in states if (at := instant(one, "startedAt")) is not None), default=None)
    return instant(status, "startTime") or began or instant(obj(item, "metadata"), "creationTimestamp")


def _title(pod: Thing, phase: str, node: str, reason: str, worst: _Trouble | None, deleted: bool) -> str:
    where = f" on {node}" if node else ""
    if deleted:
        return f"{pod} was deleted{where}"
    if worst is not None and worst.exit_code is not None:
        how = f": {reason} (container {worst.container}, exit {worst.exit_code})"
    elif worst is not None:
        how = f": {reason} (container {worst.container})"
    else:
        how = f": {reason}" if reason else ""
    return f"{pod} {(phase or 'unknown').lower()}{where}{how}"


def _job(
    pod: Thing,
    spec: dict[str, Any],
    phase: str,
    node: str,
    worst: _Trouble | None,
    started_at: datetime | None,
    at: datetime | None,
    deleted: bool,
) -> JobFact | None:
    """A pod that holds GPUs is work on its node: impact needs to know. A finished job object speaks for itself, not its pods."""
    gpus = gpus_of(objects(spec, "containers"))
    if not (gpus and node):
        return None
    if phase == "Failed":
        state = JobState.OUT_OF_MEMORY if worst and worst.killed_for_memory else JobState.FAILED
    elif phase == "Succeeded" or deleted:
        state = JobState.CANCELLED if deleted else JobState.COMPLETED
    else:
        state = JobState.PENDING if phase == "Pending" else JobState.RUNNING
    over = state not in (JobState.PENDING, JobState.RUNNING)
    return JobFact(
        id=f"{pod.namespace}/{pod.name}",
        state=state,
        cluster=pod.cluster or None,
        nodes=(node,),
        pods=(pod.name,),
        part_of=jobs_above(pod),
        gpus=gpus,
        exit_code=worst.exit_code if worst else None,
        signal=worst.signal if worst else None,
        reason=worst.reason if worst else None,
        started_at=started_at,
        ended_at=at if over else None,
    )
