"""Matchers: Alertmanager's syntax, errors that point, and evaluation that obeys logic."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from responder.logic.match import (
    Explanation,
    MatcherError,
    compiled,
    evaluate,
    matches,
    parse_condition,
    parse_matchers,
    show,
    tree,
)
from responder.model.rule import All, Any_, Condition, Not, One
from tests.strategies import conditions, matchers

# a small world, so that matchers often hit
NAMES = st.sampled_from(["alertname", "severity", "node", "foo bar", "naïve", 'a"b'])
VALUES = st.sampled_from(["", "a", "b", "ab", "A", "ſ", "line\nbreak", 'quo"te', "back\\slash", "a|b", "{x}", "x,y"])
PATTERNS = st.sampled_from(["a|b", "a.*", "(?i)AB?", "", ".+", "[ab]+", r"back\\slash", "x(?:,y)?", r"\w+"])
MATCHERS = matchers(NAMES, VALUES, PATTERNS)
LABELS = st.dictionaries(NAMES, VALUES)
CONDITIONS = conditions(NAMES, VALUES, PATTERNS, parts=3, leaves=8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("{}", []),
        ('foo="bar"', [("foo", "=", "bar")]),
        ("foo=bar", [("foo", "=", "bar")]),
        ('{ foo = "bar" , }', [("foo", "=", "bar")]),
        ('a!="b",c=~"d|e", f!~ "g"', [("a", "!=", "b"), ("c", "=~", "d|e"), ("f", "!~", "g")]),
        ('foo="a,b=c}"', [("foo", "=", "a,b=c}")]),
        (r'foo=~"a\.b"', [("foo", "=~", r"a\.b")]),
        (r'foo="a\\b\"c\nd"', [("foo", "=", 'a\\b"c\nd')]),
        (r'foo=~"\bxid\b"', [("foo", "=~", r"\bxid\b")]),
        ('"foo bar"="x"', [("foo bar", "=", "x")]),
        ("größe=~.+", [("größe", "=~", ".+")]),
        ("foo=", [("foo", "=", "")]),
        ("{foo=bar baz}", [("foo", "=", "bar baz")]),
        ("foo=~a{2}", [("foo", "=~", "a{2}")]),
    ],
)
def test_alertmanagers_syntax(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert [(m.label, m.op.value, m.value) for m in parse_matchers(text)] == expected


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("foo", "expected one of = != =~ !~", 4),
        ('foo=="bar"', "expected one of = != =~ !~", 4),
        ('="bar"', "expected a label name", 1),
        ('foo="bar', "opening quote is never closed", 5),
        ("foo='bar'", "double quotes", 5),
        ('foo="bar" and x="y"', "expected a comma", 11),
        ("foo=bar and x=y", "expected a comma", 16),
        ('{foo="bar"', "never closed", 11),
        ('{foo="bar"} x', "nothing may follow", 13),
        ('foo="a",,b="c"', "expected a label name", 9),
        ('foo=~"a(b"', "not a regular expression", 6),
        ('foo=~"(?=a)"', "not a regular expression", 6),
        ('foo=a"b', "quote inside", 6),
        ('""="x"', "cannot be empty", 1),
    ],
)
def test_errors_point_at_the_place(text: str, message: str, column: int) -> None:
    with pytest.raises(MatcherError, match=message) as raised:
        parse_matchers(text)
    assert raised.value.column == column
    assert raised.value.path == ()
    shown = str(raised.value).splitlines()
    assert shown[1].strip() == text.strip()
    assert shown[2].index("^") == column + 1


@pytest.mark.parametrize(
    ("raw", "message", "path"),
    [
        ({"all": [], "any": []}, "no condition", ()),
        ({"none": []}, "cannot stand here", ()),
        ({"any": []}, "never matches", ()),
        ({"any": "x"}, "cannot stand here", ()),
        ({"all": ["a=b", {"not": "c"}]}, "expected one of", ("all", 1, "not")),
        (3, "no condition", ()),
        (None, "no condition", ()),
    ],
)
def test_trees_say_where_they_are_wrong(raw: object, message: str, path: tuple[object, ...]) -> None:
    with pytest.raises(MatcherError, match=message) as raised:
        parse_condition(raw)
    assert raised.value.path == path


def test_a_tree_cannot_be_too_deep() -> None:
    raw: object = "a=b"
    for _ in range(500):
        raw = {"not": raw}
    with pytest.raises(MatcherError, match="nested deeper"):
        parse_condition(raw)


def test_a_missing_label_is_the_empty_string() -> None:
    assert matches(parse_condition('a="", b!="x", c=~".*", d!~".+"'), {})
    assert not matches(parse_condition('a=~".+"'), {})


def test_regular_expressions_match_the_whole_value() -> None:
    assert not matches(parse_condition('a=~"b"'), {"a": "abc"})
    assert not matches(parse_condition('a=~"b|c"'), {"a": "bc"})
    assert matches(parse_condition('a=~"b.*"'), {"a": "b\nc"})
    assert matches(parse_condition(r'a=~"\Qb.c"'), {"a": "b.c"})


def test_the_explanation_names_the_matcher_that_failed() -> None:
    condition = parse_condition({"all": ['a="1"', {"any": ['b="2"', 'c=~"3|4"']}, {"not": 'd="5"'}]})
    assert evaluate(condition, {"a": "0"}) == Explanation(False, 'a="1"', 'a="0"')
    assert evaluate(condition, {"a": "1", "c": "9"}) == Explanation(False, 'any(b="2" | c=~"3|4")', 'no label b, c="9"')
    assert evaluate(condition, {"a": "1", "b": "2", "d": "5"}) == Explanation(False, 'not(d="5")', 'd="5"')
    assert evaluate(condition, {"a": "1", "b": "2"}) == Explanation(True)


@given(CONDITIONS)
def test_what_is_shown_reads_back_the_same(condition: Condition) -> None:
    assert parse_condition(tree(condition)) == condition
    assert show(condition)


@given(CONDITIONS, LABELS)
def test_the_three_ways_to_evaluate_agree(condition: Condition, labels: dict[str, str]) -> None:
    expected = matches(condition, labels)
    assert evaluate(condition, labels).matched == expected
    assert compiled(condition)(labels) == expected


@given(CONDITIONS, CONDITIONS, LABELS)
def test_de_morgan(a: Condition, b: Condition, labels: dict[str, str]) -> None:
    assert matches(Not(part=All(parts=(a, b))), labels) == matches(Any_(parts=(Not(part=a), Not(part=b))), labels)
    assert matches(Not(part=Any_(parts=(a, b))), labels) == matches(All(parts=(Not(part=a), Not(part=b))), labels)


@given(st.text(max_size=80))
def test_no_text_breaks_the_parser(text: str) -> None:
    column = 1
    try:
        parsed = parse_matchers(text)
        assert parse_matchers(", ".join(show(One(matcher=matcher)) for matcher in parsed)) == parsed
    except MatcherError as error:
        column = error.column or 0
    assert 1 <= column <= len(text) + 1


@settings(max_examples=10)
@given(st.sampled_from(["(a*)*b", "(a|a)*b", "(?i)(x+x+)+y", ".*.*.*.*z"]), st.sampled_from("ax"))
def test_hostile_patterns_and_values_stay_linear(pattern: str, char: str) -> None:
    condition = parse_condition(f'a=~"{pattern}"')
    started = time.process_time()
    matches(condition, {"a": char * 100_000})
    assert time.process_time() - started < 1.0
