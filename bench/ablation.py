"""What each part of the engine earns: the measures with the part taken away, over the shipped examples and further cases.

Words are fitted without the example's own fold; "unseen" takes a random half of the signatures away, as the next incident will.

usage: python bench/ablation.py [--cases FILE]        prints the table of docs/ablation.md
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from calibrate import SKILLS, Seen, forms, left_alone, look, right

from responder.library.cases import read_cases
from responder.library.evaluate import calibration_error
from responder.library.skills import load_skills
from responder.logic.diagnosis.weigh import Finding, weigh
from responder.model.diagnosis import UNKNOWN
from responder.model.knowledge import Calibration
from responder.model.skill import Role

Explains = dict[str, frozenset[str]]


def measure(seen: Sequence[Seen], explains: Explains, numbers: Calibration) -> tuple[float, ...]:
    """top1, top3, hard top1, Brier, ECE, share of healthy texts without an alarm."""
    hits, top3, hard, chances, quiet = [], [], [], [], []
    for one in seen:
        ranked = weigh(one.findings, one.priors, explains, one.words, numbers)
        good = right(one.case)
        hit = ranked[0].name in good
        hits.append(hit)
        chances.append(ranked[0].probability)
        top3.append(hit or bool(good & {a.name for a in [a for a in ranked if a.name != UNKNOWN][:3]}))
        if one.case.hard:
            hard.append(hit)
        if UNKNOWN in good:
            quiet.append(left_alone(ranked[0], good, numbers))
    n = len(seen)
    brier = sum((p - h) ** 2 for p, h in zip(chances, hits, strict=True)) / n
    share = sum(quiet) / len(quiet) if quiet else float("nan")
    return sum(hits) / n, sum(top3) / n, sum(hard) / max(1, len(hard)), brier, calibration_error(chances, hits), share


def flat(one: Seen) -> Seen:
    """Without roles: every line counts as a cause in full."""
    found = tuple(dataclasses.replace(f, role=Role.CAUSE if f.role is Role.SYMPTOM else f.role) for f in one.findings)
    return dataclasses.replace(one, findings=found)


def unordered(one: Seen) -> Seen:
    """Without the place in the log: order, commands, quoted code, wrapped exceptions, what is over."""
    found: tuple[Finding, ...] = tuple(dataclasses.replace(f, order=0, share=1.0) for f in one.findings)
    return dataclasses.replace(one, findings=found)


def variants(numbers: Calibration) -> dict[str, tuple[object, Calibration, bool]]:
    return {
        "all of it": (None, numbers, True),
        "without `explains`": (None, numbers, False),
        "without priors": (None, numbers.model_copy(update={"prior": 0.0}), True),
        "without roles (symptom = cause)": (flat, numbers, True),
        "without order and place": (unordered, numbers, True),
        "without the words (fallback)": (None, numbers.model_copy(update={"words": 0.0}), True),
        "without calm (how healthy it reads)": (None, numbers.model_copy(update={"calm": 0.0}), True),
        "words alone": ("words", numbers, True),
    }


def table(name: str, seen: Sequence[Seen], explains: Explains, numbers: Calibration) -> None:
    print(f"\n### {name} (n = {len(seen)})\n")
    print("| | top1 | top3 | hard top1 | Brier | ECE | healthy left alone |")
    print("|---|---|---|---|---|---|---|")
    for label, (change, used, with_explains) in variants(numbers).items():
        if change == "words":
            cases: Sequence[Seen] = [dataclasses.replace(one, findings=()) for one in seen]
        else:
            cases = [change(one) for one in seen] if callable(change) else seen
        found = measure(cases, explains if with_explains else {}, used)
        print(f"| {label} | " + " | ".join("-" if value != value else f"{value:.3f}" for value in found) + " |")


def reliability(name: str, seen: Sequence[Seen], explains: Explains, numbers: Calibration) -> None:
    """Stated against true frequency, with a 95 % Wilson interval."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for one in seen:
        first = weigh(one.findings, one.priors, explains, one.words, numbers)[0]
        bins.setdefault(min(9, int(first.probability * 10)), []).append(
            (first.probability, first.name in right(one.case))
        )
    print(f"\n### Reliability: {name}\n\n| stated | n | mean stated | right | 95 % interval |\n|---|---|---|---|---|")
    for place in sorted(bins):
        rows = bins[place]
        n, z = len(rows), 1.96
        p = sum(hit for _, hit in rows) / n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * ((p * (1 - p) + z * z / (4 * n)) / n) ** 0.5 / (1 + z * z / n)
        mean = sum(chance for chance, _ in rows) / n
        print(
            f"| {place / 10:.1f}-{place / 10 + 0.1:.1f} | {n} | {mean:.2f} | {p:.2f} | {middle - half:.2f}-{middle + half:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=Path, action="append", default=[])
    options = parser.parse_args()
    knowledge = load_skills([SKILLS]).knowledge
    explains, numbers = dict(knowledge.explains), knowledge.calibration
    seen = forms(read_cases([SKILLS / "examples"]), knowledge)
    full, unseen = [one for one in seen if one.full], [one for one in seen if not one.full]
    table("Shipped examples, words cross-validated", full, explains, numbers)
    table("The same, half of the signatures unseen", unseen, explains, numbers)
    for file in options.cases:
        others = [look(case, 0, knowledge, knowledge.words, full=True) for case in read_cases([file])]
        table(file.name, others, explains, numbers)
        reliability(file.name, others, explains, numbers)
    reliability("shipped examples, words cross-validated", full, explains, numbers)
    reliability("the same, half of the signatures unseen", unseen, explains, numbers)


if __name__ == "__main__":
    main()
