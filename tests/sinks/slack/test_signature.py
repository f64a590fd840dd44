"""Slack's requests are believed only when signed, fresh and whole."""

from datetime import UTC, datetime, timedelta

import pytest

from responder.sinks.slack.signature import verify
from tests.wire.slack import SIGNING_SECRET, SlackWire

NOW = datetime(2026, 3, 14, 3, 2, tzinfo=UTC)
BODY = b"command=%2Fresponder&text=list"
HEADERS = SlackWire().sign(BODY, NOW.timestamp())


def test_a_true_signature_is_believed_in_any_case_of_its_headers() -> None:
    assert verify(SIGNING_SECRET, HEADERS, BODY, NOW) is None
    lower = {name.lower(): value for name, value in HEADERS.items()}
    assert verify(SIGNING_SECRET, lower, BODY, NOW + timedelta(seconds=299)) is None


@pytest.mark.parametrize("late", [-301, 301, 86_400])
def test_a_replayed_request_is_not(late: int) -> None:
    assert "last 300 s" in str(verify(SIGNING_SECRET, HEADERS, BODY, NOW + timedelta(seconds=late)))


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({}, BODY + b"&text=resolve"),
        ({"X-Slack-Signature": ""}, BODY),
        ({"X-Slack-Signature": "v0=" + "0" * 64}, BODY),
        ({"X-Slack-Signature": "v0=ÿ"}, BODY),
        ({"X-Slack-Request-Timestamp": ""}, BODY),
        ({"X-Slack-Request-Timestamp": "soon"}, BODY),
        ({"X-Slack-Request-Timestamp": "9" * 400}, BODY),
        ({"X-Slack-Request-Timestamp": "²"}, BODY),
    ],
)
def test_a_changed_request_is_not(change: dict[str, str], body: bytes) -> None:
    assert verify(SIGNING_SECRET, HEADERS | change, body, NOW) is not None


def test_another_workspaces_secret_does_not_fit() -> None:
    assert verify("other", HEADERS, BODY, NOW) is not None
