"""The weak fallback: which class the words of a text belong to, when no known message says it.

A multinomial naive Bayes over words and word pairs, fitted offline on the shipped knowledge alone and stored as data
(`skills/words.json`), plus the hand-set vocabulary of each class. What it says is bounded: words alone never make a diagnosis sure.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

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
    """`weights`: feature to class to log-odds against the other classes."""

    weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    phrases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Class to its hand-set vocabulary."""

    def score(self, text: str) -> dict[str, float]:
        """Class to log-odds that the text's words speak for it, relative to the best (so <= 0 for all but the best)."""
        scores: dict[str, float] = {}
        known = [self.weights[name] for name in features(text) if name in self.weights]
        for weights in known:
            for name, weight in weights.items():
                scores[name] = scores.get(name, 0.0) + weight
        lowered = f" {' '.join(text[:READ].lower().split())} "
        for name, phrases in self.phrases.items():
            hits = sum(1 for phrase in phrases if phrase in lowered)
            if hits:
                scores[name] = scores.get(name, 0.0) + math.log1p(hits)
        return scores
