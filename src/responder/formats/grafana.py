"""Grafana's unified alerting webhook: Alertmanager's envelope with `orgId`, `title` and `state`, and more per alert.

Values are kept as annotations, links to dashboard, panel and silence as links. A body from Alertmanager is understood as such:
contact points are easily mixed up.
"""

from responder.formats._alerts import decode
from responder.ports import Decoded, RawMessage


class Grafana:
    """The format."""

    name = "grafana"
    description = "Grafana's unified alerting webhook"

    def decode(self, message: RawMessage) -> Decoded:
        return decode(message)


FORMAT = Grafana()
