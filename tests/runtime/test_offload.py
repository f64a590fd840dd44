"""The worker process: set up once, its answers and errors come back, and its death is survived."""

import os
import signal

import pytest

from responder.errors import Transient
from responder.runtime.offload import Worker

pytestmark = pytest.mark.asyncio

_kept: list[str] = []


def keep(text: str) -> None:
    _kept.append(text)


def kept(more: str) -> tuple[int, list[str], str]:
    return os.getpid(), _kept, more


def fail() -> None:
    raise LookupError("no such skill")


def die(unless: str) -> str:
    """Dies as the kernel's memory killer would have it, the first time."""
    if not os.path.exists(unless):  # noqa: PTH110
        with open(unless, "w"):  # noqa: PTH123
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def die_always() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def test_the_worker_is_set_up_once_and_lives_between_calls() -> None:
    worker = Worker(keep, ("knowledge",))
    try:
        first, known, more = await worker.run(kept, "x")
        assert (known, more) == (["knowledge"], "x")
        assert first != os.getpid()
        assert (await worker.run(kept, "y")) == (first, ["knowledge"], "y")
        with pytest.raises(LookupError, match="no such skill"):
            await worker.run(fail)
        assert (await worker.run(kept, "z"))[0] == first, "an error of the work is no death"
    finally:
        worker.close()


async def test_a_worker_that_dies_is_started_again_and_the_work_redone(tmp_path: object) -> None:
    worker = Worker(keep, ("knowledge",))
    try:
        assert await worker.run(die, f"{tmp_path}/died") == "alive"
        assert (await worker.run(kept, "x"))[1] == ["knowledge"], "the new one is set up, too"
        with pytest.raises(Transient, match="memory"):
            await worker.run(die_always)
        assert (await worker.run(kept, "x"))[1] == ["knowledge"]
    finally:
        worker.close()


async def test_closing_twice_or_unused_is_fine() -> None:
    worker = Worker(keep, ("knowledge",))
    worker.close()
    worker.close()
