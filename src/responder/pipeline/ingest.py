"""INGEST: bytes become journalled events, alert states, incidents and timers in one transaction; only then is the sender told.

`accept` may be called side by side by many requests: what arrives while one batch commits goes together into the next. Batches
with checkpoints (a partition's progress) are committed on their own, with the checkpoints in the same transaction. A batch that
breaks is halved until the one bad event stands alone; that one goes to quarantine, the others go on.

Decoding, routing and storing are all done on the store's writing thread: what one core made of a message is still in its cache
when it is stored, and the event loop stays free. Decoding on the loop took half as long again for each event (bench/kafka.py).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.errors import Conflict, Transient
from responder.logic.batch import Changes, Known, Routed, needed
from responder.logic.correlate import fold
from responder.logic.grade import at_intake
from responder.logic.identity import event_id
from responder.logic.match import matches
from responder.logic.redact import redact_bytes
from responder.model.event import Event, Status
from responder.model.journal import Checkpoint, Disposition
from responder.model.rule import Outcome
from responder.pipeline.playbook import Playbook
from responder.pipeline.prepare import Prepared, Preparing, held, route_event
from responder.ports import Accepted, Clock, Format, RawMessage, Store, Tx
from responder.runtime.batching import Batcher
from responder.telemetry import EVENTS, INCIDENTS, NOT_STORED, QUARANTINED, QUEUE, STAGE_SECONDS, log

_log = log(__name__)
BATCH = 512
"""Events per transaction: larger gains nothing (measured), smaller costs an fsync more often."""
WAITING = 20_000
"""Messages that may wait for a commit before senders are asked to come back (503)."""
BIG_BODY = 256 * 1024
"""Bodies above this are decoded on a thread of their own, so that nobody waits for the store meanwhile."""
_DUPLICATE = Disposition.DUPLICATE
JOB_MEMORY = timedelta(days=14)
"""How far back an open incident of a job that now succeeded is looked for; the journal is no older."""


class Ingest:
    """The intake of all sources."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        formats: Mapping[str, Format],
        book: Callable[[], Playbook],
        committed: Callable[[datetime | None], None] = lambda due: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._book = book
        self._committed = committed
        self._batcher: Batcher[RawMessage | Prepared, Accepted] = Batcher(
            self._commit, limit=BATCH, bound=WAITING, on_depth=QUEUE.set
        )
        self._in_turn = asyncio.Lock()
        self._preparing = Preparing(formats, book)

    def start(self) -> None:
        self._batcher.start()

    async def close(self) -> None:
        await self._batcher.close()

    async def accept(
        self, messages: Sequence[RawMessage], checkpoints: Sequence[Checkpoint] = ()
    ) -> tuple[Accepted, ...]:
        if not checkpoints:
            return tuple(await self._batcher.submit(await self._big_ones_prepared(messages)))
        # A partition's batches reach the store in the order of these calls.
        async with self._in_turn:
            committing = asyncio.create_task(self._commit(await self._big_ones_prepared(messages), checkpoints))
        return tuple(await committing)

    async def _big_ones_prepared(self, messages: Sequence[RawMessage]) -> Sequence[RawMessage | Prepared]:
        if all(len(message.body) <= BIG_BODY for message in messages):
            return messages
        return [
            message if len(message.body) <= BIG_BODY else await asyncio.to_thread(self._preparing.one, message)
            for message in messages
        ]

    async def checkpoint(self, cluster: str, group: str, topic: str, partition: int) -> int | None:
        return await self._store.read(lambda tx: tx.checkpoint(cluster, group, topic, partition))

    async def accept_events(self, events: Sequence[Event]) -> tuple[Accepted, ...]:
        """Events that were decoded and redacted before (replay, rule tests): the same path from routing on."""
        book = self._book()
        now = self._clock.now()
        prepared = [
            Prepared(RawMessage(b"", event.format, event.source, now), routed=(route_event(book, event),))
            for event in events
        ]
        return tuple(await self._commit(prepared))

    def prepare(self, message: RawMessage) -> Prepared:
        """What would become of a message."""
        return self._preparing.one(message)

    # correlate and commit: one transaction

    async def _commit(
        self, messages: Sequence[RawMessage | Prepared], checkpoints: Sequence[Checkpoint] = ()
    ) -> Sequence[Accepted]:
        started = time.perf_counter()
        now = self._clock.now()
        prepared: list[Prepared] = []

        def ready() -> None:
            prepared.extend(self._preparing.all(messages))

        def work(tx: Tx) -> tuple[Changes, _Answers]:
            changes = self._write(tx, prepared, checkpoints, now)
            return changes, _answers(prepared, changes)

        try:
            changes, answers = await self._store.write(work, ready)
        except Transient:
            NOT_STORED.inc(len(messages))
            raise
        except Conflict:
            raise
        except Exception as error:  # noqa: BLE001
            return await self._bisect(prepared or self._preparing.all(messages), checkpoints, error)
        STAGE_SECONDS.labels("ingest").observe(time.perf_counter() - started)
        self._committed(changes.earliest_due())
        answers.count(changes)
        return answers.accepted

    async def _bisect(
        self, prepared: Sequence[Prepared], checkpoints: Sequence[Checkpoint], error: Exception
    ) -> Sequence[Accepted]:
        """Halve a failing batch. The checkpoints go with the last half: progress is recorded when all is stored."""
        if len(prepared) == 1 and len(prepared[0].routed) <= 1:
            only = prepared[0]
            _log.error("event_quarantined", format=only.message.format, error=repr(error))
            body = only.routed[0].event.model_dump_json() if only.routed else redact_bytes(only.message.body)
            part = only.routed[0].event.id if only.routed else 0
            entry = held(only.message, f"{type(error).__name__}: {error}", body, "ingest", part)
            return await self._commit([Prepared(only.message, (), (*only.quarantined, entry))], checkpoints)
        if len(prepared) == 1:
            only = prepared[0]
            split = [Prepared(only.message, (routed,)) for routed in only.routed]
            answers = await self._bisect([Prepared(only.message, (), only.quarantined), *split], checkpoints, error)
            return [_joined(answers)]
        half = len(prepared) // 2
        first = await self._commit(prepared[:half])
        return [*first, *await self._commit(prepared[half:], checkpoints)]

    def _write(self, tx: Tx, prepared: Sequence[Prepared], checkpoints: Sequence[Checkpoint], now: datetime) -> Changes:
        if checkpoints:
            tx.advance(checkpoints)
        entries = [entry for one in prepared for entry in one.quarantined]
        if entries:
            tx.put_quarantine(entries)
        batch = [routed for one in prepared for routed in one.routed]
        if not batch:
            return Changes()
        book = self._book()
        known = read_known(tx, batch, now, book)
        changes = fold(
            [_heard_at_last(routed, known, now) for routed in batch],
            known,
            now,
            severity=lambda rule, event: at_intake(book.matrix, rule, event),
            rules_version=book.rules.version,
            silenced=lambda silence, labels: matches(silence.match, labels),
        )
        write_changes(tx, changes)
        return changes


