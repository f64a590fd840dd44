"""Alertmanager: its webhook (version 4), and the arrays of alerts that Prometheus posts to its API (version 2).

Shapes: prometheus/alertmanager, notify/webhook and api/v2/openapi.yaml. A group may mix firing and resolved alerts; a body from
Grafana, which has the same envelope, is understood as such.
"""

from responder.formats import grafana
from responder.formats._alerts import envelope, read_alert
from responder.formats._reading import document, each, mapping
from responder.ports import Decoded, RawMessage


class Alertmanager:
    """The format."""

    name = "alertmanager"
    description = "Alertmanager's webhook (version 4) and its ingestion API (version 2)"

    def decode(self, message: RawMessage) -> Decoded:
        body = document(message)
        if isinstance(body, list):
            return each(body, "alerts", lambda raw: read_alert(message, raw, self.name))
        body = mapping(body, "the body")
        if grafana.is_grafana(body):
            return grafana.FORMAT.decode_document(message, body)
        return envelope(message, body, self.name)


FORMAT = Alertmanager()
