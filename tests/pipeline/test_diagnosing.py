"""Diagnoses that are due together, on the event loop."""

import asyncio

import pytest

from responder.model.diagnosis import Case
from responder.pipeline.playbook import Playbook
from responder.wiring.diagnosing import Diagnosing
from tests.making import T0, event
from tests.pipeline.conftest import NODE_SKILL

pytestmark = pytest.mark.asyncio


async def test_others_get_their_turn_between_the_diagnoses_of_a_storm(shipped: Playbook) -> None:
    """A request that arrives meanwhile waits for one of them, not for all."""
    diagnosing, skill = Diagnosing(lambda: shipped), shipped.skills[NODE_SKILL]
    done: list[int] = []
    seen: list[int] = []

    async def one(number: int) -> None:
        case = Case(kind="node", events=(event(labels={"alertname": "GpuXid", "xid": "79"}),), event_count=1, at=T0)
        await diagnosing(case, skill)
        done.append(number)

    async def request() -> None:
        while len(done) < 6:
            seen.append(len(done))
            await asyncio.sleep(0)

    await asyncio.gather(*(one(number) for number in range(6)), request())
    assert set(range(1, 6)) <= set(seen)
