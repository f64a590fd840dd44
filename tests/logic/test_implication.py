"""Implication is careful: whatever it claims must hold for all labels."""

from hypothesis import given, settings
from hypothesis import strategies as st

from responder.logic.implication import contradiction, implies, takes_everything
from responder.logic.match import matches, parse_condition
from responder.model.rule import All, Condition, Matcher, One
from tests.strategies import conditions, matchers

NAMES = st.sampled_from(["a", "b"])
VALUES = st.sampled_from(["", "1", "2", "12"])
PATTERNS = st.sampled_from(["1|2", "1.*", ".*", "", ".+", "2|"])
MATCHERS = matchers(NAMES, VALUES, PATTERNS)
CONDITIONS = conditions(NAMES, VALUES, PATTERNS, parts=2, leaves=4)
LABELS = [{"a": a, "b": b} for a in ("", "1", "2", "12", "x") for b in ("", "1", "2", "12", "x")]


@settings(max_examples=500)
@given(CONDITIONS, CONDITIONS)
def test_what_is_implied_holds(given_: Condition, wanted: Condition) -> None:
    assert not implies(given_, wanted) or all(matches(wanted, labels) for labels in LABELS if matches(given_, labels))


@given(CONDITIONS)
def test_what_takes_everything_takes_everything(condition: Condition) -> None:
    assert not takes_everything(condition) or all(matches(condition, labels) for labels in LABELS)


@given(st.lists(MATCHERS, max_size=4))
def test_a_contradiction_never_matches(made: list[Matcher]) -> None:
    condition = All(parts=tuple(One(matcher=matcher) for matcher in made))
    assert contradiction(condition) is None or not any(matches(condition, labels) for labels in LABELS)


def test_it_sees_the_usual_cases() -> None:
    def read(raw: object) -> Condition:
        return parse_condition(raw)

    assert implies(read('a="1", b="2"'), read('a=~"1|2"'))
    assert implies(read('a=~"1|2"'), read({"any": ['a="3"', 'a=~"[12]"']}))
    assert implies(read('a="1"'), read('a!="2"'))
    assert implies(read('a="1"'), read({"not": 'a="2"'}))
    assert implies(read('a=~".+x"'), read('a!=""'))
    assert not implies(read('a=~"1.*"'), read('a=~"1|2"'))
    assert takes_everything(read("{}"))
    assert takes_everything(read('a=~".*"'))
    assert not takes_everything(read('a=""'))
