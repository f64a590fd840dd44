"""CloudEvents 1.0 over HTTP and Kafka: structured, binary and batch.

cloudevents/spec, HTTP and Kafka protocol bindings: `ce-` headers (HTTP, percent-encoded) or `ce_` headers (Kafka) in binary
mode, `application/cloudevents` in the content type otherwise. Data in the shape of another format is read as that format.
Of anything else the type says what happened (see `_cloud_types`). Identity: (source, id).
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from responder.errors import InputError
from responder.formats import _alerts
from responder.formats._cloud_types import Meaning, meaning_of
from responder.formats._reading import (
    clean,
    document,
    each,
    first_line,
    instant,
    log_parts,
    mapping,
    refuse_depth,
    single,
    text,
    texts,
)
from responder.formats.kubernetes import is_kubernetes, kubernetes_events
from responder.formats.native import is_native, read_event
from responder.formats.slurm import is_slurm, read_job
from responder.logic.entities import entities_of, merge_entities
from responder.logic.identity import event_id, fingerprint
from responder.logic.severity import severity_of
from responder.model.event import AlertSeverity, Change, Event, JobFact, Kind, Status
from responder.ports import Decoded, RawMessage

STRUCTURED = "application/cloudevents"
BATCH = "application/cloudevents-batch"
_LONG_FIELDS = frozenset({"log", "logs", "message", "text", "labels"})
_OUTCOMES = ("outcome", "conclusion", "result", "status", "state", "phase")


class CloudEvents:
    """The format."""

    name = "cloudevents"
    description = "CloudEvents 1.0 (structured, binary, batch) over HTTP and Kafka"

    def decode(self, message: RawMessage) -> Decoded:
        kind = message.headers.get("content-type", "").lower()
        attributes = {} if kind.startswith(STRUCTURED) else _attributes(message.headers)
        if attributes:
            return _whole(message, {**attributes, "data": _binary_data(message, kind)})
        body = document(message)
        if isinstance(body, list):
            return _joined(message, body)
        if kind.startswith(BATCH):
            raise InputError("a batch must be a list of events")
        return _whole(message, mapping(body, "the body"))


def _attributes(headers: Mapping[str, str]) -> dict[str, Any]:
    """Of binary mode; none without the one attribute that every event has."""
    http = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    found = http or {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}
    return {name: value.replace("\x00", "\ufffd") for name, value in found.items()} if "specversion" in found else {}


def _binary_data(message: RawMessage, kind: str) -> Any:
    if not message.body:
        return None
    if not kind or "json" in kind:
        return document(message)
    try:
        return message.body.decode("utf-8").replace("\x00", "\ufffd")
    except UnicodeDecodeError as error:
        raise InputError(f"data of type {kind[:80]} is no text") from error


def _joined(message: RawMessage, items: list[Any]) -> Decoded:
    """A batch: an event may hold several alerts, of which some may be broken."""
    broken: list[Any] = []

    def one(raw: Any) -> Iterable[Event]:
        decoded = _read(message, mapping(raw, "the event"))
        broken.extend(decoded.rejected)
        return decoded.events

    outer = each(items, "events", one)
    return Decoded(outer.events, (*outer.rejected, *broken))


def _whole(message: RawMessage, body: dict[str, Any]) -> Decoded:
    rejected: list[Any] = []

    def one(raw: Any) -> Iterable[Event]:
        decoded = _read(message, raw)
        rejected.extend(decoded.rejected)
        return decoded.events

    return Decoded(single(body, one).events, tuple(rejected))


def _read(message: RawMessage, body: dict[str, Any]) -> Decoded:
    version = text(body.get("specversion"), 20)
    if not version.startswith("1."):
        raise InputError(f"specversion is {version!r}, expected 1.0", where="CloudEvent")
    missing = [name for name in ("id", "source", "type") if not text(body.get(name), 500)]
    if missing:
        raise InputError(f"{', '.join(missing)} missing", where="CloudEvent")
    data = body.get("data")
    if data is None and isinstance(body.get("data_base64"), str):
        data = _unpacked(body["data_base64"])
    inner = _inner(message, data)
    return inner if inner is not None else Decoded((_own(message, body, data),))


def _unpacked(encoded: str) -> Any:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("data_base64 is no base64", where="CloudEvent") from error
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")
    refuse_depth(value)
    return value


def _inner(message: RawMessage, data: Any) -> Decoded | None:
    """Data in another format's shape, read by that format; None when it has none of them."""
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("alerts"), list):
        return _alerts.decode_envelope(message, data)
    if is_slurm(data):
        return Decoded((read_job(message, data),))
    if is_native(data):
        return Decoded((read_event(message, data),))
    if is_kubernetes(data):
        return Decoded(tuple(kubernetes_events(message, data)))
    return None


