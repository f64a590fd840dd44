"""The daemon: the engine driven by the real time, with its sources, doors and reloads.

Order of a start: store, knowledge, adapters, intake, doors, sources; the reverse at the end. On SIGTERM intake stops first, then
commits finish, claims are given `GRACE`, and the process ends within 10 s. What was under way is a row, and goes on at the next
start. Rules, skills and the changeable part of the configuration reload on change or SIGHUP, all or nothing.
"""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

from responder import __version__
from responder.config import Loaded, read
from responder.errors import ConfigError, ResponderError
from responder.model.journal import Action
from responder.pipeline.enrich import Enrich
from responder.pipeline.playbook import Playbook
from responder.pipeline.timers import KINDS as SMALL
from responder.ports import Clock, Context, Enricher, Sink, Source, Store
from responder.runtime.claims import ClaimLoop
from responder.runtime.clock import SystemClock
from responder.telemetry import RELOADS, log
from responder.wiring import adapters
from responder.wiring.desk import DaemonDesk
from responder.wiring.diagnosing import Diagnosing
from responder.wiring.engine import DELIVER, TRIAGE, Engine, Shelf
from responder.wiring.knowledge import read_playbook, skill_folders, watched
from responder.wiring.store import open_store

_log = log(__name__)
GRACE = timedelta(seconds=8)
"""Of the 10 s that a service manager gives; the rest is for closing connections."""
TURN = timedelta(microseconds=500)
"""How long a busy thread keeps the interpreter when another wants it. A commit asks for it once per statement: at Python's own 5 ms
it waited longer for its turns than for the disk (a tenth more events per second, measured in bench/kafka.py)."""
TRIAGE_WIDTH, DELIVER_WIDTH, TIMER_WIDTH = 8, 16, 4
SHARED_POLL = timedelta(seconds=5)
"""Longest sleep on a store that other replicas write to as well: their commits do not wake us."""


@dataclass(slots=True)
class Daemon:
    """All running parts. Use `running(...)`."""

    loaded: Loaded
    clock: Clock
    store: Store
    shelf: Shelf
    engine: Engine
    enrichers: Mapping[str, Enricher]
    sinks: Mapping[str, Sink]
    sources: list[Source] = field(default_factory=list)
    loops: list[ClaimLoop] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    diagnosing: Diagnosing | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    """What ended a part that was to run for ever."""
    reload_error: str | None = None
    address: str = ""

    @property
    def desk(self) -> DaemonDesk:
        return DaemonDesk(self)

    def wake(self, due: datetime | None) -> None:
        """A commit made something due."""
        if due is not None:
            for loop in self.loops:
                loop.wake(due)

    def stop(self) -> None:
        self.stopping.set()

    async def reload(self, why: str) -> None:
        """Swap the playbook whole, or keep the old one and say so."""
        try:
            loaded = read(self.loaded.file)
            book = await asyncio.to_thread(read_playbook, loaded)
        except (ConfigError, OSError) as error:
            self.reload_error = str(error)
            RELOADS.labels("playbook", "refused").inc()
            _log.error("reload_refused", why=why, error=str(error), kept=self.shelf.book.rules.version)
            return
        self.reload_error = None
        before = self.shelf.book
        if (before.rules.version, before.skills_version, before.config_version) == (
            book.rules.version,
            book.skills_version,
            book.config_version,
        ):
            return
        self.shelf.book = book
        _introduce(book, self.sinks)
        self.loaded = loaded
        RELOADS.labels("playbook", "done").inc()
        _log.info("reloaded", why=why, rules=book.rules.version, skills=book.skills_version)
        action = Action(
            id=f"act-{uuid4().hex[:12]}",
            at=self.clock.now(),
            who="responder",
            via="config",
            what="reload",
            detail={
                "rules": book.rules.version,
                "skills": book.skills_version,
                "config": book.config_version,
                "why": why,
            },
        )
        await self.store.write(lambda tx: tx.append_actions([action]))


def _introduce(book: Playbook, sinks: Mapping[str, Sink]) -> None:
    """Sinks learn every owner's address before they send: a secret among them is not stored with a delivery."""
    for sink in sinks.values():
        for owner in book.owners.values():
            sink.target(owner)


