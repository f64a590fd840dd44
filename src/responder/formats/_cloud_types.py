"""What a CloudEvents `type` means, by its words: com.example.training.job.failed, dev.cdevents.service.deployed.0.1.1,
dev.tekton.event.taskrun.failed.v1, io.argoproj.workflow.succeeded.

| words of the type | event |
|---|---|
| deployed, rollout, released, upgraded, updated, promoted, rolledback, config... | information, and a Change |
| a job's (job, run, training, workflow, trial...) with failed, started, succeeded... | the job's state; what failed fires |
| failed, error, degraded, drift, violation, lost... | fires |
| resolved, recovered, restored, cleared | resolves |
| anything else | information |

An outcome in the data (CDEvents' subject.content.outcome, `status`, `conclusion`) goes before a neutral word like "finished".
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from responder.model.event import JobState, Kind, Status

_BAD = (
    *(
        "fail",
        "error",
        "crash",
        "degrad",
        "violat",
        "firing",
        "alert",
        "lost",
        "unhealthy",
        "exceed",
        "breach",
        "timeout",
    ),
    *(
        "abort",
        "timed",
        "timedout",
        "drift",
        "anomal",
        "incident",
        "unavailable",
        "fault",
        "evict",
        "stalled",
        "oom",
        "exhaust",
    ),
)
_GOOD = ("resolv", "recover", "restor", "clear")
_WELL = ("succe", "complet", "finish", "pass", "done")
_STOPPED = ("cancel", "stopp", "terminat", "kill")
_BEGUN = ("start", "running", "resum")
_WAITING = ("queue", "pend", "submit", "creat", "schedul")
_CHANGES = (
    *(
        "deploy",
        "rollout",
        "rolledout",
        "releas",
        "upgrad",
        "updat",
        "promot",
        "rollback",
        "rolledback",
        "config",
        "migrat",
    ),
    *("chang", "applied", "merg", "publish", "synced", "modif", "registered"),
)
_JOBS = ("job", "run", "taskrun", "pipelinerun", "workflow", "trial", "experiment", "dag", "train", "task", "finetun")
_KINDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (Kind.INFERENCE_SERVICE, ("inference", "serving", "endpoint", "service", "deployment")),
    (Kind.NODE, ("node", "gpu", "host", "machine")),
    (Kind.DATA_PIPELINE, ("pipeline", "dataset", "data", "feature", "dag", "drift")),
    (Kind.TRAINING_JOB, ("train", "job", "run", "trial", "experiment", "checkpoint", "workflow", "finetun", "taskrun")),
    (Kind.REGISTRY, ("model", "artifact", "registry", "image")),
    (Kind.AGENT, ("agent",)),
    (Kind.SCHEDULER, ("scheduler", "queue", "quota", "workload")),
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What happened."""

    status: Status
    about: str
    """The type without the word that says how it went: the same for what fires and what resolves it."""
    change: bool = False
    kind: Kind | None = None
    job: JobState | None = None
    started: bool = False
    over: bool = False


@lru_cache(maxsize=4096)
def meaning_of(type_: str, outcome: str = "") -> Meaning:
    """The meaning of a type, with the outcome that the data states ("" for none)."""
    words = [word.lower() for word in _WORD.findall(type_)]
    kind = next((kind for kind, starts in _KINDS if _any(words, starts)), None)
    about = ".".join(word for word in words if not _any([word], (*_BAD, *_GOOD, *_WELL)))
    told = [word.lower() for word in _WORD.findall(outcome)]
    bad = _any(words, _BAD) or (not _any(words, _GOOD) and _any(told, _BAD))
    if _any(words, _GOOD):
        return Meaning(Status.RESOLVED, about, kind=kind)
    status = Status.FIRING if bad else Status.INFO
    if _any(words, _JOBS):
        state = _state(words if not bad else [*words, *told], bad)
        if state is not None:
            over = state not in (JobState.RUNNING, JobState.PENDING)
            return Meaning(status, about, kind=kind, job=state, started=state is JobState.RUNNING, over=over)
    return Meaning(status, about, change=not bad and _any(words, _CHANGES), kind=kind)


def _state(words: list[str], bad: bool) -> JobState | None:
    if bad:
        if _any(words, ("oom",)) or ("memory" in words):
            return JobState.OUT_OF_MEMORY
        if _any(words, ("timeout", "timed")):
            return JobState.TIMEOUT
        return JobState.PREEMPTED if _any(words, ("preempt", "evict")) else JobState.FAILED
    for starts, state in (
        (_WELL, JobState.COMPLETED),
        (_STOPPED, JobState.CANCELLED),
        (_BEGUN, JobState.RUNNING),
        (_WAITING, JobState.PENDING),
    ):
        if _any(words, starts):
            return state
    return None


def _any(words: list[str], starts: tuple[str, ...]) -> bool:
    return any(word.startswith(starts) for word in words)
