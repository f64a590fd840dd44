"""The rules that we ship: clean, tested in full, and each story holds on the engine that runs live."""

import asyncio
from pathlib import Path

import pytest

from responder.library import rules
from responder.library.lint import lint_rules
from responder.library.paths import builtin
from responder.library.rule_tests import load_tests, untested
from responder.library.rules import load_rules
from responder.library.skills import load_skills
from responder.logic.implication import takes_everything
from responder.logic.route import ENTITY_KINDS, Router
from responder.model.rule import Outcome
from tests.library.simulating import simulate_with

RULES = builtin("rules")
FILES = rules.test_paths(RULES)


def test_there_is_nothing_to_say_against_them() -> None:
    registry = load_skills([builtin("skills")]).knowledge.registry
    skills = {name: (entry.mode.value, entry.status) for name, entry in registry.items()}
    assert skills
    assert [problem.render() for problem in lint_rules([RULES], skills=skills)] == []


def test_every_rule_says_what_it_is_for_and_no_sink() -> None:
    for rule in load_rules([RULES]).rules:
        assert rule.sinks is None, rule.name
        if rule.outcome is Outcome.TRIAGE:
            assert rule.owner, rule.name
            assert rule.runbook_url, rule.name
            assert rule.severity, rule.name


def test_the_last_rule_takes_the_rest() -> None:
    *others, last = load_rules([RULES]).rules
    assert takes_everything(last.match)
    assert not any(takes_everything(rule.match) for rule in others)


def test_what_is_grouped_by_can_be_had() -> None:
    labels = {"alertname", "budget", "team", "slo", "agent", "vendor", "provider", "instance", "dataset", "table"}
    labels |= {"pipeline", "dag_id", "strimzi_io_cluster", "kafka_cluster", "experiment", "node_group"}
    labels |= {"budget_period", "billing_period", "period", "month"}
    for rule in load_rules([RULES]).rules:
        names = {name for names in rule.group_by for name in names.split("|")}
        assert names <= ENTITY_KINDS | labels, rule.name


def test_every_pack_has_three_stories_and_every_rule_a_test() -> None:
    loaded = [load_tests(file) for file in FILES]
    assert [file.stem for file in rules.rule_paths(RULES)] == [file.stem.removesuffix(".test") for file in FILES]
    assert all(len(tests.content.tests) >= 3 for tests in loaded)
    assert untested(loaded, [rule.name for rule in load_rules([RULES]).rules]) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_tests_beside_the_rules_pass(file: Path) -> None:
    ruleset = load_rules([RULES])
    tests = load_tests(file)
    results = [*tests.run_routes(Router(ruleset)), *asyncio.run(tests.run_tests(simulate_with(ruleset)))]
    assert [result.render() for result in results if not result.passed] == []
