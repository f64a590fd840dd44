"""One PostgreSQL for the test run. Each test takes a database of its own from it.

Durability is switched off: the tests stop our daemon, never this server.
"""

import contextlib
import os
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.servers.container import Container, engine_answers
from tests.servers.machine import require_program, server_directory
from tests.servers.process import Process, Runnable, free_ports, wait_until_ready

IMAGE = "postgres:17-alpine"
PACKAGE = "postgresql"
USER = "postgres"  # initdb and postgres refuse to run as root
FOLDERS = "/usr/lib/postgresql/*/bin"
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=32MB"


@dataclass(frozen=True)
class Postgres:
    """`url` names the maintenance database; tests call `new_database`."""

    url: str

    @contextlib.contextmanager
    def new_database(self) -> Iterator[str]:
        """The URL (`postgresql://...`) of an empty database, dropped afterwards with whoever is still connected."""
        name = f"responder_{secrets.token_hex(6)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))
        finally:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def running() -> Iterator[Postgres]:
    """PostgreSQL from the environment (`RESPONDER_TEST_POSTGRES=postgresql://...`), Docker, or this machine."""
    if url := os.environ.get("RESPONDER_TEST_POSTGRES"):
        yield Postgres(url)
        return
    (port,) = free_ports(1)
    with server_directory("postgres", USER) as directory:
        server: Runnable
        if engine_answers():
            server = Container(IMAGE, _line("", port), directory)
        else:
            bin_ = require_program(("initdb",), PACKAGE, FOLDERS).parent
            server = Process(_line(f"{bin_}/", port), directory, user=USER)
        url = f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        try:
            server.start()
            wait_until_ready("PostgreSQL", server, lambda: _ready(url), within_s=60)
            yield Postgres(url)
        finally:
            server.stop()


def _line(bin_: str, port: int) -> str:
    # --no-sync: the directory is thrown away. SIGINT (fast shutdown) is not needed: `new_database` leaves no session.
    return (
        f"{shlex.quote(bin_ + 'initdb')} --pgdata=data --username={USER} --auth=trust --no-sync --encoding=UTF8 "
        f"--locale=C && exec {shlex.quote(bin_ + 'postgres')} -D data -p {port} -c listen_addresses=127.0.0.1 "
        f"-c unix_socket_directories='' {FAST}"
    )


def _ready(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False
