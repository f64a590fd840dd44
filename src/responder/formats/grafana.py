"""Grafana's unified alerting webhook: Alertmanager's envelope with `orgId`, `title` and `state`, and more per alert.

Shape: grafana/alerting, receivers/webhook. Its `version` is "1", so it is told by its own fields. Values and links to silence,
dashboard and panel are kept.
"""

from collections.abc import Iterator
from typing import Any

from responder.formats._alerts import envelope
from responder.formats._reading import document, mapping, texts
from responder.model.event import Link
from responder.ports import Decoded, RawMessage

_LINKS = (("dashboardURL", "dashboard"), ("panelURL", "panel"), ("silenceURL", "silence"))


def is_grafana(body: dict[str, Any]) -> bool:
    """By its own fields; one of them alone may be a template's."""
    return "orgId" in body and ("title" in body or "state" in body)


class Grafana:
    """The format."""

    name = "grafana"
    description = "Grafana's unified alerting webhook"

    def decode(self, message: RawMessage) -> Decoded:
        return self.decode_document(message, mapping(document(message), "the body"))

    def decode_document(self, message: RawMessage, body: dict[str, Any]) -> Decoded:
        alerts = body.get("alerts")
        if isinstance(alerts, list):
            body = {**body, "alerts": [_with_values(alert) for alert in alerts]}
        return envelope(message, body, self.name, _links)


def _with_values(alert: Any) -> Any:
    """Values and their spelling as annotations, so that skills read them like everything else that the sender says."""
    if not isinstance(alert, dict) or not isinstance(alert.get("annotations", {}), dict | None.__class__):
        return alert
    annotations = dict(alert.get("annotations") or {})
    if isinstance(alert.get("valueString"), str) and alert["valueString"]:
        annotations.setdefault("values", alert["valueString"])
    elif isinstance(alert.get("values"), dict):
        annotations.setdefault("values", ", ".join(f"{k}={v}" for k, v in texts(alert["values"], "values").items()))
    return {**alert, "annotations": annotations}


def _links(alert: dict[str, Any]) -> Iterator[Link]:
    for name, label in _LINKS:
        href = alert.get(name)
        if isinstance(href, str) and href.startswith(("http://", "https://")):
            yield Link(href=href[:3000], text=label)


FORMAT = Grafana()
