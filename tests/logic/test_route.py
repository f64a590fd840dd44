"""Routing: order, `continue`, keys, suppression, and that the index finds exactly what a search of every rule finds."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from responder.logic.match import matches, parse_condition
from responder.logic.route import Router, group_key, suppressed
from responder.model.event import Event, Kind, Status
from responder.model.rule import Condition, Rule, RuleSet, Suppression
from tests.strategies import conditions, matchers

NOW = datetime(2026, 1, 2, tzinfo=UTC)

NAMES = st.sampled_from(["alertname", "severity", "node"])
WORDS = ("Xid", "GPUXidError", "gpu xid", "NodeDown", "ſcratch", "STRASSE", "straße", "KELVIN", "a", "critical", "n17")
VALUES = st.sampled_from(("", *WORDS))
PATTERNS = st.sampled_from(
    [
        "(?i).*xid.*", "(?i).*(xid|down).*", "Xid|NodeDown", "critical|page", "n[0-9]+", ".+", ".*", "", "a|",
        "(?i)strasse", "(?i).*straße.*", "(?i)kelvin", "(?i)Scratch", ".{2,}", "[a-z]",
        "(gpu)? ?[xX]id", r"\w+", "(?i)[s]cratch",
        "Node(Down|Up)?", "(?:.*Err.*)", "a*", "(?i)(gpu).*(err).*",
    ]
)  # fmt: skip
MATCHERS = matchers(NAMES, VALUES, PATTERNS)
CONDITIONS = conditions(NAMES, VALUES, PATTERNS, parts=3, leaves=6)
FREE = st.text(alphabet=st.characters(codec="utf-8"), max_size=8)
LABELS = st.dictionaries(NAMES, st.one_of(VALUES, FREE))


def router(*rules: Rule) -> Router:
    return Router(RuleSet(rules=rules, version="test"))


def rule(name: str, match: object, **more: object) -> Rule:
    return Rule.model_validate({"name": name, "match": parse_condition(match), **more})


def event(labels: dict[str, str] | None = None, **entities: str) -> Event:
    return Event(
        id="e", format="native", source="test", fingerprint="f", kind=Kind.NODE, status=Status.FIRING,
        labels=labels or {}, entities={kind: (name,) for kind, name in entities.items()},
        starts_at=NOW, received_at=NOW,
    )  # fmt: skip


def names(rules: tuple[Rule, ...]) -> list[str]:
    return [one.name for one in rules]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(CONDITIONS, st.booleans()), max_size=12), st.lists(LABELS, min_size=1, max_size=4))
def test_the_index_finds_what_a_linear_search_finds(
    made: list[tuple[Condition, bool]], events: list[dict[str, str]]
) -> None:
    rules = [
        Rule.model_validate({"name": str(n), "match": condition, "continue_": more})
        for n, (condition, more) in enumerate(made)
    ]
    routed = router(*rules)
    for labels in events:
        expected: list[str] = []
        for one in rules:
            if matches(one.match, labels):
                expected.append(one.name)
                if not one.continue_:
                    break
        assert names(routed.route(labels)) == expected
        assert [step.rule for step in routed.explain(labels) if step.matched] == expected


def test_the_first_rule_wins_unless_it_continues() -> None:
    routed = router(
        rule("page", 'severity="critical"', continue_=True),
        rule("xid", 'alertname=~"(?i).*xid.*"'),
        rule("catch-all", "{}"),
    )
    assert names(routed.route({"alertname": "GpuXid", "severity": "critical"})) == ["page", "xid"]
    assert names(routed.route({"alertname": "GpuXid"})) == ["xid"]
    assert names(routed.route({})) == ["catch-all"]


def test_nothing_matches_nothing() -> None:
    assert router(rule("a", 'x="1"')).route({"x": "2"}) == ()


def test_the_explanation_covers_every_rule() -> None:
    steps = router(
        rule("other", 'alertname="Y", severity="critical"'), rule("mine", 'alertname="X"'), rule("late", "{}")
    ).explain({"alertname": "X"})
    assert [(step.rule, step.matched, step.failed_at, step.found) for step in steps] == [
        ("other", False, 'alertname="Y"', 'alertname="X"'),
        ("mine", True, None, None),
        ("late", False, "not reached: mine took it", None),
    ]


def test_a_rule_holds_back_what_it_does_not_want() -> None:
    reason = Suppression(when=parse_condition('env="staging"'), reason="staging is nobody's night")
    held = rule("a", "{}", suppress=(reason,))
    assert suppressed(held, {"env": "staging"}) == reason
    assert suppressed(held, {"env": "prod"}) is None


@pytest.mark.parametrize(
    ("group_by", "made", "key"),
    [
        (("cluster", "node"), event(cluster="c1", node="n1"), {"cluster": "c1", "node": "n1"}),
        (("cluster", "node"), event(node="n1"), {"node": "n1"}),
        (("cluster", "rack|node"), event(rack="r1", node="n1"), {"rack": "r1"}),
        (("cluster", "rack | node"), event(node="n1"), {"node": "n1"}),
        (("job",), event({"job": "dcgm-exporter"}, job="4711"), {"job": "4711"}),
        (("job",), event({"job": "dcgm-exporter"}), {}),
        (("alertname", "kind"), event({"alertname": "X"}), {"alertname": "X", "kind": "node"}),
    ],
)
def test_keys(group_by: tuple[str, ...], made: Event, key: dict[str, str]) -> None:
    assert group_key(rule("a", "{}", group_by=group_by), made) == key


def test_a_pattern_too_big_for_an_automaton_still_matches() -> None:
    big = "|".join(f"[a-c]{{{n}}}[x-z]{{300}}" for n in range(1, 60))
    routed = router(*(rule(f"r{n}", f'a=~"(?:{big}|[0-9]{{{n}}})"') for n in range(1, 40)))
    assert names(routed.route({"a": "7" * 30})) == ["r30"]


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("(?i).*scratch.*", "ſcratchDisk"),  # long s folds to s
        ("(?i).*kelvin.*", "TooHotKELVIN"),  # the Kelvin sign folds to k
        ("(?i).*straße.*", "STRAẞE"),
    ],
)
def test_letters_that_fold_together_are_found(pattern: str, value: str) -> None:
    routed = router(rule("folded", f'alertname=~"{pattern}"'))
    assert matches(routed.rules[0].match, {"alertname": value})
    assert names(routed.route({"alertname": value})) == ["folded"]


def test_literals_inside_and_across_each_other_are_all_found() -> None:
    routed = router(
        *(rule(text, f'alertname=~".*{text}.*"', continue_=True) for text in ("gpuxid", "xid", "uxide", "idea", "gpu"))
    )
    assert names(routed.route({"alertname": "gpuxidea"})) == ["gpuxid", "xid", "uxide", "idea", "gpu"]


def test_the_values_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("responder.logic.rule_index.REMEMBERED", 3)
    routes = router(rule("a", 'name=~"x.*"'), rule("b", 'name="y"'))
    for number in range(10):
        assert names(routes.route({"name": f"x{number}"})) == ["a"]
        assert names(routes.route({"name": "y"})) == ["b"]
        assert len(routes._index._by_label["name"]) <= 3
