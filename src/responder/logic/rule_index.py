"""Which rules could match an event: an index over what conditions demand, so that the number of rules hardly matters.

Each rule is filed under the rarest thing that its condition cannot do without (its guard): one of some label values
(`cluster="a"`, `alertname=~"X|Y"`), or a match of one of some patterns. Patterns are found through the literal texts
that they demand, all of them in one pass of an automaton over the label's value; patterns without any go through RE2
sets. Rules that demand nothing (`env!="prod"`) are candidates always. A candidate still has to be evaluated: the index
may name a rule too many, never one too few.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import ahocorasick_rs
import re2

from responder.logic.diagnosis.literals import required
from responder.logic.match import Pattern, pattern
from responder.logic.matcher_syntax import OPTIONS
from responder.model.rule import All, Any_, Condition, Matcher, MatchOp, Not, One

MAX_VALUES = 64  # alternatives of a pattern that are filed as plain values
SET_SIZE = 128  # patterns per RE2 set; larger sets blow up their automaton
REMEMBERED = 4096  # label values per label whose patterns are remembered; alert names repeat
LONGEST_REMEMBERED = 256  # characters
FEW = 16  # literals are looked for one by one, without giving up the interpreter's lock as the automaton does
_LITERALS = re.compile(r"[\w :/@%,;#=<>&~\-]*(\|[\w :/@%,;#=<>&~\-]*)*")


@dataclass(frozen=True, slots=True)
class Atom:
    """One thing that a condition may demand: a label has this very value, or its value matches this pattern."""

    how: Literal["is", "matches"]
    label: str
    value: str


Guard = frozenset[Atom]
"""At least one of these holds whenever the condition does."""


def guards(condition: Condition, *, negated: bool = False) -> list[Guard]:
    """Every guard that the condition offers; none where it can hold for an event without labels."""
    match condition:
        case One(matcher=matcher):
            guard = _guard_of(matcher, negated=negated)
            return [guard] if guard is not None else []
        case Not(part=part):
            return guards(part, negated=not negated)
        case All(parts=parts) | Any_(parts=parts):
            if isinstance(condition, All) is not negated:
                return [guard for part in parts for guard in guards(part, negated=negated)]
            offered = [guards(part, negated=negated) for part in parts]
            if not all(offered):
                return []
            # one guard of each branch; the narrowest is a good guess without counts
            return [frozenset(atom for branch in offered for atom in min(branch, key=len))]


def _guard_of(matcher: Matcher, *, negated: bool) -> Guard | None:
    positive, exact = _FORMS[matcher.op]
    if positive is negated:
        return None
    if exact:
        return frozenset([Atom("is", matcher.label, matcher.value)]) if matcher.value else None
    if pattern(matcher.value).matches(""):
        return None  # a missing label satisfies it
    if _LITERALS.fullmatch(matcher.value):
        values = set(matcher.value.split("|"))
        if len(values) <= MAX_VALUES:
            return frozenset(Atom("is", matcher.label, value) for value in values)
    return frozenset([Atom("matches", matcher.label, matcher.value)])


_FORMS = {
    MatchOp.EQ: (True, True),
    MatchOp.NE: (False, True),
    MatchOp.RE: (True, False),
    MatchOp.NRE: (False, False),
}


class RuleIndex:
    """Positions of the rules that could match, by labels."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        offers = [guards(condition) for condition in conditions]
        common = Counter(atom for offered in offers for guard in offered for atom in guard)
        self.always: list[int] = []
        values: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        patterns: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for position, offered in enumerate(offers):
            if not offered:
                self.always.append(position)
                continue
            best = min(
                offered, key=lambda guard: (sum(common[atom] for atom in guard), _patterns_in(guard), len(guard))
            )
            for atom in best:
                (values if atom.how == "is" else patterns)[atom.label][atom.value].append(position)
        self._by_label = {
            label: _Values(values.get(label, {}), patterns.get(label, {})) for label in {**values, **patterns}
        }

    def candidates(self, labels: Mapping[str, str]) -> list[int]:
        """Positions in ascending order."""
        found: set[int] = set(self.always)
        by_label = self._by_label
        for label, value in labels.items():
            if label in by_label and (positions := by_label[label][value]):
                found.update(positions)
        return sorted(found)


