"""The responder's own event, for scripts and programs without a format of their own; one object, or a list of them.

`{"id"?, "kind", "status"?, "labels", "annotations"?, "starts_at"?, "ends_at"?, "log"?, "logs"?: [{"rank"?, "node"?, "text"}],
"links"?: [href or {"href", "text"}], "job"?: {...}, "change"?: {"what", "entity"?}}`
"""

from typing import Any

from pydantic import ValidationError

from responder.errors import InputError
from responder.formats._reading import document, each, first_line, instant, log_parts, mapping, text, texts
from responder.logic.entities import entities_of, merge_entities
from responder.logic.identity import event_id, fingerprint
from responder.logic.severity import severity_of_word
from responder.model.event import Change, Event, JobFact, Kind, Link, Status
from responder.ports import Decoded, RawMessage

KNOWN = ("id", "kind", "status", "labels", "annotations", "starts_at", "ends_at", "log", "logs", "links", "job", "change",
         "title", "severity")  # fmt: skip
MAX_LINKS = 20


class Native:
    """The format."""

    name = "native"
    description = "the responder's own JSON event, one or a list"

    def decode(self, message: RawMessage) -> Decoded:
        body = document(message)
        if isinstance(body, list):
            return each(body, "events", lambda raw: read_event(message, raw, self.name))
        return Decoded((read_event(message, body, self.name),))


def read_event(message: RawMessage, raw: Any, name: str) -> Event:
    """One event. Raises InputError."""
    body = mapping(raw, "the event")
    try:
        kind = Kind(text(body.get("kind"), 40))
    except ValueError as error:
        raise InputError(f"kind is {text(body.get('kind'), 40)!r}, expected one of {', '.join(Kind)}") from error
    try:
        status = Status(body.get("status", "firing"))
    except ValueError as error:
        raise InputError(f"status is {text(body.get('status'), 40)!r}, expected firing, resolved or info") from error
    labels = texts(body.get("labels"), "labels")
    annotations = texts(body.get("annotations"), "annotations")
    starts_at = instant(body.get("starts_at"), "starts_at")
    ends_at = instant(body.get("ends_at"), "ends_at")
    job = _job(body.get("job"))
    identity = labels or {"title": text(body.get("title")), **annotations}
    given = text(body.get("id"), 200)
    prints = fingerprint({"id": given, **({} if labels else identity)} if given and not labels else identity)
    begins = starts_at or message.received_at
    entities = entities_of(labels)
    if job is not None:
        names = tuple(n for n in (job.id, job.name) if n)
        entities = merge_entities(entities, {"job": names, "node": job.nodes, "user": (job.user,) if job.user else ()})
    word = text(body.get("severity"), 40) or labels.get("severity", "warning")
    return Event(
        id=event_id(
            name, message.source, prints, status.value, None if given and not starts_at else begins, ends_at if job else None, given
        ),
        format=name,
        source=message.source,
        fingerprint=prints,
        kind=kind,
        status=status,
        severity=severity_of_word(word),
        title=first_line(
            text(body.get("title")), annotations.get("summary", ""), annotations.get("message", ""),
            annotations.get("description", ""), labels.get("alertname", ""), f"{kind.value} event",
        ),
        labels=labels,
        annotations=annotations,
        entities=entities,
        starts_at=begins,
        starts_at_given=starts_at is not None,
        ends_at=ends_at,
        received_at=message.received_at,
        logs=log_parts(body.get("log"), body.get("logs")),
        links=_links(body.get("links")),
        job=job,
        change=_change(body.get("change"), begins),
    )  # fmt: skip


def _links(raw: Any) -> tuple[Link, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise InputError("links is no list")
    out = []
    for one in raw[:MAX_LINKS]:
        href = one if isinstance(one, str) else text(mapping(one, "a link").get("href"), 3000)
        if href.startswith(("http://", "https://")):
            out.append(Link(href=href[:3000], text=text(one.get("text"), 200) if isinstance(one, dict) else ""))
    return tuple(out)


def _job(raw: Any) -> JobFact | None:
    if raw is None:
        return None
    try:
        return JobFact.model_validate(mapping(raw, "job"))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"job.{'.'.join(str(p) for p in first['loc'])}: {first['msg']}") from error


def _change(raw: Any, at: Any) -> Change | None:
    if raw is None:
        return None
    body = mapping(raw, "change")
    what = text(body.get("what"), 500)
    if not what:
        raise InputError("change.what is missing")
    return Change(at=instant(body.get("at"), "change.at") or at, what=what, entity=text(body.get("entity"), 200))


FORMAT = Native()
