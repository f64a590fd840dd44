"""What a command without a daemon needs: configuration, playbook, and the enrichers where they are wanted."""

import contextlib
import io
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from responder import __version__
from responder.config import Loaded, read
from responder.model.report import Report
from responder.pipeline.enrich import Answers, Enrich
from responder.pipeline.playbook import Playbook
from responder.ports import Context
from responder.runtime.clock import SystemClock
from responder.stores.sql import create
from responder.wiring import adapters
from responder.wiring.knowledge import read_playbook


@dataclass(frozen=True, slots=True)
class Offline:
    """The parts."""

    loaded: Loaded
    book: Playbook
    answers: Answers


@contextlib.asynccontextmanager
async def offline(file: Path | None, *, enrich: bool) -> AsyncIterator[Offline]:
    """With `enrich` the configured enrichers answer; without, everything is Missing("not_configured")."""
    loaded = read(file)
    book = read_playbook(loaded)
    wanted = {name: raw for name, raw in loaded.config.enrichers.items() if name != "history"} if enrich else {}
    if not wanted:
        yield Offline(loaded, book, Enrich({}))
        return
    clock = SystemClock()
    store = create("sqlite::memory:", clock=clock)
    await store.open()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        context = Context(clock, store, book.base_url, f"responder/{__version__}")
        enrichers = {name: adapters.enricher(name, raw, context) for name, raw in wanted.items()}
        for one in enrichers.values():
            stack.push_async_callback(one.close)
        yield Offline(loaded, book, Enrich(enrichers))


def print_reports(reports: Sequence[Report]) -> None:
    """Reports as the console sink shows them."""
    from rich.console import Console

    from responder.sinks.console import render

    terminal = sys.stdout.isatty()
    piped = io.StringIO()
    console = Console(
        file=None if terminal else piped, highlight=False, soft_wrap=False, width=None if terminal else 100
    )
    for report in reports:
        console.print(render(report, width=min(console.width, 110)))
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in piped.getvalue().splitlines())
