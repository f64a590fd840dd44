"""Which pieces of work a list of job facts is, each counted once under its owner.

A PyTorchJob, its Pods and what the queue says of it are one job; so are a scheduler's job and the pod in which it runs: GPUs are
not shared, so a pod without an owner that holds GPUs of a node while a job does is the same work seen by another scheduler.
What it deliberately does not do: guess that jobs with equal names are one (people submit the same script many times).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from responder.model.event import Event, JobFact

_MOST_OWNERS = 8
"""Longest chain of owners that is followed."""
_NEVER, _ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Work:
    """One job: `facts` are those whose GPUs count (the owner's own, or its parts' where it says none), `names` all it is called."""

    id: str
    facts: tuple[JobFact, ...]
    names: frozenset[str]

    @property
    def gpus(self) -> int:
        return sum(fact.gpus or 0 for fact in self.facts)


def works(jobs: Sequence[JobFact]) -> tuple[Work, ...]:
    """In the order of the facts."""
    known = {job.id: job for job in jobs}
    families: dict[str, list[JobFact]] = defaultdict(list)
    for job in jobs:
        families[_root(job, known)].append(job)
    for id, members in list(families.items()):
        host = next((one.id for one in jobs if _runs_inside(members, one)), None) if len(members) == 1 else None
        if host is not None:
            families[_root(known[host], known)] += families.pop(id)
    return tuple(_work(id, members, known.get(id)) for id, members in families.items())


def _root(job: JobFact, known: Mapping[str, JobFact]) -> str:
    """The outermost owner that is known, else the outermost that is named."""
    at = job
    for _ in range(_MOST_OWNERS):
        if not at.part_of:
            return at.id
        owner = next((known[name] for name in at.part_of if name in known and name != at.id), None)
        if owner is None:
            return at.part_of[0]
        at = owner
    return at.id


def _runs_inside(members: Sequence[JobFact], job: JobFact) -> bool:
    """Whether the only member is a pod on a node of a job of another scheduler, at the same time."""
    pod = members[0]
    if not (pod.pods and not pod.part_of and pod.gpus) or job.pods or not job.gpus:
        return False
    return bool(set(pod.nodes) & set(job.nodes)) and _began(pod) <= _ended(job) and _began(job) <= _ended(pod)


def _began(job: JobFact) -> datetime:
    return job.started_at or job.submitted_at or _NEVER


def _ended(job: JobFact) -> datetime:
    return job.ended_at or _ALWAYS


def _work(id: str, members: Sequence[JobFact], owner: JobFact | None) -> Work:
    parts = [job for job in members if job.id != id]
    names = {id, *(name for job in members for name in (job.id, job.name, *job.pods) if name)}
    names |= {name.rpartition("/")[2] for name in names}
    if owner is None:
        return Work(id, tuple(parts), frozenset(names))
    starts = [job.started_at for job in parts if job.started_at is not None]
    if owner.gpus is None and any(job.gpus is not None for job in parts):
        return Work(id, tuple(job for job in parts if job.gpus is not None), frozenset(names))
    filled = owner.model_copy(
        update={
            "started_at": owner.started_at or min(starts, default=None),
            "gpu_model": owner.gpu_model or next((job.gpu_model for job in parts if job.gpu_model), None),
            "nodes": tuple(dict.fromkeys(node for job in members for node in job.nodes)),
            "pods": tuple(dict.fromkeys(pod for job in members for pod in job.pods)),
        }
    )
    return Work(id, (filled,), frozenset(names))


def job_names(named: Sequence[str], events: Sequence[Event], found: Sequence[Work]) -> tuple[str, ...]:
    """One name per job: of those that the incident names, and of the other works. An event's names after its first are the
    same job's (its id and its name, a pod's job and that one's owner)."""
    groups = [names for event in events if len(names := event.entities.get("job", ())) > 1]
    first = {names[0] for names in groups}
    alike: dict[str, set[str]] = defaultdict(set)
    for names in groups:
        alike[names[0]].update(names[1:])
        for name in names[1:]:
            alike[name].add(names[0])
    out: list[str] = []
    told: set[str] = set()
    for name in sorted(named, key=lambda name: name not in first):
        work = _called(name, alike[name], found)
        if work is not None:
            if work.id not in told:
                out.append(name if name in (work.id, work.id.rpartition("/")[2]) else work.id)
            told.add(work.id)
        elif name not in out and not alike[name] & set(out):
            out.append(name)
    return (*out, *(work.id for work in found if work.id not in told))


def _called(name: str, alike: Set[str], found: Sequence[Work]) -> Work | None:
    """The work of that id, else of that name, else one that an event calls by both."""
    exact = next((one for one in found if name == one.id), None)
    return (
        exact
        or next((one for one in found if name in one.names), None)
        or next((one for one in found if alike & one.names), None)
    )
