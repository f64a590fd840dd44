"""Whether labels satisfy a condition, and if not, at which matcher.

As in Alertmanager: a missing label is the empty string, and regular expressions match the whole value. RE2 matches in
linear time, so no pattern and no label value can stall the daemon. `compiled` is for conditions that see every event.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from responder.logic.matcher_syntax import (
    MatcherError,
    compile_pattern,
    parse_condition,
    parse_matchers,
    show,
    show_matcher,
    tree,
)
from responder.model.rule import All, Any_, Condition, Matcher, MatchOp, Not, One

__all__ = [
    "Explanation",
    "MatcherError",
    "Pattern",
    "compiled",
    "evaluate",
    "matches",
    "parse_condition",
    "parse_matchers",
    "show",
    "show_matcher",
    "tree",
]

Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

REMEMBERED = 1024  # values per pattern; alert names, severities and namespaces repeat, pod names do not
LONGEST_REMEMBERED = 256  # characters; longer values are matched again each time


class Pattern:
    """An anchored regular expression that remembers its answers, because label values repeat."""

    __slots__ = ("_fullmatch", "_known", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._fullmatch = compile_pattern(text).fullmatch
        self._known: dict[str, bool] = {}

    def matches(self, value: str) -> bool:
        known = self._known.get(value)
        if known is not None:
            return known
        found = self._fullmatch(value.encode("utf-8", "replace")) is not None
        if len(value) <= LONGEST_REMEMBERED:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[value] = found
        return found


@lru_cache(maxsize=32_768)
def pattern(text: str) -> Pattern:
    """One compiled pattern per text, however many rules use it."""
    return Pattern(text)


@dataclass(frozen=True, slots=True)
class Explanation:
    """`failed_at`: the matcher (or the part) that decided against; `found`: what the labels had there."""

    matched: bool
    failed_at: str | None = None
    found: str | None = None


def matches(condition: Condition, labels: Labels) -> bool:
    """Whether the labels satisfy the condition."""
    match condition:
        case One(matcher=matcher):
            return _holds(matcher, labels.get(matcher.label, ""))
        case All(parts=parts):
            return all(matches(part, labels) for part in parts)
        case Any_(parts=parts):
            return any(matches(part, labels) for part in parts)
        case Not(part=part):
            return not matches(part, labels)


def evaluate(condition: Condition, labels: Labels) -> Explanation:
    """Like `matches`, down to the first matcher that failed."""
    match condition:
        case One(matcher=matcher):
            value = labels.get(matcher.label, "")
            if _holds(matcher, value):
                return Explanation(True)
            return Explanation(False, show_matcher(matcher), _found(matcher.label, labels))
        case All(parts=parts):
            return next((step for part in parts if not (step := evaluate(part, labels)).matched), Explanation(True))
        case Any_(parts=parts):
            steps = [evaluate(part, labels) for part in parts]
            if any(step.matched for step in steps):
                return Explanation(True)
            if len(steps) == 1:
                return steps[0]
            failed = " | ".join(dict.fromkeys(step.failed_at or "" for step in steps))
            return Explanation(False, f"any({failed})", ", ".join(dict.fromkeys(step.found or "" for step in steps)))
        case Not(part=part):
            if not matches(part, labels):
                return Explanation(True)
            names = dict.fromkeys(_labels_of(part))
            return Explanation(False, show(condition), ", ".join(_found(name, labels) for name in names) or None)


def compiled(condition: Condition) -> Test:
    """The condition as a function of labels, for what is evaluated for every event."""
    match condition:
        case One(matcher=matcher):
            return _compiled_matcher(matcher)
        case All(parts=parts):
            tests = tuple(compiled(part) for part in parts)
            if len(tests) == 1:
                return tests[0]
            if len(tests) == 2:
                first, second = tests
                return lambda labels: first(labels) and second(labels)
            return lambda labels: all([test(labels) for test in tests])  # noqa: C419 -- measured: faster than a generator
        case Any_(parts=parts):
            options = tuple(compiled(part) for part in parts)
            return lambda labels: any(test(labels) for test in options)
        case Not(part=part):
            test = compiled(part)
            return lambda labels: not test(labels)


def _compiled_matcher(matcher: Matcher) -> Test:
    label, wanted = matcher.label, matcher.value
    match matcher.op:
        case MatchOp.EQ:
            return lambda labels: labels.get(label, "") == wanted
        case MatchOp.NE:
            return lambda labels: labels.get(label, "") != wanted
        case MatchOp.RE:
            holds = pattern(wanted).matches
            return lambda labels: holds(labels.get(label, ""))
        case MatchOp.NRE:
            rejects = pattern(wanted).matches
            return lambda labels: not rejects(labels.get(label, ""))


def _holds(matcher: Matcher, value: str) -> bool:
    match matcher.op:
        case MatchOp.EQ:
            return value == matcher.value
        case MatchOp.NE:
            return value != matcher.value
        case MatchOp.RE:
            return pattern(matcher.value).matches(value)
        case MatchOp.NRE:
            return not pattern(matcher.value).matches(value)


def _found(label: str, labels: Labels) -> str:
    return f'{label}="{labels[label]}"' if label in labels else f"no label {label}"


def _labels_of(condition: Condition) -> list[str]:
    match condition:
        case One(matcher=matcher):
            return [matcher.label]
        case Not(part=part):
            return _labels_of(part)
        case All(parts=parts) | Any_(parts=parts):
            return [name for part in parts for name in _labels_of(part)]
