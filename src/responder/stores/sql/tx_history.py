"""Counting the past, and ageing: expired events become daily roll-ups, expired incidents go with all that hangs on them.

The audit is never purged. Purging works in chunks, each a transaction of its own, so that intake waits milliseconds for it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Table, and_, bindparam, delete, func, select

from responder.errors import InputError
from responder.model.event import Event
from responder.model.incident import IncidentStatus
from responder.stores.sql.documents import EVENT
from responder.stores.sql.instants import DAY, micros
from responder.stores.sql.schema import (
    alert_states,
    changes,
    event_entities,
    incident_events,
    incidents,
    jobs,
    journal,
    quarantine,
    rollup_daily,
    silences,
)
from responder.stores.sql.session import Session, bounded, digest, upsert
from responder.stores.sql.tx_journal import UNCOUNTED_KINDS, entity_rows

_OF_ENTITY = (event_entities.c.kind == bindparam("kind"), event_entities.c.name == bindparam("name"))
_IN_SPAN = (event_entities.c.at >= bindparam("start"), event_entities.c.at < bindparam("end"))
_COUNT = select(func.count()).select_from(event_entities).where(*_OF_ENTITY, *_IN_SPAN)
_EVENTS = (
    select(journal.c.doc).join(event_entities, event_entities.c.seq == journal.c.seq).where(*_OF_ENTITY, *_IN_SPAN)
)
_PRINTED = (
    select(func.count())
    .select_from(journal.join(event_entities, event_entities.c.seq == journal.c.seq))
    .where(*_OF_ENTITY, *_IN_SPAN, journal.c.doc.like(bindparam("mark"), escape="\\"))
)
_ROLLED_UP = select(rollup_daily.c.labels, rollup_daily.c["count"].label("events")).where(
    rollup_daily.c.kind == bindparam("kind"),
    rollup_daily.c.name == bindparam("name"),
    rollup_daily.c.day >= bindparam("first_day"),
    rollup_daily.c.day < bindparam("end"),
)
_ROLL_UP = upsert(rollup_daily, lambda have, new: {"count": have["count"] + new["count"]})
_EXPIRED_EVENTS = (
    select(journal.c.seq, journal.c.received_at, journal.c.firing, journal.c.doc)
    .where(journal.c.received_at < bindparam("before"))
    .order_by(journal.c.received_at)
    .limit(bindparam("count"))
)
_DROP_ENTITIES = delete(event_entities).where(
    *(event_entities.c[name] == bindparam(f"of_{name}") for name in ("kind", "name", "at", "seq"))
)
_DROP_LINKS = delete(incident_events).where(incident_events.c.seq == bindparam("of_seq"))
_DROP_EVENTS = delete(journal).where(journal.c.seq == bindparam("of_seq"))
_DROP_STATES = delete(alert_states).where(
    alert_states.c.source == bindparam("of_source"), alert_states.c.fingerprint == bindparam("of_fingerprint")
)


class HistoryTx(Session):
    """See `ports.Tx`."""

    def count_events(
        self,
        kind: str,
        name: str,
        start: datetime,
        end: datetime,
        labels: Mapping[str, str],
        *,
        fingerprint: str | None = None,
    ) -> int:
        """By time of arrival; of purged events whole days count, the one of `start` included.

        With a fingerprint as far back as events are kept: what is left of purged ones does not hold it. Raises InputError for a
        kind of `UNCOUNTED_KINDS`: 0 would be a lie.
        """
        if kind in UNCOUNTED_KINDS:
            raise InputError(f"events are not counted per {kind}")
        span: dict[str, Any] = {
            "kind": bounded(kind),
            "name": bounded(name),
            "start": micros(start),
            "end": micros(end),
        }
        if fingerprint is not None:
            return int(self.ask(_PRINTED, {**span, "mark": _mark(fingerprint)}).scalar_one())
        if labels:
            kept = sum(_includes(EVENT.load(row.doc).labels, labels) for row in self.ask(_EVENTS, span))
        else:
            kept = int(self.ask(_COUNT, span).scalar_one())
        days = {**span, "first_day": span["start"] - span["start"] % DAY}
        for row in self.ask(_ROLLED_UP, days):
            if not labels or _includes(from_json(row.labels), labels):
                kept += int(row.events)
        return kept

    def purge(self, events_before: datetime, incidents_before: datetime, limit: int) -> int:
        left = limit - self._purge_events(micros(events_before), limit)
        for table, expired, key in _expired(micros(events_before), micros(incidents_before)):
            if left > 0:
                ids = select(key).where(expired).limit(left)
                left -= self.execute(delete(table).where(key.in_(ids))).rowcount
        if left > 0:
            left -= self._purge_states(micros(events_before), left)
        return limit - left

    def _purge_events(self, before: int, limit: int) -> int:
        rows = self.ask(_EXPIRED_EVENTS, {"before": before, "count": limit}).all()
        counted: Counter[tuple[str, str, int, str]] = Counter()
        entities: list[dict[str, Any]] = []
        for row in rows:
            if not row.firing:
                continue
            event = EVENT.load(row.doc)
            labels = _labels_text(event)
            for line in entity_rows(event, row.received_at, row.seq):
                entities.append({f"of_{name}": value for name, value in line.items()})
                counted[line["kind"], line["name"], line["at"] - line["at"] % DAY, labels] += 1
        if counted:
            self.execute_many(
                _ROLL_UP,
                [
                    {"kind": k, "name": n, "day": d, "labels_hash": digest(text), "labels": text, "count": count}
                    for (k, n, d, text), count in counted.items()
                ],
            )
        if entities:
            self.execute_many(_DROP_ENTITIES, entities)
        if seqs := [{"of_seq": row.seq} for row in rows]:
            self.execute_many(_DROP_LINKS, seqs)
            self.execute_many(_DROP_EVENTS, seqs)
        return len(rows)

    def _purge_states(self, before: int, limit: int) -> int:
        """Alerts that nobody spoke of for as long as events are kept, firing or not: failed jobs never say that they are over."""
        found = self.execute(
            select(alert_states.c.source, alert_states.c.fingerprint)
            .where(alert_states.c.first_seen_at < before, alert_states.c.last_seen_at < before)
            .limit(limit)
        ).all()
        if found:
            gone = [{"of_source": row.source, "of_fingerprint": row.fingerprint} for row in found]
            self.execute_many(_DROP_STATES, gone)
        return len(found)


def _expired(events: int, old: int) -> Sequence[tuple[Table, Any, Any]]:
    """Table, which of its rows expired, its key."""
    resolved = incidents.c.status == IncidentStatus.RESOLVED.value
    return (
        (incidents, and_(resolved, incidents.c.resolved_at < old), incidents.c.id),
        (quarantine, quarantine.c.at < events, quarantine.c.id),
        (changes, changes.c.at < events, changes.c.id),
        (silences, silences.c.ends_at < old, silences.c.id),
        (jobs, jobs.c.seen_at < old, jobs.c.id),
    )


def _mark(fingerprint: str) -> str:
    """How a stored event with this fingerprint looks; in a text that it carries the quotes would be escaped."""
    plain = to_json(fingerprint).decode()
    for special in ("\\", "%", "_"):
        plain = plain.replace(special, f"\\{special}")
    return f'%"fingerprint":{plain}%'


def _labels_text(event: Event) -> str:
    return to_json(dict(sorted(event.labels.items()))).decode()


def _includes(have: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(have.get(name) == value for name, value in wanted.items())
