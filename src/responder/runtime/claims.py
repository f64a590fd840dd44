"""The loop under every durable loop: claim due rows, work on them side by side, sleep until the next is due.

Owns no state that matters: what is due is in the store. `wake` is called after each commit that may have made something due;
between wake-ups the loop sleeps exactly until the earliest due time. It ends when cancelled or `stop`ped; work in flight is
given `grace` to finish, and what does not finish is claimed again when its lease is over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from responder.errors import Conflict, Transient
from responder.ports import Claim, Clock, Store
from responder.runtime.retry import delay
from responder.telemetry import TIMER_LAG, log

_log = log(__name__)
LEASE = timedelta(seconds=120)
"""Longer than any single step may take (evidence deadlines are seconds, a delivery step 30 s)."""
PAUSE = timedelta(seconds=1)
"""After the store itself failed."""


class ClaimLoop:
    """Claims timers of some kinds and hands each to `work`, at most `width` at a time."""

    def __init__(
        self,
        name: str,
        store: Store,
        clock: Clock,
        kinds: Sequence[str],
        work: Callable[[Claim], Awaitable[None]],
        *,
        width: int,
        longest_sleep: timedelta = timedelta(minutes=10),
    ) -> None:
        self._name = name
        self._store = store
        self._clock = clock
        self._kinds = tuple(kinds)
        self._work = work
        self._width = width
        self._longest_sleep = longest_sleep
        self._wake = asyncio.Event()
        self._stopping = False
        self._planned: datetime | None = None
        self._running: set[asyncio.Task[None]] = set()

    def wake(self, due_at: datetime | None = None) -> None:
        """Something became due at `due_at` (None: look now); the sleeper is disturbed only when that is earlier than planned."""
        if due_at is None or self._planned is None or due_at < self._planned:
            self._wake.set()

    async def stop(self, grace: timedelta) -> None:
        """No new claims; wait for what runs, `grace` at most, then cancel it."""
        self._stopping = True
        self._wake.set()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=grace.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self._planned = self._clock.now() + self._longest_sleep
            try:
                pause = await self._until_next()
                if pause <= timedelta():
                    await self._claim()
                    continue
                self._planned = self._clock.now() + pause
            except (Transient, Conflict) as error:
                _log.warning("store_unavailable", loop=self._name, error=str(error))
                pause = PAUSE
                self._planned = None
            if not self._stopping:
                await self._sleep(pause)

    async def _claim(self) -> None:
        room = self._width - len(self._running)
        if room <= 0:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            return
        now = self._clock.now()
        claims = await self._store.write(lambda tx: tx.claim(now, self._kinds, room, now + LEASE))
        for claim in claims:
            TIMER_LAG.labels(claim.kind).observe(max(0.0, (now - claim.due_at).total_seconds()))
            task = asyncio.create_task(self._one(claim), name=f"{self._name}:{claim.kind}:{claim.ref}")
            self._running.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _one(self, claim: Claim) -> None:
        try:
            await self._work(claim)
        except Conflict:
            _log.debug("redo", loop=self._name, ref=claim.ref)
            await self._give_back(claim, timedelta(), "conflict")
        except Transient as error:
            _log.warning("later", loop=self._name, ref=claim.ref, error=str(error))
            await self._give_back(claim, PAUSE, claim.reason)
        except Exception:  # a bug: seen in the log, tried again ever more rarely, and harmful to this row alone  # noqa: BLE001
            _log.exception("work_failed", loop=self._name, kind=claim.kind, ref=claim.ref, attempts=claim.attempts + 1)
            await self._give_back(claim, delay(claim.attempts + 1), claim.reason)

    async def _give_back(self, claim: Claim, wait: timedelta, reason: str) -> None:
        due = self._clock.now() + wait
        try:
            await self._store.write(lambda tx: tx.release(claim, due, reason))
        except (Transient, Conflict) as error:
            _log.warning("lease_left_to_run_out", ref=claim.ref, error=str(error))

    async def _until_next(self) -> timedelta:
        due: datetime | None = await self._store.read(lambda tx: tx.next_due(self._kinds))
        if due is None:
            return self._longest_sleep
        return min(max(due - self._clock.now(), timedelta()), self._longest_sleep)

    async def _sleep(self, pause: timedelta) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), pause.total_seconds())
        except TimeoutError:
            return
