"""The daemon between real servers and the two vendors' stand-ins on the wire."""

from pathlib import Path
from typing import Any

import pytest

from tests.wire.pagerduty import ROUTING_KEY, WEBHOOK_SECRET, PagerDutyWire
from tests.wire.slack import BOT_TOKEN, CHANNEL, SIGNING_SECRET, SlackWire

RULES = Path(__file__).resolve().parents[2] / "rules"


@pytest.fixture
def sinks(slack: SlackWire, pagerduty: PagerDutyWire) -> dict[str, Any]:
    return sinks_for(slack.base_url, pagerduty.base_url)


def sinks_for(slack_url: str, pagerduty_url: str) -> dict[str, Any]:
    """The configuration of both sinks against stand-ins."""
    return {
        "slack": {
            "token": BOT_TOKEN,
            "signing_secret": SIGNING_SECRET,
            "channel": CHANNEL,
            "base_url": slack_url,
            "rate": "1000/s",
            "burst": 1000,
            "update_rate": "1000/s",
        },
        "pagerduty": {
            "routing_key": ROUTING_KEY,
            "base_url": pagerduty_url,
            "rate": "100000/m",
            "minimum_severity": "SEV4",
            "webhook_secrets": [WEBHOOK_SECRET],
        },
    }
