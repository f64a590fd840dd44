"""Writes what should be visible where, and joins the messages of incidents that turned out to be one."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from responder.logic.notify import want
from responder.model.delivery import Delivery
from responder.model.incident import Incident
from responder.pipeline.playbook import Playbook
from responder.ports import Sink, Tx


def sinks_of(incident: Incident, sinks: Mapping[str, Sink]) -> list[Sink]:
    """The rule's sinks, or all; a sink that is not configured any more is left out."""
    names = incident.rule.sinks if incident.rule.sinks is not None else tuple(sinks)
    return [sinks[name] for name in names if name in sinks]


def desire(
    tx: Tx,
    incident: Incident,
    sinks: Mapping[str, Sink],
    book: Playbook,
    reason: str,
    now: datetime,
    have: Mapping[str, Delivery] | None = None,
) -> None:
    """The incident's current state is what every one of its sinks should show; due at once."""
    rows = tx.deliveries(incident.id) if have is None else have
    owner = book.owner(incident.owner)
    chosen = {sink.name: sink for sink in sinks_of(incident, sinks)}
    extra = {name: sinks[name] for name in rows if name in sinks and name not in chosen}
    wanted = [
        want(rows.get(name), incident, name, sink.target(owner), reason) for name, sink in (chosen | extra).items()
    ]
    if wanted:
        tx.put_deliveries(wanted)
        tx.set_timers([("deliver", f"{incident.id}|{row.sink}", now, reason) for row in wanted])


def merge(tx: Tx, parent: Incident, child: Incident, sinks: Mapping[str, Sink], book: Playbook, now: datetime) -> None:
    """One fault, one message: what the child already shows becomes the parent's where the parent shows nothing yet.

    `child.parent` is set. Both are due for delivery afterwards.
    """
    of_parent, of_child = tx.deliveries(parent.id), tx.deliveries(child.id)
    moved: list[Delivery] = []
    for name, row in of_child.items():
        own = of_parent.get(name)
        shown = row.receipt is not None and row.receipt.visible is not None
        if not shown or (own is not None and own.receipt is not None and own.receipt.visible is not None):
            continue
        fresh = own or Delivery(incident_id=parent.id, sink=name, target=row.target, episode=parent.episode)
        adopted = fresh.model_copy(
            update={
                "receipt": row.receipt,
                "target": row.target,
                "attempt_started_at": row.attempt_started_at,
                "desired_version": fresh.desired_version + 1,
                "reason": "adopted",
            }
        )
        emptied = row.model_copy(
            update={"receipt": None, "delivered_version": row.desired_version, "attempt_started_at": None}
        )
        moved += [adopted, emptied]
    if moved:
        tx.put_deliveries(moved)
    desire(tx, child, sinks, book, "merged", now)


def merge_all(
    tx: Tx, parent: Incident, children: Sequence[Incident], sinks: Mapping[str, Sink], book: Playbook, now: datetime
) -> list[Incident]:
    """Attach children that are still open and free; returns them as stored."""
    stored = tx.incidents([child.id for child in children])
    attached = []
    for child in stored.values():
        if child.parent is not None or child.resolved_at is not None or child.id == parent.id:
            continue
        joined = child.model_copy(update={"parent": parent.id, "version": child.version + 1, "updated_at": now})
        tx.put_incidents([joined])
        merge(tx, parent, joined, sinks, book, now)
        attached.append(joined)
    return attached
