"""The store's address as it stands in the configuration: `sqlite:FILE`, `sqlite::memory:` or `postgresql://user@host/db`."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from responder.errors import ConfigError

_EXPECTED = "sqlite:FILE, sqlite::memory: or postgresql://USER@HOST/DATABASE"
MEMORY = ":memory:"


@dataclass(frozen=True, slots=True)
class Address:
    """Which database. `path` is the file of SQLite, None for one in memory and for PostgreSQL."""

    kind: Literal["sqlite", "postgresql"]
    url: URL
    path: Path | None = None

    @property
    def shown(self) -> str:
        """For people: without the password."""
        if self.kind == "postgresql":
            return self.url.set(drivername="postgresql").render_as_string(hide_password=True)
        return f"sqlite:{self.path or MEMORY}"


def parse_address(text: str) -> Address:
    """Raises ConfigError for what is no address of a store."""
    scheme, colon, rest = text.strip().partition(":")
    if colon and scheme == "sqlite":
        return _sqlite(text, rest)
    if colon and scheme in ("postgresql", "postgres"):
        return _postgresql(text, rest)
    raise ConfigError("not a database that the store can use", found=_without_password(text), expected=_EXPECTED)


def require_folder(address: Address) -> None:
    """Raises ConfigError when an SQLite file has nowhere to be; SQLite itself says only "unable to open"."""
    if address.path is not None and not address.path.parent.is_dir():
        raise ConfigError(
            "the store's folder does not exist", file=address.path, hint=f"mkdir -p {address.path.parent}"
        )


def _sqlite(text: str, rest: str) -> Address:
    if rest == MEMORY:
        return Address("sqlite", URL.create("sqlite+pysqlite", database=MEMORY))
    if not rest or rest.startswith("//"):
        raise ConfigError(
            "the store's file is missing or written as a URL",
            found=text,
            expected="sqlite:FILE, for example sqlite:responder.db or sqlite:/var/lib/responder/responder.db",
            hint="write the path right after sqlite: without slashes in front of it that do not belong to it",
        )
    path = Path(rest).expanduser()
    if path.is_dir():
        raise ConfigError("the store's file is a folder", found=text, expected="sqlite:FILE")
    return Address("sqlite", URL.create("sqlite+pysqlite", database=str(path)), path)


def _postgresql(text: str, rest: str) -> Address:
    try:
        url = make_url(f"postgresql:{rest}")
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            "not the address of a PostgreSQL database", found=_without_password(text), expected=_EXPECTED
        ) from error
    if not url.database and not os.environ.get("PGDATABASE"):
        raise ConfigError("the database's name is missing", found=_without_password(text), expected=_EXPECTED)
    if importlib.util.find_spec("psycopg") is None:
        raise ConfigError(
            "PostgreSQL needs its driver, which is not installed",
            found=_without_password(text),
            hint="pip install 'incident-responder[postgres]'",
        )
    return Address("postgresql", url.set(drivername="postgresql+psycopg"))


def _without_password(text: str) -> str:
    """What stands before the last `@` of a URL may hold a password: an error must not print it."""
    scheme, separator, rest = text.partition("://")
    if not separator or "@" not in rest:
        return text
    account, _, place = rest.rpartition("@")
    return f"{scheme}://{account.partition(':')[0]}@{place}"
