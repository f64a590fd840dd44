"""Timers against a model of a few lines: whatever is set, claimed, completed and released in whatever order."""

from dataclasses import dataclass
from datetime import datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from responder.ports import Claim
from responder.stores.sql.address import parse_address
from responder.stores.sql.engine import writer_engine
from responder.stores.sql.migrate import prepare
from responder.stores.sql.tx import SqlTx
from tests.making import T0, minutes

REFS = st.sampled_from(["a", "b", "c"])
MINUTES = st.integers(0, 12)


@dataclass
class Row:
    """A timer as a reader of `ports.Tx` would describe it."""

    due: datetime
    attempts: int = 0
    wish: datetime | None = None
    lease: datetime | None = None
    token: int | None = None


class Timers(RuleBasedStateMachine):
    """Rows by ref; `now` only goes forward."""

    claims: Bundle[Claim] = Bundle("claims")

    @initialize()
    def connect(self) -> None:
        address = parse_address("sqlite::memory:")
        self.engine = writer_engine(address)
        prepare(address, self.engine)
        self.connection = self.engine.connect()
        self.tx = SqlTx(self.connection, "memory")
        self.rows: dict[str, Row] = {}
        self.now = T0

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
            self.engine.dispose()

    @rule(wait=MINUTES)
    def time_passes(self, wait: int) -> None:
        self.now += minutes(wait)

    @rule(ref=REFS, wait=MINUTES)
    def set(self, ref: str, wait: int) -> None:
        at = self.now + minutes(wait)
        self.tx.set_timers([("triage", ref, at, "set")])
        row = self.rows.get(ref)
        if row is None or row.lease is None:
            self.rows[ref] = Row(at)
        else:
            row.wish = at

    @rule(ref=REFS, wait=MINUTES)
    def advance(self, ref: str, wait: int) -> None:
        at = self.now + minutes(wait)
        self.tx.advance_timers([("triage", ref, at, "advance")])
        row = self.rows.setdefault(ref, Row(at))
        if row.lease is None:
            row.due = min(row.due, at)
        else:
            row.wish = min(row.wish or at, at)

    @rule(ref=REFS)
    def cancel(self, ref: str) -> None:
        self.tx.cancel_timers([("triage", ref)])
        self.rows.pop(ref, None)

    @rule(target=claims, limit=st.integers(1, 3), lease=st.integers(1, 6))
    def claim(self, limit: int, lease: int) -> object:
        claimed = self.tx.claim(self.now, ["triage"], limit, self.now + minutes(lease))
        ready = [
            ref
            for ref, row in self.rows.items()
            if (row.due <= self.now if row.lease is None else row.lease <= self.now)
        ]
        assert len(claimed) == min(limit, len(ready))
        for one in claimed:
            assert one.ref in ready
            row = self.rows[one.ref]
            assert (one.due_at, one.attempts) == (row.due, row.attempts)
            row.lease, row.token = self.now + minutes(lease), one.token
            row.wish = None if row.wish is not None and row.wish <= self.now else row.wish
        return multiple(*claimed)

    @rule(claim=claims)
    def complete(self, claim: Claim) -> None:
        ours = self._ours(claim)
        assert self.tx.complete(claim) is ours
        if not ours:
            return
        row = self.rows.pop(claim.ref)
        if row.wish is not None:
            self.rows[claim.ref] = Row(row.wish)

    @rule(claim=claims, wait=MINUTES)
    def release(self, claim: Claim, wait: int) -> None:
        at, ours = self.now + minutes(wait), self._ours(claim)
        assert self.tx.release(claim, at, "again") is ours
        if ours:
            row = self.rows[claim.ref]
            self.rows[claim.ref] = Row(min(at, row.wish or at), claim.attempts + 1)

    @invariant()
    def the_store_and_the_model_agree(self) -> None:
        if not hasattr(self, "rows"):
            return
        times = [row.due if row.lease is None else row.lease for row in self.rows.values()]
        assert self.tx.next_due(["triage"]) == min(times, default=None)
        stored = self.tx.timers("triage", ["a", "b", "c"])
        assert stored == {ref: row.wish or row.due for ref, row in self.rows.items()}

    def _ours(self, claim: Claim) -> bool:
        row = self.rows.get(claim.ref)
        return row is not None and row.token == claim.token


TestTimers = Timers.TestCase
TestTimers.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
