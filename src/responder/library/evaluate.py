"""How right the engine is on labelled cases: results per case and the summary that users compare.

The measures are those of the field: top-1, top-3, macro F1, Brier score and expected calibration error of the first class.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from pydantic import Field

from responder.library.cases import HEALTHY, LabelledCase, read_cases
from responder.logic.diagnosis import Knowledge, diagnose
from responder.model.diagnosis import BENIGN, UNKNOWN, Case, Verdict
from responder.model.skill import Mode, Skill
from responder.model.value import Value

BINS = 10
AT = datetime(2026, 1, 1, tzinfo=UTC)
"""Cases carry no time; texts without a year are read as of this one."""
ANY = Skill(name="any", description="", domain="", mode=Mode.DIAGNOSER, version="")
"""Stands in where no released skill takes a kind of event: the shared knowledge alone decides."""

Progress = Callable[[int, int], None]


class Ranked(Value):
    """A class with its probability."""

    class_: str = Field(alias="class", serialization_alias="class")
    probability: float

    model_config = Value.model_config | {"populate_by_name": True}


class Result(Value):
    """What the engine said about one case."""

    id: str
    ranking: tuple[Ranked, ...]
    verdict: Verdict
    elapsed_ms: float


class ClassScore(Value):
    """Of the cases of one class: how many, how many right, precision, recall and F1 of the first answer."""

    n: int
    top1: float
    top3: float
    precision: float
    recall: float
    f1: float


class Summary(Value):
    """The measures over all cases."""

    n: int
    top1: float
    top3: float
    hard_top1: float | None
    macro_f1: float
    unknown_ratio: float
    brier: float
    ece: float
    p50_ms: float
    p99_ms: float
    per_class: dict[str, ClassScore]
    wrong: tuple[tuple[str, str, str], ...] = ()
    """Id, class and the engine's first class of each wrong case."""
    results: tuple[Result, ...] = Field(default=(), exclude=True)


def evaluate(
    paths: Sequence[Path], knowledge: Knowledge, skills: Mapping[str, Skill], progress: Progress | None = None
) -> Summary:
    """Run all cases of the files through the engine; `progress(done, all)` is called after each. Raises ConfigError."""
    cases = read_cases(paths)
    knowledge.warm()  # times are those of a running daemon: patterns are compiled once, not by the first cases
    results = []
    for number, case in enumerate(cases, 1):
        results.append(answer(case, knowledge, skill_for(case.kind, skills)))
        if progress is not None:
            progress(number, len(cases))
    return score(cases, results)


def skill_for(kind: str, skills: Mapping[str, Skill]) -> Skill:
    """The first released skill that takes events of this kind."""
    return next((skill for skill in skills.values() if kind in skill.kinds), ANY)


def answer(case: LabelledCase, knowledge: Knowledge, skill: Skill) -> Result:
    """The engine's answer; it sees kind and text only."""
    start = time.perf_counter()
    diagnosis = diagnose(Case(kind=case.kind, text=case.text, at=AT), skill, knowledge)
    elapsed = (time.perf_counter() - start) * 1000
    ranking = tuple(
        Ranked.model_validate({"class": one.class_, "probability": one.probability}) for one in diagnosis.hypotheses
    )
    return Result(id=case.id, ranking=ranking, verdict=diagnosis.verdict, elapsed_ms=round(elapsed, 3))


def hit(case: LabelledCase, result: Result) -> bool:
    """Whether the first answer is right; "nothing to say" is right for a case without a class."""
    first = result.ranking[0].class_ if result.ranking else UNKNOWN
    if case.class_ == HEALTHY or case.class_ == BENIGN:
        return result.verdict is Verdict.INSUFFICIENT_EVIDENCE or first in (UNKNOWN, BENIGN)
    return first in case.right


def score(cases: Sequence[LabelledCase], results: Sequence[Result]) -> Summary:
    """The measures. `unknown` ranks by its probability and is skipped when the first three are counted."""
    n = len(cases)
    hits = [hit(case, result) for case, result in zip(cases, results, strict=True)]
    firsts = [result.ranking[0].class_ if result.ranking else UNKNOWN for result in results]
    chances = [result.ranking[0].probability if result.ranking else 0.0 for result in results]
    named = [[one.class_ for one in result.ranking if one.class_ != UNKNOWN][:3] for result in results]
    top3 = [right or bool(case.right & set(three)) for case, three, right in zip(cases, named, hits, strict=True)]
    hard = [right for case, right in zip(cases, hits, strict=True) if case.hard]
    times = sorted(result.elapsed_ms for result in results)
    per_class = _per_class(cases, hits, top3, firsts)
    return Summary(
        n=n,
        top1=round(sum(hits) / n, 4),
        top3=round(sum(top3) / n, 4),
        hard_top1=round(sum(hard) / len(hard), 4) if hard else None,
        macro_f1=round(sum(one.f1 for one in per_class.values()) / len(per_class), 4),
        unknown_ratio=round(firsts.count(UNKNOWN) / n, 4),
        brier=round(sum((p - right) ** 2 for p, right in zip(chances, hits, strict=True)) / n, 4),
        ece=round(calibration_error(chances, hits), 4),
        p50_ms=round(median(times), 3),
        p99_ms=round(times[min(n - 1, int(0.99 * n))], 3),
        per_class=per_class,
        wrong=tuple(
            (case.id, case.class_, first) for case, first, right in zip(cases, firsts, hits, strict=True) if not right
        ),
        results=tuple(results),
    )


def calibration_error(chances: Sequence[float], hits: Sequence[bool]) -> float:
    """Expected calibration error over ten equal bins of the stated probability."""
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for chance, right in zip(chances, hits, strict=True):
        bins[min(BINS - 1, int(chance * BINS))].append((chance, right))
    return sum(abs(sum(p for p, _ in one) - sum(r for _, r in one)) for one in bins.values()) / max(1, len(chances))


def _per_class(
    cases: Sequence[LabelledCase], hits: Sequence[bool], top3: Sequence[bool], firsts: Sequence[str]
) -> dict[str, ClassScore]:
    right: dict[str, int] = defaultdict(int)
    near: dict[str, int] = defaultdict(int)
    missed: dict[str, int] = defaultdict(int)
    blamed: dict[str, int] = defaultdict(int)
    for case, good, close, first in zip(cases, hits, top3, firsts, strict=True):
        near[case.class_] += close
        if good:
            right[case.class_] += 1
        else:
            missed[case.class_] += 1
            blamed[first] += 1
    scores = {}
    for name in sorted({case.class_ for case in cases}):
        tp, fn, fp = right[name], missed[name], blamed[name]
        scores[name] = ClassScore(
            n=tp + fn,
            top1=round(tp / (tp + fn), 4),
            top3=round(near[name] / (tp + fn), 4),
            precision=round(tp / (tp + fp), 4) if tp + fp else 0.0,
            recall=round(tp / (tp + fn), 4),
            f1=round(2 * tp / (2 * tp + fp + fn), 4) if tp else 0.0,
        )
    return scores
