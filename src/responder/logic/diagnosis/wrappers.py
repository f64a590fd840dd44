"""What launchers, schedulers and loggers put before a message: who speaks (rank, node, pod) and when.

`unwrap(line)` peels these off one after the other. It knows shapes of log lines only, no message of any program: those are data.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from responder.logic.diagnosis.stamps import read_stamp

HEAD = 600
"""Characters of a line that are looked at for prefixes."""

_RANKED = tuple(
    re.compile(pattern)
    for pattern in (
        r"\[(?P<node>[A-Za-z][\w.-]*\d):(?:default|trainer|worker|rank)?(?P<rank>\d{1,5})\]:?\s?",
        r"\[(?:rank|default|trainer|worker|local_rank|Rank|RANK)[ _=:]?(?P<rank>\d{1,5})\]:?\s?",
        r"\[1,(?P<rank>\d{1,5})\]<(?:stdout|stderr|stddiag)>:\s?",
        r"\[(?P<rank>\d{1,5})\]:\s?",
        r"(?P<rank>\d{1,5}): (?=\S)",
        r"(?:[\w./-]*/)?(?:rank|worker|stderr|stdout|log)[_.-]?(?P<rank>\d{1,5})(?:\.(?:out|err|log|txt))(?::\d+)?[:|]\s?",
        r"\((?:[\w]*\s)?(?:TP|PP|DP|rank)[=_ ]?(?P<rank>\d{1,5})(?:[ ,][^)]{0,40})?\)\s?",
        r"\[(?:[\w-]+\s)?(?:TP|rank)\s?(?P<rank>\d{1,5})\]\s?",
    )
)
_NAMED = tuple(
    re.compile(pattern)
    for pattern in (
        r"\[pod/(?P<pod>[\w.-]+)(?:/[\w.-]+)?\]:?\s?",
        r"\((?:[\w.]+) pid=\d+(?:, ip=(?P<node>[\d.]+))?(?:,? ?rank=(?P<rank>\d+))?\)\s?",
        r"(?P<pod>[a-z][\w-]*-[\w-]*\d)\s{1,4}\|\s?",
        r"(?P<node>[A-Za-z][\w-]*\d[\w.-]*):\d+:\d+ \[(?P<local>\d+)\] ",
        r"(?P<node>[a-z]+[\w-]*\d[\w.-]*): (?=\S)",
    )
)
_LEVEL = re.compile(
    r"(?:<\d{1,3}>)?[\[(|]?\s?(?P<level>TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|ERR|FATAL|CRITICAL|CRIT|ALERT|PANIC|F|E|W|I)[\])|]?(?:[:\s]|$)[:|]?\s?",
)
_HOST_TAG = re.compile(r"(?P<node>[A-Za-z][\w.-]{0,62}) (?P<tag>[\w./@-]{1,40})(?:\[\d+\])?: ")
_INNER_RANK = re.compile(r"(?:\[|\b)(?:[Gg]lobal )?[Rr]ank[ =:]{1,2}(?P<rank>\d{1,5})\b")
_SECTION = re.compile(
    r"(?:==+>?|---+|#+)\s?(?:\S*/)?[\w.-]*?(?P<kind>rank|node|worker)[_ .-]?(?P<name>\d{1,5}|[\w-]*\d)[\w.]*\s?(?:<?==+|---+|#+)?\s*$"
)


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A line without its prefixes. `unranked` keeps time stamp and level, `body` is the message alone."""

    body: str
    unranked: str
    rank: int | None = None
    node: str | None = None
    pod: str | None = None
    at: datetime | None = None
    boot_s: float | None = None
    level: str | None = None
    inner_rank: int | None = None


@dataclass(slots=True)
class _Peeled:
    """What was peeled off so far."""

    rank: int | None = None
    node: str | None = None
    pod: str | None = None
    at: datetime | None = None
    boot_s: float | None = None
    level: str | None = None


def unwrap(line: str, near: datetime) -> Unwrapped:
    """Peel rank labels, pod names, time stamps and levels off a line, in whatever order they come."""
    seen = _Peeled()
    start = 0
    while start < len(line) and line[start] in " \t":
        start += 1
    only_ranks, unranked = True, line
    for _ in range(6):
        moved = _peel(line, start, near, seen)
        if moved == start:
            break
        only_ranks = only_ranks and seen.at is None and seen.boot_s is None and seen.level is None
        start = moved
        if only_ranks:
            unranked = line[start:]
    inner = _INNER_RANK.search(line, start, start + HEAD) if seen.rank is None else None
    return Unwrapped(
        line[start:],
        unranked,
        seen.rank,
        seen.node,
        seen.pod,
        seen.at,
        seen.boot_s,
        seen.level,
        int(inner.group("rank")) if inner else None,
    )


def section(line: str) -> tuple[str, str] | None:
    """A header such as `==> rank_3.log <==` under which the lines of one rank or node follow: ("rank", "3")."""
    if len(line) > 200 or line[:1] not in "=-#":
        return None
    found = _SECTION.match(line)
    return (found.group("kind"), found.group("name")) if found else None


def _peel(line: str, start: int, near: datetime, seen: _Peeled) -> int:
    """Where the line goes on after one more prefix, which is noted in `seen`; `start` where there is none."""
    if start >= len(line):
        return start
    if seen.at is None and seen.boot_s is None:
        stamp = read_stamp(line, near, start)
        if stamp:
            seen.at, seen.boot_s = stamp.at, stamp.boot_s
            start = _blank(line, stamp.end)
            tagged = _HOST_TAG.match(line, start) if stamp.at else None
            if tagged and seen.node is None:
                seen.node = tagged.group("node")
                return tagged.end()
            return start
    if seen.rank is None:
        for pattern in _RANKED:
            found = pattern.match(line, start)
            if found:
                seen.node = found.groupdict().get("node") or seen.node
                seen.rank = int(found.group("rank"))
                return found.end()
    if seen.node is None and seen.pod is None:
        for pattern in _NAMED:
            found = pattern.match(line, start)
            if found:
                parts = found.groupdict()
                seen.node, seen.pod = parts.get("node"), parts.get("pod")
                seen.rank = int(parts["rank"]) if parts.get("rank") else seen.rank
                return found.end()
    if seen.level is None:
        found = _LEVEL.match(line, start)
        if found:
            seen.level = found.group("level")
            return found.end()
    return start


def _blank(line: str, at: int) -> int:
    while at < len(line) and line[at] in " \t:,;-|":
        at += 1
    return at
