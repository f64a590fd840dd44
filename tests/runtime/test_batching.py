"""Group commit: order, the bound, whose failure it is, and an orderly end."""

import asyncio
from collections.abc import Sequence

import pytest

from responder.errors import Conflict, Transient
from responder.runtime.batching import Batcher

pytestmark = pytest.mark.asyncio


class Gate:
    """Work that waits at a gate, so that a test decides what piles up behind it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.entered = asyncio.Event()

    async def work(self, items: Sequence[int]) -> Sequence[str]:
        self.batches.append(list(items))
        self.entered.set()
        await self.open.wait()
        if 13 in items:
            raise ValueError("thirteen")
        return [f"r{item}" for item in items]


async def started(limit: int = 10, bound: int = 100, depths: list[int] | None = None) -> tuple[Gate, Batcher[int, str]]:
    gate = Gate()
    batcher: Batcher[int, str] = Batcher(
        gate.work, limit=limit, bound=bound, on_depth=depths.append if depths is not None else lambda depth: None
    )
    batcher.start()
    return gate, batcher


async def behind_the_first(
    gate: Gate, batcher: Batcher[int, str], *submits: Sequence[int]
) -> list[asyncio.Task[Sequence[str]]]:
    """One batch is being worked on; these wait behind it, in this order."""
    tasks = [asyncio.create_task(batcher.submit([0]))]
    await gate.entered.wait()
    for items in submits:
        tasks.append(asyncio.create_task(batcher.submit(items)))
        await asyncio.sleep(0)
    return tasks


async def test_what_arrives_meanwhile_goes_together_and_each_gets_its_own_results_in_order() -> None:
    gate, batcher = await started()
    tasks = await behind_the_first(gate, batcher, [1, 2], [3], [4, 5, 6])
    gate.open.set()
    assert await asyncio.gather(*tasks) == [["r0"], ["r1", "r2"], ["r3"], ["r4", "r5", "r6"]]
    assert gate.batches == [[0], [1, 2, 3, 4, 5, 6]]
    await batcher.close()


async def test_a_batch_is_not_larger_than_its_limit_unless_one_submit_is() -> None:
    gate, batcher = await started(limit=3)
    tasks = await behind_the_first(gate, batcher, [1, 2], [3, 4], [5, 6, 7, 8, 9], [10])
    gate.open.set()
    await asyncio.gather(*tasks)
    assert gate.batches == [[0], [1, 2], [3, 4], [5, 6, 7, 8, 9], [10]]
    await batcher.close()


async def test_over_the_bound_is_transient_and_leaves_the_others_alone() -> None:
    depths: list[int] = []
    gate, batcher = await started(bound=3, depths=depths)
    tasks = await behind_the_first(gate, batcher, [1, 2, 3])
    with pytest.raises(Transient):
        await batcher.submit([4])
    gate.open.set()
    assert await asyncio.gather(*tasks) == [["r0"], ["r1", "r2", "r3"]]
    assert await batcher.submit([4]) == ["r4"]
    assert max(depths) == 3
    assert depths[-1] == 0
    await batcher.close()


async def test_one_submit_larger_than_the_bound_passes_when_nothing_waits() -> None:
    gate, batcher = await started(bound=2)
    gate.open.set()
    assert await batcher.submit([1, 2, 3]) == ["r1", "r2", "r3"]
    await batcher.close()


async def test_a_failing_batch_fails_its_submitters_and_no_other() -> None:
    gate, batcher = await started(limit=2)
    tasks = await behind_the_first(gate, batcher, [13], [1], [2, 3])
    gate.open.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[0] == ["r0"]
    assert [type(result) for result in results[1:3]] == [ValueError, ValueError], "they shared the batch"
    assert results[3] == ["r2", "r3"]
    assert await batcher.submit([5]) == ["r5"], "the worker lives on"
    await batcher.close()


async def test_named_failures_reach_the_submitter_as_they_are() -> None:
    async def refuse(items: Sequence[int]) -> Sequence[int]:
        raise Conflict("another writer won")

    batcher: Batcher[int, int] = Batcher(refuse, limit=1, bound=1)
    batcher.start()
    with pytest.raises(Conflict):
        await batcher.submit([1])
    await batcher.close()


async def test_a_submitter_that_went_away_does_not_take_its_items_or_the_others_along() -> None:
    gate, batcher = await started()
    tasks = await behind_the_first(gate, batcher, [1], [2])
    tasks[1].cancel()
    gate.open.set()
    assert await tasks[0] == ["r0"]
    assert await tasks[2] == ["r2"]
    assert gate.batches == [[0], [1, 2]], "accepted is accepted"
    await batcher.close()


async def test_close_works_off_what_waits_and_takes_nothing_more() -> None:
    gate, batcher = await started(limit=1)
    tasks = await behind_the_first(gate, batcher, [1], [2])
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    with pytest.raises(Transient):
        await batcher.submit([3])
    gate.open.set()
    await closing
    assert [task.result() for task in tasks] == [["r0"], ["r1"], ["r2"]]
