"""Whether a text reads like healthy operation or like trouble, by its words and above all by how it ends.

Frightening words stand in every healthy log; what tells the two apart is company (`0 failed`, `retry ... ok`) and the last lines. A
naive Bayes of two sides, fitted offline on the shipped examples and stored beside the words of the classes. What it deliberately
does not do: name a cause, or outweigh a line that does.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

MARK = "~"
"""Before the name of every feature of this kind, so that they can stand beside those of the classes."""
LAST = 2
"""Lines with words that count as the end of a text."""
LONGEST_END = 400
"""Characters of one line of the end that are read."""
_WORD = re.compile(r"[a-z][a-z_]{1,30}|(?<![\w.:/-])\d+(?:\.\d+)?(?![\w:/-]|\.\d)|[!%]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TELLING = frozenset({"0", "200"})
_NUMBER = "#"


def said(text: str) -> list[str]:
    """Words of two letters and more; zero, 200 and codes of HTTP errors stay as they are, other numbers are all alike."""
    found = []
    for word in _WORD.findall(_CAMEL.sub(" ", text).lower()):
        telling = not word[0].isdigit() or word in _TELLING or (len(word) == 3 and word[0] in "45")
        found.append(word if telling else _NUMBER)
        if "_" in word:
            found += [part for part in word.split("_") if len(part) > 2]
    return found


def signs(text: str) -> set[str]:
    """Words, pairs of words, and both again for the end of the text, which counts twice thereby."""
    lines = [line[:LONGEST_END] for line in text[-LAST * 4 * LONGEST_END :].split("\n") if line.strip()]
    end = said("\n".join(lines[-LAST:]))
    words = said(text)
    found = {f"{MARK}{word}" for word in words} | {f"{MARK}{a} {b}" for a, b in pairwise(words)}
    found |= {f"{MARK}${word}" for word in end} | {f"{MARK}${a} {b}" for a, b in pairwise(end)}
    return found - {f"{MARK}{_NUMBER}", f"{MARK}${_NUMBER}"}


SMOOTHING = 1.0
LEAST_TEXTS = 2
LEAST_WEIGHT = 0.3


def fit_calm(texts: Iterable[tuple[str, bool]]) -> dict[str, float]:
    """Log-odds of each sign in healthy texts against those of trouble, from (text, is it healthy)."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    sizes = [0, 0]
    for text, healthy in texts:
        sizes[healthy] += 1
        for sign in signs(text):
            counts[sign][healthy] += 1
    weights = {}
    for sign, (trouble, health) in counts.items():
        if trouble + health < LEAST_TEXTS:
            continue
        odds = math.log((health + SMOOTHING) / (sizes[1] + 2 * SMOOTHING))
        odds -= math.log((trouble + SMOOTHING) / (sizes[0] + 2 * SMOOTHING))
        if abs(odds) >= LEAST_WEIGHT:
            weights[sign] = round(odds, 2)
    return weights


def calm(text: str, weights: Mapping[str, float], fewest: int) -> float:
    """How healthy a text reads: above zero healthy, below trouble; divided by the root of the number of signs, which repeat each other."""
    known = [weights[sign] for sign in signs(text) if sign in weights]
    return sum(known) / math.sqrt(max(fewest, len(known)))
