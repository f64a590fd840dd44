"""The runbook link of an incident: the rule's template filled from the event, else what the alert itself links to."""

from collections.abc import Sequence
from urllib.parse import quote

from responder.model.event import Event
from responder.model.incident import Incident


def runbook_url(incident: Incident, events: Sequence[Event]) -> str | None:
    """`{name}` stands for an entity (the one that the diagnosis blames first) or else a label, percent-encoded; a URL with an
    unfilled part is cut at that part."""
    template = incident.rule.runbook_url
    if template is None:
        return next((url for event in events if (url := event.annotations.get("runbook_url"))), None)
    values: dict[str, str] = {}
    for event in reversed(events):
        values |= event.labels
    values |= {name: names[0] for name, names in incident.entities.items() if names}
    values.setdefault("class", incident.first_class or "")
    out, rest = "", template
    while "{" in rest:
        head, _, tail = rest.partition("{")
        name, closed, rest = tail.partition("}")
        out += head
        if not closed or not values.get(name):
            return out.rstrip("/")
        out += quote(values[name], safe="")
    return out + rest
