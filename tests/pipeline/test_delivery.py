"""Sinks that fail: kept and tried again, handed to the fallback, never sent twice unseen, never one sink's harm to another."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import pairwise
from typing import TypeVar

import pytest

from responder.errors import Permanent, Transient
from responder.model.delivery import Order, Owner, Receipt, Visible
from responder.model.event import Status
from responder.model.incident import Severity
from responder.model.report import Report
from responder.pipeline.deliver import Deliver
from responder.ports import Store, Tx
from tests.making import T0, event, minutes
from tests.pipeline.conftest import Channel, Simulate, away, node_rule

pytestmark = pytest.mark.asyncio
T = TypeVar("T")
XID = {"alertname": "XidError", "severity": "critical", "xid": "79"}
DOWN = [Transient("connection refused")]


async def test_a_failure_that_passes_is_tried_again_with_growing_waits(simulate: Simulate) -> None:
    slack = Channel("slack", *away(4))
    engine = await simulate(node_rule(), channels=[slack])
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    assert len(slack.orders) == 5
    assert len({order.delivery_id for order in slack.orders}) == 1, "the same delivery, so that a vendor can tell"
    at = [order.claimed_at for order in slack.orders]
    waits = [(later - sooner).total_seconds() for sooner, later in pairwise(at)]
    for wait, least in zip(waits, (1, 2, 4, 8), strict=True):
        assert least <= wait <= least + 1
    assert (slack.orders[-1].outcome_unknown, slack.orders[-1].first_attempt_at) == (False, at[-1])
    incident = await engine.only()
    row = (await engine.store.read(lambda tx: tx.deliveries(incident.id)))["slack"]
    assert (row.attempts, row.failing_since, row.last_error) == (0, None, None)


async def test_the_sink_says_when_and_that_is_no_failure(simulate: Simulate) -> None:
    limited = Transient("rate limited", retry_after=timedelta(minutes=7))
    slack, console = Channel("slack", limited, None, fallback="console"), Channel("console")
    engine = await simulate(node_rule(sinks=("slack",)), channels=[slack, console])
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + timedelta(seconds=3) + minutes(6.9))
    assert len(slack.orders) == 1
    await engine.advance(T0 + timedelta(seconds=3) + minutes(7))
    assert len(slack.orders) == 2
    assert console.orders == []


async def test_meanwhile_only_the_latest_state_is_kept_to_be_sent(simulate: Simulate) -> None:
    slack = Channel("slack", *DOWN)
    engine = await simulate(node_rule(group_interval=timedelta(seconds=10)), channels=[slack])
    for n in range(4):
        at = T0 + timedelta(seconds=15 * n)
        await engine.feed([event(labels={**XID, "gpu": str(n)}, at=at)], at)
    await engine.advance(T0 + minutes(3))
    failed = len(slack.orders)
    slack.plan = [None]
    await engine.advance(T0 + minutes(10))
    (report,) = slack.reports[failed:]
    assert report.incident.events == 4, "not the three reports before"


async def test_a_sink_that_is_down_delays_only_itself(simulate: Simulate) -> None:
    slack, pager = Channel("slack", *DOWN), Channel("pager")
    engine = await simulate(node_rule(), channels=[slack, pager])
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + timedelta(seconds=3))
    assert [order.reason for order in pager.orders] == ["first_report"]


async def test_after_five_minutes_the_fallback_is_told_and_why(simulate: Simulate) -> None:
    slack, console = Channel("slack", *DOWN, fallback="console"), Channel("console")
    engine = await simulate(node_rule(sinks=("slack",)), channels=[slack, console])
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(5))
    assert console.orders == []
    await engine.advance(T0 + minutes(7))
    (order,) = console.orders
    assert order.reason == "fallback"
    assert "slack has been failing since 03:00 UTC" in order.note
    assert "connection refused" in order.note
    at = T0 + minutes(10)
    await engine.feed([event(Status.RESOLVED, labels=XID, at=at, start=T0, ends_at=at)], at)
    await engine.advance(at)
    assert console.orders[-1].visible is Visible.RESOLVED, "whoever was told of it hears of its end"
    slack.plan, tried = [None], len(slack.orders)
    await engine.advance(at + minutes(5))
    assert len(slack.orders) == tried, "it never showed the fault, so its end would only puzzle"
    incident = await engine.only()
    assert (await engine.decided(incident.id))[-1] == ("slack", False, "resolved_before_first_report")


async def test_what_can_never_work_goes_to_the_fallback_at_once_and_is_not_tried_again(simulate: Simulate) -> None:
    slack = Channel("slack", Permanent("channel_not_found"), None, fallback="console")
    console = Channel("console")
    engine = await simulate(node_rule(sinks=("slack",)), channels=[slack, console])
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + timedelta(seconds=30))
    assert (len(slack.orders), len(console.orders)) == (1, 1)
    assert "channel_not_found" in console.orders[0].note
    incident = await engine.only()
    assert ("slack", False, "refused_by_sink") in await engine.decided(incident.id)
    at = T0 + minutes(5)
    await engine.feed([event(labels={**XID, "gpu": "1"}, at=at)], at)
    await engine.advance(at + minutes(2))
    assert len(slack.orders) == 2, "something new is worth a new try"


async def test_without_a_fallback_a_failing_sink_is_tried_for_ever(simulate: Simulate) -> None:
    slack = Channel("slack", *DOWN)
    engine = await simulate(node_rule(), channels=[slack])
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + timedelta(hours=1))
    late = [order.claimed_at for order in slack.orders[-3:]]
    assert late[-1] >= T0 + minutes(58), "and still notices within a minute or so that it is back"


@pytest.mark.parametrize("end", [asyncio.CancelledError(), SystemExit(9)], ids=["cancelled", "killed"])
async def test_a_crash_between_attempt_and_receipt_is_told_to_the_sink(simulate: Simulate, end: BaseException) -> None:
    slack = Channel("slack", end, None)
    engine = await simulate(node_rule(), channels=[slack])
    await engine.feed([event(labels=XID)], T0)
    with pytest.raises(type(end)):
        await engine.advance(T0 + minutes(1))
    await engine.advance(T0 + minutes(10))
    first, second = slack.orders[:2]
    assert (first.outcome_unknown, second.outcome_unknown) == (False, True)
    assert second.first_attempt_at == first.claimed_at, "from then on the sink has to look"
    assert second.delivery_id.rpartition(".")[0] == first.delivery_id.rpartition(".")[0]
    assert [order.outcome_unknown for order in slack.orders[2:]] == [False] * len(slack.orders[2:])


async def test_a_failure_that_may_have_taken_effect_is_told_too(simulate: Simulate) -> None:
    slack = Channel("slack", Transient("timed out", outcome_unknown=True), Transient("refused"), None)
    engine = await simulate(node_rule(), channels=[slack])
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    assert [order.outcome_unknown for order in slack.orders] == [False, True, False]


async def test_a_bug_in_a_sink_counts_as_its_failure(simulate: Simulate) -> None:
    slack, console = Channel("slack", KeyError("ts"), fallback="console"), Channel("console")
    engine = await simulate(node_rule(sinks=("slack",)), channels=[slack, console])
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(8))
    assert "KeyError" in console.orders[0].note
    assert slack.orders[1].outcome_unknown


class Hanging(Channel):
    """Never comes back."""

    async def deliver(self, order: Order, report: Report) -> Receipt:
        self.orders.append(order)
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_sink_that_hangs_is_given_up(simulate: Simulate) -> None:
    slack, console = Hanging("slack", fallback="console"), Channel("console")
    engine = await simulate(node_rule(sinks=("slack",)), channels=[slack, console])
    simulation = engine.simulation
    simulation.engine.deliver = Deliver(
        engine.store,
        simulation.clock,
        simulation.engine.shelf.current,
        simulation.sinks,
        lambda due: None,
        step_time=timedelta(milliseconds=5),
    )
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(8))
    assert "slack did not answer in time" in console.orders[0].note
    assert slack.orders[1].outcome_unknown


class Steps(Channel):
    """Shows a report in three effects, one per call."""

    async def deliver(self, order: Order, report: Report) -> Receipt:
        self.orders.append(order)
        n = int(str((order.receipt.data if order.receipt else {}).get("n", 0))) + 1
        if n == 2 and self.plan != [None]:
            error = self.plan.pop(0)
            self.plan = self.plan or [None]
            raise error or AssertionError
        return Receipt(data={"n": n}, message_id="m1", done=n >= 3)


async def test_a_delivery_of_several_steps_goes_on_where_it_stood(simulate: Simulate) -> None:
    slack = Steps("slack", Transient("refused"))
    engine = await simulate(node_rule(), channels=[slack])
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + timedelta(seconds=20))
    steps = [order.receipt.data["n"] if order.receipt else None for order in slack.orders]
    assert steps == [None, 1, 1, 2]
    incident = await engine.only()
    row = (await engine.store.read(lambda tx: tx.deliveries(incident.id)))["slack"]
    assert row.receipt is not None
    assert row.receipt.done
    assert row.delivered_version == row.desired_version


class Between:
    """The store, with something else happening right before the next write."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.read = store.read
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def open(self) -> None: ...
    async def close(self) -> None: ...

    async def write(self, work: Callable[[Tx], T], ready: Callable[[], None] | None = None) -> T:
        if self.meanwhile is not None:
            happen, self.meanwhile = self.meanwhile, None
            await happen()
        return await self._store.write(work, ready)


