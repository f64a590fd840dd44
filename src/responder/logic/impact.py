"""Who and what an incident hits, what it has cost, what is still at risk. A number, or null with the reason.

GPU-hours lost: of jobs that ended because of it, the GPUs times the hours since the last checkpoint (since the start where no
checkpoint is known; the statement then says so). At risk: the same for jobs that still run on what is hit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from responder.model.event import Event, JobFact, JobState
from responder.model.evidence import Missing, Reading
from responder.model.report import GpuRef, Impact, Slo, UnknownField

LISTED = 64
"""Names listed per kind; the statement carries the full count."""

_LOST = {JobState.FAILED, JobState.TIMEOUT, JobState.OUT_OF_MEMORY, JobState.NODE_FAIL, JobState.PREEMPTED}
_ALIVE = {JobState.RUNNING}


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per GPU-hour by GPU model; `default` for the rest."""

    gpu_hour_usd: Mapping[str, float] = field(default_factory=dict)

    def of(self, model: str | None) -> float | None:
        """The longest key that the model's name contains, else the default, else None."""
        if model:
            lowered = model.lower()
            fits = [key for key in self.gpu_hour_usd if key != "default" and key.lower() in lowered]
            if fits:
                return self.gpu_hour_usd[max(fits, key=len)]
        return self.gpu_hour_usd.get("default")


def assess(
    entities: Mapping[str, Sequence[str]],
    jobs: Sequence[JobFact],
    events: Sequence[Event],
    answers: Mapping[str, Reading | Missing],
    prices: Prices,
    at: datetime,
) -> Impact:
    """`jobs`: those that the events name and those that ran on the hit nodes at the time; `at`: the incident's last event."""
    unknown: list[UnknownField] = []
    lost, lost_notes = _hours(jobs, _LOST, at)
    risk, risk_notes = _hours(jobs, _ALIVE, at)
    named = [*entities.get("job", ())]
    if lost is None:
        unknown.append(UnknownField(field="gpu_hours_lost", reason=_why_no_hours(jobs, _LOST, named)))
    if risk is None:
        unknown.append(UnknownField(field="gpu_hours_at_risk", reason=_why_no_hours(jobs, _ALIVE, named)))
    cost, why_no_cost = _cost(jobs, prices, at) if lost is not None else (None, "gpu_hours_lost is unknown")
    if cost is None:
        unknown.append(UnknownField(field="cost_usd", reason=why_no_cost))
    slo = _slo(events, answers)
    gpus = _gpus(entities)
    nodes = tuple(entities.get("node", ()))
    job_names = _unique([*named, *(job.id for job in jobs if job.id not in named and (job.name or "") not in named)])
    services = _unique([*entities.get("service", ()), *entities.get("model", ())])
    users = _unique([*entities.get("user", ()), *(job.user for job in jobs if job.user)])
    owners = _unique([*entities.get("tenant", ()), *(job.owner for job in jobs if job.owner)])
    if not (nodes or gpus or job_names or services):
        unknown.append(UnknownField(field="nodes", reason="no event names a node, GPU, job or service"))
    return Impact(
        statement=_statement(nodes, gpus, job_names, services, jobs, lost, risk, cost, [*lost_notes, *risk_notes]),
        nodes=nodes[:LISTED],
        gpus=gpus[:LISTED],
        jobs=job_names[:LISTED],
        services=services[:LISTED],
        users=users[:LISTED],
        owners=owners[:LISTED],
        gpu_hours_lost=None if lost is None else round(lost, 2),
        gpu_hours_at_risk=None if risk is None else round(risk, 2),
        cost_usd=None if cost is None else round(cost, 2),
        slo=slo,
        unknown=tuple(unknown),
    )


def _job_hours(job: JobFact, at: datetime) -> tuple[float | None, str]:
    """GPU-hours since the last checkpoint or the start; a note where the answer is an upper bound."""
    if job.gpus is None:
        return None, ""
    since = job.checkpoint_at or job.started_at
    if since is None:
        return (0.0, "") if job.gpus == 0 else (None, "")
    until = min(job.ended_at, at) if job.state in _LOST and job.ended_at is not None else at
    hours = max(0.0, (until - since).total_seconds() / 3600)
    note = "" if job.checkpoint_at else "counted from the start: no checkpoint is known"
    return job.gpus * hours, note


