"""The words that rule sets really use."""

import pytest

from responder.logic.severity import severity_of, severity_of_word
from responder.model.event import AlertSeverity


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("critical", "critical"),
        ("page", "critical"),
        ("P1", "critical"),
        ("sev-1", "critical"),
        ("SEV1", "critical"),
        ("Emergency", "critical"),
        ("disaster", "critical"),
        ("error", "error"),
        ("high", "error"),
        ("major", "error"),
        ("warning", "warning"),
        ("WARN", "warning"),
        ("minor", "warning"),
        ("notify", "warning"),
        ("slack", "warning"),
        ("info", "info"),
        ("record", "info"),
        ("none", "none"),
        ("whatever-our-team-says", "warning"),
        ("", "warning"),
    ],
)
def test_words(word: str, expected: str) -> None:
    assert severity_of_word(word) is AlertSeverity(expected)


def test_the_label_may_have_another_name() -> None:
    assert severity_of({"priority": "P1"}) is AlertSeverity.CRITICAL
    assert severity_of({"severity": "", "level": "error"}) is AlertSeverity.ERROR
    assert severity_of({}) is AlertSeverity.WARNING
    assert severity_of({}, AlertSeverity.INFO) is AlertSeverity.INFO


@pytest.mark.parametrize("name", ["Watchdog", "InfoInhibitor", "PrometheusAlertmanagerE2eDeadManSwitch"])
def test_a_heartbeat_has_no_severity_whatever_it_says(name: str) -> None:
    assert severity_of({"alertname": name, "severity": "critical"}) is AlertSeverity.NONE
