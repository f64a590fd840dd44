"""What should be visible in a sink, and whether to send now: one function each, and every answer has a name."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.model.delivery import Delivery, Visible
from responder.model.incident import Incident, IncidentStatus, Severity

FALLBACK_AFTER = timedelta(minutes=5)
"""A sink that has failed for this long is not a blip: the report goes to its fallback as well."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Send or not, and the named reason."""

    send: bool
    reason: str


def visible_for(incident: Incident) -> Visible:
    """What a sink should show of the incident now."""
    if incident.parent is not None:
        return Visible.MERGED
    return Visible(incident.status.value)


def want(
    delivery: Delivery | None,
    incident: Incident,
    sink: str,
    target: dict[str, str],
    reason: str,
) -> Delivery:
    """The desired state after a triage; a version higher when something changed."""
    visible = visible_for(incident)
    if delivery is None:
        return Delivery(
            incident_id=incident.id,
            sink=sink,
            target=target,
            episode=incident.episode,
            desired=visible,
            desired_revision=incident.revision,
            desired_version=1,
            reason=reason,
        )
    return delivery.model_copy(
        update={
            "episode": incident.episode,
            "desired": visible,
            "desired_revision": incident.revision,
            "desired_version": delivery.desired_version + 1,
            "reason": reason,
            "abandoned": False,
            "attempts": 0,
        }
    )


def decide(delivery: Delivery, incident: Incident, minimum: Severity | None) -> Decision:
    """Whether the desired state is to be sent."""
    shown = delivery.receipt
    if delivery.delivered_version >= delivery.desired_version and (shown is None or shown.done):
        return Decision(False, "nothing_new")
    if delivery.abandoned:
        return Decision(False, "abandoned_after_permanent_error")
    if incident.rule.shadow:
        return Decision(False, "rule_is_in_shadow")
    if shown is not None and not shown.done:
        return Decision(True, delivery.reason or "continues")
    if delivery.attempt_started_at is not None:
        # An earlier attempt may have taken effect: leaving it there unseen would page somebody for ever.
        return Decision(True, delivery.reason or "outcome_unknown")
    never_shown = shown is None or shown.visible is None
    if never_shown and delivery.desired is Visible.MERGED:
        return Decision(False, "symptom_of_parent")
    if never_shown and incident.status is IncidentStatus.RESOLVED:
        return Decision(False, "resolved_before_first_report")
    if never_shown and minimum is not None and incident.severity.rank > minimum.rank:
        return Decision(False, "below_minimum_severity")
    return Decision(True, delivery.reason or "first_report")


def fallback_due(delivery: Delivery, now: datetime) -> bool:
    """Whether the sink has failed for long enough to use its fallback."""
    return delivery.failing_since is not None and now - delivery.failing_since >= FALLBACK_AFTER
