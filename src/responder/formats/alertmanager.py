"""Alertmanager: its webhook (version 4), and the lists of alerts that Prometheus posts to its API (version 2).

A group may mix firing and resolved alerts; a body from Grafana, which has the same envelope, is understood as such.
"""

from responder.formats._alerts import decode
from responder.ports import Decoded, RawMessage


class Alertmanager:
    """The format."""

    name = "alertmanager"
    description = "Alertmanager's webhook (version 4) and its ingestion API (version 2)"

    def decode(self, message: RawMessage) -> Decoded:
        return decode(message)


FORMAT = Alertmanager()