@contextlib.asynccontextmanager
async def running(loaded: Loaded, *, clock: Clock | None = None, watch: bool = True) -> AsyncIterator[Daemon]:
    """The daemon with everything started. Raises ConfigError or Transient when it cannot start."""
    clock = clock or SystemClock()
    config = loaded.config
    book = read_playbook(loaded)
    store = open_store(config.store, clock, loaded)
    await store.open()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        shared = config.store.startswith("postgres")
        context = Context(clock, store, book.base_url, f"responder/{__version__}", shared)
        enrichers = {name: adapters.enricher(name, raw, context) for name, raw in config.enrichers.items()}
        sinks = {name: adapters.sink(name, raw, context) for name, raw in config.sinks.items()}
        _introduce(book, sinks)
        for enricher in enrichers.values():
            stack.push_async_callback(enricher.close)
        for sink in sinks.values():
            stack.push_async_callback(sink.close)
        shelf = Shelf(book)
        diagnosing = Diagnosing(shelf.current, skill_folders(loaded))
        stack.callback(diagnosing.close)
        engine = Engine(
            store=store,
            clock=clock,
            shelf=shelf,
            formats=adapters.formats(),
            answers=Enrich(enrichers),
            sinks=sinks,
            diagnose=diagnosing,
            keep_events=config.retention.events,
            keep_incidents=config.retention.incidents,
        )
        daemon = Daemon(loaded, clock, store, shelf, engine, enrichers, sinks, diagnosing=diagnosing)
        engine.committed = daemon.wake
        engine.ingest.start()
        stack.push_async_callback(engine.ingest.close)
        if not shared:
            await store.write(lambda tx: tx.end_leases(clock.now()))
        await engine.timers.start()
        _start_loops(daemon, config.store)
        stack.push_async_callback(_stop_loops, daemon)
        from responder.wiring.doors import open_doors

        await stack.enter_async_context(open_doors(daemon))
        for name, raw in config.sources.items():
            if name != "webhook":
                daemon.sources.append(adapters.source(name, raw, context))
        _start_sources(daemon)
        if watch:
            daemon.tasks.append(asyncio.create_task(_watch(daemon), name="watch"))
        stack.push_async_callback(_stop_tasks, daemon)
        _quieten_collector()
        sys.setswitchinterval(TURN.total_seconds())
        yield daemon


def _quieten_collector() -> None:
    """What was built at start (rules, knowledge, modules) lives for ever: keep the garbage collector from walking it again and
    again. What a batch of events makes (30 objects each) is let go without a walk, too: with a threshold below that, walking took a
    tenth of the time of each event (measured in bench/kafka.py). What is garbage by now stays: too little to look for it."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    gc.enable()


def _start_loops(daemon: Daemon, store_url: str) -> None:
    longest = SHARED_POLL if store_url.startswith("postgres") else timedelta(minutes=10)
    for name, kinds, width in (
        ("triage", TRIAGE, TRIAGE_WIDTH),
        ("deliver", DELIVER, DELIVER_WIDTH),
        ("timers", SMALL, TIMER_WIDTH),
    ):
        loop = ClaimLoop(
            name, daemon.store, daemon.clock, kinds, daemon.engine.work, width=width, longest_sleep=longest
        )
        daemon.loops.append(loop)
        daemon.tasks.append(_guarded(daemon, loop.run, name))


def _start_sources(daemon: Daemon) -> None:
    for source in daemon.sources:
        daemon.tasks.append(_guarded(daemon, partial(source.run, daemon.engine.ingest), source.name))


def _guarded(daemon: Daemon, run: Callable[[], Awaitable[None]], name: str) -> asyncio.Task[None]:
    """A part that ends by itself ends the daemon: half a daemon that looks alive is worse than none."""

    async def guarded() -> None:
        try:
            await run()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if isinstance(error, ResponderError):
                _log.error("part_failed", part=name, error=str(error))
            else:
                _log.exception("part_failed", part=name)
            daemon.failure = daemon.failure or error
            daemon.stop()
            raise

    return asyncio.create_task(guarded(), name=name)


async def _stop_loops(daemon: Daemon) -> None:
    await asyncio.gather(*(loop.stop(GRACE) for loop in daemon.loops))


async def _stop_tasks(daemon: Daemon) -> None:
    """Sources and the watcher first; the loops stop by themselves."""
    loop_names = {"triage", "deliver", "timers"}
    others = [task for task in daemon.tasks if task.get_name() not in loop_names]
    for task in others:
        task.cancel()
    for result in await asyncio.gather(*others, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, ResponderError):
            _log.error("ended_with_error", error=repr(result))


async def _watch(daemon: Daemon) -> None:
    paths = watched(daemon.loaded)
    if not paths:
        await daemon.stopping.wait()
        return
    from watchfiles import awatch

    async for changes in awatch(*paths, stop_event=daemon.stopping, step=200, debounce=500, recursive=True):
        names = sorted({Path(path).name for _, path in changes})
        await daemon.reload(f"changed: {', '.join(names[:5])}")


async def serve(loaded: Loaded, ready: Callable[[Daemon], None] = lambda daemon: None) -> None:
    """Run until SIGTERM or SIGINT. What ended a part and with it the daemon is raised, once all is closed in good order."""
    loop = asyncio.get_running_loop()
    async with running(loaded) as daemon:
        reloads: set[asyncio.Task[None]] = set()

        def hup() -> None:
            task = asyncio.ensure_future(daemon.reload("SIGHUP"))
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, daemon.stop)
        loop.add_signal_handler(signal.SIGHUP, hup)
        ready(daemon)
        await daemon.stopping.wait()
        _log.info("stopping")
    if daemon.failure is not None:
        raise daemon.failure
