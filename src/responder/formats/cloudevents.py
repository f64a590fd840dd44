"""CloudEvents 1.0 over HTTP and Kafka: structured, binary and batch.

Specification: cloudevents/spec, HTTP and Kafka protocol bindings. Attributes come from the envelope, from `ce-` headers (HTTP) or `ce_`
headers (Kafka). `data` that looks like another format's payload is read as that; otherwise the type's last words say what it is:
deploy, rollout and the like are changes, failed fires, succeeded resolves nothing and is information. Identity: (source, id).
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from responder.errors import InputError
from responder.formats import alertmanager, kubernetes, native, slurm
from responder.formats._reading import clean, document, each, first_line, instant, log_parts, mapping, text, texts
from responder.logic.entities import entities_of, merge_entities
from responder.logic.identity import event_id, fingerprint
from responder.logic.severity import severity_of_word
from responder.model.event import Change, Event, Kind, Status
from responder.ports import Decoded, RawMessage

PREFIX = "application/cloudevents"
_CHANGES = ("deploy", "rollout", "release", "upgrade", "update", "promot", "rollback", "config", "migrat", "change")
_BAD = (
    "fail",
    "error",
    "crash",
    "down",
    "degraded",
    "violation",
    "firing",
    "alert",
    "lost",
    "unhealthy",
    "exceeded",
    "breach",
    "timeout",
)
_GOOD = ("resolved", "recovered", "restored")
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("train", Kind.TRAINING_JOB), ("job", Kind.TRAINING_JOB), ("run", Kind.TRAINING_JOB), ("inference", Kind.INFERENCE_SERVICE),
    ("serving", Kind.INFERENCE_SERVICE), ("endpoint", Kind.INFERENCE_SERVICE), ("node", Kind.NODE), ("gpu", Kind.NODE),
    ("model", Kind.REGISTRY), ("artifact", Kind.REGISTRY), ("registry", Kind.REGISTRY), ("pipeline", Kind.DATA_PIPELINE),
    ("dataset", Kind.DATA_PIPELINE), ("data", Kind.DATA_PIPELINE), ("agent", Kind.AGENT), ("schedul", Kind.SCHEDULER),
)  # fmt: skip


class CloudEvents:
    """The format."""

    name = "cloudevents"
    description = "CloudEvents 1.0 (structured, binary, batch) over HTTP and Kafka"

    def decode(self, message: RawMessage) -> Decoded:
        kind = message.headers.get("content-type", "").lower()
        if kind.startswith(PREFIX + "-batch"):
            return _joined(document(message), message)
        attributes = _attributes(message.headers)
        if attributes and not kind.startswith(PREFIX):
            return _read(message, {**attributes, "data": _data(message, kind)})
        body = document(message)
        if isinstance(body, list):
            return _joined(body, message)
        return _read(message, mapping(body, "the body"))


def _attributes(headers: Mapping[str, str]) -> dict[str, Any]:
    """Of binary mode. Percent-encoding in headers is left as it is: ids and types hardly ever need it."""
    return {name[3:]: value for name, value in headers.items() if name.startswith(("ce-", "ce_")) and len(name) > 3}


def _data(message: RawMessage, kind: str) -> Any:
    if not message.body:
        return None
    if not kind or "json" in kind:
        return document(message)
    try:
        return message.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"data of type {kind[:80]} is no text") from error


def _joined(items: Any, message: RawMessage) -> Decoded:
    several: list[Decoded] = []

    def one(raw: Any) -> Event:
        read = _read(message, mapping(raw, "the event"))
        several.append(read)
        return read.events[0]

    outer = each(items, "events", one)
    return Decoded(
        tuple(event for read in several for event in read.events),
        (*outer.rejected, *(part for read in several for part in read.rejected)),
    )


def _read(message: RawMessage, body: dict[str, Any]) -> Decoded:
    if text(body.get("specversion"), 10) not in ("1.0", "1"):
        raise InputError(f"specversion is {text(body.get('specversion'), 20)!r}, expected 1.0", where="CloudEvent")
    missing = [name for name in ("id", "source", "type") if not text(body.get(name), 500)]
    if missing:
        raise InputError(f"{', '.join(missing)} missing", where="CloudEvent")
    data = body.get("data")
    if data is None and isinstance(body.get("data_base64"), str):
        data = _decoded(body["data_base64"])
    inner = _inner(message, data)
    if inner is not None:
        return inner
    return Decoded((_own(message, body, data),))


def _decoded(encoded: str) -> Any:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("data_base64 is no base64", where="CloudEvent") from error
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")


def _inner(message: RawMessage, data: Any) -> Decoded | None:
    """Data in another format's shape: read by that format, under its own name."""
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("alerts"), list):
        format: Any = alertmanager.FORMAT
    elif "jobid" in data and ("nodes" in data or "@start" in data):
        format = slurm.FORMAT
    elif isinstance(data.get("kind"), str) and ("involvedObject" in data or ("status" in data and "metadata" in data)):
        format = kubernetes.FORMAT
    elif data.get("kind") in {kind.value for kind in Kind} and "labels" in data:
        format = native.FORMAT
    else:
        return None
    decoded: Decoded = format.decode(replace(message, body=orjson.dumps(data), source=format.name))
    return decoded


def _own(message: RawMessage, body: dict[str, Any], data: Any) -> Event:
    kind_text = text(body["type"], 300)
    source, id, subject = text(body["source"], 500), text(body["id"], 300), text(body.get("subject"), 300)
    words = kind_text.lower()
    fields = data if isinstance(data, dict) else {}
    labels = {"type": kind_text, "event_source": source, **({"subject": subject} if subject else {})}
    flat = {
        k: v
        for k, v in fields.items()
        if isinstance(v, str | int | float | bool) and k not in ("log", "message", "text")
    }
    labels = {**texts(flat, "data"), **labels}
    if isinstance(fields.get("labels"), dict):
        labels = {**texts(fields["labels"], "data.labels"), **labels}
    said = text(fields.get("message")) or text(fields.get("summary")) or (data if isinstance(data, str) else "")
    at = instant(body.get("time"), "time")
    begins = at or message.received_at
    good = any(word in words for word in _GOOD)
    bad = any(word in words for word in _BAD)
    changed = not bad and any(word in words for word in _CHANGES)
    status = Status.RESOLVED if good else Status.FIRING if bad else Status.INFO
    prints = fingerprint(
        {"source": source, "type": kind_text.replace("resolved", "").replace("firing", ""), "subject": subject or id}
    )
    entities = merge_entities(entities_of(labels), clean({"service": (subject,)} if subject and changed else {}))
    title = first_line(said, f"{kind_text} {subject}".strip())
    return Event(
        id=event_id("cloudevents", message.source, prints, status.value, at, None, f"{source}\n{id}"),
        format="cloudevents",
        source=message.source,
        fingerprint=prints,
        kind=next((kind for word, kind in _KINDS if word in words), Kind.MONITORING),
        status=status,
        severity=severity_of_word(labels.get("severity", "error" if bad else "info")),
        title=title,
        labels=labels,
        annotations={"message": said} if said else {},
        entities=entities,
        starts_at=begins,
        starts_at_given=at is not None,
        ends_at=begins if good else None,
        received_at=message.received_at,
        logs=log_parts(fields.get("log"), fields.get("logs")),
        change=Change(at=begins, what=title, entity=subject or labels.get("service", "")) if changed else None,
    )


FORMAT = CloudEvents()
