"""The stand-ins' own token bucket, written apart from the product's so that one mistake is not made twice."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Buckets:
    """`rate` per second with `burst` saved up, per key. `rate` None: no limit."""

    rate: float | None
    burst: float
    clock: Callable[[], float]
    _level: dict[str, tuple[float, float]] = field(default_factory=dict)

    def refuse(self, key: str) -> int | None:
        """None when the call may pass, else whole seconds to wait (Retry-After is an integer, at least 1)."""
        if self.rate is None:
            return None
        now = self.clock()
        level, at = self._level.get(key, (self.burst, now))
        level = min(self.burst, level + (now - at) * self.rate)
        if level < 1:
            self._level[key] = (level, now)
            return max(1, math.ceil((1 - level) / self.rate))
        self._level[key] = (level - 1, now)
        return None
