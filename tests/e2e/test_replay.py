"""What was decided live is decided again by a replay, twice the same, and an edited rule shows in the diff alone."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from responder.wiring.demo import story
from tests.e2e.conftest import RULES, sinks_for
from tests.e2e.daemon import Daemon, running
from tests.wire.pagerduty import PagerDutyWire
from tests.wire.slack import SlackWire

pytestmark = [pytest.mark.timeout(240)]


def responder(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "responder", *arguments], capture_output=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return orjson.loads(done.stdout)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> "Any":
    """The demo's story, lived through once, with what was shown on the wire."""
    folder = tmp_path_factory.mktemp("night")
    with SlackWire(rate=None).serve() as slack, PagerDutyWire(rate=None).serve() as pagerduty:
        config = {
            "sinks": sinks_for(slack.base_url, pagerduty.base_url),
            "prices": {"gpu_hour_usd": {"H100": 2.5, "default": 2.0}},
        }
        with running(folder, config) as daemon:
            for post in story(datetime.now(UTC)):
                daemon.post(post.path, post.body, headers={"content-type": "application/json"})
            daemon.until(lambda: quiet(daemon), "all reports", 90, pause=0.3)
        yield daemon, slack, pagerduty


def quiet(daemon: Daemon) -> bool:
    found = daemon.incidents()
    return (
        bool(found)
        and all(one["revision"] > 0 or one["status"] == "resolved" for one in found)
        and all(
            row["delivered_version"] >= row["desired_version"]
            for one in found
            for row in daemon.get(f"/v1/incidents/{one['id']}")["deliveries"]
        )
    )


def decided(document: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("id", "rule", "key", "skill", "class", "severity", "parent", "events")
    return [{name: one[name] for name in names} for one in document["incidents"]]


def test_replay_decides_what_live_decided_and_sends_nothing(night: Any) -> None:
    daemon, slack, pagerduty = night
    calls = (len(slack.calls), len(pagerduty.calls))
    once = responder("replay", "journal", "-c", str(daemon.file), "--diff", "--json")
    twice = responder("replay", "journal", "-c", str(daemon.file), "--diff", "--json")
    assert decided(once) == decided(twice)
    assert once["diff"]["gained"] == []
    assert once["diff"]["lost"] == []
    assert once["diff"]["changed"] == []
    assert (len(slack.calls), len(pagerduty.calls)) == calls
    assert once["sent"] == 0


def test_an_export_replays_to_the_same(night: Any, tmp_path: Path) -> None:
    daemon, _, _ = night
    done = subprocess.run(
        [sys.executable, "-m", "responder", "export", "-c", str(daemon.file)],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"hf_notarealtoken" not in done.stdout, "exports are redacted"
    (tmp_path / "night.jsonl").write_bytes(done.stdout)
    from_journal = responder("replay", "journal", "-c", str(daemon.file), "--json")
    from_file = responder("replay", str(tmp_path / "night.jsonl"), "-c", str(daemon.file), "--json")
    assert decided(from_journal) == decided(from_file)


def test_an_edit_of_one_rule_shows_just_that(night: Any, tmp_path: Path) -> None:
    daemon, _, _ = night
    live = daemon_incident(daemon, "kv_cache")
    edited = tmp_path / "rules"
    edited.mkdir()
    for file in RULES.glob("*.yaml"):
        if file.name.endswith(".test.yaml"):
            continue
        document = yaml.safe_load(file.read_text())
        for rule in document["rules"]:
            if rule["name"] == live["rule"]:
                rule["severity"] = {"default": "SEV1"}
        (edited / file.name).write_text(yaml.safe_dump(document, sort_keys=False))
    found = responder("replay", "journal", "-c", str(daemon.file), "--rules", str(edited), "--diff", "--json")["diff"]
    assert found["gained"] == found["lost"] == []
    assert {one["id"] for one in found["changed"]} == {live["id"]}
    assert found["changed"][0]["fields"] == ["severity"]


def daemon_incident(daemon: Daemon, part: str) -> dict[str, Any]:
    document = responder("replay", "journal", "-c", str(daemon.file), "--json")
    one: dict[str, Any]
    (one,) = [one for one in document["incidents"] if part in (one["class"] or "") and one["parent"] is None]
    return one