def _own(message: RawMessage, body: dict[str, Any], data: Any) -> Event:
    kind, source, id_ = text(body["type"], 300), text(body["source"], 500), text(body["id"], 300)
    subject = text(body.get("subject"), 300)
    fields: dict[str, Any] = data if isinstance(data, dict) else {}
    meaning = meaning_of(kind, _outcome(fields))
    labels = _labels(fields, kind, source, subject)
    said = text(fields.get("message")) or text(fields.get("summary")) or (data if isinstance(data, str) else "")
    at = instant(body.get("time"), "time")
    begins = at or message.received_at
    prints = fingerprint(
        {"source": source, "about": meaning.about, "subject": subject or id_}, fields.get("fingerprint")
    )
    job = _job(fields, meaning, subject or id_, begins) if meaning.job is not None else None
    named = (job.id, job.name or "") if job else ()
    of_subject = {"service": (subject,)} if meaning.change and subject else {}
    bad = meaning.status is Status.FIRING
    return Event(
        id=event_id("cloudevents", message.source, prints, meaning.status.value, at, content=f"{source}\n{id_}"),
        format="cloudevents",
        source=message.source,
        fingerprint=prints,
        kind=meaning.kind or Kind.MONITORING,
        status=meaning.status,
        severity=severity_of(labels, AlertSeverity.ERROR) if bad else severity_of(labels, AlertSeverity.INFO),
        title=first_line(said, f"{kind} {subject}"),
        labels=labels,
        annotations={"message": text(said)} if said else {},
        entities=merge_entities(clean({"job": named, **of_subject}), entities_of(labels)),
        starts_at=begins,
        starts_at_given=at is not None,
        ends_at=at if meaning.status is Status.RESOLVED else None,
        received_at=message.received_at,
        logs=log_parts(fields.get("log"), fields.get("logs")),
        job=job,
        change=Change(at=begins, what=first_line(said, f"{kind} {subject}"), entity=subject)
        if meaning.change
        else None,
    )


def _labels(fields: dict[str, Any], kind: str, source: str, subject: str) -> dict[str, str]:
    """Scalars of the data, its `labels`, and where it came from; the envelope's words win."""
    flat = {
        key: value for key, value in fields.items() if isinstance(value, str | int | float) and key not in _LONG_FIELDS
    }
    inner = fields.get("labels")
    labels = {**texts(flat, "data"), **(texts(inner, "data.labels") if isinstance(inner, dict) else {})}
    return {**labels, "type": kind, "event_source": source, **({"subject": subject} if subject else {})}


def _outcome(fields: Mapping[str, Any]) -> str:
    """How it went, where the data says so; CDEvents say it in subject.content."""
    subject = fields.get("subject")
    content = subject.get("content") if isinstance(subject, dict) else None
    for place in (fields, content if isinstance(content, dict) else {}):
        for name in _OUTCOMES:
            word = place.get(name)
            if isinstance(word, str) and word:
                return word[:60]
    return ""


def _job(fields: Mapping[str, Any], meaning: Meaning, fallback: str, at: Any) -> JobFact | None:
    state = meaning.job
    if state is None:
        return None
    names = ("job_id", "run_id", "jobId", "runId", "id")
    found = next((value for name in names if (value := text(fields.get(name), 253))), fallback)
    nodes = fields.get("nodes")
    return JobFact(
        id=found[:253],
        state=state,
        name=text(fields.get("job_name"), 253) or text(fields.get("name"), 253) or None,
        cluster=text(fields.get("cluster"), 253) or None,
        nodes=tuple(text(node, 253) for node in nodes[:4096] if node) if isinstance(nodes, list) else (),
        user=text(fields.get("user"), 253) or None,
        reason=text(fields.get("reason"), 500) or None,
        started_at=at if meaning.started else None,
        ended_at=at if meaning.over else None,
    )


FORMAT = CloudEvents()
