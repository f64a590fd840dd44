"""DELIVER: makes a sink show the latest desired state, one outside effect at a time.

Before an effect the attempt is committed, after it the receipt: a crash in between leaves a row that says "outcome unknown", and
the sink looks for itself before it sends again. A sink that is down delays only its own rows.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.errors import Conflict, Permanent, Transient
from responder.logic.notify import Decision, decide, fallback_due
from responder.model.delivery import Delivery, Order, Receipt, Send, Visible
from responder.model.incident import Incident
from responder.model.report import Report
from responder.pipeline.playbook import Playbook
from responder.ports import Claim, Clock, Sink, Store, Tx
from responder.runtime.retry import delay
from responder.telemetry import REPORT_SECONDS, SEND_ERRORS, SENDS, SINK_FAILING, log

_log = log(__name__)
STEP_TIME = timedelta(seconds=60)
"""For one effect; a sink has shorter limits of its own. Well below a claim's lease, or two workers would be at it."""
STEPS = 25
"""Effects that one delivery may take (a message, its thread parts); more would be a sink that never finishes."""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery with what it is about."""

    row: Delivery
    incident: Incident
    report: Report | None


class Deliver:
    """The third loop."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        book: Callable[[], Playbook],
        sinks: Mapping[str, Sink],
        committed: Callable[[datetime | None], None],
        *,
        step_time: timedelta = STEP_TIME,
    ) -> None:
        self._store = store
        self._step_time = step_time
        self._clock = clock
        self._book = book
        self._sinks = sinks
        self._committed = committed

    async def work(self, claim: Claim) -> None:
        incident_id, _, name = claim.ref.partition("|")
        sink = self._sinks.get(name)
        due = await self._store.read(lambda tx: _read(tx, incident_id, name))
        if due is None or sink is None:
            await self._store.write(lambda tx: tx.complete(claim))
            return
        for _ in range(STEPS):
            decision = decide(due.row, due.incident, sink.minimum_severity)
            if not decision.send or due.report is None:
                await self._skip(claim, due, decision)
                return
            stepped = await self._step(claim, due, due.report, sink, decision)
            if stepped is None:
                return
            due = stepped
        _log.error("delivery_never_done", incident=incident_id, sink=name)
        await self._store.write(lambda tx: tx.release(claim, self._clock.now() + timedelta(minutes=1), claim.reason))

    async def _step(self, claim: Claim, due: Due, report: Report, sink: Sink, decision: Decision) -> Due | None:
        """One effect; None when this claim is over (failed, or all is shown)."""
        now = self._clock.now()
        unknown = due.row.attempt_started_at is not None
        row = due.row.model_copy(update={"attempt_started_at": due.row.attempt_started_at or now})
        if not unknown:
            await self._store.write(lambda tx: self._put(tx, claim, row))
        order = Order(
            delivery_id=f"{due.incident.id}.{due.incident.episode}.{sink.name}.{row.desired_version}",
            incident_id=due.incident.id,
            episode=row.episode,
            visible=row.desired,
            reason=decision.reason,
            target=row.target,
            receipt=row.receipt,
            outcome_unknown=unknown,
            claimed_at=now,
            first_attempt_at=row.attempt_started_at or now,
            note=row.note,
        )
        try:
            receipt = await self._show(sink, order, report)
        except Transient as error:
            await self._failed(claim, row, sink, error)
            return None
        except Permanent as error:
            await self._refused(claim, due, row, sink, error)
            return None
        return await self._shown(claim, due, row, sink, decision, receipt)

    async def _show(self, sink: Sink, order: Order, report: Report) -> Receipt:
        """Raises Transient or Permanent, whatever the sink does: its bug must end in its fallback, too."""
        try:
            async with asyncio.timeout(self._step_time.total_seconds()):
                return await sink.deliver(order, report)
        except (Transient, Permanent):
            raise
        except TimeoutError as error:
            raise Transient(f"{sink.name} did not answer in time", outcome_unknown=True) from error
        except Exception as error:
            _log.exception("sink_failed", sink=sink.name, incident=order.incident_id)
            raise Transient(f"{sink.name} broke: {type(error).__name__}: {error}", outcome_unknown=True) from error

    async def _shown(
        self, claim: Claim, due: Due, row: Delivery, sink: Sink, decision: Decision, receipt: Receipt
    ) -> Due | None:
        now = self._clock.now()
        first = row.receipt is None or row.receipt.visible is None
        receipt = receipt.model_copy(
            update={"visible": row.desired, "revision": row.desired_revision, "at": now}
            if receipt.done
            else {"visible": receipt.visible or row.desired}
        )
        done = row.model_copy(
            update={
                "receipt": receipt,
                "delivered_version": row.desired_version if receipt.done else row.delivered_version,
                "attempt_started_at": None,
                "attempts": 0,
                "failing_since": None,
                "last_error": None,
            }
        )
        send = Send(
            incident_id=row.incident_id,
            sink=sink.name,
            at=now,
            sent=True,
            reason=decision.reason,
            revision=row.desired_revision,
            message_id=receipt.message_id,
        )
        fresh = await self._store.write(lambda tx: self._record(tx, claim, row, done, send))
        SENDS.labels(sink.name, "yes", decision.reason).inc()
        SINK_FAILING.labels(sink.name).set(0)
        if first and row.desired is Visible.OPEN:
            REPORT_SECONDS.labels(sink.name).observe((now - due.incident.opened_at).total_seconds())
        return fresh

    def _record(self, tx: Tx, claim: Claim, tried: Delivery, done: Delivery, send: Send) -> Due | None:
        """Commit the receipt onto the row as it is now: what is desired may have moved on meanwhile."""
        if not tx.holds(claim):
            raise Conflict(f"{claim.ref} was claimed by another worker")
        current = tx.deliveries(tried.incident_id).get(tried.sink, tried)
        merged = current.model_copy(
            update={
                name: getattr(done, name)
                for name in (
                    "receipt",
                    "delivered_version",
                    "attempt_started_at",
                    "failing_since",
                    "last_error",
                    "attempts",
                )
            }
        )
        tx.put_deliveries([merged])
        tx.append_sends([send])
        if merged.delivered_version >= merged.desired_version and (merged.receipt is None or merged.receipt.done):
            tx.complete(claim)
            return None
        return _read(tx, tried.incident_id, tried.sink)

    def _put(self, tx: Tx, claim: Claim, row: Delivery) -> None:
        if not tx.holds(claim):
            raise Conflict(f"{claim.ref} was claimed by another worker")
        current = tx.deliveries(row.incident_id).get(row.sink, row)
        tx.put_deliveries([current.model_copy(update={"attempt_started_at": row.attempt_started_at})])

    async def _skip(self, claim: Claim, due: Due, decision: Decision) -> None:
        """Nothing to send: say why once, and call the row settled."""
        row, now = due.row, self._clock.now()
        new = decision.reason != "nothing_new"
        send = Send(
            incident_id=row.incident_id,
            sink=row.sink,
            at=now,
            sent=False,
            reason=decision.reason,
            revision=row.desired_revision,
        )

        def commit(tx: Tx) -> None:
            if not tx.holds(claim):
                raise Conflict(f"{claim.ref} was claimed by another worker")
            if new:
                # As it is now: what became desired meanwhile is not skipped along.
                current = tx.deliveries(row.incident_id).get(row.sink, row)
                tx.put_deliveries([current.model_copy(update={"delivered_version": row.desired_version})])
                tx.append_sends([send])
            tx.complete(claim)

        await self._store.write(commit)
        if new:
            SENDS.labels(row.sink, "no", decision.reason).inc()

    # failures

    async def _failed(self, claim: Claim, row: Delivery, sink: Sink, error: Transient) -> None:
        now = self._clock.now()
        rate_limited = error.retry_after is not None
        # Being asked to wait is no failure: it must neither back off further nor call the fallback.
        attempts = row.attempts + (not rate_limited)
        due_at = now + (error.retry_after if error.retry_after is not None else delay(attempts))
        failing = row.model_copy(
            update={
                "attempts": attempts,
                "failing_since": row.failing_since if rate_limited else row.failing_since or now,
                "last_error": str(error),
                "attempt_started_at": row.attempt_started_at if error.outcome_unknown else None,
            }
        )
        SEND_ERRORS.labels(sink.name, "rate_limited" if rate_limited else "transient").inc()
        if not rate_limited:
            SINK_FAILING.labels(sink.name).set(1)
        _log.warning(
            "send_failed", sink=sink.name, incident=row.incident_id, error=str(error), again_at=due_at.isoformat()
        )
        use_fallback = fallback_due(failing, now)
        await self._store.write(lambda tx: self._postpone(tx, claim, failing, due_at, use_fallback, sink))
        if use_fallback:
            self._committed(now)

    def _postpone(
        self, tx: Tx, claim: Claim, failing: Delivery, due_at: datetime, use_fallback: bool, sink: Sink
    ) -> None:
        if not tx.release(claim, due_at, claim.reason):
            raise Conflict(f"{claim.ref} was claimed by another worker")
        self._keep_failure(tx, failing)
        if use_fallback:
            self._fall_back(tx, failing, sink)

    async def _refused(self, claim: Claim, due: Due, row: Delivery, sink: Sink, error: Permanent) -> None:
        now = self._clock.now()
        SEND_ERRORS.labels(sink.name, "permanent").inc()
        SINK_FAILING.labels(sink.name).set(1)
        _log.error("send_refused", sink=sink.name, incident=row.incident_id, error=str(error))
        refused = row.model_copy(
            update={
                "abandoned": True,
                "last_error": str(error),
                "failing_since": row.failing_since or now,
                "attempt_started_at": None,
            }
        )
        send = Send(
            incident_id=row.incident_id,
            sink=sink.name,
            at=now,
            sent=False,
            reason="refused_by_sink",
            revision=row.desired_revision,
            detail=str(error),
        )

        def commit(tx: Tx) -> None:
            if not tx.holds(claim):
                raise Conflict(f"{claim.ref} was claimed by another worker")
            self._keep_failure(tx, refused)
            tx.append_sends([send])
            tx.complete(claim)
            self._fall_back(tx, refused, sink)

        await self._store.write(commit)
        self._committed(now)

    def _keep_failure(self, tx: Tx, row: Delivery) -> None:
        current = tx.deliveries(row.incident_id).get(row.sink, row)
        names: tuple[str, ...] = ("attempts", "failing_since", "last_error", "attempt_started_at", "abandoned")
        if current.desired_version != row.desired_version:
            names = tuple(name for name in names if name != "abandoned")
        tx.put_deliveries([current.model_copy(update={name: getattr(row, name) for name in names})])

    def _fall_back(self, tx: Tx, row: Delivery, sink: Sink) -> None:
        """Have the fallback sink show it too, and say why. Once per incident: later revisions reach both."""
        other = self._sinks.get(sink.fallback or "")
        incident = tx.incidents([row.incident_id]).get(row.incident_id)
        if other is None or incident is None or other.name in tx.deliveries(row.incident_id):
            return
        now = self._clock.now()
        since = row.failing_since.strftime("%H:%M UTC") if row.failing_since else "now"
        note = f"Sent here because {sink.name} has been failing since {since}: {row.last_error}"
        wanted = row.model_copy(
            update={
                "sink": other.name,
                "target": other.target(self._book().owner(incident.owner)),
                "receipt": None,
                "note": note[:500],
                "reason": "fallback",
                "desired_version": 1,
                "delivered_version": 0,
                "attempts": 0,
                "failing_since": None,
                "last_error": None,
                "attempt_started_at": None,
                "abandoned": False,
            }
        )
        tx.put_deliveries([wanted])
        tx.set_timers([("deliver", f"{row.incident_id}|{other.name}", now, "fallback")])


def _read(tx: Tx, incident_id: str, sink: str) -> Due | None:
    row = tx.deliveries(incident_id).get(sink)
    incident = tx.incidents([incident_id]).get(incident_id)
    if row is None or incident is None:
        return None
    return Due(row, incident, tx.latest_reports([incident_id]).get(incident_id))
