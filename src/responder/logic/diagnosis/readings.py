"""What a reading says about a condition: yes, no, or that one cannot tell.

Numbers of series are compared as experts do: a rise is the last third against the first, "sustained" means every sample of the
span, and a deviation is that of the event's own series from its siblings, measured in their median and spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean, median
from typing import Any

from responder.logic.siblings import About, label_text, own_of
from responder.model.evidence import Missing, Point, Reading, Series
from responder.model.skill import EvidenceSpec

RISE_RATIO = 0.05
"""The last third must lie this share of the level above the first third."""
FEWEST_POINTS = 4
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation for a normal distribution."""
REACH = 0.9
"""Share of a span that the samples must cover: the first one comes up to an interval late."""
LEAST_SPREAD = 0.01
"""Siblings that agree to the last digit still vary by this share of their median from one sample to the next."""


@dataclass(frozen=True, slots=True)
class Deviant:
    """A series of the event that stands out from its siblings."""

    series: Series
    value: float
    middle: float
    """Median of the siblings."""
    spread: float
    siblings: int

    def said(self, answer: Reading) -> str:
        """The comparison in a sentence."""
        unit = f" {answer.unit}" if answer.unit else ""
        who = label_text(self.series.labels, [one.labels for one in answer.series]) or "its own series"
        side = "below" if self.value < self.middle else "above"
        off = abs(self.value - self.middle)
        far = f"{off / abs(self.middle):.0%}" if self.middle else f"{off / self.spread:.0f} deviations"
        return (
            f"{answer.need.replace('_', ' ')} of {who} is {self.value:g}{unit}, {far} {side} the {self.middle:g}{unit} "
            f"of its {self.siblings} siblings"
        )


def judge(spec: EvidenceSpec, answer: Reading | Missing | None, about: About | None = None) -> bool | None:
    """Whether the need's answer meets the condition; None where the answer does not allow to tell. `about`: what the event names."""
    if isinstance(answer, Missing):
        return True if spec.missing in (answer.reason, "any") else None
    if answer is None:
        return None
    if spec.missing is not None:
        return False
    checks = [check(spec, answer) for check in (_equals, _bounds, _rising, _from_baseline)]
    checks.append(_from_siblings(spec, answer, about or {}))
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
        if not points or points[-1].at - points[0].at < span * REACH:
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


def _from_baseline(spec: EvidenceSpec, answer: Reading) -> Any:
    if spec.deviates is None or spec.deviates.get("from") != "baseline":
        return _NOT_ASKED
    value = _number(answer.value)
    if value is None or answer.baseline is None:
        return None
    ratio = _number(spec.deviates.get("ratio"))
    if ratio is not None:
        return value > ratio * answer.baseline if ratio >= 1 else value < ratio * answer.baseline
    spread = abs(answer.baseline) * 0.1
    return _stands_out(spec, value, answer.baseline, spread)


def _from_siblings(spec: EvidenceSpec, answer: Reading, about: About) -> Any:
    if spec.deviates is None or spec.deviates.get("from") == "baseline":
        return _NOT_ASKED
    found = deviants(spec, answer, about)
    return None if found is None else bool(found)


def deviants(spec: EvidenceSpec, answer: Reading, about: About) -> list[Deviant] | None:
    """The event's own series that stand out from all others, the farthest first; None where it cannot be told.

    Median and median absolute deviation, because the one that stands out must not move the measure; `floor` is the least share of
    the median that counts as spread, `direction` the side (`above`, `below`, either), `of` the kind of thing compared, `ratio` a
    share of the siblings' median in place of a number of deviations.
    """
    wanted = spec.deviates or {}
    if wanted.get("from") == "baseline":
        return None
    levels = [(one, level) for one in answer.series if (level := _level(one, spec.sustained)) is not None]
    if len(levels) < FEWEST_POINTS:
        return None
    of = wanted.get("of")
    own = own_of([one.labels for one, _ in levels], about, str(of) if of is not None else None)
    if own is None:
        return None
    floor = _number(wanted.get("floor")) or LEAST_SPREAD
    ratio = _number(wanted.get("ratio"))
    found = []
    for at, (one, value) in enumerate(levels):
        if at not in own:
            continue
        others = [level for n, (_, level) in enumerate(levels) if n != at]
        middle = median(others)
        spread = max(MAD_TO_SIGMA * median(abs(level - middle) for level in others), floor * abs(middle), 1e-9)
        if ratio is not None:
            out = value > ratio * middle if ratio >= 1 else value < ratio * middle
        else:
            out = _stands_out(spec, value, middle, spread)
        if out:
            found.append(Deviant(one, value, middle, spread, len(others)))
    return sorted(found, key=lambda one: -abs(one.value - one.middle) / one.spread)


def _level(series: Series, span: timedelta | None) -> float | None:
    """The last value, or with `sustained` the median of that span; None when the series does not reach back that far."""
    points = series.points
    if not points:
        return None
    if span is None:
        return points[-1].value
    if points[-1].at - points[0].at < span * REACH:
        return None
    return median(point.value for point in points if points[-1].at - point.at <= span)


def _stands_out(spec: EvidenceSpec, value: float, middle: float, spread: float) -> bool:
    wanted = spec.deviates or {}
    sigma = _number(wanted.get("sigma")) or 3.0
    direction = wanted.get("direction", "either")
    high, low = value - middle > sigma * spread, middle - value > sigma * spread
    return (high and direction != "below") or (low and direction != "above")
