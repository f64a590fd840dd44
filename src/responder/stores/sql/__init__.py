"""The store on SQL databases: SQLite by default, PostgreSQL where replicas share one.

`create` makes the daemon's store, `create_reader` one that only looks; `upgrade` and `backup` are `responder db`.
"""

from datetime import UTC, datetime

from responder.stores.sql.address import parse_address
from responder.stores.sql.backup import backup
from responder.stores.sql.migrate import upgrade as _upgrade
from responder.stores.sql.store import create, create_reader

__all__ = ["backup", "create", "create_reader", "upgrade"]


def upgrade(url: str) -> tuple[str | None, str]:
    """Bring the schema up to date; the revision before (None: there was no store) and after.

    Raises ConfigError for an unusable address or a store of a newer version, Transient when the server cannot be reached.
    """
    return _upgrade(parse_address(url), datetime.now(UTC))
