"""Whether one condition makes another hold: enough to see that an earlier rule leaves nothing to a later one.

Syntactic and careful: `implies` says yes only where it is certain; a pattern is compared by its text or by its literal
alternatives, never by what it could match.
"""

import re

from responder.logic.match import matches, pattern
from responder.model.rule import All, Any_, Condition, Matcher, MatchOp, Not, One

_LITERALS = re.compile(r"[\w :/@%,;#=<>&~\-]*(\|[\w :/@%,;#=<>&~\-]*)*")
_EVERYTHING = frozenset((".*", "(?s).*", "(?s:.*)"))


def implies(given: Condition, wanted: Condition) -> bool:
    """True: labels that satisfy `given` satisfy `wanted`. False: not, or not certain."""
    if given == wanted:
        return True
    match wanted:
        case All(parts=parts):
            return all(implies(given, part) for part in parts)
        case Any_(parts=parts) if any(implies(given, part) for part in parts):
            return True
        case One(matcher=matcher) if _always(matcher):
            return True
    match given:
        case All(parts=parts):
            return any(implies(part, wanted) for part in parts)
        case Any_(parts=parts):
            return all(implies(part, wanted) for part in parts)
        case One(matcher=has):
            match wanted:
                case One(matcher=needs):
                    return _follows(has, needs)
                case Not(part=One(matcher=denied)):
                    return _excludes(has, denied)
    return False


def takes_everything(condition: Condition) -> bool:
    """True for a catch-all."""
    return implies(All(), condition)


def contradiction(condition: Condition) -> tuple[Matcher, Matcher] | None:
    """Two matchers that cannot both hold, of those that all must hold."""
    demanded = _demanded(condition)
    for position, first in enumerate(demanded):
        for second in demanded[position + 1 :]:
            if first.label == second.label and (_excludes(first, second) or _excludes(second, first)):
                return first, second
    return None


def literal_values(matcher: Matcher) -> frozenset[str] | None:
    """The only values that satisfy a matcher, where they can be told."""
    if matcher.op is MatchOp.EQ:
        return frozenset([matcher.value])
    if matcher.op is MatchOp.RE and _LITERALS.fullmatch(matcher.value):
        return frozenset(matcher.value.split("|"))
    return None


def _demanded(condition: Condition) -> list[Matcher]:
    match condition:
        case One(matcher=matcher):
            return [matcher]
        case All(parts=parts):
            return [matcher for part in parts for matcher in _demanded(part)]
        case _:
            return []


def _always(matcher: Matcher) -> bool:
    return matcher.op is MatchOp.RE and matcher.value in _EVERYTHING


def _follows(has: Matcher, needs: Matcher) -> bool:
    if has.label != needs.label:
        return False
    values = literal_values(has)
    if values is not None:
        return all(matches(One(matcher=needs), {has.label: value}) for value in values)
    if needs.op is MatchOp.NE and needs.value == "" and has.op is MatchOp.RE:
        return not pattern(has.value).matches("")
    return False


def _excludes(has: Matcher, denied: Matcher) -> bool:
    values = literal_values(has)
    return (
        has.label == denied.label
        and values is not None
        and not any(matches(One(matcher=denied), {has.label: value}) for value in values)
    )
