"""Rule files: the order of search, and that every mistake is named with its place."""

from datetime import timedelta
from pathlib import Path

import pytest

from responder.document import ConfigErrors
from responder.library import rules
from responder.library.rules import load_rules, read_rules
from responder.model.rule import Outcome


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        load_rules([path])
    return [f"{p.id} {p.line}:{p.column} {p.message}" for p in raised.value.problems]


def test_folders_in_order_then_file_name_then_position(tmp_path: Path) -> None:
    write(tmp_path, "own/b.yaml", 'rules: [{name: three, match: a="1"}]')
    write(tmp_path, "own/a.yaml", 'rules: [{name: one, match: a="1"}, {name: two, match: a="1"}]')
    write(tmp_path, "own/a.test.yaml", "not: rules")
    write(tmp_path, "own/notes.txt", "nothing")
    last = write(tmp_path, "last.yml", "rules: [{name: four, match: '{}'}]")
    assert [rule.name for rule in load_rules([tmp_path / "own", last]).rules] == ["one", "two", "three", "four"]
    assert [file.name for file in rules.rule_paths(tmp_path / "own")] == ["a.yaml", "b.yaml"]
    assert [file.name for file in rules.test_paths(tmp_path / "own")] == ["a.test.yaml"]


def test_everything_a_rule_can_say(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "r.yaml",
        """
rules:
  - name: full
    description: all keys
    match: {all: ['a=~"x|y"', {not: 'b="1"'}]}
    skill: s
    group_by: [cluster, "rack|node"]
    group_wait: 10s
    group_interval: 1m
    repeat_interval: 4h
    owner: o
    runbook_url: https://r/{xid}
    sinks: [slack]
    severity: {critical: SEV2, default: SEV3}
    suppress: [{when: 'env="staging"', reason: nobody's night}]
    continue: true
    resolve_after: 6h
    reopen_within: 30m
    outcome: observe
    shadow: true
""",
    )
    (rule,) = load_rules([file]).rules
    assert (rule.group_wait, rule.resolve_after) == (timedelta(seconds=10), timedelta(hours=6))
    assert (rule.continue_, rule.shadow, rule.outcome) == (True, True, Outcome.OBSERVE)
    assert rule.sinks == ("slack",)
    assert rule.severity == {"critical": "SEV2", "default": "SEV3"}
    assert rule.suppress[0].reason == "nobody's night"
    assert rule.place is not None
    assert (rule.place.file, rule.place.line) == (str(file), 3)


def test_the_version_follows_the_content(tmp_path: Path) -> None:
    file = write(tmp_path, "r.yaml", "rules: [{name: a, match: x=y}]")
    before = load_rules([file]).version
    assert len(before) == 12
    assert load_rules([file]).version == before
    file.write_text("rules: [{name: a, match: x=z}]")
    assert load_rules([file]).version != before


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    write(
        tmp_path, "a.yaml", "rules:\n  - name: one\n    match: 'sev=~\"a(b\"'\n  - name: two\n    match: {any: [x]}\n"
    )
    write(tmp_path, "b.yaml", "rules:\n  - {name: three, mtach: x=y, group_wait: 10}\n")
    write(tmp_path, "c.yaml", "rules: [{name: four, match: x=y}, {name: four, match: x=z}]\n")
    assert problems(tmp_path) == [
        "R100 3:18 not a regular expression: missing ): a(b",
        "R100 5:20 expected one of = != =~ !~",
        'R100 2:5 "match" is missing',
        'R100 2:43 "group_wait": a duration needs a unit: write 10s, 10m or 10h',
        'R100 2:19 unknown key "mtach"',
        'R101 1:42 a rule called "four" exists already',
    ]
    assert read_rules([tmp_path]).rules[0].rule.name == "four"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    assert problems(tmp_path / "nowhere") == ["R100 1:1 no such file or folder"]


def test_a_severity_is_one_of_four(tmp_path: Path) -> None:
    file = write(tmp_path, "r.yaml", "rules: [{name: a, match: x=y, severity: {critical: SEV0}}]")
    with pytest.raises(ConfigErrors) as raised:
        load_rules([file])
    assert raised.value.problems[0].expected == "'SEV1', 'SEV2', 'SEV3' or 'SEV4'"
