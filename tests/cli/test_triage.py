"""`triage`, `explain`, `replay`, `export`, `evaluate`: a log or a payload in, an answer out."""

import json
from pathlib import Path

import jsonschema
import orjson
import pytest

from responder.library.paths import builtin
from responder.wiring.schemas import schema
from tests.cli.conftest import Run

LOG = """[rank3]: Traceback (most recent call last):
[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 3 has 79.11 GiB of which 1.2 GiB is free.
[rank0]: Watchdog caught collective operation timeout: WorkNCCL(SeqNum=42, OpType=ALLREDUCE) ran for 600000 milliseconds
"""
ALERT = {
    "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "r", "groupLabels": {},
    "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am",
    "alerts": [{
        "status": "firing", "labels": {"alertname": "XidError", "severity": "critical", "node": "n17", "xid": "79"},
        "annotations": {"summary": "Xid 79 on n17"}, "startsAt": "2026-11-20T03:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "", "fingerprint": "aa00bb11cc22dd33",
    }],
}  # fmt: skip


def test_a_log_on_standard_input_becomes_a_report_for_people(run: Run) -> None:
    done = run("triage", "-", stdin=LOG)
    assert done.code == 0
    assert "train.cuda_oom" in done.out or "out of memory" in done.out.lower()
    assert all(line == line.rstrip() for line in done.out.splitlines()), "a pipe gets no padding"
    assert done.err == ""


def test_the_same_as_one_json_document_that_fits_the_published_schema(run: Run) -> None:
    done = run("triage", "--json", "--kind", "training_job", "--at", "2026-11-20T03:00:00Z", stdin=LOG)
    assert done.code == 0
    report = done.json
    jsonschema.Draft202012Validator(schema("report") or {}).validate(report)
    assert report["hypotheses"][0]["class"] == "train.cuda_oom"
    known = {one["id"] for one in report["evidence"]}
    cited = {id for one in report["hypotheses"] for id in (*one["because"], *one["against"])}
    assert cited <= known
    assert report["incident"]["opened_at"].startswith("2026-11-20T03:00:00")


@pytest.mark.parametrize(
    ("kind", "rule", "owner"),
    [
        ("training_job", "any-training-job", "training-platform"),
        ("node", "any-node", "cluster-operations"),
        ("monitoring", "catch-all", None),
    ],
)
def test_a_log_has_the_owner_and_runbook_that_it_would_have_had(
    run: Run, kind: str, rule: str, owner: str | None
) -> None:
    report = run("triage", "--json", "--kind", kind, stdin=LOG).json
    assert report["rule"]["name"] == rule
    assert report["incident"]["owner"] == owner or (owner is None and report["incident"]["owner"])
    assert report["incident"]["runbook_url"].startswith("https://")
    failed = [one for one in report["quality"]["checks"] if not one["passed"]]
    assert failed == []


def test_a_payload_is_recognised_and_follows_the_rules(run: Run, tmp_path: Path) -> None:
    (tmp_path / "alert.json").write_text(json.dumps(ALERT))
    report = run("triage", "alert.json", "--json").json
    assert report["rule"]["name"] == "gpu-lost"
    assert report["incident"]["key"] == {"node": "n17"}


def test_bytes_that_are_no_text_are_read_as_far_as_they_are(run: Run) -> None:
    done = run("triage", "-", stdin=b"\x00\xff\xfe\x80" * 50 + LOG.encode() + b"\xc3")
    assert done.code == 0


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "words"),
    [
        (("triage",), "", 1, "empty"),
        (("triage", "nowhere.log"), "", 1, "cannot read nowhere.log: No such file"),
        (("triage", "."), "", 1, "Is a directory"),
        (("triage", "--kind", "robot"), LOG, 2, "training_job"),
        (("triage", "--at", "yesterday"), LOG, 2, "2026-11-20T03:00:00Z"),
        (("triage", "--at", "999999999999d"), LOG, 2, "not a time"),
        (("triage", "--nonsense"), LOG, 2, "--nonsense"),
        (("triage", "-c", "nowhere.yaml"), LOG, 2, "no such configuration file"),
        (("explain", "nowhere.json"), "", 1, "cannot read nowhere.json"),
        (("explain", "ev_abc"), "", 2, "there is no store"),
        (("replay", "nowhere.jsonl"), "", 1, "cannot read nowhere.jsonl"),
        (("replay", "journal"), "", 2, "there is no store"),
        (("replay", "kafka:jobs"), "", 2, "sources.kafka"),
        (("replay", "journal", "--rules", "nowhere"), "", 2, "no such folder"),
        (("export",), "", 2, "there is no store"),
        (("evaluate", "nowhere.jsonl"), "", 1, "cannot read nowhere.jsonl"),
        (("frobnicate",), "", 2, "frobnicate"),
    ],
)
def test_a_mistake_is_said_in_a_line_with_its_exit_code(
    run: Run, arguments: tuple[str, ...], stdin: str, code: int, words: str
) -> None:
    done = run(*arguments, stdin=stdin)
    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert len(done.err) < 1500


def test_explain_names_the_rule_and_the_matcher_that_failed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "alert.json").write_text(json.dumps(ALERT))
    done = run("explain", "alert.json")
    assert done.code == 0
    assert "gpu-lost" in done.out
    assert "not reached" in done.out
    steps = {step["rule"]: step for step in run("explain", "alert.json", "--json").json["rules"]}
    assert steps["gpu-lost"]["matched"] is True
    refused = [step for step in steps.values() if not step["matched"] and step["failed_at"]]
    assert refused


