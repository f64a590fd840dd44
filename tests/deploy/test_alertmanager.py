"""Alertmanager's snippet: amtool's own check, and that it says what we need of it."""

from pathlib import Path

import pytest
import yaml

from responder.sources.webhook import ALERTMANAGER_PATH, PREFIX
from tests.deploy.tools import DEPLOY, passes

FILES = [DEPLOY / "alertmanager" / "alertmanager.yml", DEPLOY / "compose" / "alertmanager.yml"]


@pytest.mark.integration
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_amtool_accepts_it(file: Path) -> None:
    assert "SUCCESS" in passes("amtool", "check-config", file)


@pytest.mark.integration
def test_alerts_reach_us_and_those_who_got_them_before() -> None:
    routed = passes(
        "amtool", "config", "routes", "test", f"--config.file={FILES[0]}", "alertname=X", "severity=critical"
    )
    assert routed.split()[-1] == "responder,existing"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_resolves_are_sent_and_nothing_is_left_out(file: Path) -> None:
    receivers = {one["name"]: one for one in yaml.safe_load(file.read_text())["receivers"]}
    (hook,) = receivers["responder"]["webhook_configs"]
    assert hook["send_resolved"] is True
    assert hook["max_alerts"] == 0
    assert hook["url"].endswith(f"{PREFIX}alertmanager")
    assert hook["http_config"]["authorization"]["type"] == "Bearer"
    assert ALERTMANAGER_PATH == "/api/v2/alerts"  # what Prometheus itself posts to: prometheus/prometheus.yml
