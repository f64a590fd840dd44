"""PagerDuty's webhooks are believed only with a signature that fits."""

import pytest

from responder.sinks.pagerduty import verify
from tests.wire.pagerduty import WEBHOOK_SECRET, Incident, PagerDutyWire

INCIDENT = Incident(1, "k" * 32, "inc-1.1", "acknowledged", {"summary": "s"}, [])
HEADERS, BODY = PagerDutyWire().webhook("incident.acknowledged", INCIDENT)
SIGNED = HEADERS["X-PagerDuty-Signature"]


def test_a_true_signature_is_believed() -> None:
    assert verify([WEBHOOK_SECRET], SIGNED, BODY) is None


def test_during_a_rotation_any_of_several_fits() -> None:
    headers, body = PagerDutyWire().webhook("incident.resolved", INCIDENT, "old", "new")
    for secret in ("old", "new"):
        assert verify(["other", secret], headers["X-PagerDuty-Signature"], body) is None


@pytest.mark.parametrize(
    ("header", "body", "secrets"),
    [
        (SIGNED, BODY + b" ", [WEBHOOK_SECRET]),
        (SIGNED, BODY, ["other"]),
        (SIGNED, BODY, []),
        ("", BODY, [WEBHOOK_SECRET]),
        ("v1=", BODY, [WEBHOOK_SECRET]),
        ("v1=ÿ\u2028", BODY, [WEBHOOK_SECRET]),
        (SIGNED.replace("v1=", "v0="), BODY, [WEBHOOK_SECRET]),
    ],
)
def test_anything_else_is_not(header: str, body: bytes, secrets: list[str]) -> None:
    assert verify(secrets, header, body) is not None
