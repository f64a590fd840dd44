"""Rule tests: stories that hold, and failures that say what was expected, what came and where."""

import asyncio
from pathlib import Path

import pytest

from responder.document import ConfigErrors
from responder.library.rule_test_files import EventEntry, counted
from responder.library.rule_tests import START, TestResult, load_tests, untested
from responder.library.rules import load_rules
from responder.logic.route import Router
from tests.library.simulating import simulate_with

RULES = """
rules:
  - {name: quiet, match: 'alertname="Heartbeat"', outcome: observe}
  - name: xid
    match: 'alertname=~"(?i).*xid.*"'
    skill: s
    group_by: [cluster, node]
    group_wait: 10s
    severity: {critical: SEV2, default: SEV3}
    suppress: [{when: 'env="staging"', reason: nobody's night}]
    resolve_after: 1h
"""


def run(tmp_path: Path, tests: str) -> list[TestResult]:
    (tmp_path / "r.yaml").write_text(RULES)
    (tmp_path / "r.test.yaml").write_text(tests)
    ruleset = load_rules([tmp_path])
    loaded = load_tests(tmp_path / "r.test.yaml")
    return [*loaded.run_routes(Router(ruleset)), *asyncio.run(loaded.run_tests(simulate_with(ruleset)))]


def test_a_story_that_holds(tmp_path: Path) -> None:
    results = run(
        tmp_path,
        """
tests:
  - name: whole life
    events:
      - {at: 0s, labels: {alertname: Heartbeat}}
      - {at: 0s, labels: {alertname: XidError, node: n1, env: staging}}
      - {at: 1s, labels: {alertname: XidError, severity: critical}, repeat: {node: [n1, n2], gpu: "g[0-3]"}}
      - {at: 5m, status: resolved, labels: {alertname: XidError, severity: critical, node: n2}, repeat: {gpu: "g[0-3]"}}
    expect:
      - {at: 5s, incidents: [{rule: xid, sent: []}, {rule: xid, sent: []}], observed: 1, suppressed: 1, triaged: 8}
      - at: 1m
        incidents:
          - {rule: xid, key: {node: n2}, events: 4, sent: [slack], severity: SEV2, status: open}
          - {rule: xid, key: {node: n1}, events: 4}
      - {at: 2h, incidents: [{rule: xid, status: resolved}, {rule: xid, status: resolved}], resolved: 4}
routes:
  - {labels: {alertname: GPUXidError}, rule: xid}
  - {labels: {alertname: Other}, rule: []}
""",
    )
    assert [result.render() for result in results if not result.passed] == []
    assert results[0].name == '{alertname="GPUXidError"} goes to xid'
    assert results[1].render() == '  ok      {alertname="Other"} goes to no rule'


def test_a_story_that_does_not_hold(tmp_path: Path) -> None:
    results = run(
        tmp_path,
        """
tests:
  - name: too many
    events: [{at: 0s, labels: {alertname: XidError, node: n1}, repeat: {gpu: ["0", "1"]}}]
    expect: [{at: 30s, incidents: [{rule: xid, key: {node: n1}, events: 3}], observed: 1}]
routes:
  - {labels: {alertname: Other}, rule: xid}
""",
    )
    assert [result.passed for result in results] == [False, False]
    assert results[0].render().splitlines() == [
        '  FAILED  {alertname="Other"} goes to xid',
        f"          {tmp_path / 'r.test.yaml'}:7",
        "          routing:",
        "            expected:",
        "              xid",
        "            got:",
        "              no rule",
    ]
    assert results[1].render().splitlines() == [
        "  FAILED  too many",
        f"          {tmp_path / 'r.test.yaml'}:3",
        "          at 30s:",
        "            expected:",
        '              xid {node="n1"} events=3',
        "            got:",
        '              xid {node="n1"} events=2 sent=[console] severity=SEV3 status=open episode=1',
        "          at 30s:",
        "            expected:",
        "              1 observed",
        "            got:",
        "              0 observed",
    ]


def test_an_incident_that_nobody_expects_fails_the_story(tmp_path: Path) -> None:
    (result,) = run(
        tmp_path,
        """
tests:
  - name: one too many
    events: [{at: 0s, labels: {alertname: XidError}, repeat: {node: [n1, n2]}}]
    expect: [{at: 30s, incidents: [{rule: xid}]}]
""",
    )
    assert not result.passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tests: []", "no tests in this file"),
        ("tests: [{name: a, events: [], expect: []}]", "at least 1 item"),
        ("tests: [{name: a, evnts: [], expect: [{at: 0s}]}]", 'did you mean "events"'),
        (
            "tests: [{name: a, events: [], expect: [{at: 0s}]}, {name: a, events: [], expect: [{at: 0s}]}]",
            'a test called "a" exists already',
        ),
        ('tests: [{name: a, events: [{at: 0s, repeat: {a: "x[0-99999999]"}}], expect: [{at: 0s}]}]', "counts too far"),
        (
            'tests: [{name: a, events: [{at: 0s, repeat: {a: "[0-999]", b: "[0-999]"}}], expect: [{at: 0s}]}]',
            "repeat makes 1,000,000 events",
        ),
    ],
)
def test_mistakes_in_a_test_file_are_placed(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "r.test.yaml").write_text(text)
    with pytest.raises(ConfigErrors, match="r.test.yaml:1:") as raised:
        load_tests(tmp_path / "r.test.yaml")
    assert message in str(raised.value)


def test_counting() -> None:
    assert list(counted("n[08-10]")) == ["n08", "n09", "n10"]
    assert list(counted("r[1-2]n[1-2]")) == ["r1n1", "r1n2", "r2n1", "r2n2"]
    assert list(counted("plain")) == ["plain"]


def test_an_event_is_what_a_format_would_make_of_it() -> None:
    entry = EventEntry.model_validate(
        {"at": "10s", "labels": {"alertname": "X", "severity": "page", "Hostname": "n1"}, "entities": {"job": ["7"]}}
    )
    (event,) = entry.events(START)
    assert event.severity.value == "critical"
    assert event.entities == {"job": ("7",), "node": ("n1",)}
    assert next(entry.events(START)).id == event.id


def test_rules_without_a_test_are_named(tmp_path: Path) -> None:
    (tmp_path / "r.test.yaml").write_text("routes: [{labels: {alertname: X}, rule: xid}]")
    assert untested([load_tests(tmp_path / "r.test.yaml")], ["xid", "quiet"]) == ["quiet"]