def _heard_at_last(routed: Routed, known: Known, now: datetime) -> Routed:
    """What began firing while a silence kept it quiet and still fires when that is over: the next copy is news, under an id of
    its own. As a duplicate it would never be heard of."""
    event, key = routed.event, (routed.event.source, routed.event.fingerprint)
    state = known.states.get(key)
    if state is None or state.incident_ids or state.status != Status.FIRING.value:
        return routed
    if event.status is not Status.FIRING or event.job is not None or routed.suppressed is not None:
        return routed  # a job's end happens once: nobody says again that it failed
    if all(rule.outcome is not Outcome.TRIAGE for rule, _ in routed.rules):
        return routed
    if any(one.active_at(now) and matches(one.match, routed.labels) for one in known.silences):
        return routed
    known.states[key] = state.model_copy(update={"status": Status.RESOLVED.value})
    id = event_id(event.format, event.source, event.fingerprint, "heard", event.starts_at, now)
    return routed._replace(event=event.model_copy(update={"id": id}))


def read_known(tx: Tx, batch: Sequence[Routed], now: datetime, book: Playbook) -> Known:
    """All that `fold` needs, in a handful of statements however large the batch."""
    need = needed(batch)
    states = tx.alert_states(need.states) if need.states else {}
    latest = tx.latest_incidents(need.incidents) if need.incidents else {}
    loaded = {incident.id: incident for incident in latest.values()}
    missing = {id for state in states.values() for id in state.incident_ids} - set(loaded)
    if missing:
        loaded |= tx.incidents(tuple(missing))
    return Known(
        states=states,
        latest=latest,
        by_id=loaded,
        journalled=tx.journalled(need.event_ids),
        of_jobs=tx.open_incidents_sharing(need.finished_jobs, now - JOB_MEMORY) if need.finished_jobs else [],
        silences=(*book.silences, *tx.silences(now)),
    )


