"""The store's tests run on each database: an SQLite file, SQLite in memory, PostgreSQL.

`url` names an empty place, `store` an open store. The latter is migrated once and emptied between tests: making a
database for each would take longer than the tests.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from responder.runtime.clock import VirtualClock
from responder.stores.sql import create, upgrade
from responder.stores.sql.schema import metadata
from responder.stores.sql.store import SqlStore
from tests.making import T0
from tests.servers.postgres import Postgres

PLACES = ["file", "memory", pytest.param("postgresql", marks=pytest.mark.integration)]


@pytest.fixture(params=PLACES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return "sqlite::memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'responder.db'}"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "responder.db"
    upgrade(f"sqlite:{path}")
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres: Postgres) -> Iterator[str]:
    with postgres.new_database() as url:
        upgrade(url)
        yield url


@pytest.fixture(params=PLACES)
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a store without rows."""
    if request.param == "file":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "responder.db")
        yield f"sqlite:{tmp_path / 'responder.db'}"
    elif request.param == "memory":
        yield "sqlite::memory:"
    else:
        found: str = request.getfixturevalue("migrated_database")
        yield found
        _empty(found)


def _empty(url: str) -> None:
    """Take all rows away, the audit's too: past its triggers, as only the tables' owner can."""
    names = [sql.Identifier(name) for name in metadata.tables]
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE actions DISABLE TRIGGER USER")
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(sql.SQL(", ").join(names)))
        connection.execute("ALTER TABLE actions ENABLE TRIGGER USER")


@pytest_asyncio.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    made = create(migrated_url, clock=VirtualClock(T0))
    await made.open()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def file_store(migrated_file: Path, tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Only on a file: for what is SQLite's own."""
    shutil.copy(migrated_file, tmp_path / "responder.db")
    made = create(f"sqlite:{tmp_path / 'responder.db'}", clock=VirtualClock(T0))
    await made.open()
    yield made
    await made.close()
