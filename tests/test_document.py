"""Documents: what is accepted, and that every error names its place and what to do."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from responder.document import ConfigErrors, Document, load, parse
from responder.duration import Duration
from responder.errors import ConfigError
from responder.model.value import Value

FILE = Path("x.yaml")


class Leaf(Value):
    name: str
    wait: Duration | None = None
    continue_: bool = Field(default=False, alias="continue")


class Tree(Value):
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = Field(default_factory=dict)
    token: int = 0


def document(text: str) -> Document:
    return parse(text, FILE)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        document(text).read(Tree)
    return [f"{p.line}:{p.column} {p.message} | {p.hint}" for p in raised.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("true", True),
        ("~", None),
        ("", None),
        ("007", 7),
        ("0x10", 16),
        ("-.5e3", -500.0),
        (".inf", float("inf")),
        ("1_000", "1_000"),
        ("'1'", "1"),
        ("[a, {b: 1}]", ["a", {"b": 1}]),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    assert document(text).data == value


def test_merge_keys_and_aliases() -> None:
    data = document("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n").data
    assert data["b"] == {"x": 1, "y": 3}
    assert data["c"] == data["a"]


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: 1\nb: 2\na: 3\n", 'key "a" occurs twice', (3, 1)),
        ("a: !!python/object:os.system {}\n", "is not supported", (1, 4)),
        ("a: &x [*x]\n", "contains itself", (1, 4)),
        ("a: [1\nb: 2\n", "not YAML", (2, 2)),
        ("a: 1\n---\nb: 2\n", "not YAML", (2, 1)),
        ("? [1, 2]\n: 3\n", "a key must be a text", (1, 3)),
        ("a: !!int x\n", "not a value of its tag", (1, 4)),
        ("[" * 300 + "]" * 300, "nested deeper", (1, 128)),
        ("- " * 200_000 + "x", "nested deeper", (1, 255)),
    ],
)
def test_what_is_refused_is_placed(text: str, message: str, place: tuple[int, int]) -> None:
    with pytest.raises(ConfigErrors, match=message) as raised:
        document(text)
    assert (raised.value.line, raised.value.column) == place


def test_aliases_cannot_explode() -> None:
    bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    with pytest.raises(ConfigErrors, match="aliases"):
        document(bomb)


def test_unreadable_files_are_configuration_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(ConfigErrors, match="not UTF-8") as raised:
        load(tmp_path / "latin.yaml")
    assert raised.value.line == 2


def test_places_of_values_and_keys() -> None:
    it = document("base: &b\n  name: n\nleaves:\n  - name: x\n    wait: 3s\n  - <<: *b\n")
    assert it.place(("leaves", 0, "wait")) == (5, 11)
    assert it.place(("leaves", 0, "wait"), key=True) == (5, 5)
    assert it.place(("leaves", 1, "name")) == (2, 9)
    assert it.place(("leaves", 0, "absent")) == (4, 5)
    assert it.place() == (1, 1)


def test_a_good_document_becomes_the_model() -> None:
    tree = document("leaves: [{name: a, wait: 3s, continue: true}]").read(Tree)
    assert tree.leaves[0].continue_
    assert document("a: {name: b}").read(Leaf, ("a",)).name == "b"


def test_all_problems_come_at_once_with_places_and_hints() -> None:
    assert problems("leaves:\n  - nmae: x\n    wait: 3\nby_name:\n  a: {name: [], contniue: 1}\nextra: 1\n") == [
        '2:5 "name" is missing | add name: ...',
        '3:11 "wait": a duration needs a unit: write 3s, 3m or 3h | ',
        '2:5 unknown key "nmae" | did you mean "name"?',
        '5:13 "name" has a wrong value | ',
        '5:17 unknown key "contniue" | did you mean "continue"?',
        '6:1 unknown key "extra" | known keys here: by_name, leaves, token',
    ]


def test_a_problem_is_rendered_with_its_line_and_a_caret() -> None:
    with pytest.raises(ConfigErrors) as raised:
        document("leaves:\n  - name: 3\n").read(Tree)
    assert str(raised.value).splitlines() == [
        'x.yaml:2:11: error[C100]: "name" has a wrong value',
        "  |",
        "2 |   - name: 3",
        "  |           ^",
        "  found:    3",
        "  expected: a valid string",
    ]


def test_a_secret_is_not_quoted() -> None:
    with pytest.raises(ConfigErrors) as raised:
        document("token: xoxb-very-secret").read(Tree)
    assert "very-secret" not in str(raised.value)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        found = document(text).place(("a", 0))
    except ConfigErrors as error:
        found = (error.problems[0].line, error.problems[0].column)
    assert min(found) >= 1
