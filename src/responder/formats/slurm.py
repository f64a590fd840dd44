"""Slurm: what jobcomp/kafka writes for a finished (or, since 25.05, started) job; also job lists of slurmrestd and sacct --json.

Shape: SchedMD/slurm, src/plugins/jobcomp/common, doc/html/jobcomp_kafka.shtml. A start record lacks `@end` and `state`. Times
are UTC without a zone, or "Unknown". `script`, `comment` and `admin_comment` are never read: they are the user's own, and often
hold secrets. A site's epilog may add `log`, the tail of the job's output (deploy/slurm).
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from responder.errors import InputError
from responder.formats._reading import (
    document,
    each,
    first_line,
    instant,
    log_parts,
    mapping,
    single,
    text,
    whole,
)
from responder.formats._slurm_rest import as_record
from responder.logic.hostlist import HostlistError, expand
from responder.logic.identity import event_id, fingerprint
from responder.model.event import AlertSeverity, Event, JobFact, JobState, Kind, Status
from responder.ports import Decoded, RawMessage

# slurm.schedmd.com/squeue.html, JOB STATE CODES, and slurm/slurm.h (job_states and JOB_* flags). Searched in this order, so that
# "FAILED,REQUEUED" is a failure and "COMPLETING,FAILED" is one too.
STATES: dict[str, JobState] = {
    "NODE_FAIL": JobState.NODE_FAIL,
    "BOOT_FAIL": JobState.NODE_FAIL,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
    "TIMEOUT": JobState.TIMEOUT,
    "DEADLINE": JobState.TIMEOUT,
    "PREEMPTED": JobState.PREEMPTED,
    "FAILED": JobState.FAILED,
    "LAUNCH_FAILED": JobState.FAILED,
    "SPECIAL_EXIT": JobState.FAILED,
    "RECONFIG_FAIL": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
    "REVOKED": JobState.CANCELLED,
    "COMPLETED": JobState.COMPLETED,
    "COMPLETING": JobState.RUNNING,
    "RUNNING": JobState.RUNNING,
    "SUSPENDED": JobState.RUNNING,
    "STOPPED": JobState.RUNNING,
    "RESIZING": JobState.RUNNING,
    "SIGNALING": JobState.RUNNING,
    "STAGE_OUT": JobState.RUNNING,
    "CONFIGURING": JobState.RUNNING,
    "POWER_UP_NODE": JobState.RUNNING,
    "PENDING": JobState.PENDING,
    "REQUEUED": JobState.PENDING,
    "REQUEUE_FED": JobState.PENDING,
    "REQUEUE_HOLD": JobState.PENDING,
    "RESV_DEL_HOLD": JobState.PENDING,
    "EXPEDITING": JobState.PENDING,
}
# Finding a member of an enumeration takes longer than all that is done with it, and this is done for every event.
_KIND, _INFO, _FIRING, _NO_MATTER = Kind.TRAINING_JOB, Status.INFO, Status.FIRING, AlertSeverity.INFO
_NEEDS_NOBODY = frozenset({JobState.PENDING, JobState.RUNNING, JobState.COMPLETED, JobState.CANCELLED})
_SEVERE = {JobState.NODE_FAIL: AlertSeverity.CRITICAL, JobState.PREEMPTED: AlertSeverity.WARNING}
_NULL = "(null)"
"""What Slurm writes where it has nothing to say."""
LABEL = 253
"""Characters of a label that are kept: no name of Slurm's or of DNS is longer."""
_GPUS = re.compile(r"(?:^|,)gres/gpu=(\d{1,6})")
_GPUS_TYPED = re.compile(r"(?:^|,)gres/gpu:([A-Za-z0-9_.-]{1,60})=(\d{1,6})")
_LABELS = (
    ("cluster", "cluster"),
    ("jobid", "job_id"),
    ("job_name", "job_name"),
    ("username", "user"),
    ("account", "account"),
    ("partition", "partition"),
    ("qos", "qos"),
    ("state", "state"),
    ("state_reason", "state_reason"),
    ("exit_code", "exit_code"),
    ("derived_ec", "derived_exit_code"),
    ("failed_node", "failed_node"),
    ("reservation_name", "reservation"),
    ("array_job_id", "array_job_id"),
    ("array_task_id", "array_task_id"),
)
_ANNOTATIONS = (("std_out", "stdout"), ("std_err", "stderr"), ("work_dir", "work_dir"))
_SHARED_NAMES = frozenset({"wrap", "sbatch", "interactive", "bash", "sh", "zsh", "python", "python3", "srun", "test"})
"""Names that jobs of different people have by default (sbatch --wrap, salloc, srun) or by habit: they tie nothing together."""


class Slurm:
    """The format."""

    name = "slurm"
    description = "Slurm job records (jobcomp/kafka, slurmrestd, sacct), with the output's tail where an epilog adds it"

    def decode(self, message: RawMessage) -> Decoded:
        body = document(message)
        if isinstance(body, dict) and isinstance(body.get("jobs"), list):
            body = body["jobs"]
        if isinstance(body, list):
            return each(body, "jobs", lambda raw: read_job(message, raw))
        return single(body, lambda raw: read_job(message, raw))


def is_slurm(raw: Any) -> bool:
    """Whether an object has one of these shapes."""
    if not isinstance(raw, dict):
        return False
    return _is_id(raw.get("jobid")) or (_is_id(raw.get("job_id")) and ("job_state" in raw or "state" in raw))


def _is_id(value: Any) -> bool:
    return (type(value) is int and value > 0) or (type(value) is str and 0 < len(value) <= 64 and value != _NULL)


