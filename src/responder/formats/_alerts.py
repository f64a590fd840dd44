"""Alerts as Prometheus' world writes them; Alertmanager and Grafana share the envelope. No format itself."""

from typing import Any

from responder.errors import InputError
from responder.formats._reading import each, first_line, instant, mapping, text, texts, whole
from responder.logic.entities import entities_of
from responder.logic.identity import event_id, fingerprint
from responder.logic.severity import severity_of_word
from responder.model.event import Event, Kind, Link, Status
from responder.ports import Decoded, RawMessage

# Words of an alert's labels that tell what it is about, in this order. The kind only chooses a prior and a skill where no rule
# does; rules match on labels.
_KINDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (Kind.INFERENCE_SERVICE, ("model_name", "served_model_name", "inferenceservice", "engine", "isvc")),
    (Kind.NODE, ("UUID", "uuid", "Hostname", "gpu", "nvlink", "err_code", "xid")),
    (Kind.TRAINING_JOB, ("job_name", "jobid", "job_id", "hpc_job", "pytorchjob", "rayjob", "exported_job")),
    (Kind.SCHEDULER, ("cluster_queue", "local_queue", "partition", "queue_name")),
    (Kind.DATA_PIPELINE, ("dag_id", "dag", "dataset", "table", "pipeline", "topic")),
    (Kind.AGENT, ("agent", "session_id", "tool")),
)


def envelope(message: RawMessage, document: dict[str, Any], name: str, links: Any = None) -> Decoded:
    """All alerts of a webhook body. Raises InputError when it holds none."""
    if "alerts" not in document:
        raise InputError(
            "no `alerts` in the body: is a custom payload template configured at the sender?", where="body"
        )
    cut = whole(document.get("truncatedAlerts")) or 0
    decoded = each(document["alerts"], "alerts", lambda raw: read_alert(message, raw, name, max(0, cut), links))
    if not decoded.events and not decoded.rejected:
        raise InputError("`alerts` is empty")
    return decoded


def read_alert(message: RawMessage, raw: Any, name: str, truncated: int = 0, links: Any = None) -> Event:
    """One alert. Raises InputError."""
    alert = mapping(raw, "the alert")
    labels = texts(alert.get("labels"), "labels")
    if not labels:
        raise InputError("an alert without labels")
    annotations = texts(alert.get("annotations"), "annotations")
    starts_at = instant(alert.get("startsAt"), "startsAt")
    ends_at = instant(alert.get("endsAt"), "endsAt")
    status = _status(alert.get("status"), ends_at is not None and ends_at <= message.received_at)
    prints = fingerprint(labels, alert.get("fingerprint"))
    begins = starts_at or message.received_at
    title = first_line(
        annotations.get("summary", ""), annotations.get("title", ""), annotations.get("message", ""),
        annotations.get("description", ""), _composed(labels),
    )  # fmt: skip
    return Event(
        id=event_id(name, message.source, prints, status.value, begins),
        format=name,
        source=message.source,
        fingerprint=prints,
        kind=_kind_of(labels),
        status=status,
        severity=severity_of_word(labels.get("severity") or labels.get("priority") or labels.get("level") or "warning"),
        title=title,
        labels=labels,
        annotations=annotations,
        entities=entities_of(labels),
        starts_at=begins,
        starts_at_given=starts_at is not None,
        ends_at=ends_at,
        received_at=message.received_at,
        links=_links(alert) + (tuple(links(alert)) if links is not None else ()),
        truncated=truncated,
    )


def _status(word: Any, over: bool) -> Status:
    """The word where there is one (webhook); API v2 alerts have none: over when their end is past."""
    if word is None or isinstance(word, dict):
        return Status.RESOLVED if over else Status.FIRING
    if word in ("firing", "alerting", "active"):
        return Status.FIRING
    if word in ("resolved", "ok", "normal"):
        return Status.RESOLVED
    raise InputError(f"status is {text(word, 40)!r}, expected firing or resolved")


def _kind_of(labels: dict[str, str]) -> Kind:
    for kind, names in _KINDS:
        if any(name in labels for name in names):
            return kind
    return Kind.NODE if "node" in labels else Kind.MONITORING


def _links(alert: dict[str, Any]) -> tuple[Link, ...]:
    href = alert.get("generatorURL")
    return (
        (Link(href=href[:3000], text="source"),)
        if isinstance(href, str) and href.startswith(("http://", "https://"))
        else ()
    )


def _composed(labels: dict[str, str]) -> str:
    where = labels.get("node") or labels.get("instance") or labels.get("pod") or labels.get("service") or ""
    return labels.get("alertname", "alert") + (f" on {where}" if where else "")
