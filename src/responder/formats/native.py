"""The responder's own event, for scripts and programs without a format of their own; one object, or a list of them.

`{"id"?, "kind", "status"?, "labels", "annotations"?, "starts_at"?, "ends_at"?, "title"?, "severity"?, "log"?,
"logs"?: [{"rank"?, "node"?, "text"}], "links"?: [href or {"href", "text"}], "entities"?: {kind: [name]},
"job"?: {"id", "state", ...}, "change"?: {"what", "at"?, "entity"?, "link"?}}`; unknown keys are ignored.
"""

from typing import Any

from responder.errors import InputError
from responder.formats._alerts import alert_title
from responder.formats._reading import (
    clean,
    document,
    each,
    first_line,
    found,
    instant,
    links,
    log_parts,
    mapping,
    single,
    text,
    texts,
)
from responder.logic.entities import Entities, entities_of, merge_entities
from responder.logic.identity import event_id, fingerprint
from responder.logic.kinds import kind_of
from responder.logic.severity import severity_of, severity_of_word
from responder.model.event import Change, Event, JobFact, JobState, Kind, Link, Status
from responder.ports import Decoded, RawMessage

MAX_LINKS = 20
_KINDS = {kind.value: kind for kind in Kind}
_STATUS = {status.value: status for status in Status}
_NEEDS_NOBODY = frozenset({JobState.PENDING, JobState.RUNNING, JobState.COMPLETED, JobState.CANCELLED})
_TELLING = ("labels", "annotations", "title", "log", "logs", "job", "change")
_TIMES = ("submitted_at", "started_at", "ended_at", "checkpoint_at", "seen_at")


class Native:
    """The format."""

    name = "native"
    description = "the responder's own JSON event, one or a list"

    def decode(self, message: RawMessage) -> Decoded:
        body = document(message)
        if isinstance(body, list):
            return each(body, "events", lambda raw: read_event(message, raw))
        return single(body, lambda raw: read_event(message, raw))


def is_native(raw: Any) -> bool:
    """Whether an object has this shape."""
    return isinstance(raw, dict) and text(raw.get("kind"), 40) in _KINDS and any(raw.get(key) for key in _TELLING)


def read_event(message: RawMessage, raw: Any) -> Event:
    """One event. Raises InputError."""
    body = mapping(raw, "the event")
    if not any(body.get(key) for key in _TELLING):
        raise InputError(f"the event says nothing: expected at least one of {', '.join(_TELLING)}")
    labels = texts(body.get("labels"), "labels")
    annotations = texts(body.get("annotations"), "annotations")
    starts_at, ends_at = instant(body.get("starts_at"), "starts_at"), instant(body.get("ends_at"), "ends_at")
    job = _job(body.get("job"))
    begins = starts_at or (job.ended_at if job else None) or message.received_at
    change = _change(body.get("change"), begins)
    entities = merge_entities(_of_job(job), merge_entities(_entities(body.get("entities")), entities_of(labels)))
    status = _status(body, job, change)
    given = text(body.get("id"), 200)
    identity = labels or (
        {"job": job.id} if job else {"id": given} if given else {"title": text(body.get("title")), **annotations}
    )
    prints = fingerprint(identity, body.get("fingerprint"))
    word = text(body.get("severity"), 40)
    return Event(
        id=event_id(
            "native",
            message.source,
            prints,
            status.value,
            None if given and starts_at is None else begins,
            content=given or (job.state.value if job else ""),
        ),
        format="native",
        source=message.source,
        fingerprint=prints,
        kind=_kind(body, labels, entities),
        status=status,
        severity=severity_of_word(word) if word else severity_of(labels),
        title=_title(body, labels, annotations, entities, job, change),
        labels=labels,
        annotations=annotations,
        entities=entities,
        starts_at=begins,
        starts_at_given=begins is not message.received_at,
        ends_at=ends_at,
        received_at=message.received_at,
        logs=log_parts(body.get("log"), body.get("logs")),
        links=_links(body.get("links"), annotations),
        job=job,
        change=change,
    )


