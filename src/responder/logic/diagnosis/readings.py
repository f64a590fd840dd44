"""What a reading says about a condition: yes, no, or that one cannot tell.

Numbers of series are compared as experts do: a rise is the last third against the first, a deviation is measured against the
spread of the siblings, "sustained" means every sample of the span.
"""

from collections.abc import Sequence
from datetime import timedelta
from statistics import fmean, median
from typing import Any

from responder.model.evidence import Missing, Point, Reading
from responder.model.skill import EvidenceSpec

RISE_RATIO = 0.05
"""The last third must lie this share of the level above the first third."""
FEWEST_POINTS = 4
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation for a normal distribution."""


def judge(spec: EvidenceSpec, answer: Reading | Missing | None) -> bool | None:
    """Whether the need's answer meets the condition; None where the answer does not allow to tell."""
    if isinstance(answer, Missing):
        return True if spec.missing in (answer.reason, "any") else None
    if answer is None:
        return None
    if spec.missing is not None:
        return False
    checks = [check(spec, answer) for check in (_equals, _bounds, _rising, _deviates)]
    known = [one for one in checks if one is not _NOT_ASKED]
    if not known:
        return bool(answer.value)
    if any(one is False for one in known):
        return False
    return None if any(one is None for one in known) else True


class _NotAsked:
    """A check that the condition does not contain."""


_NOT_ASKED = _NotAsked()


def _equals(spec: EvidenceSpec, answer: Reading) -> Any:
    if spec.equals is None and spec.in_ is None:
        return _NOT_ASKED
    wanted = [spec.equals] if spec.in_ is None else list(spec.in_)
    return any(_same(one, answer.value) for one in wanted)


def _same(wanted: Any, value: Any) -> bool:
    if isinstance(value, list):
        return any(_same(wanted, one) for one in value)
    if wanted == value:
        return True
    left, right = _number(wanted), _number(value)
    return left == right if left is not None and right is not None else str(wanted).casefold() == str(value).casefold()


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _bounds(spec: EvidenceSpec, answer: Reading) -> Any:
    if spec.above is None and spec.below is None:
        return _NOT_ASKED
    if spec.sustained is not None:
        return _sustained(spec, answer, spec.sustained)
    value = _number(answer.value)
    return None if value is None else _within(spec, value)


def _within(spec: EvidenceSpec, value: float) -> bool:
    return (spec.above is None or value > spec.above) and (spec.below is None or value < spec.below)


def _sustained(spec: EvidenceSpec, answer: Reading, span: timedelta) -> bool | None:
    """Every sample of the last `span`; unknown when the series does not reach back that far."""
    verdicts = []
    for series in answer.series:
        points = series.points
        if not points or points[-1].at - points[0].at < span * 0.9:
            continue
        recent = [point for point in points if points[-1].at - point.at <= span]
        verdicts.append(all(_within(spec, point.value) for point in recent))
    return any(verdicts) if verdicts else None


def _rising(spec: EvidenceSpec, answer: Reading) -> Any:
    if spec.rising is None:
        return _NOT_ASKED
    rises = [_rise(series.points) for series in answer.series if len(series.points) >= FEWEST_POINTS]
    return any(rises) is spec.rising if rises else None


def _rise(points: Sequence[Point]) -> bool:
    third = max(1, len(points) // 3)
    first, last = fmean(p.value for p in points[:third]), fmean(p.value for p in points[-third:])
    return last - first > RISE_RATIO * max(abs(first), abs(last), 1e-12)


def _deviates(spec: EvidenceSpec, answer: Reading) -> Any:
    if spec.deviates is None:
        return _NOT_ASKED
    sigma = _number(spec.deviates.get("sigma")) or 3.0
    if spec.deviates.get("from") == "baseline":
        value = _number(answer.value)
        if value is None or answer.baseline is None:
            return None
        ratio = _number(spec.deviates.get("ratio"))
        if ratio is not None:
            return value > ratio * answer.baseline if ratio >= 1 else value < ratio * answer.baseline
        spread = abs(answer.baseline) * 0.1
        return abs(value - answer.baseline) > sigma * spread
    last = [series.points[-1].value for series in answer.series if series.points]
    if len(last) < FEWEST_POINTS:
        return None
    middle = median(last)
    spread = MAD_TO_SIGMA * median(abs(value - middle) for value in last) or 0.01 * max(abs(middle), 1e-9)
    return max(abs(value - middle) for value in last) > sigma * spread
