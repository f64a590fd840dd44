"""Slurm: what jobcomp/kafka writes for a finished (or, since 25.05, started) job; also slurmrestd's arrays of states.

Shape: SchedMD/slurm, src/plugins/jobcomp/common. A start record lacks `@end` and `state`. Times are UTC without a zone, or
"Unknown". `script` and `comment` are dropped here: they are the user's own, and often hold secrets. A site's epilog may add `log`, the tail
of the job's output (deploy/slurm).
"""

import re
from typing import Any

from responder.errors import InputError
from responder.formats._reading import clean, document, each, instant, log_parts, mapping, text, whole
from responder.logic.hostlist import HostlistError, expand
from responder.logic.identity import event_id, fingerprint
from responder.model.event import AlertSeverity, Event, JobFact, JobState, Kind, Status
from responder.ports import Decoded, RawMessage

# Base states of Slurm (slurm/slurm.h); flags such as REQUEUED may stand beside them.
STATES: dict[str, tuple[JobState, Status]] = {
    "PENDING": (JobState.PENDING, Status.INFO),
    "RUNNING": (JobState.RUNNING, Status.INFO),
    "SUSPENDED": (JobState.RUNNING, Status.INFO),
    "COMPLETED": (JobState.COMPLETED, Status.INFO),
    "CANCELLED": (JobState.CANCELLED, Status.INFO),
    "FAILED": (JobState.FAILED, Status.FIRING),
    "TIMEOUT": (JobState.TIMEOUT, Status.FIRING),
    "NODE_FAIL": (JobState.NODE_FAIL, Status.FIRING),
    "PREEMPTED": (JobState.PREEMPTED, Status.FIRING),
    "BOOT_FAIL": (JobState.NODE_FAIL, Status.FIRING),
    "DEADLINE": (JobState.TIMEOUT, Status.FIRING),
    "OUT_OF_MEMORY": (JobState.OUT_OF_MEMORY, Status.FIRING),
}
_GPUS = re.compile(r"(?:^|,)gres/gpu=(\d{1,6})")
_GPUS_TYPED = re.compile(r"(?:^|,)gres/gpu:([A-Za-z0-9_.-]{1,60})=(\d{1,6})")
_LABELS = (
    "cluster",
    "partition",
    "qos",
    "reservation_name",
    "account",
    "job_name",
    "exit_code",
    "derived_ec",
    "failed_node",
)
_SEVERE = {
    JobState.NODE_FAIL: AlertSeverity.CRITICAL,
    JobState.PREEMPTED: AlertSeverity.WARNING,
    JobState.TIMEOUT: AlertSeverity.WARNING,
}


class Slurm:
    """The format."""

    name = "slurm"
    description = "Slurm job records (jobcomp/kafka JSON), with the output's tail where an epilog adds it"

    def decode(self, message: RawMessage) -> Decoded:
        body = document(message)
        if isinstance(body, list):
            return each(body, "jobs", lambda raw: read_job(message, raw, self.name))
        return Decoded((read_job(message, body, self.name),))


