"""Ask many at once, each with its own deadline; what is late is given up, never waited for."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

Question = TypeVar("Question")
Reply = TypeVar("Reply")


async def gather(
    questions: Sequence[Question],
    ask: Callable[[Question], Awaitable[Reply]],
    *,
    deadline: Callable[[Question], timedelta],
    late: Callable[[Question], Reply],
    failed: Callable[[Question, Exception], Reply],
) -> list[Reply]:
    """Replies in the order of the questions; `late` and `failed` stand in for those that did not answer."""

    async def one(question: Question) -> Reply:
        try:
            async with asyncio.timeout(deadline(question).total_seconds()):
                return await ask(question)
        except TimeoutError:
            return late(question)
        except Exception as error:  # an enricher's bug must not cost the report  # noqa: BLE001
            return failed(question, error)

    return list(await asyncio.gather(*(one(question) for question in questions)))
