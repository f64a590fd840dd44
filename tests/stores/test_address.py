"""The store's address as people write it."""

from pathlib import Path

import pytest

from responder.errors import ConfigError
from responder.stores.sql.address import parse_address


def test_addresses() -> None:
    assert parse_address("sqlite:responder.db").path == Path("responder.db")
    assert parse_address("sqlite:/var/lib/r.db").path == Path("/var/lib/r.db")
    assert parse_address("sqlite::memory:").path is None
    for scheme in ("postgresql", "postgres"):
        address = parse_address(f"{scheme}://ann:secret@db:5433/responder?sslmode=require")
        assert (address.kind, address.url.host, address.url.port) == ("postgresql", "db", 5433)
        assert address.shown == "postgresql://ann:***@db:5433/responder?sslmode=require"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a database"),
        ("responder.db", "not a database"),
        ("mysql://ann:secret@db/r", "not a database"),
        ("sqlite:", "missing or written as a URL"),
        ("sqlite:///responder.db", "missing or written as a URL"),
        ("sqlite:/tmp", "is a folder"),
        ("postgresql://ann:secret@db:port/r", "not the address"),
        ("postgresql://ann:secret@db", "name is missing"),
    ],
)
def test_what_is_no_address_says_what_is_expected_and_no_password(
    text: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGDATABASE", raising=False)
    with pytest.raises(ConfigError, match=says) as caught:
        parse_address(text)
    assert "sqlite:FILE" in str(caught.value)
    assert "secret" not in str(caught.value)