def write_changes(tx: Tx, changes: Changes) -> None:
    """Store what `fold` decided. What is large and what nothing is asked about comes last: the store may leave it for the commit."""
    if changes.incidents:
        tx.put_incidents(tuple(changes.incidents.values()))
    if changes.states:
        tx.put_alert_states(tuple(changes.states.values()))
    if changes.timers:
        tx.set_timers(changes.timers)
    if changes.earlier_timers:
        tx.advance_timers(changes.earlier_timers)
    if changes.cancelled:
        tx.cancel_timers(changes.cancelled)
    if changes.changes:
        tx.put_changes(changes.changes)
    if changes.jobs:
        tx.put_jobs(changes.jobs)
    if changes.journal:
        tx.append_journal(changes.journal, fresh=True)
    if changes.links:
        tx.link_events(changes.links)


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the senders are told, and what the metrics count, once all is committed."""

    accepted: list[Accepted]
    became: Counter[tuple[str, Disposition]]
    """Events by format and disposition."""
    quarantined: Counter[tuple[str, str]]
    """Entries by format and stage."""

    def count(self, changes: Changes) -> None:
        for (format, disposition), count in self.became.items():
            EVENTS.labels(format, disposition.value).inc(count)
        for (format, stage), count in self.quarantined.items():
            QUARANTINED.labels(format, stage).inc(count)
        for rule, transition in changes.transitions:
            INCIDENTS.labels(rule, transition).inc()


def _answers(prepared: Sequence[Prepared], changes: Changes) -> _Answers:
    accepted: list[Accepted] = []
    became: list[tuple[str, Disposition]] = []
    at = 0
    for one in prepared:
        results = changes.dispositions[at : at + len(one.routed)]
        at += len(one.routed)
        if len(results) == 1 and not one.quarantined:  # as nearly every message of a queue
            ((id, disposition),) = results
            became.append((one.message.format, disposition))
            accepted.append(Accepted(0, 1, 0, (id,)) if disposition is _DUPLICATE else Accepted(1, 0, 0, (id,)))
            continue
        became += [(one.message.format, disposition) for _, disposition in results]
        duplicates = sum([disposition is _DUPLICATE for _, disposition in results])
        accepted.append(
            Accepted(
                accepted=len(results) - duplicates,
                duplicates=duplicates,
                quarantined=len(one.quarantined),
                event_ids=tuple([id for id, _ in results]),
                quarantine_ids=tuple([entry.id for entry in one.quarantined]),
                error=one.error,
            )
        )
    quarantined = Counter([(entry.format, entry.stage) for one in prepared for entry in one.quarantined])
    return _Answers(accepted, Counter(became), quarantined)


def _joined(answers: Sequence[Accepted]) -> Accepted:
    return Accepted(
        accepted=sum(one.accepted for one in answers),
        duplicates=sum(one.duplicates for one in answers),
        quarantined=sum(one.quarantined for one in answers),
        event_ids=tuple(id for one in answers for id in one.event_ids),
        quarantine_ids=tuple(id for one in answers for id in one.quarantine_ids),
    )
