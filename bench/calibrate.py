"""Fits the numbers that evidence is weighed with, on the shipped examples alone, and shows how well they hold on examples held out.

An example is seen in two forms: with all signatures, and with a random half of those that speak of trouble taken away, because the
next incident will use words that no signature has yet. The words of the fallback and the signs of calm are fitted without the example's
own fold. The measure is log loss, which rewards honest probabilities and nothing else; on a text that is healthy or says nothing,
`unknown` and `benign` are right. Set by hand, not fitted: `unknown` (how soon a hint may lead), `cited` and `sure_enough` (what a verdict
needs), `worry_most`, `calm_beside` and the bounds below, which keep the strengths in proportion to what their names promise.

usage: python bench/calibrate.py [--write] [--rounds N] [--sample N]
"""

import argparse
import dataclasses
import math
import random
from collections.abc import Sequence
from pathlib import Path

from responder.library.cases import HEALTHY, LabelledCase, read_cases
from responder.library.evaluate import AT, calibration_error
from responder.library.skills import load_skills
from responder.library.wordlore import learn
from responder.logic.diagnosis import Knowledge, Signatures, Words
from responder.logic.diagnosis.book import Book
from responder.logic.diagnosis.engine import spoken
from responder.logic.diagnosis.observe import observe
from responder.logic.diagnosis.parts import parts
from responder.logic.diagnosis.weigh import Account, Finding, weigh
from responder.model.diagnosis import BENIGN, UNKNOWN, Case
from responder.model.knowledge import Calibration
from responder.model.skill import Role, Strength