def _patterns_in(guard: Guard) -> int:
    return sum(atom.how == "matches" for atom in guard)


class _Values(dict[str, tuple[int, ...]]):
    """From a label's value to the rules that it could match: those that ask for it, and once it was looked up those whose pattern
    it matches. The patterns are taken apart for the first value: starting need not wait for it."""

    def __init__(self, by_value: Mapping[str, Sequence[int]], by_pattern: Mapping[str, list[int]]) -> None:
        super().__init__()
        self._by_value = {value: tuple(positions) for value, positions in by_value.items()}
        self._by_pattern = by_pattern
        if not by_pattern:
            self.update(self._by_value)

    @cached_property
    def _patterns(self) -> "_PatternIndex":
        return _PatternIndex(self._by_pattern)

    def __missing__(self, value: str) -> tuple[int, ...]:
        if not self._by_pattern:
            return ()
        found = self._by_value.get(value, ())
        if value:
            found += tuple(self._patterns.find(value))
        if len(value) <= LONGEST_REMEMBERED:
            if len(self) >= REMEMBERED:
                self.clear()
            self[value] = found
        return found


class _PatternIndex:
    """All patterns that guard rules on one label, by the literal texts that they demand; those that demand none in RE2 sets."""

    def __init__(self, by_text: Mapping[str, list[int]]) -> None:
        by_literal: dict[str, list[tuple[Pattern, list[int]]]] = defaultdict(list)
        rest: list[tuple[str, list[int]]] = []
        for text, positions in by_text.items():
            literals = _required(text)
            if literals is None:
                rest.append((text, positions))
            for literal in literals or ():
                by_literal[literal].append((pattern(text), positions))
        self._behind = list(by_literal.values())
        self._few = list(by_literal) if len(by_literal) <= FEW else []
        self._automaton = ahocorasick_rs.AhoCorasick(list(by_literal)) if len(by_literal) > FEW else None
        self._sets = [_PatternSet(rest[at : at + SET_SIZE]) for at in range(0, len(rest), SET_SIZE)]

    def find(self, value: str) -> Iterable[int]:
        found: set[int] = set()
        for hit in self._literals_in(value.casefold()):
            for one, positions in self._behind[hit]:
                if one.matches(value):
                    found.update(positions)
        for patterns in self._sets:
            for positions in patterns.hits(value):
                found.update(positions)
        return found

    def _literals_in(self, folded: str) -> Collection[int]:
        if self._automaton is None:
            return [index for index, literal in enumerate(self._few) if literal in folded]
        return {index for index, _, _ in self._automaton.find_matches_as_indexes(folded, overlapping=True)}


def _required(text: str) -> frozenset[str] | None:
    """Case-folded literals of which one occurs in every value that the pattern matches; None where it demands none."""
    try:
        literals = required(text)
    except ValueError:
        return None
    return frozenset(literal.casefold() for literal in literals) if literals and all(literals) else None


class _PatternSet:
    """Patterns matched together.

    RE2 refuses a set that is too big, and answers "nothing" when its automaton outgrows its memory: so each set holds a
    pattern that matches everything, and where that one is missing, the others are tried one by one.
    """

    def __init__(self, patterns: Sequence[tuple[str, list[int]]]) -> None:
        self._patterns = [(pattern(text), positions) for text, positions in patterns]
        self._set = re2.Set.FullMatchSet(OPTIONS)
        for text, _ in patterns:
            self._set.Add(text.encode())
        self._canary = self._set.Add(b".*")
        try:
            self._set.Compile()
        except re2.error:
            self._set = None

    def hits(self, value: str) -> Iterable[list[int]]:
        found = self._set.Match(value.encode("utf-8", "replace")) or () if self._set is not None else ()
        if self._canary not in found:
            return [positions for one, positions in self._patterns if one.matches(value)]
        return [self._patterns[hit][1] for hit in found if hit != self._canary]
