"""Severity words of all senders, normalised to five.

The words are those of 767 public alert rules (kube-prometheus, giantswarm, strimzi, rook, kueue, operators' own), of
PagerDuty's four, of Opsgenie's P1 to P5 and of syslog (RFC 5424 section 6.2.1). A word that nobody knows is a warning:
it must not wake anybody, and it must not be lost. What a severity costs is decided elsewhere.
"""

from collections.abc import Mapping

from responder.model.event import AlertSeverity

_WORDS: dict[AlertSeverity, tuple[str, ...]] = {
    # page: giantswarm and SRE usage; emerg and alert: syslog; disaster: Zabbix; p1, sev1: on-call usage.
    AlertSeverity.CRITICAL: (
        "critical crit page paging fatal emergency emerg disaster panic blocker alert",
        "p0 p1 sev0 sev1 s1",
    ),
    # major: strimzi and X.733; high: GPU and security rules; p2: Opsgenie.
    AlertSeverity.ERROR: ("error err high major severe failure", "p2 sev2 s2"),
    # notify: giantswarm ("next working day"); ticket: SRE usage; slack: Volcano; average: Zabbix.
    AlertSeverity.WARNING: ("warning warn minor medium moderate average notify ticket slack email", "p3 sev3 s3"),
    # record: kueue's example rules, which notify nobody but are recorded.
    AlertSeverity.INFO: (
        "info information informational notice low record debug trace ok normal silent",
        "p4 p5 sev4 sev5 s4",
    ),
    AlertSeverity.NONE: ("none null off ignore",),
}
_NORMALISED = {word: severity for severity, words in _WORDS.items() for line in words for word in line.split()}

HEARTBEATS = frozenset({"Watchdog", "InfoInhibitor", "DeadMansSwitch", "PrometheusAlertmanagerE2eDeadManSwitch"})
"""Alerts that always fire, to show that alerting works (kube-prometheus, prometheus-operator, giantswarm)."""

_LABELS = ("severity", "priority", "level", "sev")


def severity_of_word(word: str, default: AlertSeverity = AlertSeverity.WARNING) -> AlertSeverity:
    """The normalised severity of a sender's word."""
    found = _NORMALISED.get(word)
    if found is None:
        found = _NORMALISED.get(word.strip().lower().replace("-", "").replace("_", ""))
    return default if found is None else found


def severity_of(labels: Mapping[str, str], default: AlertSeverity = AlertSeverity.WARNING) -> AlertSeverity:
    """The severity that an alert's labels state, whatever the label is called."""
    if labels.get("alertname") in HEARTBEATS:
        return AlertSeverity.NONE
    for label in _LABELS:
        word = labels.get(label)
        if word:
            return severity_of_word(word, default)
    return default
