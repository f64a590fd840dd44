"""SEV1 to SEV4 by a matrix: every driver gives a severity, the worst wins, and its reason is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from responder.model.event import Event
from responder.model.incident import Severity
from responder.model.report import Impact
from responder.model.rule import Rule

DEFAULT_ALERT: Mapping[str, Severity] = {
    "critical": Severity.SEV2,
    "error": Severity.SEV3,
    "warning": Severity.SEV3,
    "info": Severity.SEV4,
    "none": Severity.SEV4,
}
"""What the sender's own word is worth where the rule has no map: a word alone never makes a SEV1, impact or class does."""

DEFAULT_THRESHOLDS: Mapping[str, Mapping[str, float]] = {
    "gpus_hit": {"SEV1": 2048, "SEV2": 256, "SEV3": 8},
    "jobs_hit": {"SEV2": 10, "SEV3": 1},
    "nodes_hit": {"SEV1": 64, "SEV2": 8},
    "gpu_hours_lost": {"SEV1": 20000, "SEV2": 2000, "SEV3": 16},
    "cost_usd": {"SEV1": 50000, "SEV2": 5000},
    "burn_rate": {"SEV2": 14.4, "SEV3": 6},
}
"""From this number on. Burn rates are those of the SRE workbook (14.4 and 6 page); the rest is a starting point for a cluster of
some thousand GPUs, to be set per site under `severity.thresholds`."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """The configured matrix; classes override the taxonomy's own default severity."""

    alert: Mapping[str, Severity] = field(default_factory=lambda: dict(DEFAULT_ALERT))
    classes: Mapping[str, Severity] = field(default_factory=dict)
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: dict(DEFAULT_THRESHOLDS))


@dataclass(frozen=True, slots=True)
class Driver:
    """One reason for a severity."""

    severity: Severity
    why: str


def at_intake(matrix: Matrix, rule: Rule, event: Event) -> tuple[Severity, str]:
    """Before anything is diagnosed: the rule's map, else the sender's word."""
    word = event.severity.value
    mapped = rule.severity.get(word) or rule.severity.get("default")
    if mapped is not None:
        return Severity(mapped), f"rule {rule.name} grades {word} as {mapped}"
    severity = matrix.alert.get(word, Severity.SEV3)
    return severity, f"the sender says {word}"


def grade(
    matrix: Matrix,
    intake: Driver,
    cause: str | None,
    probability: float,
    class_severity: Mapping[str, str],
    impact: Impact,
    gpus_of_jobs: int,
    nodes_at_fault: int | None = None,
    symptoms: Sequence[tuple[str, Severity]] = (),
) -> Driver:
    """The worst of all drivers. A class counts from even odds on: a doubtful guess must not page.

    `nodes_at_fault`: without those that are only listed because a job ran there; None: all of the impact's. `symptoms`: ids and
    severities of the open incidents that this one stands for, which have no message of their own any more.
    """
    drivers = [intake, *(Driver(severity, f"its symptom {id} is {severity.value}") for id, severity in symptoms)]
    if cause is not None and probability >= 0.5:
        by_class = matrix.classes.get(cause) or (Severity(class_severity[cause]) if cause in class_severity else None)
        if by_class is not None:
            drivers.append(Driver(by_class, f"{cause} is {by_class.value} by default"))
    drivers += _by_numbers(
        matrix.thresholds,
        {
            "gpus_hit": float(max(gpus_of_jobs, len(impact.gpus))),
            "jobs_hit": float(len(impact.jobs)),
            "nodes_hit": float(len(impact.nodes) if nodes_at_fault is None else nodes_at_fault),
            "gpu_hours_lost": impact.gpu_hours_lost,
            "cost_usd": impact.cost_usd,
            "burn_rate": impact.slo.burn_rate if impact.slo else None,
        },
    )
    return min(drivers, key=lambda driver: driver.severity.rank)


def _by_numbers(thresholds: Mapping[str, Mapping[str, float]], numbers: Mapping[str, float | None]) -> Sequence[Driver]:
    out = []
    for name, number in numbers.items():
        if number is None:
            continue
        for level in ("SEV1", "SEV2", "SEV3", "SEV4"):
            limit = thresholds.get(name, {}).get(level)
            if limit is not None and number >= limit:
                out.append(Driver(Severity(level), f"{name.replace('_', ' ')} {number:g} is at or above {limit:g}"))
                break
    return out
