"""The app manifest asks for what the sink uses, and for nothing else."""

from pathlib import Path
from typing import Any

import yaml

from tests.wire.slack import SCOPES

MANIFEST: dict[str, Any] = yaml.safe_load(Path("deploy/slack/manifest.yaml").read_text())


def test_scopes_are_those_that_the_stand_in_grants() -> None:
    assert sorted(MANIFEST["oauth_config"]["scopes"]["bot"]) == sorted(SCOPES)


def test_the_doors_are_the_daemons() -> None:
    assert MANIFEST["features"]["slash_commands"][0]["url"].endswith("/slack/commands")
    assert MANIFEST["settings"]["interactivity"]["request_url"].endswith("/slack/interactions")


def test_slacks_limits_on_words_are_kept() -> None:
    """docs.slack.dev/reference/app-manifest: name 35, description 140 (command: 2,000; hint: 1,000)."""
    assert len(MANIFEST["display_information"]["name"]) <= 35
    assert len(MANIFEST["display_information"]["description"]) <= 140
