"""In which order things happened, over ranks whose clocks differ and lines that came late.

Time stamps decide where there are enough of them, after each rank's clock was set by lines that all ranks print at about the same
moment; else the order of the text does.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from responder.logic.diagnosis.parts import Part
from responder.logic.diagnosis.scan import Hit
from responder.logic.diagnosis.text import plain
from responder.logic.diagnosis.wrappers import unwrap

SAMPLED_CHARS = 200_000
SAMPLED_LINES = 1500
"""Of each part: enough for a few dozen lines that all ranks share."""
COMMON_LINES = 3
"""Shared lines that are needed before a clock is corrected."""
SMALLEST_SKEW = timedelta(seconds=2)
"""Differences below this are the ranks' own pace."""


@dataclass(frozen=True, slots=True)
class Order:
    """`position`: place of each hit in the story. `skews`: what was taken off the clock of a speaker (rank or node)."""

    position: dict[int, int]
    skews: dict[str, timedelta]
    by_time: bool

    def of(self, hit: Hit) -> int:
        return self.position[id(hit)]


def speaker(rank: int | None, node: str | None) -> str | None:
    return f"rank {rank}" if rank is not None else node


def arrange(hits: Sequence[Hit], parts: Sequence[Part], near: datetime) -> Order:
    """The order of the hits over all parts."""
    speakers = {speaker(hit.rank, hit.node) for hit in hits}
    timed = sum(1 for hit in hits if hit.at is not None)
    several = len(speakers) > 1 or len({hit.part for hit in hits}) > 1
    if not several or timed < max(2, 0.6 * len(hits)):
        ordered = sorted(hits, key=lambda hit: (hit.part, hit.line))
        return Order({id(hit): place for place, hit in enumerate(ordered)}, {}, by_time=False)
    skews = _skews(parts, near)
    times: dict[int, datetime] = {}
    last: dict[int, datetime] = {}
    for hit in sorted(hits, key=lambda hit: (hit.part, hit.line)):
        at = hit.at
        if at is not None:
            at -= skews.get(speaker(hit.rank, hit.node) or "", timedelta())
            last[hit.part] = at
        times[id(hit)] = at or last.get(hit.part) or near
    ordered = sorted(hits, key=lambda hit: (times[id(hit)], hit.part, hit.line))
    return Order({id(hit): place for place, hit in enumerate(ordered)}, skews, by_time=True)


def _skews(parts: Sequence[Part], near: datetime) -> dict[str, timedelta]:
    """Clock differences of the speakers from the lines that several of them print."""
    common: dict[str, dict[str, datetime]] = defaultdict(dict)
    for part in parts:
        if part.source != "log":
            continue
        text = plain(part.text[:SAMPLED_CHARS].encode("utf-8", "replace")).decode("utf-8", "replace")
        for line in text.split("\n")[:SAMPLED_LINES]:
            if len(line) < 20:
                continue
            said = unwrap(line[:400], near)
            who = speaker(said.rank if said.rank is not None else part.rank, said.node or part.node)
            if who and said.at and len(said.body) > 8:
                common[said.body[:120]].setdefault(who, said.at)
    apart: dict[str, list[float]] = defaultdict(list)
    for times in common.values():
        if len(times) < 2:
            continue
        middle = median(at.timestamp() for at in times.values())
        for who, at in times.items():
            apart[who].append(at.timestamp() - middle)
    skews = {who: timedelta(seconds=median(values)) for who, values in apart.items() if len(values) >= COMMON_LINES}
    return {who: skew for who, skew in skews.items() if abs(skew) >= SMALLEST_SKEW}
