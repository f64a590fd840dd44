"""Alert rules and Prometheus' configuration: promtool's own checks, and that the packs route what the examples fire."""

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

import responder.telemetry  # noqa: F401  (registers the daemon's metrics)
from responder.library.paths import resolve
from responder.library.rules import load_rules
from responder.logic.identity import match_labels
from responder.logic.route import Router
from tests.deploy.tools import DEPLOY, passes
from tests.making import event

PROMETHEUS = DEPLOY / "prometheus"
OF_THE_LIBRARY = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"}
"""What prometheus_client exports of any process."""


def alerts(file: Path) -> dict[str, dict[str, str]]:
    """Alert name to the labels that the rule sets."""
    groups = yaml.safe_load(file.read_text())["groups"]
    return {rule["alert"]: rule["labels"] for group in groups for rule in group["rules"] if "alert" in rule}


def exported() -> set[str]:
    """Every sample name that the daemon can export."""
    names: set[str] = set(OF_THE_LIBRARY)
    for family in REGISTRY.collect():
        suffixes = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    return names


@pytest.mark.integration
@pytest.mark.parametrize("file", ["gpu.rules.yml", "responder.rules.yml"])
def test_promtool_accepts_the_rules(file: str) -> None:
    assert "SUCCESS" in passes("promtool", "check", "rules", PROMETHEUS / file)


@pytest.mark.integration
@pytest.mark.parametrize("file", ["gpu.rules.test.yml", "responder.rules.test.yml"])
def test_the_rules_pass_their_own_tests(file: str) -> None:
    assert "SUCCESS" in passes("promtool", "test", "rules", file, cwd=PROMETHEUS)


@pytest.mark.integration
def test_promtool_accepts_the_configurations() -> None:
    passes("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    passes("promtool", "check", "config", "--syntax-only", DEPLOY / "compose" / "prometheus.yml")


def test_every_alert_of_the_daemon_is_tested() -> None:
    tests = yaml.safe_load((PROMETHEUS / "responder.rules.test.yml").read_text())["tests"]
    tested = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert tested == set(alerts(PROMETHEUS / "responder.rules.yml"))


def test_alerts_of_the_daemon_ask_only_for_what_it_exports() -> None:
    groups = yaml.safe_load((PROMETHEUS / "responder.rules.yml").read_text())["groups"]
    queries = [rule["expr"] for group in groups for rule in group["rules"]]
    asked = set(re.findall(r"\bresponder_[a-z_]+", " ".join(queries)))
    assert asked
    assert asked <= exported()


def test_alerts_of_the_daemon_say_what_to_do() -> None:
    groups = yaml.safe_load((PROMETHEUS / "responder.rules.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert rule["annotations"].keys() >= {"summary", "action"}, rule["alert"]


def test_the_shipped_rules_know_every_example_alert() -> None:
    """None of them ends in the catch-all: each is taken by a rule that knows what it is about."""
    book = load_rules(resolve(("builtin:default",), "rules", DEPLOY))
    router, catch_all = Router(book), book.rules[-1].name
    examples = alerts(PROMETHEUS / "gpu.rules.yml") | alerts(PROMETHEUS / "responder.rules.yml")
    taken = {
        name: [rule.name for rule in router.route(match_labels(event(labels={"alertname": name, **labels})))]
        for name, labels in examples.items()
    }
    assert {name: rules for name, rules in taken.items() if not rules or catch_all in rules} == {}
    assert taken["ResponderDown"] == ["responder-unwell"]
    assert taken["GPUXidError"][0].startswith("gpu-")
