"""Group commit: what arrives while one batch is being worked on goes together into the next.

One worker task owns the queue and calls `work` with one batch at a time; `submit` waits until its own batch is done. A batch
that fails as a whole is handed back to its submitters as that failure; splitting a batch is `work`'s business. The worker ends
when `close` is called, after everything submitted before has been worked on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from responder.errors import Transient

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Collects items of many submitters into batches; `limit` items per batch, `bound` waiting at most."""

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        limit: int,
        bound: int,
        on_depth: Callable[[int], None] = lambda depth: None,
    ) -> None:
        self._work = work
        self._limit = limit
        self._bound = bound
        self._on_depth = on_depth
        self._waiting: list[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]] = []
        self._depth = 0
        self._wake = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="batcher")

    async def submit(self, items: Sequence[Item]) -> Sequence[Result]:
        """Wait for the results of these items, in order.

        Raises Transient when `bound` items already wait (the sender should come back), and whatever `work` raised.
        """
        if self._closed or self._depth + len(items) > max(self._bound, len(items)):
            raise Transient("too much is waiting to be stored; try again shortly")
        future: asyncio.Future[Sequence[Result]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, future))
        self._depth += len(items)
        self._on_depth(self._depth)
        self._wake.set()
        return await future

    async def close(self) -> None:
        self._closed = True
        self._wake.set()
        if self._task is not None:
            await self._task

    def _take(self) -> list[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]]:
        size = count = 0
        for items, _ in self._waiting:
            if count and size + len(items) > self._limit:
                break
            size += len(items)
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        self._depth -= size
        self._on_depth(self._depth)
        return taken

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            if not self._waiting:
                if self._closed:
                    return
                self._wake.clear()
                continue
            taken = self._take()
            flat = [item for items, _ in taken for item in items]
            try:
                results = await self._work(flat)
            except BaseException as error:
                for _, future in taken:
                    if not future.done():
                        future.set_exception(error if isinstance(error, Exception) else Transient("shutting down"))
                        future.exception()  # a submitter that went away must not leave a warning behind
                if not isinstance(error, Exception):
                    raise
                continue
            at = 0
            for items, future in taken:
                if not future.done():
                    future.set_result(results[at : at + len(items)])
                at += len(items)
