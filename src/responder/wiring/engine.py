"""The pipeline on a store and a clock. The daemon drives it by the real time, simulation by hand; nothing else differs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from responder import __version__
from responder.pipeline.deliver import Deliver
from responder.pipeline.enrich import Answers
from responder.pipeline.ingest import Ingest
from responder.pipeline.operate import Operate
from responder.pipeline.playbook import Playbook
from responder.pipeline.timers import KINDS as SMALL
from responder.pipeline.timers import Timers
from responder.pipeline.triage import Diagnoser, Triage
from responder.ports import Claim, Clock, Format, Sink, Store

TRIAGE = ("gather", "triage")
DELIVER = ("deliver",)


@dataclass(slots=True)
class Shelf:
    """Holds the current playbook; a reload puts another one there, whole."""

    book: Playbook

    def current(self) -> Playbook:
        return self.book


@dataclass(slots=True)
class Engine:
    """Ingest, the loops' work, and operations over one store."""

    store: Store
    clock: Clock
    shelf: Shelf
    formats: Mapping[str, Format]
    answers: Answers
    sinks: Mapping[str, Sink]
    diagnose: Diagnoser
    recorded: bool = False
    keep_events: timedelta = timedelta(days=14)
    keep_incidents: timedelta = timedelta(days=400)
    committed: Callable[[datetime | None], None] = lambda due: None
    ingest: Ingest = field(init=False)
    triage: Triage = field(init=False)
    deliver: Deliver = field(init=False)
    timers: Timers = field(init=False)
    operate: Operate = field(init=False)

    def __post_init__(self) -> None:
        book, wake = self.shelf.current, self._wake
        self.ingest = Ingest(self.store, self.clock, self.formats, book, wake)
        self.triage = Triage(
            self.store,
            self.clock,
            book,
            self.answers,
            self.sinks,
            self.diagnose,
            wake,
            version=__version__,
            recorded=self.recorded,
        )
        self.deliver = Deliver(self.store, self.clock, book, self.sinks, wake)
        self.timers = Timers(
            self.store,
            self.clock,
            book,
            self.sinks,
            wake,
            keep_events=self.keep_events,
            keep_incidents=self.keep_incidents,
        )
        self.operate = Operate(self.store, self.clock, self.ingest, wake)

    def _wake(self, due: datetime | None) -> None:
        """`committed` may be set after the parts were made."""
        self.committed(due)

    async def work(self, claim: Claim) -> None:
        """Whatever is due."""
        if claim.kind in TRIAGE:
            await self.triage.work(claim)
        elif claim.kind in DELIVER:
            await self.deliver.work(claim)
        elif claim.kind in SMALL:
            await self.timers.work(claim)
        else:
            await self.store.write(lambda tx: tx.complete(claim))
