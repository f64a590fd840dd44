"""What a pattern demands: never more than every match holds, and enough to index by."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from responder.logic.diagnosis.literals import demands, required


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("CUDA out of memory", {"cuda out of memory"}),
        (r"foo(?:bar|baz)? qux", {"foo qux", "foobar qux", "foobaz qux"}),
        (r"Tried to allocate (?P<wanted>[\d.]+ [KMG]iB)", {"tried to allocate "}),
        (r"\d+ of \d+ nodes are \w+ available", {" nodes are "}),
        (r"[Ee]rror \d+", {"error "}),
        (r"abc*def", {"def"}),
        (r"abc{2,3}", {"ab"}),
        (r"(?i)TimeOut", {"timeout"}),
        (r"one|two|three", {"one", "two", "three"}),
        (r"a\.b\\c\x41", {"a.b\\ca"}),
        (r"\QA.B\E", {"a.b"}),
        (r"timeouts?", {"timeout"}),
    ],
)
def test_literals_of_a_pattern(pattern: str, wanted: set[str]) -> None:
    assert required(pattern) == wanted


@pytest.mark.parametrize("pattern", [r"\d+", r".*", r"a?b*", r"[^x]{10}", "", r"(?:abc)?"])
def test_a_pattern_that_demands_no_text(pattern: str) -> None:
    assert required(pattern) is None


@pytest.mark.parametrize("pattern", ["(abc", "abc)", "[abc", r"\xzz"])
def test_a_pattern_that_cannot_be_read(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        required(pattern)


PATTERNS = [
    r"foo(?:bar|baz)? qux\d+",
    r"(?:red|green|blue){2} [a-c]x?y+z",
    r"x(?:aa|b[cd]e|f\.g)*tail",
    r"(?i)Mixed(?:Case|_snake) [0-9]{1,3}",
    r"alpha.{0,5}beta|gamma\s+delta",
    r"(?P<name>[a-z]+)=(?:yes|no) done",
]


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(PATTERNS))
def test_every_match_holds_one_of_its_literals(data: st.DataObject, pattern: str) -> None:
    text = data.draw(st.from_regex(pattern, fullmatch=True)).lower()
    literals = required(pattern)
    assert literals is not None
    assert any(literal in text for literal in literals)


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        (r"alpha.{0,5}beta|gamma\s+delta", [{"alpha", "beta"}, {"gamma", "delta"}]),
        (
            r"(?i)(?:sync .* failed|operation (?:hung|stuck))",
            [{"sync ", " failed"}, {"operation hung", "operation stuck"}],
        ),
        (r"(?:alpha|beta\d+)[a-z]+gamma", [{"alpha", "gamma"}, {"beta", "gamma"}]),
        (r"one .* \"two\" .* three", [{"one ", " three"}]),
        (r"alpha|\d+", []),
        (r"alpha.*\x22b\x22|\x22b\x22", []),
    ],
)
def test_what_each_way_to_match_demands(pattern: str, wanted: list[set[str]]) -> None:
    found = [{text for texts in way for text in texts} for way in demands(pattern)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, wanted))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(PATTERNS))
def test_every_match_has_all_that_one_of_the_ways_demands(data: st.DataObject, pattern: str) -> None:
    text = data.draw(st.from_regex(pattern, fullmatch=True)).lower()
    ways = demands(pattern)
    assert not ways or any(all(any(one in text for one in texts) for texts in way) for way in ways)
