"""The journal: events with their trail in order of arrival, their links to incidents, and what they are about."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, text

from responder.model.event import Event, Status
from responder.model.journal import JournalEntry
from responder.stores.sql.documents import EVENT, TRAIL
from responder.stores.sql.instants import maybe_micros, micros
from responder.stores.sql.schema import event_entities, incident_events, journal
from responder.stores.sql.session import Row, Session, bounded, listed, upsert

UNCOUNTED_KINDS = frozenset({"cluster", "namespace", "tenant", "queue", "user", "pod"})
"""Entity kinds whose events are not counted. Nearly every event names the first five, so their number says nothing; a pod's
name seldom comes again. Each kind costs the hot path a row per event."""
ALERT = "alertname"
"""Kind under which an alert is counted by its name: whether it flaps is asked of it, not of what it is about."""
NAMES_PER_EVENT = 64
"""Entities kept per event for counting: a job on a thousand nodes is counted on the first ones."""

_FIRING = Status.FIRING
_APPEND = upsert(journal, None)
_APPEND_FRESH = insert(journal)
_APPEND_ENTITIES = insert(event_entities)
_HIGHEST_SQLITE = text("SELECT seq FROM sqlite_sequence WHERE name = 'journal'")
_NUMBERS_POSTGRESQL = text("SELECT nextval(pg_get_serial_sequence('journal', 'seq')) FROM generate_series(1, :count)")
_STORED = listed(lambda among: select(journal.c.seq).where(among(journal.c.seq)))
_ENTRY = select(journal.c.seq, journal.c.event_id, journal.c.doc, journal.c.trail)
_BY_EVENT = listed(lambda among: _ENTRY.where(among(journal.c.event_id)))
_SEQ_BY_EVENT = listed(lambda among: select(journal.c.event_id, journal.c.seq).where(among(journal.c.event_id)))
_KNOWN = listed(lambda among: select(journal.c.event_id).where(among(journal.c.event_id)))
_LINK = upsert(incident_events, None)
_MEMBER_SEQS = (
    select(incident_events.c.seq)
    .where(incident_events.c.incident_id == bindparam("incident_id"))
    .order_by(incident_events.c.seq.desc())
    .limit(bindparam("count"))
)
_FIRST_MEMBER = select(func.min(incident_events.c.seq)).where(incident_events.c.incident_id == bindparam("incident_id"))
_DOCS_BY_SEQ = listed(lambda among: select(journal.c.seq, journal.c.doc).where(among(journal.c.seq)))


class _Line(NamedTuple):
    """A row of the journal."""

    seq: int
    event_id: str
    received_at: int
    firing: int
    doc: str
    trail: str


class JournalTx(Session):
    """See `ports.Tx`."""

    def __init__(self, connection: Connection, where: str, *, defers: bool = False) -> None:
        super().__init__(connection, where, defers=defers)
        self._appended: list[_Line] = []
        """By this transaction."""

    def append_journal(self, entries: Sequence[JournalEntry], *, fresh: bool = False) -> None:
        if not entries:
            return
        trails = {id(entry.trail): entry.trail for entry in entries}
        texts = {key: TRAIL.dump(trail) for key, trail in trails.items()}
        numbered = zip(self._numbers(len(entries)), entries, strict=True)
        rows = [_row(seq, entry.event, texts[id(entry.trail)]) for seq, entry in numbered]
        kept = rows
        if fresh and self.defers:
            self.later(_APPEND_FRESH, rows)
            added = len(rows)
        else:
            added = self.execute_many(_APPEND, rows)
        if added != len(rows):  # some were journalled before: the first entry of an event stays
            stored = {row.seq for row in self.among(_STORED, [row.seq for row in rows])}
            kept = [row for row in rows if row.seq in stored]
        self._appended += kept
        events = {entry.event.id: entry.event for entry in entries if entry.event.status is Status.FIRING}
        about = [
            line
            for row in (kept if events else ())
            if row.firing
            for line in entity_rows(events[row.event_id], row.received_at, row.seq)
        ]
        if about:
            self.later(_APPEND_ENTITIES, about)

    def journal_entries(self, event_ids: Sequence[str]) -> dict[str, JournalEntry]:
        return {row.event_id: _entry(row) for row in self.among(_BY_EVENT, event_ids)}

    def journalled(self, event_ids: Sequence[str]) -> set[str]:
        return set(self.among(_KNOWN, event_ids).scalars())

    def journal_range(
        self, start: datetime | None, end: datetime | None, after_seq: int, limit: int
    ) -> list[JournalEntry]:
        statement = _ENTRY.where(journal.c.seq > after_seq).order_by(journal.c.seq).limit(limit)
        if start is not None:
            statement = statement.where(journal.c.received_at >= micros(start))
        if end is not None:
            statement = statement.where(journal.c.received_at < maybe_micros(end))
        return [_entry(row) for row in self.execute(statement)]

    def members(self, incident_id: str, limit: int) -> list[Event]:
        seqs = {row.seq for row in self.ask(_MEMBER_SEQS, {"incident_id": incident_id, "count": limit})}
        first = self.ask(_FIRST_MEMBER, {"incident_id": incident_id}).scalar()
        if first is not None:
            seqs.add(first)
        docs = sorted((row.seq, row.doc) for row in self.among(_DOCS_BY_SEQ, sorted(seqs)))
        return [EVENT.load(doc) for _, doc in docs]

    def link_events(self, links: Sequence[tuple[str, str]]) -> None:
        seqs = {event_id: seq for seq, event_id, *_ in self._appended}
        unknown = list({event_id for _, event_id in links if event_id not in seqs})
        if unknown:
            seqs |= {row.event_id: row.seq for row in self.among(_SEQ_BY_EVENT, unknown)}
        rows = [{"incident_id": id, "seq": seqs[event_id]} for id, event_id in links if event_id in seqs]
        if rows:
            self.later(_LINK, rows)

    def _numbers(self, count: int) -> Sequence[int]:
        """Journal numbers for new entries, higher than all before. Taken here, so that what refers to an entry need not ask
        for its number; SQLite has one writer, PostgreSQL a sequence."""
        if self._dialect == "sqlite":
            if self._appended:
                self.finish()
            highest = self.peek(_HIGHEST_SQLITE).scalar() or 0
            return range(highest + 1, highest + 1 + count)
        return sorted(self.ask(_NUMBERS_POSTGRESQL, {"count": count}).scalars())


def entity_rows(event: Event, at: int, seq: int) -> Iterator[Row]:
    """What a firing event is counted under; purging takes the same rows away again."""
    alert = event.labels.get("alertname")
    if alert:
        yield {"kind": ALERT, "name": bounded(alert), "at": at, "seq": seq}
    left = NAMES_PER_EVENT
    for kind, names in event.entities.items():
        if kind in UNCOUNTED_KINDS:
            continue
        for name in dict.fromkeys(bounded(one) for one in names[:left]):
            yield {"kind": bounded(kind), "name": name, "at": at, "seq": seq}
        left = max(0, left - len(names))


def _row(seq: int, event: Event, trail: str) -> _Line:
    return _Line(seq, event.id, micros(event.received_at), int(event.status is _FIRING), EVENT.dump(event), trail)


def _entry(row: Any) -> JournalEntry:
    return JournalEntry(event=EVENT.load(row.doc), trail=TRAIL.load(row.trail), seq=row.seq)
