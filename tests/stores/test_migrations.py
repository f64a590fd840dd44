"""The schema's history, and `responder db`."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from responder.errors import ConfigError
from responder.runtime.clock import VirtualClock
from responder.stores.sql import backup, create, create_reader, upgrade
from responder.stores.sql.address import parse_address
from responder.stores.sql.engine import writer_engine
from responder.stores.sql.migrate import HEAD, alembic_config, prepare
from responder.stores.sql.schema import metadata
from tests.making import T0

CLOCK = VirtualClock(T0)


def test_the_migrations_make_the_schema_that_the_code_uses(url: str) -> None:
    address = parse_address(url)
    engine = writer_engine(address)
    prepare(address, engine)
    prepare(address, engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert ScriptDirectory.from_config(alembic_config(connection)).get_heads() == [HEAD]
    engine.dispose()


def test_partial_indexes_have_their_conditions_in_both_databases(url: str) -> None:
    wanted = {
        str(index.name): str(condition).replace(" ", "").lower()
        for table in metadata.tables.values()
        for index in table.indexes
        if (condition := index.dialect_options["sqlite"]["where"]) is not None
    }
    assert wanted
    address = parse_address(url)
    engine = writer_engine(address)
    prepare(address, engine)
    spelled = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()"
    if address.kind == "sqlite":
        spelled = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    with engine.connect() as connection:
        made = {row[0]: row[1] for row in connection.execute(text(spelled))}
    engine.dispose()
    partial = {name: sql.split(" WHERE ", 1)[1] for name, sql in made.items() if " WHERE " in sql}
    plain = {name: condition.strip().strip("()").replace("::text", "") for name, condition in partial.items()}
    assert {name: condition.replace(" ", "").lower() for name, condition in plain.items()} == wanted


async def _put(url: str, value: str) -> None:
    store = create(url, clock=CLOCK)
    await store.open()
    await store.write(lambda tx: tx.put_meta("k", value))
    await store.close()


async def _get(url: str) -> str | None:
    reader = create_reader(url)
    await reader.open()
    found = await reader.read(lambda tx: tx.meta("k"))
    await reader.close()
    return found


def test_upgrading_says_from_where_to_where(url: str) -> None:
    if url.endswith(":memory:"):
        pytest.skip("a store in memory is always new")
    assert upgrade(url) == (None, HEAD)
    assert upgrade(url) == (HEAD, HEAD)
    asyncio.run(_put(url, "x"))


def test_a_store_of_a_newer_version_is_refused_and_left_alone(url: str) -> None:
    if url.endswith(":memory:"):
        pytest.skip("a store in memory is always new")
    upgrade(url)
    engine = writer_engine(parse_address(url))
    with engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for attempt in (lambda: upgrade(url), lambda: asyncio.run(_put(url, "x")), lambda: asyncio.run(_get(url))):
        with pytest.raises(ConfigError, match="version") as caught:
            attempt()
        assert "9999" in str(caught.value)
    if url.startswith("sqlite:"):
        assert list(Path(url.removeprefix("sqlite:")).parent.glob("*before*")) == []


def test_a_file_that_holds_something_is_copied_before_it_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    with contextlib.closing(sqlite3.connect(path)) as old, old:
        old.execute("CREATE TABLE notes (text TEXT)")
    assert upgrade(f"sqlite:{path}") == (None, HEAD)
    with contextlib.closing(sqlite3.connect(tmp_path / f"r.db.before-{HEAD}")) as copy:
        assert copy.execute("SELECT name FROM sqlite_master").fetchall() == [("notes",)]


def test_a_new_or_present_file_is_not_copied(tmp_path: Path) -> None:
    for _ in range(2):
        upgrade(f"sqlite:{tmp_path / 'r.db'}")
    assert [path.name for path in tmp_path.glob("*before*")] == []


def test_a_backup_taken_while_the_daemon_writes_is_a_whole_store(tmp_path: Path) -> None:
    url, to = f"sqlite:{tmp_path / 'r.db'}", tmp_path / "copy.db"

    async def run() -> None:
        store = create(url, clock=CLOCK)
        await store.open()
        await store.write(lambda tx: tx.put_meta("k", "before"))
        copying = asyncio.create_task(asyncio.to_thread(backup, url, to))
        n = 0
        while not copying.done():
            n += 1
            await store.write(lambda tx, n=n: tx.put_meta(f"other{n}", "x" * 1000))
        await copying
        await store.write(lambda tx: tx.put_meta("k", "after"))
        await store.close()

    asyncio.run(run())
    assert asyncio.run(_get(f"sqlite:{to}")) == "before"
    assert not to.with_name("copy.db.part").exists()


def test_what_cannot_be_backed_up_says_what_to_do(tmp_path: Path) -> None:
    there = tmp_path / "there.db"
    upgrade(f"sqlite:{there}")
    for url, to, says in (
        ("postgresql://ann:secret@db/responder", tmp_path / "x", "pg_dump"),
        ("sqlite::memory:", tmp_path / "x", "in memory"),
        (f"sqlite:{tmp_path / 'none.db'}", tmp_path / "x", "no store to back up"),
        (f"sqlite:{there}", there, "overwrite"),
        (f"sqlite:{there}", tmp_path / "no" / "x", "cannot be"),
    ):
        with pytest.raises(ConfigError, match=says) as caught:
            backup(url, to)
        assert "secret" not in str(caught.value)