def _kind(body: dict[str, Any], labels: dict[str, str], entities: Entities) -> Kind:
    word = body.get("kind")
    if word is None:
        return kind_of(labels, entities)
    kind = _KINDS.get(word) if isinstance(word, str) else None
    if kind is None:
        raise InputError(f"kind is {text(word, 40) or found(word)!r}, expected one of {', '.join(_KINDS)}")
    return kind


def _status(body: dict[str, Any], job: JobFact | None, change: Change | None) -> Status:
    word = body.get("status")
    if word is None:
        if job is not None:
            return Status.INFO if job.state in _NEEDS_NOBODY else Status.FIRING
        return Status.INFO if change is not None else Status.FIRING
    status = _STATUS.get(word) if isinstance(word, str) else None
    if status is None:
        raise InputError(f"status is {text(word, 40) or found(word)!r}, expected firing, resolved or info")
    return status


def _links(raw: Any, annotations: dict[str, str]) -> tuple[Link, ...]:
    if raw is not None and not isinstance(raw, list):
        raise InputError(f"links is {found(raw)}, expected a list")
    pairs: list[tuple[Any, str]] = [
        (one.get("href"), text(one.get("text"), 200)) if isinstance(one, dict) else (one, "")
        for one in (raw or [])[:MAX_LINKS]
    ]
    return links([*pairs, (annotations.get("runbook_url"), "runbook")])


def _job(raw: Any) -> JobFact | None:
    """Fields that we do not know are ignored, here as everywhere."""
    if raw is None:
        return None
    body = mapping(raw, "job")
    known = {name: value for name, value in body.items() if name in JobFact.model_fields}
    known["id"] = text(body.get("id"), 253)
    if not known["id"]:
        raise InputError("job.id is missing")
    for name in _TIMES:
        if name in known:
            known[name] = instant(known[name], f"job.{name}")
    return JobFact.model_validate(known)


def _of_job(job: JobFact | None) -> Entities:
    if job is None:
        return {}
    return clean(
        {
            "job": (job.id, job.name or ""),
            "node": job.nodes,
            "pod": job.pods,
            "cluster": (job.cluster or "",),
            "user": (job.user or "",),
            "queue": (job.queue or "",),
        }
    )


def _entities(raw: Any) -> Entities:
    if raw is None:
        return {}
    out: dict[str, tuple[str, ...]] = {}
    for kind, names in list(mapping(raw, "entities").items())[:32]:
        listed = names if isinstance(names, list) else [names]
        if not all(isinstance(name, str) for name in listed):
            raise InputError(f"entities.{kind[:40]} must be a name or a list of names")
        out[kind[:40]] = tuple(listed[:4096])
    return clean(out)


def _change(raw: Any, at: Any) -> Change | None:
    if raw is None:
        return None
    body = mapping(raw, "change")
    what = first_line(text(body.get("what"), 500))
    if not what:
        raise InputError("change.what is missing")
    href = links([(body.get("link"), "")])
    return Change(
        at=instant(body.get("at"), "change.at") or at,
        what=what,
        entity=text(body.get("entity"), 200),
        link=href[0].href if href else None,
    )


def _title(
    body: dict[str, Any],
    labels: dict[str, str],
    annotations: dict[str, str],
    entities: Entities,
    job: JobFact | None,
    change: Change | None,
) -> str:
    said = first_line(
        text(body.get("title")), *(annotations.get(name, "") for name in ("summary", "message", "description"))
    )
    if said:
        return said
    if "alertname" not in labels:
        if job is not None:
            return f"Job {job.id}{f' ({job.name})' if job.name else ''} {job.state.value.replace('_', ' ')}"
        if change is not None:
            return change.what
    return alert_title({"alertname": f"{text(body.get('kind'), 40) or 'native'} event", **labels}, {}, entities)


FORMAT = Native()
