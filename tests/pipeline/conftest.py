"""The shipped rules and skills, and the engine on a store in memory and a virtual clock."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
import structlog

from responder.config import Config, Loaded
from responder.errors import Transient
from responder.logic.route import Router
from responder.model.delivery import Order, Owner, Receipt
from responder.model.diagnosis import Case, Diagnosis
from responder.model.incident import Incident, Severity
from responder.model.report import Report
from responder.model.rule import Rule, RuleSet
from responder.model.skill import Skill
from responder.pipeline.playbook import Playbook
from responder.wiring.diagnosing import Diagnosing
from responder.wiring.knowledge import read_playbook
from responder.wiring.simulation import Simulation
from tests.making import T0
from tests.making import rule as make_rule

NODE_SKILL = "gpu-node-health-diagnoser"


@pytest.fixture(scope="session", autouse=True)
def plain_log() -> None:
    """Tracebacks as text: structlog's own default draws them with every local variable, a second each."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture(scope="session")
def shipped() -> Playbook:
    """All that a fresh installation decides with."""
    return read_playbook(Loaded(config=Config()))


def node_rule(**more: Any) -> Rule:
    """One incident per node, reported three seconds after its first event."""
    return make_rule(**{"name": "node", "skill": NODE_SKILL, "group_by": ("node",), **more})


def with_rules(book: Playbook, *rules: Rule, **more: Any) -> Playbook:
    """The shipped skills under other rules."""
    ruleset = RuleSet(rules=rules, version="test")
    return replace(book, rules=ruleset, router=Router(ruleset), **more)


class Channel:
    """A sink that fails as planned: each call takes the next of `plan`, an error or None, and the last one stays."""

    def __init__(self, name: str, *plan: BaseException | None, fallback: str | None = None) -> None:
        self.name = name
        self.minimum_severity: Severity | None = None
        self.fallback = fallback
        self.plan = list(plan) or [None]
        self.orders: list[Order] = []
        self.reports: list[Report] = []

    def target(self, owner: Owner) -> dict[str, str]:
        return {"to": owner.name}

    async def deliver(self, order: Order, report: Report) -> Receipt:
        self.orders.append(order)
        self.reports.append(report)
        planned = self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]
        if planned is not None:
            raise planned
        return Receipt(data={"n": len(self.orders)}, message_id=f"{self.name}:{order.incident_id}", done=True)

    async def check(self) -> str | None:
        return None

    async def close(self) -> None:
        return None


Diagnoser = Callable[[Case, Skill], Awaitable[Diagnosis]]


class Engine:
    """A simulation with what tests ask of it."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.feed, self.advance, self.act = simulation.feed, simulation.advance, simulation.act
        self.operate = simulation.engine.operate
        self.store = simulation.store

    async def only(self) -> Incident:
        (one,) = await self.simulation.incidents()
        return one

    async def reports(self, id: str) -> list[Report]:
        return await self.store.read(lambda tx: tx.reports(id))

    def orders(self, sink: str = "console") -> list[Order]:
        return self.simulation.sinks[sink].orders

    def reasons(self, sink: str = "console") -> list[str]:
        """Why each message was sent."""
        return [order.reason for order in self.orders(sink)]

    async def decided(self, id: str) -> list[tuple[str, bool, str]]:
        """Each decision to send or not, with its name."""
        return [(send.sink, send.sent, send.reason) for send in await self.simulation.sends(id)]


class Simulate:
    """Starts simulations; all end with the test."""

    def __init__(self, shipped: Playbook, stack: AsyncExitStack) -> None:
        self._shipped = shipped
        self._stack = stack

    async def __call__(
        self,
        *rules: Rule,
        sinks: Sequence[str] = ("console",),
        channels: Sequence[Channel] = (),
        minimum: Mapping[str, Severity] | None = None,
        diagnose: Diagnoser | None = None,
        **book: Any,
    ) -> Engine:
        """With the shipped rules, or only with those given."""
        made = with_rules(self._shipped, *rules, **book) if rules else replace(self._shipped, **book)
        names = [channel.name for channel in channels] or sinks
        simulation = Simulation(made, diagnose or Diagnosing(lambda: made), T0, sinks=names, minimum_severities=minimum)
        for channel in channels:
            simulation.sinks[channel.name] = channel  # type: ignore[assignment]
        return Engine(await self._stack.enter_async_context(simulation))


@pytest_asyncio.fixture
async def simulate(shipped: Playbook) -> AsyncIterator[Simulate]:
    async with AsyncExitStack() as stack:
        yield Simulate(shipped, stack)


def away(count: int) -> list[BaseException | None]:
    """So many failures that may pass, then success."""
    return [*[Transient("connection refused") for _ in range(count)], None]
