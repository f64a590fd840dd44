"""What runs where, and what was changed: projections of events that impact and diagnosis ask."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, or_, select

from responder.model.event import Change, JobFact
from responder.stores.sql.documents import CHANGE, JOB
from responder.stores.sql.instants import maybe_micros, micros
from responder.stores.sql.job_facts import merged, span
from responder.stores.sql.schema import changes, job_nodes, jobs
from responder.stores.sql.session import Session, bounded, digest, listed, replacing, upsert

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_PUT_JOBS = replacing(jobs)
_JOBS = listed(lambda among: select(jobs.c.doc).where(among(jobs.c.id)))
_FORGET_NODES = delete(job_nodes).where(job_nodes.c.job_id == bindparam("of_job"))
_PUT_NODES = upsert(job_nodes, None)
_ON_NODES = listed(
    lambda among: select(jobs.c.id, jobs.c.doc).where(
        jobs.c.id.in_(select(job_nodes.c.job_id).where(among(job_nodes.c.node))),
        jobs.c.from_at <= bindparam("end"),
        or_(jobs.c.until_at.is_(None), jobs.c.until_at >= bindparam("start")),
    )
)
_PUT_CHANGES = upsert(changes, None)
_CHANGES = listed(
    lambda among: select(changes.c.id, changes.c.doc).where(
        among(changes.c.entity), changes.c.at >= bindparam("start"), changes.c.at <= bindparam("end")
    )
)


class _Line(NamedTuple):
    """A row of `jobs`."""

    id: str
    from_at: int | None
    until_at: int | None
    seen_at: int
    doc: str


class _Place(NamedTuple):
    """A row of `job_nodes`."""

    node: str
    job_id: str


def _line(job: JobFact) -> _Line:
    start, end = span(job)
    seen = job.seen_at or job.ended_at or job.started_at or _NEVER
    return _Line(bounded(job.id), maybe_micros(start), maybe_micros(end), micros(seen), JOB.dump(job))


class ProjectionTx(Session):
    """See `ports.Tx`."""

    def put_jobs(self, jobs: Sequence[JobFact]) -> None:
        before = self.jobs([job.id for job in jobs])
        after: dict[str, JobFact] = {}
        for job in jobs:
            known = after.get(job.id) or before.get(job.id)
            after[job.id] = job if known is None else merged(known, job)
        moved = [job for job in after.values() if (old := before.get(job.id)) is None or old.nodes != job.nodes]
        if after:
            self.later(_PUT_JOBS, [_line(job) for job in after.values()])
        if changed := [{"of_job": bounded(job.id)} for job in moved if job.id in before]:
            self.later(_FORGET_NODES, changed)
        if places := [_Place(bounded(node), bounded(job.id)) for job in moved for node in set(job.nodes)]:
            self.later(_PUT_NODES, places)

    def jobs(self, ids: Sequence[str]) -> dict[str, JobFact]:
        found = (JOB.load(row.doc) for row in self.among(_JOBS, [bounded(id) for id in dict.fromkeys(ids)]))
        return {job.id: job for job in found}

    def jobs_on(self, nodes: Sequence[str], start: datetime, end: datetime) -> list[JobFact]:
        """In the order of their ids."""
        names = [bounded(node) for node in dict.fromkeys(nodes)]
        rows = self.among(_ON_NODES, names, start=micros(start), end=micros(end))
        docs = {row.id: row.doc for row in rows}
        return [JOB.load(docs[id]) for id in sorted(docs)]

    def put_changes(self, changes: Sequence[Change]) -> None:
        """The same change told twice is one."""
        if changes:
            self.execute_many(
                _PUT_CHANGES,
                [
                    {
                        "id": digest(change.at.isoformat(), change.entity, change.what),
                        "entity": bounded(change.entity),
                        "at": micros(change.at),
                        "doc": CHANGE.dump(change),
                    }
                    for change in changes
                ],
            )

    def changes(self, entities: Sequence[str], start: datetime, end: datetime) -> list[Change]:
        """In [start, end], the oldest first; those of no entity in particular belong to every one."""
        names = list(dict.fromkeys(["", *(bounded(name) for name in entities)]))
        rows = self.among(_CHANGES, names, start=micros(start), end=micros(end))
        found = [CHANGE.load(doc) for doc in {row.id: row.doc for row in rows}.values()]
        return sorted(found, key=lambda change: (change.at, change.entity, change.what))
