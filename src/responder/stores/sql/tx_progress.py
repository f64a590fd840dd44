"""How far each partition was read, what the store says of itself, and its own small settings."""

from collections.abc import Sequence

from sqlalchemy import Table, bindparam, func, insert, select, update

from responder.errors import Conflict
from responder.model.incident import IncidentStatus, Severity
from responder.model.journal import Checkpoint
from responder.stores.sql.schema import checkpoints, incidents, journal, meta, metadata
from responder.stores.sql.session import Row, Session, replacing

_COUNTED_BY_NUMBER = frozenset({"journal"})
_NOT_COUNTED = frozenset(
    {"event_entities", "incident_events", "incident_entities", "job_nodes", "rollup_daily", "meta"}
)
"""Indexes in the form of tables: large, and nobody asks."""

_OF_PARTITION = (
    checkpoints.c.cluster == bindparam("of_cluster"),
    checkpoints.c.consumer_group == bindparam("of_group"),
    checkpoints.c.topic == bindparam("of_topic"),
    checkpoints.c.partition == bindparam("of_partition"),
)
_NEXT = select(checkpoints.c.next).where(*_OF_PARTITION)
_FIRST = insert(checkpoints)
_MOVE = update(checkpoints).where(*_OF_PARTITION, checkpoints.c.next == bindparam("expected"))
_PUT_META = replacing(meta)
_META = select(meta.c.value).where(meta.c.key == bindparam("key"))
_OPEN = (
    select(incidents.c.severity, func.count().label("rows"))
    .where(incidents.c.status != IncidentStatus.RESOLVED.value)
    .group_by(incidents.c.severity)
)


class ProgressTx(Session):
    """See `ports.Tx`."""

    def checkpoint(self, cluster: str, group: str, topic: str, partition: int) -> int | None:
        found = self.ask(_NEXT, _partition(cluster, group, topic, partition)).scalar()
        return None if found is None else int(found)

    def advance(self, checkpoints: Sequence[Checkpoint]) -> None:
        for one in checkpoints:
            if one.expected is None:
                row = {"cluster": one.cluster, "consumer_group": one.group, "topic": one.topic}
                self.ask(_FIRST, row | {"partition": one.partition, "next": one.next})
                continue
            where = _partition(one.cluster, one.group, one.topic, one.partition)
            if self.ask(_MOVE, {**where, "expected": one.expected, "next": one.next}).rowcount != 1:
                stored = self.checkpoint(one.cluster, one.group, one.topic, one.partition)
                raise Conflict(
                    f"{one.topic}/{one.partition} of group {one.group} stands at {stored}, not at {one.expected}:"
                    " another consumer moved it"
                )

    def counts(self) -> dict[str, int]:
        """Rows per table, and `open_SEV1` to `open_SEV4`. The journal's is its span of numbers: counting it would read it all."""
        out = {name: self._rows(table) for name, table in metadata.tables.items() if name not in _NOT_COUNTED}
        out |= {f"open_{severity}": count for severity, count in self.open_by_severity().items()}
        return out

    def open_by_severity(self) -> dict[Severity, int]:
        return {Severity(row.severity): row.rows for row in self.ask(_OPEN)}

    def meta(self, key: str) -> str | None:
        found = self.ask(_META, {"key": key}).scalar()
        return None if found is None else str(found)

    def put_meta(self, key: str, value: str) -> None:
        self.ask(_PUT_META, {"key": key, "value": value})

    def _rows(self, table: Table) -> int:
        if table.name in _COUNTED_BY_NUMBER:
            # two statements: SQLite answers one minimum or maximum from the index, and scans for both at once
            first = self.execute(select(func.min(journal.c.seq))).scalar()
            last = self.execute(select(func.max(journal.c.seq))).scalar()
            return 0 if first is None or last is None else int(last - first + 1)
        return int(self.execute(select(func.count()).select_from(table)).scalar_one())


def _partition(cluster: str, group: str, topic: str, partition: int) -> Row:
    return {"of_cluster": cluster, "of_group": group, "of_topic": topic, "of_partition": partition}
