"""The store's tests run on each database: an SQLite file, SQLite in memory, PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from responder.runtime.clock import VirtualClock
from responder.stores.sql import create
from responder.stores.sql.store import SqlStore
from tests.making import T0

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.integration)


@pytest.fixture(params=["file", "memory", POSTGRESQL])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return "sqlite::memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'responder.db'}"


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    made = create(url, clock=VirtualClock(T0))
    await made.open()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def file_store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Only on a file: for what is SQLite's own."""
    made = create(f"sqlite:{tmp_path / 'responder.db'}", clock=VirtualClock(T0))
    await made.open()
    yield made
    await made.close()