def read_job(message: RawMessage, raw: Any, name: str) -> Event:
    """One record. Raises InputError."""
    body = mapping(raw, "the job")
    number = body.get("jobid", body.get("job_id"))
    job_id = text(number, 40) if isinstance(number, str | int) and not isinstance(number, bool) else ""
    if not job_id:
        raise InputError("jobid is missing or no number")
    words = _state_words(body)
    state, status = _state(words)
    started = instant(body.get("@start"), "@start")
    ended = instant(body.get("@end"), "@end")
    nodes = _nodes(body.get("nodes"), "nodes")
    failed = _nodes(body.get("failed_node"), "failed_node")
    gpus, model = _gpus(text(body.get("tres_alloc"), 2000))
    code, signal = _exit(body.get("exit_code"))
    cluster, user, title = (
        text(body.get("cluster"), 200),
        text(body.get("username"), 200),
        text(body.get("job_name"), 300),
    )
    job = JobFact(
        id=job_id,
        state=state,
        name=title or None,
        cluster=cluster or None,
        nodes=nodes,
        gpus=gpus,
        gpu_model=model,
        user=user or None,
        owner=text(body.get("account"), 200) or None,
        queue=text(body.get("partition"), 200) or None,
        exit_code=code,
        signal=signal,
        reason=words[0] if words else None,
        submitted_at=instant(body.get("@submit"), "@submit"),
        started_at=started,
        ended_at=ended,
        seen_at=message.received_at,
    )
    labels = {key: text(body.get(key), 300) for key in _LABELS}
    labels |= {"jobid": job_id, "user": user, "state": ",".join(words) if words else "STARTED"}
    task, array = text(body.get("array_task_id"), 40), text(body.get("array_job_id"), 40)
    if array and array != "0":
        labels |= {"array_job_id": array, "array_task_id": task}
    prints = fingerprint({"cluster": cluster, "jobid": job_id, "state": state.value})
    at = ended or started or message.received_at
    return Event(
        id=event_id(name, message.source, prints, status.value, started, ended, ",".join(words)),
        format=name,
        source=message.source,
        fingerprint=prints,
        kind=Kind.TRAINING_JOB,
        status=status,
        severity=_SEVERE.get(state, AlertSeverity.ERROR) if status is Status.FIRING else AlertSeverity.INFO,
        title=_title(job, words, text(body.get("nodes"), 120), text(body.get("exit_code"), 20)),
        labels={key: value for key, value in labels.items() if value and value != "(null)"},
        entities=clean(
            {
                "job": (job_id, title),
                "node": (*failed, *nodes),
                "cluster": (cluster,),
                "user": (user,),
                "tenant": (job.owner or "",),
                "queue": (job.queue or "",),
            }
        ),
        starts_at=at,
        starts_at_given=bool(ended or started),
        received_at=message.received_at,
        logs=log_parts(body.get("log"), body.get("logs")),
        job=job,
    )


def _state_words(body: dict[str, Any]) -> list[str]:
    """`FAILED`, `FAILED,REQUEUED`, `CANCELLED by 1001`, or slurmrestd's array."""
    raw = body.get("state", body.get("job_state"))
    if raw is None:
        return []
    parts = [part for part in raw if isinstance(part, str)] if isinstance(raw, list) else text(raw, 300).split(",")
    return [part.strip().split(" ")[0].upper() for part in parts if part.strip()]


def _state(words: list[str]) -> tuple[JobState, Status]:
    if not words:
        return JobState.RUNNING, Status.INFO
    for word in words:
        if word in STATES:
            return STATES[word]
    raise InputError(f"state is {','.join(words)[:80]!r}, which is no state of Slurm")


def _nodes(raw: Any, what: str) -> tuple[str, ...]:
    if raw is None:
        return ()
    try:
        return expand(text(raw, 65_536))
    except HostlistError as error:
        raise InputError(f"{what}: {error}") from error


def _gpus(tres: str) -> tuple[int | None, str | None]:
    """GPUs of the whole job. A record with TRES but no GPU among them had none."""
    typed = _GPUS_TYPED.findall(tres)
    total = _GPUS.search(tres)
    if total is not None:
        return int(total[1]), typed[0][0] if typed else None
    if typed:
        return sum(int(count) for _, count in typed), typed[0][0]
    return (0, None) if tres else (None, None)


def _exit(raw: Any) -> tuple[int | None, int | None]:
    """`status:signal`."""
    if isinstance(raw, dict):
        inner = raw.get("return_code")
        return whole(inner.get("number")) if isinstance(inner, dict) else None, None
    status, _, signal = text(raw, 20).partition(":")
    number = whole(signal)
    return whole(status), number or None


def _title(job: JobFact, words: list[str], nodes: str, code: str) -> str:
    name = f" ({job.name})" if job.name else ""
    where = f" on {nodes}" if nodes and nodes != "(null)" else ""
    if not words:
        return f"Slurm job {job.id}{name} started{where}"
    return f"Slurm job {job.id}{name} {words[0]}{where}" + (f", exit {code}" if code and code != "0:0" else "")


FORMAT = Slurm()