def test_native_events_of_a_file_are_replayed_and_nothing_is_sent(run: Run, tmp_path: Path) -> None:
    rows = [
        {"kind": "node", "status": "firing", "labels": {"alertname": "XidError", "xid": "79", "severity": "critical", "node": f"n{n % 2}"},
         "starts_at": f"2026-11-20T03:0{n}:00Z"} for n in range(4)
    ]  # fmt: skip
    (tmp_path / "night.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    once, twice = (run("replay", "night.jsonl", "--json").json for _ in range(2))
    assert once["sent"] == 0
    assert [one["rule"] for one in once["incidents"]] == ["gpu-lost", "gpu-lost"]
    for one in (*once["incidents"], *twice["incidents"]):
        for phase in one["report"]["phases"]:
            phase["duration_ms"] = None  # how long this machine took
    assert once["incidents"] == twice["incidents"]
    (tmp_path / "night.jsonl").write_text('{"kind": "node"\n')
    done = run("replay", "night.jsonl")
    assert (done.code, done.out) == (1, "")
    assert "night.jsonl:1" in done.err


def test_a_folder_of_rules_stands_before_the_built_in_ones_as_it_does_live(run: Run, tmp_path: Path) -> None:
    rows = [
        {"kind": "node", "status": "firing", "labels": labels, "starts_at": "2026-11-20T03:00:00Z"}
        for labels in (
            {"alertname": "XidError", "xid": "79", "severity": "critical", "node": "n1"},
            {"alertname": "MyOwn", "severity": "warning", "node": "n2"},
        )
    ]
    (tmp_path / "night.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    (tmp_path / "own").mkdir()
    mine = "rules:\n  - {name: mine, match: 'alertname=\"MyOwn\"', skill: alert-triage-classifier, group_by: [node], owner: me}\n"
    (tmp_path / "own" / "first.yaml").write_text(mine)
    found = run("replay", "night.jsonl", "--rules", "own", "--json").json
    assert sorted(one["rule"] for one in found["incidents"]) == ["gpu-lost", "mine"]
    told = run("replay", "night.jsonl", "--rules", "own", "--diff", "--json").json["diff"]
    touched = [one["now"]["rule"] for one in told["changed"]] + [one["rule"] for one in told["gained"]]
    assert touched == ["mine"], told
    assert "gpu-lost" not in {one["rule"] for one in told["lost"]}
    (tmp_path / "responder.yaml").write_text("rules: [other/]\n")
    alone = run("replay", "night.jsonl", "-c", "responder.yaml", "--rules", "own", "--json").json
    assert [one["rule"] for one in alone["incidents"]] == ["mine"], (
        "without the built-in rules in the setting they stay out"
    )


def test_an_edited_copy_of_a_built_in_file_stands_in_for_it(run: Run, tmp_path: Path) -> None:
    row = {"kind": "node", "status": "firing", "starts_at": "2026-11-20T03:00:00Z",
           "labels": {"alertname": "XidError", "xid": "79", "severity": "critical", "node": "n1"}}  # fmt: skip
    (tmp_path / "night.jsonl").write_bytes(orjson.dumps(row))
    (tmp_path / "copy").mkdir()
    text = (builtin("rules") / "gpu.yaml").read_text()
    (tmp_path / "copy" / "gpu.yaml").write_text(text.replace("default: SEV2", "default: SEV1"))
    told = run("replay", "night.jsonl", "--rules", "copy", "--diff", "--json").json["diff"]
    assert (told["gained"], told["lost"]) == ([], [])
    assert [one["fields"] for one in told["changed"]] == [["severity"]]


def test_evaluate_measures_labelled_cases(run: Run, tmp_path: Path) -> None:
    cases = [
        {"id": "a", "kind": "training_job", "text": "CUDA out of memory. Tried to allocate 2.00 GiB", "class": "train.cuda_oom",
         "acceptable": [], "hard": False, "an": "ignored key"},
        {"id": "b", "kind": "node", "text": "the weather is nice", "class": "unknown", "acceptable": [], "hard": True},
    ]  # fmt: skip
    (tmp_path / "cases.jsonl").write_bytes(b"\n".join(orjson.dumps(case) for case in cases))
    summary = run("evaluate", "cases.jsonl", "--out", "results.jsonl", "--json").json
    assert summary["n"] == 2
    assert summary["top1"] >= 0.5
    wanted = ("top3", "hard_top1", "macro_f1", "unknown_ratio", "brier", "ece", "p50_ms", "p99_ms")
    assert set(wanted) <= set(summary)
    rows = [orjson.loads(line) for line in (tmp_path / "results.jsonl").read_bytes().splitlines()]
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[0]["ranking"][0]["class"] == "train.cuda_oom"
    assert sum(one["probability"] for one in rows[0]["ranking"]) <= 1.0001
    done = run("evaluate", "cases.jsonl", "--out", "nowhere/results.jsonl")
    assert done.code == 1
    assert "cannot write nowhere/results.jsonl" in done.err
    (tmp_path / "bad.jsonl").write_text('{"id": "a"}\n')
    done = run("evaluate", "bad.jsonl")
    assert done.code == 2
    assert "bad.jsonl:1" in done.err
