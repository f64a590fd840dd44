"""Ids follow from content: what changes them and what must not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.logic.identity import content_hash, event_id, fingerprint, incident_id, key_text, match_labels
from responder.model.event import AlertSeverity, Event, Kind, Status

AT = datetime(2026, 3, 14, 2, 0, tzinfo=UTC)
LABELS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=6)


def test_a_senders_fingerprint_is_kept() -> None:
    assert fingerprint({"a": "b"}, "0123456789abcdef") == "0123456789abcdef"


@pytest.mark.parametrize("given_one", [None, "", "xyz", "0123456789ABCDEF", 7, "0123456789abcdef0", ["a"]])
def test_what_is_no_fingerprint_is_replaced_by_ours(given_one: object) -> None:
    assert fingerprint({"a": "b"}, given_one) == fingerprint({"a": "b"})
    assert len(fingerprint({"a": "b"})) == 16


@given(LABELS)
def test_the_order_of_labels_does_not_matter(labels: dict[str, str]) -> None:
    backwards = dict(reversed(list(labels.items())))
    assert fingerprint(labels) == fingerprint(backwards)
    assert key_text(labels) == key_text(backwards)


@given(LABELS, LABELS)
def test_different_labels_have_different_fingerprints(one: dict[str, str], other: dict[str, str]) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (one == other)


def test_lone_surrogates_do_not_break_it() -> None:
    assert len(fingerprint({"a": "\ud800"})) == 16
    assert event_id("f", "s", "p", "firing", None, content="\ud800").startswith("ev_")


def test_event_ids_have_their_shape_and_depend_on_each_part() -> None:
    parts = ("alertmanager", "am", "f" * 16, "firing", AT, None, "")
    ids = {event_id(*parts)}
    for position, other in enumerate(("grafana", "am2", "e" * 16, "resolved", AT + timedelta(seconds=1), AT, "x")):
        changed = list(parts)
        changed[position] = other
        ids.add(event_id(*changed))  # type: ignore[arg-type]
    assert len(ids) == 8
    assert all(name.startswith("ev_") and len(name) == 23 and name[3:].isalnum() for name in ids)


def test_moving_text_between_parts_changes_the_event_id() -> None:
    assert event_id("ab", "c", "", "", None) != event_id("a", "bc", "", "", None)


def test_incident_ids_are_short_and_follow_from_what_opened_it() -> None:
    one = incident_id("gpu-xid", {"node": "n17", "cluster": "a"}, "ev_1")
    assert one == incident_id("gpu-xid", {"cluster": "a", "node": "n17"}, "ev_1")
    assert one != incident_id("gpu-xid", {"cluster": "a", "node": "n17"}, "ev_2")
    assert one.startswith("inc-")
    assert len(one) == 12


def test_a_content_hash_knows_its_boundaries() -> None:
    assert content_hash(b"ab", b"c") != content_hash(b"a", b"bc")
    assert len(content_hash()) == 12


def _event(**changes: object) -> Event:
    values: dict[str, object] = {
        "id": "ev_1",
        "format": "alertmanager",
        "source": "am",
        "fingerprint": "f" * 16,
        "kind": Kind.NODE,
        "status": Status.FIRING,
        "severity": AlertSeverity.CRITICAL,
        "starts_at": AT,
        "received_at": AT,
    }
    return Event.model_validate(values | changes)


def test_matchers_see_labels_entities_and_reserved_names() -> None:
    event = _event(
        labels={"alertname": "X", "severity": "page", "job": "dcgm"},
        entities={"node": ("n17", "n18"), "job": ("4711",), "gpu": ()},
    )
    assert match_labels(event) == {
        "alertname": "X",
        "severity": "page",
        "alert_severity": "critical",
        "job": "dcgm",
        "node": "n17",
        "format": "alertmanager",
        "source": "am",
        "kind": "node",
        "status": "firing",
    }


def test_a_label_cannot_pretend_to_be_a_reserved_name() -> None:
    seen = match_labels(_event(labels={"status": "resolved", "format": "x", "alert_severity": "none"}))
    assert (seen["status"], seen["format"], seen["alert_severity"]) == ("firing", "alertmanager", "critical")


def test_without_a_word_of_the_sender_severity_is_the_normalised_one() -> None:
    assert match_labels(_event(labels={}))["severity"] == "critical"
