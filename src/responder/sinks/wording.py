"""The same words for the same figures in every channel: likelihood, impact, places, times. Plain text, unescaped."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

from responder.logic.gaps import by_reason
from responder.model.diagnosis import Hypothesis, SuggestedSkill
from responder.model.evidence import Evidence
from responder.model.report import GpuRef, Impact, Report

LIKELIHOOD = (
    (0.95, "almost certain"),
    (0.80, "very likely"),
    (0.55, "likely"),
    (0.45, "about even"),
    (0.20, "unlikely"),
    (0.0, "very unlikely"),
)
"""Words of estimative probability: US Intelligence Community Directive 203 (2015), section D.6.e.2.a."""

RISK = {"none": "no risk", "low": "low risk", "medium": "medium risk", "high": "HIGH RISK"}


def clean(text: str) -> str:
    """One line of text of others: no control, bidirectional-override or surrogate characters (a terminal would obey them)."""
    folded = " ".join(text.split())
    return "".join(char for char in folded if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn"))


def units(text: str) -> int:
    """UTF-16 units: how Slack and PagerDuty count, read at its strictest."""
    return len(text) + sum(char > "\uffff" for char in text)


def clip(text: str, most: int) -> str:
    """At most `most` UTF-16 units, with an ellipsis where something was cut."""
    if units(text) <= most:
        return text
    size = 0
    for n, char in enumerate(text):
        size += 1 + (char > "\uffff")
        if size > most - 1:
            return f"{text[:n].rstrip()}…"
    return text


def likelihood(probability: float) -> str:
    return next(word for least, word in LIKELIHOOD if probability >= least or least == 0.0)


def percent(probability: float) -> str:
    """Whole percents; never 0 % or 100 % for what is not certain."""
    whole = round(probability * 100)
    if whole >= 100 and probability < 1:
        return ">99 %"
    return "<1 %" if whole <= 0 < probability else f"{whole} %"


def bar(probability: float, width: int = 10) -> str:
    filled = min(width, max(0, round(probability * width)))
    return "█" * filled + "░" * (width - filled)


def count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def some(names: Sequence[str], most: int) -> str:
    """The first few and how many more."""
    shown = ", ".join(names[:most])
    return f"{shown} +{len(names) - most} more" if len(names) > most else shown


def number(value: float) -> str:
    """Three significant digits are enough at 3 a.m."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def gpu(ref: GpuRef, *, short: bool = True) -> str:
    """The UUID names the card; the index is where it was found."""
    uuid = ref.uuid or ""
    if short and len(uuid) > 16:
        uuid = f"{uuid[:12]}…"
    index = f"GPU {ref.index}" if ref.index is not None else ""
    return " ".join(part for part in (index, uuid) if part) or "GPU"


def where(report: Report) -> str:
    """Nodes and GPUs, or the incident's key where neither is known."""
    impact = report.impact
    nodes = list(dict.fromkeys([*impact.nodes, *(g.node for g in impact.gpus if g.node)]))
    parts = [*shared_place(report), some(nodes, 3)] if nodes else []
    if len(impact.gpus) > 2:
        parts.append(count(len(impact.gpus), "GPU"))
    elif impact.gpus:
        parts.append(", ".join(gpu(ref) for ref in impact.gpus))
    if not parts:
        parts = [some([f"{key} {value}" for key, value in report.incident.key.items()], 3)]
    return " · ".join(part for part in parts if part) or "not known"


def shared_place(report: Report) -> list[str]:
    """The rack or switch of many nodes, and how many there are: nobody reads forty names."""
    key, nodes = report.incident.key, report.impact.nodes
    place = next((f"{kind} {key[kind]}" for kind in ("rack", "switch") if key.get(kind)), "")
    return [place, count(len(nodes), "node")] if place and len(nodes) > 3 else []


def cited(report: Report, hypothesis: Hypothesis, most: int) -> tuple[list[Evidence], int]:
    """The first pieces of evidence for it, each saying once (a node or a count around the same words is no other one), and how many
    more there are."""
    known = {evidence.id: evidence for evidence in report.evidence}
    told: dict[str, Evidence] = {}
    for cite in hypothesis.because:
        if cite in known:
            told.setdefault(_WHO.sub("", _TIMES.sub("", known[cite].statement)), known[cite])
    return list(told.values())[:most], max(0, len(told) - most)


_WHO = re.compile(r"^\[[^\]]{1,80}\] ")
_TIMES = re.compile(r" \(×\d+\)$")


def hit(impact: Impact) -> str:
    """Who is hit: jobs, services, users."""
    lists = (("job", impact.jobs), ("service", impact.services))
    parts = [
        f"{noun} {names[0]}" if len(names) == 1 else f"{len(names)} {noun}s ({some(names, 2)})"
        for noun, names in lists
        if names
    ]
    if impact.users:
        parts.append(f"of {some(impact.users, 2)}")
    return " · ".join(parts)


def figures(impact: Impact) -> str:
    """GPU-hours, cost and error budget, those that are known; a lower bound says so."""

    def least(field: str) -> str:
        return "at least " if impact.at_least(field) else ""

    parts = []
    if impact.gpu_hours_lost is not None:
        parts.append(f"{least('gpu_hours_lost')}{number(impact.gpu_hours_lost)} GPU-h lost")
    if impact.gpu_hours_at_risk is not None:
        parts.append(f"{least('gpu_hours_at_risk')}{number(impact.gpu_hours_at_risk)} GPU-h at risk")
    if impact.cost_usd is not None:
        cost = f"${impact.cost_usd:,.0f}" if impact.cost_usd >= 10 else f"${impact.cost_usd:,.2f}"
        parts.append(f"{least('cost_usd')}{cost}")
    if impact.slo is not None and impact.slo.burn_rate is not None:
        parts.append(f"SLO burns {number(impact.slo.burn_rate)}×")
    return " · ".join(parts)


def skill(one: SuggestedSkill) -> str:
    """Its name, and whether it is still to come."""
    return f"{one.name} (planned)" if one.status == "planned" else one.name


def unseen(report: Report, most: int) -> list[str]:
    """What could not be seen, a line per reason with up to `most` needs named."""
    return [f"{some(gap.needs, most)} ({gap.why})" for gap in by_reason(report.missing)]


def clock(at: datetime) -> str:
    return f"{at:%H:%M} UTC"


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def span(time: timedelta) -> str:
    """The two largest units: `3 h 12 min`."""
    minutes = max(0, int(time.total_seconds())) // 60
    if minutes < 1:
        return f"{max(0, int(time.total_seconds()))} s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    told = [f"{n} {unit}" for n, unit in parts if n]
    return " ".join(told[:2])


def plainly(reason: str) -> str:
    """A named reason as words."""
    return reason.replace("_", " ").strip()
