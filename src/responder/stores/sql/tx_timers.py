"""Timers: all work that is due at some time. One row per (kind, ref), one worker at a time.

A row is *free* (no lease) or *in work* (`lease_until` and a fencing token). What is set while a row is in work is kept beside it
in `next_due_at` and takes effect when the work ends, so that two workers never have the same row and no wish is lost. A lease
that ran out makes the row claimable again under a new token, and everything the late worker still tries is refused.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, delete, func, null, select, update

from responder.ports import Claim
from responder.stores.sql.instants import instant, micros
from responder.stores.sql.schema import timers
from responder.stores.sql.session import Session, listed, upsert

_FREE = timers.c.lease_until.is_(None)
_SAME = (timers.c.kind == bindparam("of_kind"), timers.c.ref == bindparam("of_ref"))
_OURS = (*_SAME, timers.c.token == bindparam("of_token"), timers.c.lease_until.is_not(None))


def _overwritten(have: Any, new: Any) -> dict[str, Any]:
    free = have.lease_until.is_(None)
    return {
        "due_at": case((free, new.due_at), else_=have.due_at),
        "reason": case((free, new.reason), else_=have.reason),
        "attempts": case((free, 0), else_=have.attempts),
        "next_due_at": case((free, null()), else_=new.due_at),
        "next_reason": case((free, null()), else_=new.reason),
        "version": have.version + 1,
    }


def _advanced(have: Any, new: Any) -> dict[str, Any]:
    free = have.lease_until.is_(None)
    sooner = free & (new.due_at < have.due_at)
    first_next = ~free & (have.next_due_at.is_(None) | (new.due_at < have.next_due_at))
    return {
        "due_at": case((sooner, new.due_at), else_=have.due_at),
        "reason": case((sooner, new.reason), else_=have.reason),
        "next_due_at": case((first_next, new.due_at), else_=have.next_due_at),
        "next_reason": case((first_next, new.reason), else_=have.next_reason),
        "version": have.version + 1,
    }


_SET = upsert(timers, _overwritten)
_ADVANCE = upsert(timers, _advanced)
_CANCEL = delete(timers).where(*_SAME)
_DUE_AT = listed(
    lambda among: select(timers.c.ref, func.coalesce(timers.c.next_due_at, timers.c.due_at).label("due_at")).where(
        timers.c.kind == bindparam("kind"), among(timers.c.ref)
    )
)
_CLAIMABLE = select(timers).where(timers.c.kind == bindparam("kind")).limit(bindparam("count"))
_DUE = (
    _CLAIMABLE.where(_FREE, timers.c.due_at <= bindparam("now"))
    .order_by(timers.c.due_at)
    .with_for_update(skip_locked=True)
)
_ABANDONED = (
    _CLAIMABLE.where(timers.c.lease_until <= bindparam("now"))
    .order_by(timers.c.lease_until)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(timers)
    .where(*_SAME)
    .values(
        token=bindparam("new_token"),
        lease_until=bindparam("new_lease"),
        # What was wished for before this claim is seen by this claim's worker; a later wish stays.
        next_due_at=case((timers.c.next_due_at <= bindparam("now"), null()), else_=timers.c.next_due_at),
        next_reason=case((timers.c.next_due_at <= bindparam("now"), null()), else_=timers.c.next_reason),
    )
)
_END_LEASES = update(timers).where(timers.c.lease_until.is_not(None)).values(lease_until=bindparam("ended"))
_SEEN = select(timers.c.next_due_at, timers.c.next_reason).where(*_OURS)
_HELD = _SEEN.with_for_update()
"""Locked, so that on PostgreSQL nobody claims the row between this look and the commit."""
_END = (
    update(timers)
    .where(*_OURS)
    .values(
        due_at=bindparam("new_due_at"),
        reason=bindparam("new_reason"),
        attempts=bindparam("new_attempts"),
        lease_until=None,
        token=0,
        next_due_at=None,
        next_reason=None,
    )
)
_FIRST_FREE = (
    select(timers.c.due_at).where(timers.c.kind == bindparam("kind"), _FREE).order_by(timers.c.due_at).limit(1)
)
_FIRST_LEASE = (
    select(timers.c.lease_until)
    .where(timers.c.kind == bindparam("kind"), timers.c.lease_until.is_not(None))
    .order_by(timers.c.lease_until)
    .limit(1)
)


class TimerTx(Session):
    """See `ports.Tx`."""

    def set_timers(self, timers: Sequence[tuple[str, str, datetime, str]]) -> None:
        if timers:
            self.execute_many(_SET, [_row(*timer) for timer in timers])

    def advance_timers(self, timers: Sequence[tuple[str, str, datetime, str]]) -> None:
        if timers:
            self.execute_many(_ADVANCE, [_row(*timer) for timer in timers])

    def cancel_timers(self, refs: Sequence[tuple[str, str]]) -> None:
        """A claim in flight is fenced off."""
        if refs:
            self.execute_many(_CANCEL, [{"of_kind": kind, "of_ref": ref} for kind, ref in refs])

    def timers(self, kind: str, refs: Sequence[str]) -> dict[str, datetime]:
        return {row.ref: instant(row.due_at) for row in self.among(_DUE_AT, refs, kind=kind)}

    def claim(self, now: datetime, kinds: Sequence[str], limit: int, lease_until: datetime) -> list[Claim]:
        at = micros(now)
        found: list[Any] = []
        for kind in kinds:
            for statement in (_DUE, _ABANDONED):
                found.extend(self.ask(statement, {"kind": kind, "now": at, "count": limit}))
        rows = sorted(found, key=lambda row: (row.due_at, row.kind, row.ref))[:limit]
        if not rows:
            return []
        token = (
            secrets.randbelow(2**62) + 1
        )  # never one that an earlier claim of a row had, even of a row deleted since
        taken = {"new_token": token, "new_lease": micros(lease_until), "now": at}
        self.execute_many(_TAKE, [{"of_kind": row.kind, "of_ref": row.ref, **taken} for row in rows])
        return [
            Claim(row.kind, row.ref, instant(row.due_at), token, row.version, row.attempts, row.reason) for row in rows
        ]

    def complete(self, claim: Claim) -> bool:
        """True when the claim was still ours: the row is gone, or due again as it was set meanwhile."""
        held = self._held(claim)
        if held is None:
            return False
        if held.next_due_at is None:
            self.cancel_timers([(claim.kind, claim.ref)])
        else:
            again = {"new_due_at": held.next_due_at, "new_reason": held.next_reason, "new_attempts": 0}
            self.ask(_END, {**_ours(claim), **again})
        return True

    def holds(self, claim: Claim) -> bool:
        return self._held(claim) is not None

    def release(self, claim: Claim, due_at: datetime, reason: str) -> bool:
        """Due again at `due_at`, or sooner when it was set so meanwhile."""
        held = self._held(claim)
        if held is None:
            return False
        again: dict[str, Any] = {
            "new_due_at": micros(due_at),
            "new_reason": reason,
            "new_attempts": claim.attempts + 1,
        }
        if held.next_due_at is not None and held.next_due_at < again["new_due_at"]:
            again |= {"new_due_at": held.next_due_at, "new_reason": held.next_reason}
        self.ask(_END, {**_ours(claim), **again})
        return True

    def end_leases(self, now: datetime) -> None:
        self.ask(_END_LEASES, {"ended": micros(now)})

    def next_due(self, kinds: Sequence[str]) -> datetime | None:
        times = [
            time
            for kind in kinds
            for statement in (_FIRST_FREE, _FIRST_LEASE)
            if (time := self.ask(statement, {"kind": kind}).scalar()) is not None
        ]
        return instant(min(times)) if times else None

    def _held(self, claim: Claim) -> Any:
        return self.ask(_SEEN if self.reads_only else _HELD, _ours(claim)).one_or_none()


def _row(kind: str, ref: str, due_at: datetime, reason: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "ref": ref,
        "due_at": micros(due_at),
        "reason": reason,
        "token": 0,
        "version": 1,
        "attempts": 0,
    }


def _ours(claim: Claim) -> dict[str, Any]:
    return {"of_kind": claim.kind, "of_ref": claim.ref, "of_token": claim.token}
