"""Alerts as Prometheus' world writes them; Alertmanager and Grafana share the envelope. No format itself.

Alertmanager: template/template.go and notify/webhook/webhook.go (webhook version 4), api/v2/openapi.yaml. Grafana:
grafana/alerting receivers/webhook (version "1"), the same with `orgId`, `title`, `state` and more per alert. Which of the two
sent a body is seen from the body, so that either may be posted to either path.
"""

from collections.abc import Mapping
from typing import Any

from responder.errors import InputError
from responder.formats._reading import (
    document,
    each,
    first_line,
    found,
    instant,
    links,
    mapping,
    shown,
    text,
    texts,
    whole,
)
from responder.logic.entities import Entities, entities_of
from responder.logic.identity import event_id, fingerprint
from responder.logic.kinds import kind_of
from responder.logic.severity import severity_of
from responder.model.event import Event, Status
from responder.ports import Decoded, RawMessage

_STATUS = {"firing": Status.FIRING, "alerting": Status.FIRING, "resolved": Status.RESOLVED, "ok": Status.RESOLVED}
_LINKS = (
    ("generatorURL", "source"),
    ("dashboardURL", "dashboard"),
    ("panelURL", "panel"),
    ("silenceURL", "silence"),
    ("imageURL", "image"),
)
_ANNOTATED_LINKS = (("runbook_url", "runbook"), ("dashboard_url", "dashboard"))


def decode(message: RawMessage) -> Decoded:
    """A webhook body or a list of API alerts. Raises InputError when it is neither."""
    body = document(message)
    if isinstance(body, list):
        return each(body, "alerts", lambda raw: _listed(message, raw))
    return decode_envelope(message, mapping(body, "the body"))


def is_grafana(body: Mapping[str, Any]) -> bool:
    """By fields of its own: its version "1" alone would be no proof."""
    return "orgId" in body or ("state" in body and "title" in body)


def decode_envelope(message: RawMessage, body: dict[str, Any]) -> Decoded:
    """All alerts of a webhook body. Raises InputError when it is none."""
    if not isinstance(body.get("alerts"), list):
        keys = ", ".join(list(body)[:8])[:120] or "nothing"
        raise InputError(
            f"no list `alerts` in the body, which has {keys}: is a custom payload template configured at the sender?"
        )
    name = "grafana" if is_grafana(body) else "alertmanager"
    outside = (body.get("externalURL"), name)
    left_out = max(0, whole(body.get("truncatedAlerts")) or 0)
    group = body.get("status")

    def one(raw: Any) -> Event:
        alert = mapping(raw, "the alert")
        word = alert.get("status", group)
        status = _STATUS.get(word) if isinstance(word, str) else None
        if status is None:
            raise InputError(f"status is {text(word, 40) or found(word)!r}, expected firing or resolved")
        return _alert(message, name, alert, status, outside, left_out, lapses=False)

    return each(body["alerts"], "alerts", one)


def _listed(message: RawMessage, raw: Any) -> Event:
    """As posted to, or read from, the API: over when its end has passed. One that was silenced there needs nobody here."""
    alert = mapping(raw, "the alert")
    ends_at = instant(alert.get("endsAt"), "endsAt")
    told = alert.get("status")
    if ends_at is not None and ends_at <= message.received_at:
        status = Status.RESOLVED
    elif isinstance(told, dict) and told.get("state") == "suppressed":
        status = Status.INFO
    else:
        status = Status.FIRING
    return _alert(message, "alertmanager", alert, status, (None, ""), 0, lapses=True)


def _alert(
    message: RawMessage,
    name: str,
    alert: dict[str, Any],
    status: Status,
    outside: tuple[Any, str],
    truncated: int,
    *,
    lapses: bool,
) -> Event:
    """`lapses`: the end of a firing alert is when it lapses unless it is sent again; in a webhook it means nothing."""
    labels = texts(alert.get("labels"), "labels")
    if not labels:
        raise InputError("an alert without labels")
    annotations = texts(alert.get("annotations"), "annotations")
    if name == "grafana":
        annotations = _with_values(alert, annotations)
    entities = entities_of(labels)
    prints = fingerprint(labels, alert.get("fingerprint"))
    starts_at = instant(alert.get("startsAt"), "startsAt")
    begins = starts_at or message.received_at
    hrefs = [(alert[key], label) for key, label in _LINKS if alert.get(key)]
    hrefs += [(annotations[key], label) for key, label in _ANNOTATED_LINKS if key in annotations]
    return Event.unchecked(
        id=event_id(name, message.source, prints, status.value, begins),
        format=name,
        source=message.source,
        fingerprint=prints,
        kind=kind_of(labels, entities),
        status=status,
        severity=severity_of(labels),
        title=alert_title(labels, annotations, entities),
        labels=labels,
        annotations=annotations,
        entities=entities,
        starts_at=begins,
        starts_at_given=starts_at is not None,
        ends_at=instant(alert.get("endsAt"), "endsAt") if lapses or status is Status.RESOLVED else None,
        received_at=message.received_at,
        links=links([*hrefs, outside]),
        truncated=truncated,
    )


def _with_values(alert: dict[str, Any], annotations: dict[str, str]) -> dict[str, str]:
    """The numbers that a Grafana rule saw, as annotations: they are evidence."""
    written, values = text(alert.get("valueString")), alert.get("values")
    more = {"valueString": written} if written else {}
    if isinstance(values, dict) and values:
        more["values"] = text(shown(values))
    return {**annotations, **more} if more else annotations


def alert_title(labels: Mapping[str, str], annotations: Mapping[str, str], entities: Entities) -> str:
    """One line for a person: what the rule's author wrote, else what and where.

    Annotations that say what is wrong, the shortest first: prometheus.io, alerting practices; OpenShift uses `message`.
    """
    for said in ("summary", "title", "message", "description"):
        line = first_line(annotations[said]) if said in annotations else ""
        if line:
            return line
    name = labels.get("alertname") or labels.get("rulename") or "Alert"
    where = _where(entities)
    return first_line(f"{name} on {where}" if where else name)


def _where(entities: Entities) -> str:
    node, index = entities.get("node"), entities.get("gpu_index")
    if node:
        return f"{node[0]} (GPU {index[0]})" if index else node[0]
    for kind in ("gpu", "job", "service", "model", "pod", "queue", "volume", "namespace", "cluster"):
        names = entities.get(kind)
        if names:
            return names[0] if kind in ("gpu", "pod") else f"{kind} {names[0]}"
    return ""
