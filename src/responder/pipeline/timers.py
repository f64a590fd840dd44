"""What merely becomes due: alerts that lapse, incidents that resolve by themselves, repeats, escalations, purging."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from responder.logic.correlate import closed, fold, lapse
from responder.logic.grade import at_intake
from responder.logic.identity import event_id
from responder.model.event import Event, Kind, Status
from responder.model.incident import IncidentStatus
from responder.model.journal import Action, AlertState
from responder.pipeline.desire import desire
from responder.pipeline.ingest import read_known, write_changes
from responder.pipeline.playbook import Playbook
from responder.pipeline.prepare import route_event
from responder.ports import Claim, Clock, Sink, Store, Tx
from responder.telemetry import log

_log = log(__name__)
PURGE_EVERY = timedelta(hours=1)
PURGE_ROWS = 500
"""Rows deleted per transaction: intake waits behind it for about 26 ms (measured)."""
KINDS = ("expire", "resolve", "repeat", "escalate", "purge")


class Timers:
    """The loop of small things."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        book: Callable[[], Playbook],
        sinks: Mapping[str, Sink],
        committed: Callable[[datetime | None], None],
        *,
        keep_events: timedelta,
        keep_incidents: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._book = book
        self._sinks = sinks
        self._committed = committed
        self._keep_events = keep_events
        self._keep_incidents = keep_incidents

    async def start(self) -> None:
        """The first purge is due after one interval, and not with the load of a start."""
        first = self._clock.now() + PURGE_EVERY
        await self._store.write(lambda tx: tx.advance_timers([("purge", "journal", first, "hourly")]))

    async def work(self, claim: Claim) -> None:
        steps = {
            "expire": self._expire,
            "resolve": self._resolve,
            "repeat": self._repeat,
            "escalate": self._escalate,
            "purge": self._purge,
        }
        due = await self._store.write(lambda tx: steps[claim.kind](tx, claim))
        self._committed(due)

    def _expire(self, tx: Tx, claim: Claim) -> datetime | None:
        """A sender fell silent: the alert is over, as if it had said so."""
        now = self._clock.now()
        source, _, fingerprint = claim.ref.partition("|")
        key = (source, fingerprint)
        state = tx.alert_states([key]).get(key)
        tx.complete(claim)
        if state is None or not lapse(state, now):
            return None
        entry = tx.journal_entries([state.event_id]).get(state.event_id)
        first = entry.event if entry is not None else _forgotten(state)
        event = first.model_copy(
            update={
                "status": Status.RESOLVED,
                "ends_at": state.ends_at,
                "received_at": now,
                "id": event_id(first.format, source, fingerprint, "lapsed", state.starts_at, state.ends_at),
            }
        )
        book = self._book()
        batch = [route_event(book, event)]
        changes = fold(
            batch,
            read_known(tx, batch, now, book),
            now,
            severity=lambda rule, one: at_intake(book.matrix, rule, one),
            rules_version=book.rules.version,
            silenced=lambda silence, labels: False,
        )
        write_changes(tx, changes)
        return changes.earliest_due()

    def _resolve(self, tx: Tx, claim: Claim) -> datetime | None:
        now = self._clock.now()
        incident = tx.incidents([claim.ref]).get(claim.ref)
        tx.complete(claim)
        if incident is None or incident.status is IncidentStatus.RESOLVED or incident.rule.resolve_after is None:
            return None
        due = incident.last_event_at + incident.rule.resolve_after
        if due > now:
            tx.set_timers([("resolve", incident.id, due, "resolve_after")])
            return due
        changes = closed(incident, now, "resolve_after")
        write_changes(tx, changes)
        return changes.earliest_due()

    def _repeat(self, tx: Tx, claim: Claim) -> datetime | None:
        """Still open and nobody took it: say so again."""
        now = self._clock.now()
        incident = tx.incidents([claim.ref]).get(claim.ref)
        tx.complete(claim)
        if incident is None or incident.status is not IncidentStatus.OPEN or incident.parent is not None:
            return None
        desire(tx, incident, self._sinks, self._book(), "repeat", now)
        tx.set_timers([("repeat", incident.id, now + incident.rule.repeat_interval, "repeat")])
        return now

    def _escalate(self, tx: Tx, claim: Claim) -> datetime | None:
        now = self._clock.now()
        incident = tx.incidents([claim.ref]).get(claim.ref)
        tx.complete(claim)
        if incident is None or incident.status is not IncidentStatus.OPEN:
            return None
        tx.append_actions(
            [
                Action(
                    id=f"escalate-{incident.id}-{incident.episode}-{claim.reason}",
                    at=now,
                    who="responder",
                    via="system",
                    what="escalate",
                    incident_id=incident.id,
                    detail={"level": claim.reason},
                )
            ]
        )
        tx.set_timers([("triage", incident.id, now, "escalated")])
        return now

    def _purge(self, tx: Tx, claim: Claim) -> datetime | None:
        now = self._clock.now()
        deleted = tx.purge(now - self._keep_events, now - self._keep_incidents, PURGE_ROWS)
        if deleted:
            _log.info("purged", rows=deleted)
        again = now if deleted >= PURGE_ROWS else now + PURGE_EVERY
        tx.complete(claim)
        tx.set_timers([("purge", "journal", again, "hourly")])
        return again


def _forgotten(state: AlertState) -> Event:
    """An alert that fired for longer than its first event was kept: what is still known of it is enough to end it."""
    return Event(
        id=state.event_id,
        format="native",
        source=state.source,
        fingerprint=state.fingerprint,
        kind=Kind.MONITORING,
        status=Status.FIRING,
        title="an alert whose first event is no longer kept",
        starts_at=state.starts_at,
        received_at=state.last_seen_at,
    )
