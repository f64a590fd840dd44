"""The engine on a virtual clock: events go in at their times, what is due is done in order, and nothing is ever sent.

Used by rule tests and replay. Time moves from one due row to the next, so an hour of waiting costs nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from responder.errors import Conflict, Transient
from responder.model.delivery import Order, Owner, Receipt, Send
from responder.model.event import Event
from responder.model.evidence import RecordedAnswer
from responder.model.incident import Incident, Severity
from responder.model.journal import Action, JournalEntry
from responder.model.report import Report
from responder.pipeline.enrich import Answers, Recorded
from responder.pipeline.playbook import Playbook
from responder.pipeline.timers import KINDS as SMALL
from responder.pipeline.triage import Diagnoser
from responder.ports import Accepted, IncidentFilter
from responder.runtime.clock import VirtualClock
from responder.stores.sql import create as create_store
from responder.wiring.engine import DELIVER, TRIAGE, Engine, Shelf

ALL_KINDS = (*SMALL, *TRIAGE, *DELIVER)
LEASE = timedelta(minutes=5)


class Unsent:
    """A sink that shows nothing to anybody and remembers what it would have shown."""

    def __init__(self, name: str, minimum_severity: Severity | None = None) -> None:
        self.name = name
        self.minimum_severity = minimum_severity
        self.fallback: str | None = None
        self.orders: list[Order] = []

    def target(self, owner: Owner) -> dict[str, str]:
        return {}

    async def deliver(self, order: Order, report: Report) -> Receipt:
        self.orders.append(order)
        return Receipt(data={}, message_id=f"{self.name}:{order.incident_id}", done=True)

    async def check(self) -> str | None:
        return None

    async def close(self) -> None:
        return None


class Simulation:
    """One run. `feed` and `act` move the time forward first; `advance` lets it pass."""

    def __init__(
        self,
        book: Playbook,
        diagnose: Diagnoser,
        start: datetime,
        *,
        sinks: Sequence[str] = ("console",),
        minimum_severities: Mapping[str, Severity] | None = None,
        recorded: Sequence[RecordedAnswer] = (),
        answers: Answers | None = None,
    ) -> None:
        self.clock = VirtualClock(start)
        self.store = create_store("sqlite::memory:", clock=self.clock)
        minimum = minimum_severities or {}
        self.sinks = {name: Unsent(name, minimum.get(name)) for name in sinks}
        self.engine = Engine(
            store=self.store,
            clock=self.clock,
            shelf=Shelf(book),
            formats={},
            answers=answers or Recorded(recorded),
            sinks=self.sinks,
            diagnose=diagnose,
            recorded=answers is None,
            keep_events=timedelta(days=36500),
            keep_incidents=timedelta(days=36500),
        )

    async def __aenter__(self) -> "Simulation":
        await self.store.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.store.close()

    async def feed(self, events: Sequence[Event], at: datetime) -> tuple[Accepted, ...]:
        """These events arrive together at `at`."""
        await self.advance(at)
        return await self.engine.ingest.accept_events(events)

    async def act(self, action: Action) -> None:
        """Repeat what a person did then; an act on an incident that does not exist here is left out."""
        await self.advance(action.at)
        operate, id = self.engine.operate, action.incident_id
        known = id is not None and bool(await self.store.read(lambda tx: tx.incidents([id])))
        if id is None or not known:
            return
        if action.what == "ack":
            await operate.acknowledge(id, action.who, action.via)
        elif action.what == "resolve":
            await operate.resolve(id, action.who, action.via)
        elif action.what == "feedback":
            cause = action.detail.get("cause")
            await operate.feedback(
                id, action.who, action.via, right=bool(action.detail.get("right")), cause=str(cause) if cause else None
            )

    async def advance(self, to: datetime) -> None:
        """Do everything that is due until `to`, in order of its due time."""
        while True:
            due = await self.store.read(lambda tx: tx.next_due(ALL_KINDS))
            if due is None or due > to:
                break
            self.clock.move_to(due)
            now = self.clock.now()
            claims = await self.store.write(lambda tx: tx.claim(now, ALL_KINDS, 64, now + LEASE))  # noqa: B023
            for claim in claims:
                try:
                    await self.engine.work(claim)
                except (Conflict, Transient):
                    again = claim
                    await self.store.write(lambda tx: tx.release(again, now, again.reason))  # noqa: B023
        self.clock.move_to(to)

    async def settle(self, longest: timedelta = timedelta(minutes=5)) -> None:
        """Let waits and evidence passes run out after the last event."""
        await self.advance(self.clock.now() + longest)

    # views

    async def incidents(self) -> list[Incident]:
        return await self.store.read(lambda tx: tx.find_incidents(IncidentFilter(limit=100_000)))

    async def reports(self) -> dict[str, Report]:
        ids = [incident.id for incident in await self.incidents()]
        return await self.store.read(lambda tx: tx.latest_reports(ids))

    async def sends(self, incident_id: str) -> list[Send]:
        return await self.store.read(lambda tx: tx.sends(incident_id))

    async def journal(self) -> list[JournalEntry]:
        return await self.store.read(lambda tx: tx.journal_range(None, None, 0, 1_000_000))
