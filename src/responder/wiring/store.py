"""The configured store; a relative SQLite path is relative to the configuration file."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from responder.config import Loaded
from responder.errors import ConfigError
from responder.ports import Clock, Store
from responder.stores.sql import create, create_reader


def store_url(url: str, loaded: Loaded) -> str:
    """`sqlite:responder.db` beside the configuration file; everything else as it is."""
    scheme, _, path = url.partition(":")
    if scheme == "sqlite" and path and not path.startswith((":", "/")):
        return f"sqlite:{loaded.path(path)}"
    return url


def open_store(url: str, clock: Clock, loaded: Loaded) -> Store:
    """Not opened yet. Raises ConfigError for a URL that is no store."""
    return create(store_url(url, loaded), clock=clock)


@contextlib.asynccontextmanager
async def open_reader(url: str, clock: Clock, loaded: Loaded) -> AsyncIterator[Store]:
    """The configured store for reading only, beside a running daemon. Raises ConfigError when there is none yet."""
    full = store_url(url, loaded)
    if full.startswith("sqlite:") and not full.startswith("sqlite::"):
        file = Path(full.removeprefix("sqlite:"))
        if not file.exists():
            raise ConfigError(
                f"there is no store at {file}",
                hint="start the daemon once (`responder run`), or pass its configuration with -c",
            )
    store = create_reader(full)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
