"""When to try again: exponential backoff with jitter, as a time and not as a sleeping coroutine.

tenacity computes the wait; the row in the store does the waiting.
"""

from datetime import timedelta

from tenacity import RetryCallState
from tenacity.wait import wait_exponential_jitter

_WAIT = wait_exponential_jitter(initial=1, max=60, exp_base=2, jitter=1)
"""1 s, 2 s, 4 s ... 60 s plus up to 1 s: a sink that comes back is noticed within a minute."""


def delay(attempts: int, retry_after: timedelta | None = None) -> timedelta:
    """How long to wait after `attempts` failures (1 or more); never less than what the other side asked for."""
    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = max(1, attempts)
    wait = timedelta(seconds=float(_WAIT(state)))
    return max(wait, retry_after) if retry_after is not None else wait