async def test_a_page_that_becomes_due_while_a_lesser_state_is_skipped_is_not_lost(simulate: Simulate) -> None:
    pager = Channel("pager")
    pager.minimum_severity = Severity.SEV2
    engine = await simulate(node_rule(severity={"default": "SEV4"}), channels=[pager])
    simulation = engine.simulation
    between = Between(engine.store)
    simulation.engine.deliver = Deliver(
        between, simulation.clock, simulation.engine.shelf.current, simulation.sinks, lambda due: None
    )
    await engine.feed([event(labels={"alertname": "SomethingOdd", "severity": "info"})], T0)
    incident = await engine.only()

    async def worsens() -> None:
        def work(tx: Tx) -> None:
            now = simulation.clock.now()
            current = tx.incidents([incident.id])[incident.id]
            tx.put_incidents([current.model_copy(update={"severity": Severity.SEV1, "version": current.version + 1})])
            row = tx.deliveries(incident.id)["pager"]
            tx.put_deliveries([row.model_copy(update={"desired_version": row.desired_version + 1})])
            tx.set_timers([("deliver", f"{incident.id}|pager", now, "new_revision")])

        await engine.store.write(work)

    between.meanwhile = worsens
    await engine.advance(T0 + timedelta(seconds=10))
    assert len(pager.orders) == 1


async def test_an_owner_without_a_channel_of_its_own_still_gets_one(simulate: Simulate) -> None:
    slack = Channel("slack")
    engine = await simulate(node_rule(owner="nobody-configured"), channels=[slack])
    await engine.feed([event(labels=XID)], T0)
    await engine.advance(T0 + minutes(1))
    assert slack.orders[0].target == {"to": Owner(name="default").name}
