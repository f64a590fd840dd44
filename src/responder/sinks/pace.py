"""How fast a sink may send: a rate as people write it (`1/s`, `120/m`), and places in a queue.

Not a sleeper: who comes too early is told how long to wait and keeps its place. The row in the store does the waiting,
newer state overtakes older on the way, and nothing is dropped.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*(s|m|h)\s*")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_FORGET = timedelta(minutes=10)
"""A place nobody came back for (what waited was superseded) is given up."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`count` per `unit` (s, m, h)."""

    count: float
    unit: str

    @property
    def interval(self) -> timedelta:
        """Between two sends."""
        return timedelta(seconds=_SECONDS[self.unit] / self.count)

    def __str__(self) -> str:
        return f"{self.count:g}/{self.unit}"


def parse_rate(value: object) -> Pace:
    """Raises ValueError with an example."""
    if isinstance(value, Pace):
        return value
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"not a rate: {value!r} (write a number per s, m or h, for example 1/s or 120/m)")
    return Pace(float(found[1]), found[2])


Rate = Annotated[
    Pace,
    BeforeValidator(parse_rate),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?/[smh]$", "examples": ["1/s", "120/m"]}),
]


@dataclass(slots=True)
class _Lane:
    free_at: datetime
    """When the next newcomer's turn would be if no burst were allowed."""
    places: dict[str, datetime] = field(default_factory=dict)


class Pacer:
    """One queue per lane (a channel, a routing key); up to `burst` may pass at once after a quiet time."""

    def __init__(self, rate: Pace, burst: int) -> None:
        self._interval = rate.interval
        self._slack = rate.interval * (burst - 1)
        self._lanes: dict[str, _Lane] = {}

    def wait(self, lane: str, who: str, now: datetime) -> timedelta:
        """Zero: go now. Else how long until the turn of `who`; asking again keeps the place."""
        queue = self._lanes.setdefault(lane, _Lane(now))
        turn = queue.places.pop(who, None)
        if turn is None:
            turn = max(now, queue.free_at - self._slack)
            queue.free_at = max(now, queue.free_at) + self._interval
        if turn <= now:
            return timedelta()
        queue.places = {name: at for name, at in queue.places.items() if at > now - _FORGET}
        queue.places[who] = turn
        return turn - now

    def hold(self, lane: str, pause: timedelta, now: datetime) -> None:
        """The other side said "not before": every place moves back by `pause`, the order stays, the burst is spent."""
        queue = self._lanes.setdefault(lane, _Lane(now))
        queue.places = {name: max(at, now) + pause for name, at in queue.places.items()}
        queue.free_at = max(queue.free_at, now + self._slack) + pause


def in_any_minute(rate: Pace, burst: int) -> Pacer:
    """For a limit that counts over a sliding minute: what goes at once after a quiet time is part of it, so that the steady rate
    is lower by as much. A burst of more than a quarter of the limit is cut to that."""
    per_minute = timedelta(minutes=1) / rate.interval
    burst = max(1, min(burst, int(per_minute // 4)))
    return Pacer(Pace(max(per_minute - burst, per_minute / 2), "m"), burst)
