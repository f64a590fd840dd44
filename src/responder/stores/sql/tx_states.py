"""Alert states: one row per (source, fingerprint), read and written with every batch of events."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import bindparam, select

from responder.model.journal import AlertState
from responder.stores.sql.instants import instant, maybe_instant, maybe_micros, micros
from responder.stores.sql.schema import alert_states
from responder.stores.sql.session import Row, Session, bounded, listed, replacing

_PUT = replacing(alert_states)
_GET = listed(
    lambda among: select(alert_states).where(
        alert_states.c.source == bindparam("source"), among(alert_states.c.fingerprint)
    )
)


class StateTx(Session):
    """See `ports.Tx`."""

    def alert_states(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], AlertState]:
        wanted: dict[str, dict[str, tuple[str, str]]] = {}
        for key in keys:
            wanted.setdefault(bounded(key[0]), {})[bounded(key[1])] = key
        out = {}
        for source, fingerprints in wanted.items():
            for row in self.among(_GET, list(fingerprints), source=source):
                key = fingerprints[row.fingerprint]
                out[key] = _state(key, row)
        return out

    def put_alert_states(self, states: Sequence[AlertState]) -> None:
        if states:
            self.execute_many(_PUT, [_row(state) for state in states])


def _row(state: AlertState) -> Row:
    return {
        "source": bounded(state.source),
        "fingerprint": bounded(state.fingerprint),
        "status": state.status,
        "first_seen_at": micros(state.first_seen_at),
        "last_seen_at": micros(state.last_seen_at),
        "starts_at": micros(state.starts_at),
        "ends_at": maybe_micros(state.ends_at),
        "count": state.count,
        "event_id": state.event_id,
        "incident_ids": to_json(state.incident_ids).decode() if state.incident_ids else "[]",
    }


def _state(key: tuple[str, str], row: Any) -> AlertState:
    return AlertState(
        source=key[0],
        fingerprint=key[1],
        status=row.status,
        first_seen_at=instant(row.first_seen_at),
        last_seen_at=instant(row.last_seen_at),
        starts_at=instant(row.starts_at),
        ends_at=maybe_instant(row.ends_at),
        count=row.count,
        event_id=row.event_id,
        incident_ids=tuple(from_json(row.incident_ids)) if row.incident_ids != "[]" else (),
    )
