"""Runs heavy pure work in one worker process, started on first need and again if it dies.

What counts as heavy is the caller's to say; small work is better done in place than shipped. The worker keeps what `setup`
built (compiled knowledge) between calls; arguments and results are pickled.
"""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from responder.errors import Transient

T = TypeVar("T")


class Worker:
    """A process pool of one; `setup(*arguments)` runs in the child when it starts."""

    def __init__(self, setup: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        self._setup = setup
        self._arguments = arguments
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Raises Transient when the worker died twice in a row (out of memory, most likely), and what `work` raised."""
        for _ in range(2):
            if self._pool is None:
                # `spawn`: a fork of a process with threads and an event loop is not safe.
                self._pool = ProcessPoolExecutor(
                    1, multiprocessing.get_context("spawn"), initializer=self._setup, initargs=self._arguments
                )
            try:
                return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
            except BrokenProcessPool:
                self.close()
        raise Transient("the worker process for large logs died twice; is there enough memory?")

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