SKILLS = Path(__file__).resolve().parents[1] / "skills"
FOLDS = 5
DROPPED = 0.5
HEALTHY_WEIGHT = 2.0
"""A false alarm at night costs more than a cause that ranks second."""
GRID = (0.6, 0.8, 0.9, 1.1, 1.25, 1.6)
LIMITS = {
    Strength.DECISIVE: (80.0, 250.0), Strength.STRONG: (12.0, 40.0), Strength.MODERATE: (5.0, 8.0), Strength.WEAK: (1.8, 2.6),
}  # fmt: skip
"""No single line is worth more than this, for whoever wrote it may have been quoted; a hint stays a hint."""
FITTED = {
    "prior": (0.1, 1.0), "symptom": (0.5, 0.9), "later": (0.4, 1.0), "diminish": (0.1, 0.5), "against": (0.8, 2.0),
    "explains": (0.7, 1.0), "explains_cause": (0.3, 1.0), "credit": (0.0, 1.0), "explainer": (0.5, 4.0),
    "head_start": (0.2, 4.0), "words": (0.2, 1.0), "words_floor": (0.5, 3.0), "words_most": (1.0, 3.0), "calm": (0.1, 1.0),
    "calm_from": (-2.0, 2.0), "idle": (0.05, 1.0), "benign": (0.6, 1.6), "quiet": (0.2, 1.0),
    "temperature": (0.45, 3.0), "slip": (0.02, 0.06),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Seen:
    """A case as the weighing sees it."""

    case: LabelledCase
    fold: int
    findings: tuple[Finding, ...]
    priors: dict[str, float]
    words: dict[str, float]
    full: bool


def look(case: LabelledCase, fold: int, knowledge: Knowledge, words: Words, *, full: bool) -> Seen:
    one = Case(kind=case.kind, text=case.text, at=AT)
    seen = observe(parts(one), case.kind, knowledge, Book(), AT)
    priors = {
        name: max(1e-6, known.prior.value * known.kinds.get(case.kind, 1.0))
        for name, known in knowledge.taxonomy.items()
    }
    return Seen(case, fold, tuple(seen.findings), priors, spoken(seen, words), full)


def forms(cases: Sequence[LabelledCase], knowledge: Knowledge) -> list[Seen]:
    """Both forms of every case, with words fitted on the other folds."""
    order = list(range(len(cases)))
    random.Random(11).shuffle(order)
    fold_of = {index: place % FOLDS for place, index in enumerate(order)}
    found = []
    for fold in range(FOLDS):
        rng = random.Random(fold)
        others = [case for index, case in enumerate(cases) if fold_of[index] != fold]
        words = Words(learn(knowledge, others))
        kept = {
            name: one
            for name, one in knowledge.signatures.by_id.items()
            if rng.random() > DROPPED or one.role is Role.BENIGN
        }
        thin = dataclasses.replace(
            knowledge, signatures=Signatures(kept, {name: knowledge.signatures.literals[name] for name in kept})
        )
        thin_words = Words(learn(thin, others))
        for index, case in enumerate(cases):
            if fold_of[index] == fold:
                found.append(look(case, fold, knowledge, words, full=True))
                found.append(look(case, fold, thin, thin_words, full=False))
    return found


def right(case: LabelledCase) -> set[str]:
    return {UNKNOWN, BENIGN} if case.class_ in (HEALTHY, BENIGN) else set(case.right)


def loss(seen: Sequence[Seen], explains: dict[str, frozenset[str]], numbers: Calibration) -> float:
    """Mean log loss of the right classes; on a text that is healthy or says nothing, of the likeliest class being wrong."""
    total = weights = 0.0
    for one in seen:
        good = right(one.case)
        ranked = weigh(one.findings, one.priors, explains, one.words, numbers)
        chance = sum(account.probability for account in ranked if account.name in good)
        weight = HEALTHY_WEIGHT if UNKNOWN in good else 1.0
        total -= weight * math.log(max(1e-4, chance))
        weights += weight
    return total / weights


def climb(seen: Sequence[Seen], explains: dict[str, frozenset[str]], numbers: Calibration, rounds: int) -> Calibration:
    """Coordinate descent over the numbers, one after the other."""
    best = loss(seen, explains, numbers)
    for _ in range(rounds):
        before = best
        for name, (low, high) in FITTED.items():
            value = getattr(numbers, name)
            tries = [
                min(high, max(low, value * factor if abs(value) > 0.001 else value + factor - 1)) for factor in GRID
            ]
            for attempt in tries:
                other = numbers.model_copy(update={name: round(attempt, 4)})
                cost = loss(seen, explains, other)
                if cost < best - 1e-5:
                    best, numbers = cost, other
        for strength in Strength:
            for factor in (0.7, 0.85, 1.2, 1.5):
                changed = {**numbers.strengths, strength: round(max(1.1, numbers.strengths[strength] * factor), 2)}
                if LIMITS[strength][0] <= changed[strength] <= LIMITS[strength][1]:
                    other = numbers.model_copy(update={"strengths": changed})
                    cost = loss(seen, explains, other)
                    if cost < best - 1e-5:
                        best, numbers = cost, other
        if before - best < 1e-4:
            break
    return numbers


def left_alone(first: Account, good: set[str], numbers: Calibration) -> bool:
    """Whether the verdict on a healthy or empty text wakes nobody; the same rule as the engine's."""
    return first.name in good or first.support < numbers.cited or first.probability < numbers.sure_enough


def sample(seen: Sequence[Seen], most: int) -> list[Seen]:
    """All healthy and empty texts, and at most so many of the others."""
    calm = [one for one in seen if UNKNOWN in right(one.case)]
    others = [one for one in seen if UNKNOWN not in right(one.case)]
    return calm + (random.Random(17).sample(others, most) if 0 < most < len(others) else others)


def report(name: str, seen: Sequence[Seen], explains: dict[str, frozenset[str]], numbers: Calibration) -> None:
    hits, chances, top3, healthy = [], [], [], []
    for one in seen:
        ranked = weigh(one.findings, one.priors, explains, one.words, numbers)
        first = ranked[0]
        good = right(one.case)
        hits.append(first.name in good)
        chances.append(first.probability)
        top3.append(first.name in good or bool(good & {a.name for a in [a for a in ranked if a.name != UNKNOWN][:3]}))
        if UNKNOWN in good:
            healthy.append(left_alone(first, good, numbers))
    n = len(hits)
    brier = sum((p - h) ** 2 for p, h in zip(chances, hits, strict=True)) / n
    quiet = f"{sum(healthy)}/{len(healthy)}" if healthy else "-"
    ece = calibration_error(chances, hits)
    top = f"top1={sum(hits) / n:.3f} top3={sum(top3) / n:.3f}"
    print(f"{name:34} n={n} {top} brier={brier:.3f} ece={ece:.3f} healthy={quiet}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--sample", type=int, default=0, help="fit on so many of the cases of trouble, to save time")
    parser.add_argument(
        "--cases", type=Path, action="append", default=[], help="further labelled cases to report on, never to fit on"
    )
    options = parser.parse_args()
    knowledge = load_skills([SKILLS]).knowledge
    explains = dict(knowledge.explains)
    seen = forms(read_cases([SKILLS / "examples"]), knowledge)
    start = knowledge.calibration
    report("before, all signatures", [one for one in seen if one.full], explains, start)
    report("before, half of them", [one for one in seen if not one.full], explains, start)
    halves = []
    for odd in (0, 1):
        train = [one for one in seen if one.fold % 2 == odd]
        halves.append(
            (
                climb(sample(train, options.sample // 2), explains, start, options.rounds),
                [one for one in seen if one.fold % 2 != odd],
            )
        )
    for numbers, held in halves:
        report("held out, all signatures", [one for one in held if one.full], explains, numbers)
        report("held out, half of them", [one for one in held if not one.full], explains, numbers)
    numbers = climb(sample(seen, options.sample), explains, start, options.rounds)
    report("fitted, all signatures", [one for one in seen if one.full], explains, numbers)
    report("fitted, half of them", [one for one in seen if not one.full], explains, numbers)
    for file in options.cases:
        others = [look(case, 0, knowledge, knowledge.words, full=True) for case in read_cases([file])]
        report(f"{file.name}, before", others, explains, start)
        report(f"{file.name}, fitted", others, explains, numbers)
    print(numbers.model_dump(mode="json"))
    if options.write:
        write(numbers)


def write(numbers: Calibration) -> None:
    lines = [
        "# The numbers that evidence is weighed with; their meaning stands in model/knowledge.py. bench/calibrate.py fits them and says",
        "# which of them are set by hand.",
        "strengths: {"
        + ", ".join(f"{strength.value}: {value:g}" for strength, value in numbers.strengths.items())
        + "}",
    ]
    lines += [f"{name}: {value:g}" for name, value in numbers.model_dump().items() if name != "strengths"]
    (SKILLS / "calibration.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
