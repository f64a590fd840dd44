"""The acts of people and what could not be used: silences, the audit, quarantine."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, insert, select

from responder.model.journal import Action, Quarantined
from responder.model.silence import Silence
from responder.stores.sql.documents import ACTION, QUARANTINED, SILENCE
from responder.stores.sql.instants import micros
from responder.stores.sql.schema import actions, quarantine, silences
from responder.stores.sql.session import Session, replacing

_PUT_SILENCES = replacing(silences)
_SILENCES = select(silences.c.doc).order_by(silences.c.starts_at, silences.c.id)
_IN_FORCE = _SILENCES.where(silences.c.starts_at <= bindparam("at"), silences.c.ends_at > bindparam("at"))
_ADD_ACTIONS = insert(actions)
_PUT_QUARANTINE = replacing(quarantine)


class RecordTx(Session):
    """See `ports.Tx`."""

    def put_silences(self, silences: Sequence[Silence]) -> None:
        """Insert or overwrite by id."""
        if silences:
            self.execute_many(
                _PUT_SILENCES,
                [
                    {
                        "id": silence.id,
                        "starts_at": micros(silence.starts_at),
                        "ends_at": micros(silence.ends_at),
                        "doc": SILENCE.dump(silence),
                    }
                    for silence in silences
                ],
            )

    def silences(self, active_at: datetime | None) -> list[Silence]:
        """Those in force at that time (None: all), the one that starts first first."""
        rows = self.ask(_SILENCES) if active_at is None else self.ask(_IN_FORCE, {"at": micros(active_at)})
        return [SILENCE.load(row.doc) for row in rows]

    def append_actions(self, actions: Sequence[Action]) -> None:
        if actions:
            self.execute_many(
                _ADD_ACTIONS,
                [
                    {
                        "id": action.id,
                        "at": micros(action.at),
                        "incident_id": action.incident_id,
                        "doc": ACTION.dump(action),
                    }
                    for action in actions
                ],
            )

    def actions(self, start: datetime | None, end: datetime | None, incident_id: str | None) -> list[Action]:
        """In [start, end), in the order of writing."""
        statement = select(actions.c.doc).order_by(actions.c.seq)
        if start is not None:
            statement = statement.where(actions.c.at >= micros(start))
        if end is not None:
            statement = statement.where(actions.c.at < micros(end))
        if incident_id is not None:
            statement = statement.where(actions.c.incident_id == incident_id)
        return [ACTION.load(row.doc) for row in self.execute(statement)]

    def put_quarantine(self, rows: Sequence[Quarantined]) -> None:
        """Insert or overwrite by id."""
        if rows:
            self.execute_many(
                _PUT_QUARANTINE,
                [
                    {"id": row.id, "at": micros(row.at), "state": row.state, "doc": QUARANTINED.dump(row)}
                    for row in rows
                ],
            )

    def quarantine(self, state: str | None, limit: int) -> list[Quarantined]:
        """The newest first."""
        statement = select(quarantine.c.doc).order_by(quarantine.c.at.desc(), quarantine.c.id).limit(limit)
        if state is not None:
            statement = statement.where(quarantine.c.state == state)
        return [QUARANTINED.load(row.doc) for row in self.execute(statement)]

    def quarantined(self, id: str) -> Quarantined | None:
        doc = self.execute(select(quarantine.c.doc).where(quarantine.c.id == id)).scalar()
        return None if doc is None else QUARANTINED.load(doc)
