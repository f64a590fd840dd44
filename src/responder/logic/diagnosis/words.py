"""The weak fallback: which class the words of a text belong to, when no known message says it.

A multinomial naive Bayes over words and word pairs, fitted offline on the shipped knowledge alone and stored as data
(`skills/words.json`); it reads the vocabulary of each class as one of its texts. What it says is bounded: words alone never make a
diagnosis sure.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from responder.logic.diagnosis.calm import MARK, calm
from responder.model.diagnosis import BENIGN

READ = 24_000
"""Characters of a text whose words are read: the first third and the last two thirds of it."""
_WORD = re.compile(r"[a-z][a-z_]{2,30}|[45]\d\d\b")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def tokens(text: str) -> list[str]:
    """Lower-case words (CamelCase and snake_case taken apart as well as whole) in order."""
    if len(text) > READ:
        text = text[: READ // 3] + "\n" + text[-2 * READ // 3 :]
    found = []
    for word in _WORD.findall(_CAMEL.sub(" ", text).lower()):
        found.append(word)
        if "_" in word:
            found += [part for part in word.split("_") if len(part) > 2]
    return found


def features(text: str) -> set[str]:
    """Words and neighbouring pairs of words; each counts once per text."""
    words = tokens(text)
    return {*words, *(f"{a} {b}" for a, b in pairwise(words))}


@dataclass(frozen=True)
class Words:
    """`weights`: feature to class to log-odds against the other classes. Signs of calm stand among them, under `benign`."""

    given: Mapping[str, Mapping[str, float]] | Callable[[], Mapping[str, Mapping[str, float]]] = field(
        default_factory=dict
    )
    """The weights, or what reads them: at first use, for they take as long to read and as much memory as all rules."""

    @cached_property
    def weights(self) -> Mapping[str, Mapping[str, float]]:
        return self.given() if callable(self.given) else self.given

    @cached_property
    def _calm(self) -> Mapping[str, float]:
        return {name: found[BENIGN] for name, found in self.weights.items() if name.startswith(MARK)}

    def score(self, text: str) -> dict[str, float]:
        """Class to how much the text's words speak for it; growing with the square root of their number, as they are
        not independent."""
        known = [self.weights[name] for name in features(text) if name in self.weights]
        scores: dict[str, float] = {}
        for weights in known:
            for name, weight in weights.items():
                scores[name] = scores.get(name, 0.0) + weight
        scale = math.sqrt(max(FEWEST, len(known)))
        return {name: total / scale for name, total in scores.items()}

    def mood(self, text: str) -> float:
        """How healthy the text reads, above zero healthy."""
        return calm(text, self._calm, FEWEST)


FEWEST = 12
"""A text with fewer known words than this speaks as softly as if the others were unknown."""
SMOOTHING = 0.2
LEAST_TEXTS = 2
"""A pair of words that only one text has is an accident; a single word may be a name that experts know."""
LEAST_WEIGHT = 0.4
MOST_CLASSES = 5


def fit(texts: Iterable[tuple[str, str, float]]) -> dict[str, dict[str, float]]:
    """Weights from (text, class, weight of the text): smoothed log-odds of a feature in the class against all
    others."""
    counts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    sizes: dict[str, float] = defaultdict(float)
    seen: dict[str, int] = defaultdict(int)
    for text, name, weight in texts:
        sizes[name] += weight
        for feature in features(text):
            counts[feature][name] += weight
            seen[feature] += 1
    total = sum(sizes.values())
    weights: dict[str, dict[str, float]] = {}
    for feature, by_class in counts.items():
        if " " in feature and seen[feature] < LEAST_TEXTS:
            continue
        everywhere = sum(by_class.values())
        spread = SMOOTHING * everywhere / total
        odds = {}
        for name, count in by_class.items():
            if name == BENIGN:  # how healthy a text reads is asked for itself, not as one topic among seventy
                continue
            inside = (count + spread) / (sizes[name] + SMOOTHING)
            outside = (everywhere - count + spread) / (total - sizes[name] + SMOOTHING)
            odds[name] = round(math.log(inside / outside), 2)
        best = sorted(((odd, name) for name, odd in odds.items() if odd >= LEAST_WEIGHT), reverse=True)[:MOST_CLASSES]
        if best:
            weights[feature] = {name: odd for odd, name in best}
    return weights