def _hours(jobs: Sequence[JobFact], states: set[JobState], at: datetime) -> tuple[float | None, list[str]]:
    counted = [_job_hours(job, at) for job in jobs if job.state in states]
    if not jobs or any(hours is None for hours, _ in counted):
        return None, []
    return sum(hours or 0.0 for hours, _ in counted), sorted({note for _, note in counted if note})


def _why_no_hours(jobs: Sequence[JobFact], states: set[JobState], named: Sequence[str]) -> str:
    if not jobs:
        return (
            f"nothing is known of job {named[0]} but its name: no start event was seen"
            if named
            else "no job is known on what was hit (no scheduler events seen)"
        )
    without = [
        job.id for job in jobs if job.state in states and _job_hours(job, job.ended_at or _epoch(job))[0] is None
    ]
    return f"GPU count or start time unknown for job {without[0]}" if without else "no job of that state"


def _epoch(job: JobFact) -> datetime:
    return job.seen_at or job.started_at or job.submitted_at or datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _cost(jobs: Sequence[JobFact], prices: Prices, at: datetime) -> tuple[float | None, str]:
    total = 0.0
    for job in jobs:
        if job.state not in _LOST:
            continue
        price = prices.of(job.gpu_model)
        if price is None:
            return None, f"no price for GPU model {job.gpu_model or 'unknown'}: set prices.gpu_hour_usd.default"
        total += (_job_hours(job, at)[0] or 0.0) * price
    return total, ""


def _gpus(entities: Mapping[str, Sequence[str]]) -> tuple[GpuRef, ...]:
    uuids, indexes, nodes = (tuple(entities.get(kind, ())) for kind in ("gpu", "gpu_index", "node"))
    node = nodes[0] if len(nodes) == 1 else None
    paired = len(uuids) == len(indexes)
    if not uuids:
        return tuple(GpuRef(node=node, index=int(index)) for index in indexes if index.isdigit())
    return tuple(
        GpuRef(uuid=uuid, node=node, index=int(indexes[n]) if paired and indexes[n].isdigit() else None)
        for n, uuid in enumerate(uuids)
    )


def _slo(events: Sequence[Event], answers: Mapping[str, Reading | Missing]) -> Slo | None:
    """From the alert's own labels and annotations (as sloth, pyrra and kube-prometheus set them), or from needs of that name."""
    burn = _number(answers.get("slo_burn_rate"))
    left = _number(answers.get("slo_budget_left"))
    for event in reversed(events):
        texts = {**event.annotations, **event.labels}
        objective = texts.get("slo") or texts.get("sloth_slo") or texts.get("objective") or texts.get("sloth_id")
        if burn is None:
            burn = _float(texts.get("burn_rate") or texts.get("burnrate") or texts.get("long_burnrate"))
        if left is None:
            left = _float(texts.get("budget_left_ratio") or texts.get("error_budget_remaining"))
        if objective or burn is not None:
            return Slo(objective=objective or event.title, burn_rate=burn, budget_left_ratio=left)
    return None


def _number(answer: Reading | Missing | None) -> float | None:
    if isinstance(answer, Reading) and isinstance(answer.value, int | float) and not isinstance(answer.value, bool):
        return float(answer.value)
    return None


def _float(text: str | None) -> float | None:
    try:
        return float(text.rstrip("x%")) if text else None
    except ValueError:
        return None


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _count(number: int, noun: str, names: Sequence[str]) -> str:
    if number == 1:
        return f"{noun} {names[0]}"
    return f"{number} {noun}s"


def _statement(
    nodes: Sequence[str],
    gpus: Sequence[GpuRef],
    jobs: Sequence[str],
    services: Sequence[str],
    facts: Sequence[JobFact],
    lost: float | None,
    risk: float | None,
    cost: float | None,
    notes: Sequence[str],
) -> str:
    hit = [
        _count(len(names), noun, names)
        for noun, names in (("node", nodes), ("job", jobs), ("service", services))
        if names
    ]
    if gpus:
        named = [gpu.uuid or f"#{gpu.index}" for gpu in gpus]
        hit.insert(1 if nodes else 0, _count(len(gpus), "GPU", named))
    total = sum(job.gpus or 0 for job in facts)
    parts = ["Hits " + ", ".join(hit) if hit else "What it hits is unknown"]
    if total:
        parts[0] += f" ({total} GPUs of jobs involved)"
    if lost:
        parts.append(f"{lost:,.1f} GPU-hours lost" + (f", about ${cost:,.0f}" if cost is not None else ""))
    if risk:
        parts.append(f"{risk:,.1f} GPU-hours at risk")
    parts += notes
    return "; ".join(parts) + "."
