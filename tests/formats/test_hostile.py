"""Whatever bytes come: each format gives events or says InputError, and nothing else, within its bounds."""

from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from responder.errors import InputError
from responder.formats import alertmanager, cloudevents, grafana, kubernetes, native, slurm
from responder.formats._reading import MAX_ITEMS, MAX_LABELS, MAX_VALUE
from responder.logic.redact import redact_event
from responder.model.event import Event, JobFact
from responder.ports import Decoded, Format
from tests.formats.samples import (
    CLOUD_EVENT,
    GRAFANA_ALERT,
    KUBERNETES_EVENT,
    NATIVE,
    POD_KILLED_FOR_MEMORY,
    PYTORCHJOB_FAILED,
    SLURM_FAILED,
    alert,
    grafana_webhook,
    message,
    webhook,
)

FORMATS: list[Format] = [module.FORMAT for module in (alertmanager, grafana, cloudevents, slurm, kubernetes, native)]
BODIES: list[Any] = [
    webhook(alert(), alert(status="resolved")),
    [alert()],
    grafana_webhook(GRAFANA_ALERT),
    SLURM_FAILED,
    {"jobs": [{"job_id": 1, "job_state": ["FAILED"], "exit_code": {"return_code": {"set": True, "number": 1}}}]},
    KUBERNETES_EVENT,
    {"type": "MODIFIED", "object": POD_KILLED_FOR_MEMORY},
    PYTORCHJOB_FAILED,
    {"kind": "Node", "metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}},
    {"kind": "RayJob", "metadata": {"name": "n"}, "status": {"jobStatus": "FAILED"}},
    {"kind": "Workload", "metadata": {"name": "n"}, "status": {"conditions": [{"type": "Evicted", "status": "True"}]}},
    NATIVE,
    CLOUD_EVENT,
    CLOUD_EVENT | {"data": webhook(alert())},
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["firing", "resolved", "FAILED", "True", "Pod", "Unknown", "n[1-3", "9999-12-31T23:59:59Z", "\u0000", "(null)"]
    ),
)
KEYS = st.sampled_from(
    [
        "alerts",
        "labels",
        "status",
        "kind",
        "metadata",
        "name",
        "object",
        "type",
        "jobid",
        "nodes",
        "data",
        "items",
        "conditions",
        "job",
        "x",
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=20,
)


def outcome(format: Format, body: bytes, headers: dict[str, str] | None = None) -> Decoded | None:
    """Decoded, or None for InputError; what was decoded must be fit for what follows."""
    try:
        decoded = format.decode(message(body, headers=headers))
    except InputError:
        return None
    for event in decoded.events:
        assert event.id.startswith("ev_")
        assert "\n" not in event.title
        assert "\x00" not in event.model_dump_json()
        assert redact_event(redact_event(event)) == redact_event(event)
    for part in decoded.rejected:
        assert part.error
        orjson.loads(part.body)
    for event in decoded.events:  # some are made without validation: it would have made the same
        assert Event.model_validate(vars(event), strict=True) == event
        assert list(vars(event)) == list(Event.model_fields)
        assert event.job is None or JobFact.model_validate(vars(event.job), strict=True) == event.job
    return decoded


@pytest.mark.parametrize("format", FORMATS, ids=lambda one: one.name)
class TestAnything:
    @given(body=st.binary(max_size=200))
    def test_bytes(self, format: Format, body: bytes) -> None:
        outcome(format, body)

    @settings(max_examples=200)
    @given(value=JSON)
    def test_json(self, format: Format, value: Any) -> None:
        outcome(format, orjson.dumps(value))

    @settings(max_examples=200)
    @given(value=st.sampled_from(BODIES), data=st.data())
    def test_real_bodies_with_something_replaced(self, format: Format, value: Any, data: st.DataObject) -> None:
        changed = deepcopy(value)
        node, places = changed, 0
        while isinstance(node, dict | list) and node and places < 12:
            key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
            if not isinstance(node[key], dict | list) or data.draw(st.integers(0, 3)) == 0:
                node[key] = data.draw(JSON)
                break
            node, places = node[key], places + 1
        outcome(format, orjson.dumps(changed))

    @given(value=st.sampled_from(BODIES), cut=st.floats(0, 1))
    def test_real_bodies_cut_off(self, format: Format, value: Any, cut: float) -> None:
        body = orjson.dumps(value)
        outcome(format, body[: int(len(body) * cut)])

    @given(value=st.sampled_from(BODIES), at=st.floats(0, 1), byte=st.integers(0, 255))
    def test_real_bodies_with_one_byte_changed(self, format: Format, value: Any, at: float, byte: int) -> None:
        body = bytearray(orjson.dumps(value))
        body[int((len(body) - 1) * at)] = byte
        outcome(format, bytes(body))

    @pytest.mark.parametrize("value", BODIES)
    def test_a_body_of_one_format_never_breaks_another(self, format: Format, value: Any) -> None:
        outcome(format, orjson.dumps(value))

    @pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"alerts":', b'{"labels":{"a":'])
    def test_deep_nesting_is_refused(self, format: Format, opening: bytes) -> None:
        for depth in (70, 1000, 50_000):
            with pytest.raises(InputError):
                format.decode(message(opening * depth))
        with pytest.raises(InputError, match=r"nests deeper|no JSON"):
            format.decode(message(b"[" * 70 + b"]" * 70))

    def test_numbers_beyond_measure_duplicate_keys_and_no_json(self, format: Format) -> None:
        for body in (
            b'{"jobid": 99999999999999999999999999999999, "state": "FAILED"}',
            b'{"jobid": 1e999}',
            b'{"jobid": 1, "jobid": 2, "state": "FAILED", "state": 7}',
            b'{"alerts": [{"labels": {"a": 1e400}, "status": "firing", "startsAt": 1e300}]}',
            b'{"alerts": NaN}',
            b"[Infinity]",
            b'{"a": "\\ud800"}',
            b"\xff\xfe{\x00}\x00",
            "{'a': 1}".encode("utf-16"),
        ):
            outcome(format, body)


HEADERS = ("ce-id", "ce-type", "ce-source", "ce-specversion", "ce-time", "ce_id", "ce_specversion", "content-type")


@given(
    headers=st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=20), max_size=8),
    version=st.sampled_from(["1.0", ""]),
    body=st.binary(max_size=50),
)
def test_any_headers_of_a_cloudevent(headers: dict[str, str], version: str, body: bytes) -> None:
    outcome(cloudevents.FORMAT, body, headers | ({"ce-specversion": version} if version else {}))


def test_a_nul_in_a_text_is_replaced() -> None:
    (event,) = alertmanager.FORMAT.decode(message(webhook(alert(labels={"alertname": "a\x00b"})))).events
    assert event.labels["alertname"] == "a\ufffdb"


def test_too_many_items_are_refused() -> None:
    with pytest.raises(InputError, match=f"has {MAX_ITEMS + 1} entries, more than {MAX_ITEMS}"):
        alertmanager.FORMAT.decode(message([{"labels": {"a": "b"}}] * (MAX_ITEMS + 1)))


def test_what_is_cut_says_so() -> None:
    labels = {f"l{n}": "x" for n in range(MAX_LABELS + 10)} | {"alertname": "X"}
    long = "y" * (MAX_VALUE + 10)
    (event,) = alertmanager.FORMAT.decode(
        message(webhook(alert(labels=labels, annotations={"description": long})))
    ).events
    assert len(event.labels) == MAX_LABELS
    assert "more labels were left out" in event.labels["truncated"]
    assert event.annotations["description"].endswith("[cut]")


def test_a_byte_order_mark_is_no_error() -> None:
    assert alertmanager.FORMAT.decode(message(b"\xef\xbb\xbf" + orjson.dumps(webhook(alert())))).events


@pytest.mark.parametrize("body", BODIES)
def test_decoding_is_pure(body: Any) -> None:
    for format in FORMATS:
        raw = orjson.dumps(body)
        assert outcome(format, raw) == outcome(format, raw)