def read_job(message: RawMessage, raw: Any) -> Event:
    """One record. Raises InputError."""
    body = mapping(raw, "the job")
    if not _is_id(body.get("jobid")):
        if not is_slurm(body):
            raise InputError("no Slurm job: expected `jobid`, or `job_id` with `job_state` or `state`")
        body = as_record(body)
    if _NULL in body.values():
        body = {key: value for key, value in body.items() if value != _NULL}
    labels = {label: value for key, label in _LABELS if key in body and (value := text(body[key], LABEL))}
    state, words = _state(body)
    job, note = _job(body, labels, state, message.received_at)
    status = _INFO if state in _NEEDS_NOBODY else _FIRING
    at = job.ended_at or job.started_at or job.submitted_at
    prints = fingerprint({"cluster": job.cluster or "", "job": job.id})
    annotations = {label: value for key, label in _ANNOTATIONS if key in body and (value := text(body[key], 1000))}
    if note:
        annotations["note"] = note
    failed = labels.get("failed_node", "")
    return Event.unchecked(
        id=event_id("slurm", message.source, prints, status._value_, job.started_at, job.ended_at, words or "started"),
        format="slurm",
        source=message.source,
        fingerprint=prints,
        kind=_KIND,
        status=status,
        severity=_NO_MATTER if status is _INFO else _SEVERE.get(state, AlertSeverity.ERROR),
        title=_title(body, job, words, failed),
        labels=labels,
        annotations=annotations,
        entities=_entities(job, failed),
        starts_at=at or message.received_at,
        starts_at_given=at is not None,
        ends_at=None,
        received_at=message.received_at,
        logs=log_parts(body.get("log"), body.get("logs")) if "log" in body or "logs" in body else (),
        links=(),
        job=job,
        change=None,
        truncated=0,
    )


def _entities(job: JobFact, failed: str) -> dict[str, tuple[str, ...]]:
    own = job.name if job.name and job.name.lower() not in _SHARED_NAMES and job.name != job.id else None
    out: dict[str, tuple[str, ...]] = {"job": (job.id, own) if own else (job.id,)}
    if nodes := (failed, *(node for node in job.nodes if node != failed)) if failed else job.nodes:
        out["node"] = nodes
    for kind, name in (("cluster", job.cluster), ("user", job.user), ("tenant", job.owner), ("queue", job.queue)):
        if name:
            out[kind] = (name,)
    return out


def _state(body: dict[str, Any]) -> tuple[JobState, str]:
    """The state, and Slurm's words for it: `FAILED`, `FAILED,REQUEUED`, `CANCELLED by 1001`.

    A job that ended in a state that nobody knows has not completed: it failed.
    """
    words = text(body.get("state"), 300).strip()
    if not words:
        if instant(body.get("@end"), "@end") is None:
            return JobState.RUNNING, ""
        return (JobState.COMPLETED if text(body.get("exit_code")) in ("", "0:0") else JobState.FAILED), ""
    return _named(words), words


@lru_cache(256)
def _named(words: str) -> JobState:
    names = {part.split()[0].rstrip("+") for part in words.upper().split(",") if part.split()}
    return next((state for name, state in STATES.items() if name in names), JobState.FAILED)


def _job(body: dict[str, Any], said: dict[str, str], state: JobState, received_at: datetime) -> tuple[JobFact, str]:
    """The facts, and a note where the list of nodes was too much: the failure counts more than where it was."""
    note = ""
    try:
        nodes = expand(text(body.get("nodes"), 65_536))
    except HostlistError as error:
        nodes, note = (), f"the list of nodes could not be read: {error}"
    gpus, model = _gpus(text(body.get("tres_alloc"), 1024))
    code, signal = _exit(said.get("exit_code", ""))
    reason = said.get("state_reason")
    fact = JobFact.unchecked(
        id=said["job_id"],
        state=state,
        name=said.get("job_name"),
        cluster=said.get("cluster"),
        nodes=nodes,
        pods=(),
        part_of=(),
        gpus=gpus,
        gpu_model=model,
        user=said.get("user"),
        owner=said.get("account"),
        queue=said.get("partition"),
        exit_code=code,
        signal=signal,
        reason=reason if reason != "None" else None,
        submitted_at=instant(body.get("@submit"), "@submit"),
        started_at=instant(body.get("@start"), "@start"),
        ended_at=instant(body.get("@end"), "@end"),
        checkpoint_at=None,
        seen_at=received_at,
    )
    return fact, note


@lru_cache(1024)
def _exit(words: str) -> tuple[int | None, int | None]:
    """`1:0`: the exit code, and the signal where there was one."""
    code, _, signal = words.partition(":")
    return whole(code), whole(signal) or None


@lru_cache(1024)
def _gpus(tres: str) -> tuple[int | None, str | None]:
    """GPUs of the whole job; only the typed entries may be there. A record with TRES but no GPU among them had none."""
    typed = _GPUS_TYPED.findall(tres)
    model = typed[0][0] if len(typed) == 1 else None
    total = _GPUS.search(tres)
    if total is not None:
        return int(total[1]), model
    if typed:
        return sum(int(count) for _, count in typed), model
    return (0, None) if tres else (None, None)


def _title(body: dict[str, Any], job: JobFact, words: str, failed: str) -> str:
    """`Slurm job 4711 (llama-70b) FAILED on gpu[001-064], exit 1:0`"""
    nodes, code = text(body.get("nodes"), 120), text(body.get("exit_code"), 20)
    line = f"Slurm job {job.id}{f' ({job.name})' if job.name else ''} {words or 'started'}"
    line += f" on {nodes}" if nodes else ""
    line += f", node {failed} failed" if failed else ""
    return first_line(line + (f", exit {code}" if code and code != "0:0" else ""))


FORMAT = Slurm()
