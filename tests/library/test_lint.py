"""Each finding of the linter: a rule that has it, with its place, and none for a rule as it should be."""

import re
from pathlib import Path

import pytest

from responder.document import Problem
from responder.library.lint import lint_rules

SKILLS = {
    "debugger": ("diagnoser", "released"),
    "sorter": ("classifier", "released"),
    "later": ("diagnoser", "planned"),
    "planner": ("planner", "released"),
}
REST = "  - {name: rest, match: '{}', skill: sorter, owner: o, runbook_url: u}\n"


def findings(tmp_path: Path, *rules: str, rest: str = REST) -> list[str]:
    file = tmp_path / "r.yaml"
    file.write_text("rules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules) + rest, encoding="utf-8")
    found = lint_rules([file], skills=SKILLS, sinks=["slack", "pagerduty"], owners=["gpu-platform"])
    return [f"{p.id} {p.severity} {p.line} [{_under(p)}] {p.message} -> {p.hint}" for p in found]


def _under(problem: Problem) -> str:
    """The word that the caret points at."""
    return re.split(r"[],}]", problem.quoted[problem.column - 1 :])[0]


def good(name: str = "a", match: str = 'x="1"', **other: str) -> str:
    keys = {"skill": "debugger", "owner": "o", "runbook_url": "u"} | other
    return f"name: {name}, match: {match!r}, " + ", ".join(f"{key}: {value}" for key, value in keys.items() if value)


def test_a_rule_as_it_should_be(tmp_path: Path) -> None:
    assert findings(tmp_path, good(), good("b", 'x="2"', group_by='[cluster, "rack|node", x, whatever]')) == []


@pytest.mark.parametrize(
    ("rule", "finding"),
    [
        (good(skill="debuger"), 'R103 error 2 [debuger] a: there is no skill "debuger" -> did you mean "debugger"?'),
        (
            good(skill="later"),
            'R104 error 2 [later] a: "later" is planned and cannot run yet -> released are: debugger, sorter',
        ),
        (
            good(skill="planner"),
            'R105 error 2 [planner] a: "planner" is a planner; a rule can only send to a diagnoser',
        ),
        (good(skill=""), "R106 error 2 [a] a: no skill -> add skill: ..., or outcome: observe"),
        (good(owner=""), "R107 warning 2 [a] a: no owner -> add owner: TEAM"),
        (good(runbook_url=""), "R108 warning 2 [a] a: no runbook -> add runbook_url"),
        (
            good(owner="gpu-platfrom"),
            'R109 warning 2 [gpu-platfrom] a: no owner is called "gpu-platfrom" -> did you mean "gpu-pl',
        ),
        (
            good(sinks="[slack, pagerdty]"),
            'R110 error 2 [pagerdty] a: no sink is called "pagerdty" -> did you mean "pagerduty"',
        ),
        (good(match='x=~"a|"'), 'R113 warning 2 [\'x=~"a|"\'] a: x=~"a|" has an empty alternative'),
        (good(match='x=~"a||b"'), "R113 warning"),
        (
            good(match='x="1", x="2"'),
            'R114 warning 2 [\'x="1"] a: x="1" and x="2" never hold together -> a comma means and',
        ),
        (good(match='x="1", x=~"2.*"'), "R114 warning"),
        (good(match='x="1", x!="1"'), "R114 warning"),
        (good(match='x=~"a$b"'), 'R115 warning 2 [\'x=~"a$b"\'] a: x=~"a$b" can never match'),
        (good(group_by="[nodes]"), 'R116 warning 2 [nodes] a: "nodes" is no entity -> did you mean "node"?'),
        (good(severity="{page: SEV1}"), 'R117 error 2 [SEV1] a: no alert is "page" -> the words are critical'),
        (good(suppress="[{when: '{}', reason: r}]"), "R118 warning 2 ['{] a: suppresses all that it matches"),
        (good(suppress="[{when: 'x=~\"1|2\"', reason: r}]"), "R118 warning"),
    ],
)
def test_one_finding(tmp_path: Path, rule: str, finding: str) -> None:
    (found,) = findings(tmp_path, rule)
    assert found.startswith(finding)


def test_an_observing_rule_needs_nobody(tmp_path: Path) -> None:
    assert findings(tmp_path, good(skill="", owner="", runbook_url="", outcome="observe")) == []


def test_rules_that_are_never_reached(tmp_path: Path) -> None:
    found = findings(
        tmp_path,
        good("a", 'x=~"1|2"'),
        good("b", 'x="2", y="3"'),
        good("c", 'x="3"', **{"continue": "true"}),
        good("d", 'x="3"'),
        good("e", "{}"),
        good("f", 'z="1"'),
        rest="",
    )
    assert [line.split(" -> ")[0] for line in found] == [
        f"R111 warning 3 [b] b: never reached: a ({tmp_path / 'r.yaml'}:2) takes all that it matches",
        f"R112 warning 7 [f] f: never reached: e ({tmp_path / 'r.yaml'}:6) takes everything",
        "R102 warning 7 [{name: f] f: no rule takes what is left over",
    ]


def test_what_cannot_be_read_is_among_the_findings(tmp_path: Path) -> None:
    assert findings(tmp_path, "name: a, match: 'x'")[0].startswith("R100 error 2 ['] expected one of")
