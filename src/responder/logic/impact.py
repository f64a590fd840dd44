"""Who and what an incident hits, what it has cost, what is still at risk. A number, or null with the reason.

GPU-hours lost: of jobs that ended because of it, the GPUs times the hours since the last checkpoint (since the start where no
checkpoint is known; the statement then says so). At risk: the same for jobs that still run on what is hit. A job that cannot be
counted is named in `unknown`, and the sum of the others is then a lower bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from responder.logic.work import Work, job_names, works
from responder.model.event import Event, JobFact, JobState
from responder.model.evidence import Missing, Reading
from responder.model.report import GpuRef, Impact, Slo, UnknownField

LISTED = 64
"""Names listed per kind; the statement carries the full count."""

NO_HOURS = "gpu_hours_lost is unknown"
SOME_HOURS = "a part of gpu_hours_lost is unknown"
"""Why the cost is not known, where the reason is that of another figure."""

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
    found = works(jobs)
    facts = [fact for work in found for fact in work.facts]
    named = job_names(entities.get("job", ()), events, found)
    lost = _hours(facts, _LOST, at)
    risk = _hours(facts, _ALIVE, at)
    for field_, hours in (("gpu_hours_lost", lost), ("gpu_hours_at_risk", risk)):
        if hours.sum is None or hours.left_out:
            unknown.append(UnknownField(field=field_, reason=_why_no_hours(hours, facts, named)))
    cost, gap = _cost(facts, prices, at) if lost.sum is not None else (None, NO_HOURS)
    if gap or lost.left_out:
        unknown.append(UnknownField(field="cost_usd", reason=gap or SOME_HOURS))
    slo = _slo(events, answers)
    gpus = _gpus(entities)
    nodes = tuple(entities.get("node", ()))
    services = _unique([*entities.get("service", ()), *entities.get("model", ())])
    users = _unique([*entities.get("user", ()), *(job.user for job in jobs if job.user)])
    owners = _unique([*entities.get("tenant", ()), *(job.owner for job in jobs if job.owner)])
    if not (nodes or gpus or named or services):
        unknown.append(UnknownField(field="nodes", reason="no event names a node, GPU, job or service"))
    return Impact(
        statement=_statement(nodes, entities.get("rack", ()), gpus, named, services, found, lost, risk, cost),
        nodes=nodes[:LISTED],
        gpus=gpus[:LISTED],
        jobs=named[:LISTED],
        services=services[:LISTED],
        users=users[:LISTED],
        owners=owners[:LISTED],
        gpu_hours_lost=None if lost.sum is None else round(lost.sum, 2),
        gpu_hours_at_risk=None if risk.sum is None else round(risk.sum, 2),
        cost_usd=None if cost is None else round(cost, 2),
        slo=slo,
        unknown=tuple(unknown),
    )


SPREADS = ("job", "service", "model", "user", "tenant")
"""What a symptom hits is hit by its cause, too; its nodes are where it was felt, not where the fault is."""


def with_symptoms(
    entities: Mapping[str, Sequence[str]], symptoms: Sequence[Mapping[str, Sequence[str]]]
) -> dict[str, tuple[str, ...]]:
    """The entities of an incident and what its symptoms' incidents say is hit."""
    out = {kind: tuple(names) for kind, names in entities.items()}
    for kind in SPREADS:
        names = _unique([*out.get(kind, ()), *(name for one in symptoms for name in one.get(kind, ()))])
        if names:
            out[kind] = names
    return out


def nodes_at_fault(entities: Mapping[str, Sequence[str]], events: Sequence[Event]) -> int:
    """How many nodes something is said of: those on which a job merely ran count as one, the one where it broke."""
    nodes = entities.get("node", ())
    ran = {node for event in events if event.job is not None for node in event.job.nodes}
    named = {node for event in events if event.job is None for node in event.entities.get("node", ())}
    return max(sum(node not in ran or node in named for node in nodes), min(1, len(nodes)))


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


@dataclass(frozen=True, slots=True)
class _Hours:
    """GPU-hours of the jobs in some states. `sum` is None where none could be counted; `left_out`: those that could not."""

    sum: float | None
    left_out: tuple[JobFact, ...] = ()
    notes: tuple[str, ...] = ()


def _hours(jobs: Sequence[JobFact], states: set[JobState], at: datetime) -> _Hours:
    counted = [(job, *_job_hours(job, at)) for job in jobs if job.state in states]
    left_out = tuple(job for job, hours, _ in counted if hours is None)
    if not jobs or (counted and len(left_out) == len(counted)):
        return _Hours(None, left_out)
    notes = tuple(sorted({note for _, hours, note in counted if note and hours is not None}))
    return _Hours(sum(hours or 0.0 for _, hours, _ in counted), left_out, notes)


def _why_no_hours(hours: _Hours, jobs: Sequence[JobFact], named: Sequence[str]) -> str:
    if not jobs:
        return (
            f"nothing is known of job {named[0]} but its name: no start event was seen"
            if named
            else "no job is known on what was hit (no scheduler events seen)"
        )
    first = hours.left_out[0]
    lacks = "GPU count" if first.gpus is None else "start time"
    more = f" and {len(hours.left_out) - 1} more" if len(hours.left_out) > 1 else ""
    return f"{lacks} unknown for job {first.id}{more}" + (", not counted" if hours.sum is not None else "")


def _cost(jobs: Sequence[JobFact], prices: Prices, at: datetime) -> tuple[float | None, str]:
    """USD of the hours that could be counted; None with the reason where a price is missing."""
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
    racks: Sequence[str],
    gpus: Sequence[GpuRef],
    jobs: Sequence[str],
    services: Sequence[str],
    found: Sequence[Work],
    lost: _Hours,
    risk: _Hours,
    cost: float | None,
) -> str:
    hit = [
        _count(len(names), noun, names)
        for noun, names in (("node", nodes), ("job", jobs), ("service", services))
        if names
    ]
    if len(nodes) > 1 and len(racks) == 1:
        hit[0] += f" of rack {racks[0]}"
    if gpus:
        single = gpus[0].uuid or f"GPU {gpus[0].index}"
        hit.insert(1 if nodes else 0, single if len(gpus) == 1 else f"{len(gpus)} GPUs")
    total = sum(work.gpus for work in found)
    parts = ["Hits " + ", ".join(hit) if hit else "What it hits is unknown"]
    if total:
        parts[0] += f" ({total} GPUs of jobs involved)"
    if lost.sum:
        parts.append(f"{_least(lost)} GPU-hours lost" + (f", about ${cost:,.0f}" if cost is not None else ""))
    if risk.sum:
        parts.append(f"{_least(risk)} GPU-hours at risk")
    parts += sorted({*lost.notes, *risk.notes})
    return "; ".join(parts) + "."


def _least(hours: _Hours) -> str:
    return ("at least " if hours.left_out else "") + f"{hours.sum:,.1f}"
