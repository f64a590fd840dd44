"""`responder doctor`: tries each configured connection and says what is wrong and what to do."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable
from pathlib import Path

from responder import __version__
from responder.config import Loaded, read
from responder.errors import ConfigError, ResponderError, Transient
from responder.ports import Context
from responder.runtime.clock import SystemClock
from responder.wiring import adapters
from responder.wiring.knowledge import read_playbook
from responder.wiring.store import open_reader, store_url

PATIENCE_S = 15


async def examine(file: Path | None) -> dict[str, str | None]:
    """Per part None, or one line that says what is wrong. A configuration that cannot be read is raised as ConfigError."""
    loaded = read(file)
    out: dict[str, str | None] = {"configuration": None}
    try:
        book = read_playbook(loaded)
        out[f"rules ({len(book.rules.rules)})"] = None
        out[f"skills ({len(book.skills)})"] = None
        base_url = book.base_url
    except ConfigError as error:
        out["rules and skills"] = str(error)
        base_url = ""
    out["store"] = await _guard(_store(loaded))
    clock = SystemClock()
    from responder.stores.sql import create

    scratch = create("sqlite::memory:", clock=clock)
    await scratch.open()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(scratch.close)
        context = Context(clock, scratch, base_url, f"responder/{__version__}")
        for kind, parts in (("enricher", loaded.config.enrichers), ("sink", loaded.config.sinks)):
            make = adapters.enricher if kind == "enricher" else adapters.sink
            for name, raw in parts.items():
                try:
                    part = make(name, raw, context)
                except ResponderError as error:
                    out[f"{kind} {name}"] = str(error)
                    continue
                stack.push_async_callback(part.close)
                out[f"{kind} {name}"] = await _guard(part.check())
    kafka = loaded.config.sources.get("kafka")
    if kafka is not None:
        out["source kafka"] = await _guard(_kafka(kafka))
    return out


async def _guard(work: Awaitable[str | None]) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await work
    except TimeoutError:
        return f"no answer within {PATIENCE_S} s"
    except ResponderError as error:
        return str(error)


async def _store(loaded: Loaded) -> str | None:
    path = store_url(loaded.config.store, loaded).removeprefix("sqlite:")
    if loaded.config.store.startswith("sqlite:") and not Path(path).exists():
        folder = Path(path).parent
        if path.startswith(":") or (folder.is_dir() and os.access(folder, os.W_OK)):
            return None  # the first start makes it
        return f"{folder} is no folder that this user may write: make it, or correct `store:`"
    async with open_reader(loaded.config.store, SystemClock(), loaded) as store:
        await store.read(lambda tx: tx.counts())
    return None


async def _kafka(raw: dict[str, object]) -> str | None:
    from responder.sources.kafka import Settings, check

    settings: Settings = adapters.settings("sources", "kafka", raw)
    try:
        return await check(settings)
    except Transient as error:
        return str(error)
