"""Incidents with their optimistic versions, and who shares an entity with whom."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, or_, select, update

from responder.errors import Conflict
from responder.logic.identity import key_text
from responder.model.incident import Incident, IncidentStatus
from responder.ports import PAST_INCIDENTS, IncidentFilter
from responder.stores.sql.documents import INCIDENT
from responder.stores.sql.instants import maybe_micros, micros
from responder.stores.sql.schema import incident_entities, incidents
from responder.stores.sql.session import Pair, Row, Session, bounded, digest, listed, paired, plain, upsert


def _having(pair: Pair) -> Any:
    """Ids of the incidents that have one of the (kind, name) pairs."""
    return select(incident_entities.c.incident_id).where(pair(incident_entities.c.kind, incident_entities.c.name))


_OTHER = incidents.alias("other")
_UNRESOLVED = incidents.c.status != IncidentStatus.RESOLVED.value
_BY_ID = listed(lambda among: select(incidents.c.id, incidents.c.doc).where(among(incidents.c.id)))
_LATER = (
    select(1)
    .where(
        _OTHER.c.key_hash == incidents.c.key_hash,
        _OTHER.c.rule == incidents.c.rule,
        or_(
            _OTHER.c.opened_at > incidents.c.opened_at,
            and_(_OTHER.c.opened_at == incidents.c.opened_at, _OTHER.c.id > incidents.c.id),
        ),
    )
    .exists()
)
_LATEST = listed(
    lambda among: select(incidents.c.rule, incidents.c.key_hash, incidents.c.doc).where(
        among(incidents.c.key_hash), ~_LATER
    )
)
_OPEN_WITH = listed(
    lambda among: (
        select(incidents.c.doc)
        .where(
            _UNRESOLVED,
            incidents.c.last_event_at >= bindparam("since"),
            incidents.c.id.in_(
                select(incident_entities.c.incident_id).where(
                    incident_entities.c.kind == bindparam("kind"), among(incident_entities.c.name)
                )
            ),
        )
        .order_by(incidents.c.opened_at, incidents.c.id)
    )
)
_PAST = paired(
    lambda pair: (
        select(incidents.c.doc)
        .where(
            incidents.c.opened_at >= bindparam("start"),
            incidents.c.opened_at < bindparam("end"),
            incidents.c.id != bindparam("exclude"),
            incidents.c.id.in_(_having(pair)),
        )
        .order_by(incidents.c.opened_at.desc(), incidents.c.id)
        .limit(bindparam("count"))
    )
)
_SHARING = paired(
    lambda pair: (
        select(incidents.c.doc)
        .where(_UNRESOLVED, incidents.c.last_event_at >= bindparam("since"), incidents.c.id.in_(_having(pair)))
        .order_by(incidents.c.opened_at, incidents.c.id)
    )
)
_INSERT = insert(incidents)
_UPDATE = update(incidents).where(
    incidents.c.id == bindparam("of_id"), incidents.c.version == bindparam("version_before")
)
_ENTITY_HASHES = listed(lambda among: select(incidents.c.id, incidents.c.entities_hash).where(among(incidents.c.id)))
_ENTITIES = select(incident_entities.c.kind, incident_entities.c.name).where(
    incident_entities.c.incident_id == bindparam("incident_id")
)
_ADD_ENTITIES = upsert(incident_entities, None)
_DROP_ENTITY = delete(incident_entities).where(
    incident_entities.c.incident_id == bindparam("of_id"),
    incident_entities.c.kind == bindparam("of_kind"),
    incident_entities.c.name == bindparam("of_name"),
)
_CHILDREN = (
    select(incidents.c.doc)
    .where(incidents.c.parent == bindparam("parent"))
    .order_by(incidents.c.opened_at, incidents.c.id)
)


class IncidentTx(Session):
    """See `ports.Tx`."""

    def latest_incidents(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Incident]:
        wanted = {(bounded(rule), digest(text)): (rule, text) for rule, text in keys}
        rows = self.among(_LATEST, list({key_hash for _, key_hash in wanted}))
        return {
            wanted[row.rule, row.key_hash]: INCIDENT.load(row.doc) for row in rows if (row.rule, row.key_hash) in wanted
        }

    def incidents(self, ids: Sequence[str]) -> dict[str, Incident]:
        return {row.id: INCIDENT.load(row.doc) for row in self.among(_BY_ID, ids)}

    def put_incidents(self, incidents: Sequence[Incident]) -> None:
        changed = [_row(incident) for incident in incidents if incident.version > 1]
        known: dict[str, str] = {}
        if changed:
            known = {row.id: row.entities_hash for row in self.among(_ENTITY_HASHES, [row["id"] for row in changed])}
            moved = [{**row, "of_id": row["id"], "version_before": row["version"] - 1} for row in changed]
            if self.execute_many(_UPDATE, moved) != len(moved):
                raise Conflict(f"an incident changed meanwhile: {', '.join(row['id'] for row in changed)}")
        fresh = [_row(incident) for incident in incidents if incident.version <= 1]
        if fresh:
            self.execute_many(_INSERT, fresh)
        hashes = {row["id"]: row["entities_hash"] for row in (*fresh, *changed)}
        moved_entities = [one for one in incidents if known.get(one.id) != hashes[one.id]]
        if moved_entities:
            self._put_entities(moved_entities, new={row["id"] for row in fresh})

    def _put_entities(self, incidents: Sequence[Incident], new: Collection[str]) -> None:
        """A storm names the same hundreds of nodes with each batch: only the difference is written."""
        gone: list[Row] = []
        come: list[Row] = []
        for incident in incidents:
            wanted = {(bounded(kind), bounded(name)) for kind, names in incident.entities.items() for name in names}
            stored: set[tuple[str, str]] = set()
            if incident.id not in new:
                stored = {(row.kind, row.name) for row in self.ask(_ENTITIES, {"incident_id": incident.id})}
            gone += [{"of_id": incident.id, "of_kind": k, "of_name": n} for k, n in sorted(stored - wanted)]
            come += [{"incident_id": incident.id, "kind": k, "name": n} for k, n in sorted(wanted - stored)]
        if gone:
            self.execute_many(_DROP_ENTITY, gone)
        if come:
            self.execute_many(_ADD_ENTITIES, come)

    def find_incidents(self, what: IncidentFilter) -> list[Incident]:
        """The newest first. `since`: with an event since then."""
        statement = select(incidents.c.doc).order_by(incidents.c.opened_at.desc(), incidents.c.id)
        for condition in _conditions(what):
            statement = statement.where(condition)
        return _load(self.execute(statement.limit(what.limit).offset(what.offset)))

    def open_incidents_sharing(self, entities: Sequence[tuple[str, str]], since: datetime) -> list[Incident]:
        """The one opened first comes first."""
        kinds = {kind for kind, _ in entities}
        if len(kinds) <= 1:  # with every batch: the jobs that ended well
            names = [bounded(name) for _, name in entities]
            return _load(self.among(_OPEN_WITH, names, kind=bounded(kinds.pop()), since=micros(since))) if names else []
        return _load(self.among_pairs(_SHARING, _bounded(entities), since=micros(since)))

    def children(self, incident_id: str) -> list[Incident]:
        return _load(self.ask(_CHILDREN, {"parent": incident_id}))

    def past_incidents(
        self,
        entities: Sequence[tuple[str, str]],
        start: datetime,
        end: datetime,
        exclude: str | None,
        limit: int = PAST_INCIDENTS,
    ) -> list[Incident]:
        """Opened in [start, end), open or resolved, the newest first and `limit` at most."""
        if not entities:
            return []
        span = {"start": micros(start), "end": micros(end)}
        return _load(self.among_pairs(_PAST, _bounded(entities), **span, exclude=exclude or "", count=limit))


def _bounded(entities: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(bounded(kind), bounded(name)) for kind, name in entities]


def _conditions(what: IncidentFilter) -> list[ColumnElement[bool]]:
    out: list[ColumnElement[bool]] = []
    if what.status:
        out.append(incidents.c.status.in_([str(status) for status in what.status]))
    if what.severity:
        out.append(incidents.c.severity.in_([str(severity) for severity in what.severity]))
    if what.owner is not None:
        out.append(incidents.c.owner == plain(what.owner))
    if what.since is not None:
        out.append(incidents.c.last_event_at >= micros(what.since))
    if what.top_level:
        out.append(incidents.c.parent.is_(None))
    if what.text:
        text = plain(what.text)
        named = select(incident_entities.c.incident_id).where(incident_entities.c.name.icontains(text, autoescape=True))
        columns = (incidents.c.id, incidents.c.title, incidents.c.key_text)
        out.append(or_(*(column.icontains(text, autoescape=True) for column in columns), incidents.c.id.in_(named)))
    return out


def _load(rows: Any) -> list[Incident]:
    return [INCIDENT.load(row.doc) for row in rows]


def _row(incident: Incident) -> Row:
    text = key_text(incident.key)
    return {
        "id": incident.id,
        "rule": bounded(incident.rule.name),
        "key_hash": digest(text),
        "key_text": plain(text),
        "status": incident.status.value,
        "severity": incident.severity.value,
        "owner": plain(incident.owner),
        "title": plain(incident.title),
        "opened_at": micros(incident.opened_at),
        "updated_at": micros(incident.updated_at),
        "resolved_at": maybe_micros(incident.resolved_at),
        "last_event_at": micros(incident.last_event_at),
        "parent": incident.parent,
        "version": incident.version,
        "entities_hash": _entities_hash(incident.entities),
        "doc": INCIDENT.dump(incident),
    }


def _entities_hash(entities: Mapping[str, Sequence[str]]) -> str:
    return digest(*(part for kind, names in entities.items() for part in (f"{kind}:{len(names)}", *names)))
