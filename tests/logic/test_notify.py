"""Every send and every silence has a name."""

from datetime import timedelta

import pytest

from responder.logic.notify import decide, fallback_due, want
from responder.model.delivery import Delivery, Receipt, Visible
from responder.model.incident import IncidentStatus, Severity
from tests.making import T0, incident, rule


def row(**more: object) -> Delivery:
    return Delivery.model_validate(
        {
            "incident_id": "inc-a",
            "sink": "chat",
            "desired_version": 1,
            "desired_revision": 1,
            "reason": "first_report",
            **more,
        }
    )


SHOWN = Receipt(visible=Visible.OPEN, message_id="m", revision=1)


@pytest.mark.parametrize(
    ("delivery", "about", "minimum", "send", "reason"),
    [
        (row(), incident(), None, True, "first_report"),
        (row(delivered_version=1, receipt=SHOWN), incident(), None, False, "nothing_new"),
        (row(), incident(severity=Severity.SEV4), Severity.SEV2, False, "below_minimum_severity"),
        (row(), incident(severity=Severity.SEV1), Severity.SEV2, True, "first_report"),
        (row(), incident(rule=rule(shadow=True)), None, False, "rule_is_in_shadow"),
        (row(desired=Visible.MERGED), incident(parent="inc-b"), None, False, "symptom_of_parent"),
        (row(), incident(status=IncidentStatus.RESOLVED), None, False, "resolved_before_first_report"),
        (row(abandoned=True), incident(), None, False, "abandoned_after_permanent_error"),
        (row(desired_version=2, receipt=SHOWN, reason="resolved", desired=Visible.RESOLVED),
         incident(status=IncidentStatus.RESOLVED), None, True, "resolved"),
        (row(desired_version=2, receipt=SHOWN, reason="merged", desired=Visible.MERGED),
         incident(parent="inc-b"), None, True, "merged"),
        (row(delivered_version=1, receipt=SHOWN.model_copy(update={"done": False})), incident(), None, True, "first_report"),
        (row(desired_version=2, receipt=SHOWN, reason="new_revision"), incident(severity=Severity.SEV4), Severity.SEV2, True,
         "new_revision"),
        (row(attempt_started_at=T0, reason="resolved", desired=Visible.RESOLVED),
         incident(status=IncidentStatus.RESOLVED), None, True, "resolved"),
    ],
)  # fmt: skip
def test_decisions(delivery: Delivery, about: object, minimum: Severity | None, send: bool, reason: str) -> None:
    assert decide(delivery, about, minimum) == type(decide(delivery, about, minimum))(send, reason)  # type: ignore[arg-type]


def test_what_is_wanted_supersedes_and_gives_an_abandoned_sink_another_chance() -> None:
    again = want(row(abandoned=True, attempts=7), incident(revision=3), "chat", {}, "new_revision")
    assert (again.desired_version, again.desired_revision, again.abandoned, again.attempts) == (2, 3, False, 0)


def test_a_blip_is_not_yet_a_reason_for_the_fallback() -> None:
    failing = row(failing_since=T0)
    assert not fallback_due(failing, T0 + timedelta(minutes=4))
    assert fallback_due(failing, T0 + timedelta(minutes=5))
