"""Which lines of a text are messages, and which only look like it: commands, source code in tracebacks, prompts.

Also where exceptions are chained: in `... was the direct cause of the following exception` the first exception is the
cause and what follows wraps it. Knows the shapes of shells and of Python's tracebacks, no message of any program.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum

LOOKED_AT = 400_000
"""Characters of a text whose structure is read; chains and prompts of larger logs are read around the lines that
matter."""

_PROMPT = re.compile(
    r"\s*(?:(?:\([\w.-]+\) ?)?(?:\[?[\w.-]+@[\w.-]+[ :][^\]$#%>]{0,60}\]?|[\w.-]+@[\w.-]+:\S{0,60})\s?[$#%>] ?"
    r"|\$ |> |>>> |\.\.\. |%\s?(?=[a-z])|\+{1,4} (?=[a-z/]))\s?(?=\S)"
)
_ROOT_PROMPT = re.compile(
    r"# (?:kubectl|docker|nvidia-smi|dmesg|journalctl|cat|ls|df|sinfo|squeue|scontrol|systemctl|curl|python3?|sbatch|srun|helm"
    r"|crictl|ssh|tail|grep|ps|free)\b"
)
_FRAME = re.compile(r'\s*(?:\S{1,60}\s+){0,4}File "[^"\n]{1,400}", line \d+(?:, in .{1,200})?\s*$')
_DIRECT = "the above exception was the direct cause of the following exception"
_DURING = "during handling of the above exception, another exception occurred"


class Sort(StrEnum):
    """MESSAGE: printed by a program. FRAME: a place in a traceback. COMMAND: typed by a person. CODE: source quoted
    by a traceback."""

    MESSAGE = "message"
    FRAME = "frame"
    COMMAND = "command"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Structure:
    """`sorts`: the lines that are no messages. `wraps`: (first, last) line of exceptions that wrap an earlier one."""

    sorts: dict[int, Sort] = field(default_factory=dict)
    wraps: tuple[tuple[int, int, bool], ...] = ()

    def sort(self, line: int) -> Sort:
        return self.sorts.get(line, Sort.MESSAGE)

    def wrapped(self, line: int) -> bool:
        """Whether the line belongs to an exception that was raised from an earlier one, shown above it."""
        at = bisect_right(self.wraps, (line, 1 << 60, True)) - 1
        return at >= 0 and self.wraps[at][0] <= line <= self.wraps[at][1]


def structure(text: str) -> Structure:
    """Read the structure of the first `LOOKED_AT` characters."""
    sorts: dict[int, Sort] = {}
    wraps: list[tuple[int, int, bool]] = []
    frame_at = -1  # column of the frame above, -1 where the line above is no frame
    lines = text[:LOOKED_AT].split("\n")
    chained = False
    for number, line in enumerate(lines, 1):
        head = line[:500]
        column, frame_at = frame_at, -1
        if column >= 0 and head[column : column + 2] == "  " and head.strip() and not _FRAME.match(head):
            sorts[number] = Sort.CODE  # quoted source is indented deeper than its frame; an exception is not
            continue
        if "File " in head and _FRAME.match(head):
            frame_at = head.index("File ")
            sorts[number] = Sort.FRAME
            continue
        if _PROMPT.match(head) or _ROOT_PROMPT.match(head):
            sorts[number] = Sort.COMMAND
            continue
        lowered = head.lower()
        if _DIRECT in lowered or _DURING in lowered:
            wraps.append((number, _end_of_exception(lines, number), _DIRECT in lowered))
            chained = True
    return Structure(sorts, tuple(sorted(wraps)) if chained else ())


def _end_of_exception(lines: list[str], start: int) -> int:
    """The last line of the traceback that follows line `start` (1-based): its first line after the frames with no
    indent."""
    in_frames = False
    for number in range(start + 1, min(len(lines), start + 400) + 1):
        line = lines[number - 1]
        if "Traceback (most recent call last)" in line or _FRAME.match(line[:500]):
            in_frames = True
        elif in_frames and line.strip() and not line.startswith((" ", "\t")) and number > start + 2 and ":" in line:
            return number
    return min(len(lines), start + 40)
