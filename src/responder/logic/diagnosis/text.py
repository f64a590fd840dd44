"""Raw log text made into plain lines: colour codes, progress bars, control characters and JSON wrappers are taken off.

Works on bytes in pieces cut at line ends, so that a log of any size costs memory for one piece only. Line numbers of the result
are those of the plain text; a JSON record whose message holds several lines becomes several lines.
"""

import re
from collections.abc import Iterator

import orjson

PIECE_BYTES = 2 * 1024 * 1024
LONGEST_LINE = 32 * 1024
"""Characters of one line that are shown to patterns at a time; longer lines are cut into overlapping windows."""
OVERLAP = 2 * 1024

_ANSI = re.compile(rb"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = bytes(c if c in b"\t\n" or c >= 32 else 32 for c in range(256))
_MESSAGE_KEYS = (
    "message",
    "msg",
    "log",
    "MESSAGE",
    "text",
    "event",
    "error",
    "exception",
    "exc_info",
    "stack",
    "stacktrace",
    "err",
    "reason",
)
_TIME_KEYS = ("time", "ts", "timestamp", "@timestamp", "asctime", "__REALTIME_TIMESTAMP", "at")
_LABEL_KEYS = (
    "rank",
    "node",
    "host",
    "hostname",
    "_HOSTNAME",
    "pod",
    "level",
    "severity",
    "levelname",
    "logger",
    "name",
    "component",
)


def pieces(text: str) -> Iterator[bytes]:
    """Plain text in pieces that end at line ends."""
    size = PIECE_BYTES
    start = 0
    while start < len(text):
        end = start + size
        if end < len(text):
            cut = text.rfind("\n", start, end)
            end = cut + 1 if cut > start else end
        yield plain(text[start:end].encode("utf-8", "replace"))
        start = end


def plain(data: bytes) -> bytes:
    """One piece of raw text without colours, carriage returns and JSON wrappers."""
    if b"\x1b" in data:
        data = _ANSI.sub(b"", data)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    data = data.translate(_CONTROL)
    return _without_json(data) if data.lstrip()[:1] == b"{" or b"\n{" in data else data


def _without_json(data: bytes) -> bytes:
    lines = []
    for line in data.split(b"\n"):
        if line[:1] == b"{" and line.rstrip()[-1:] == b"}":
            lines.append(_flat(line))
        else:
            lines.append(line)
    return b"\n".join(lines)


def _flat(line: bytes) -> bytes:
    """A JSON record as `time [rank n] level message key=value`; the line itself where it is no record with a message."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line
    if not isinstance(record, dict):
        return line
    said = [value for key in _MESSAGE_KEYS if isinstance(value := record.get(key), str) and value.strip()]
    if not said or (any(isinstance(value, dict | list) for value in record.values() if value) and len(record) > 12):
        return line
    head = ""
    for key in _TIME_KEYS:
        if isinstance(value := record.get(key), str | int | float) and not isinstance(value, bool):
            number = float(value) if isinstance(value, int | float) else None
            head = f"{number / 1000 if number and number > 1e11 else value} "
            break
    rank = record.get("rank")
    if isinstance(rank, int) and not isinstance(rank, bool):
        head = f"[rank{rank}]: {head}"
    shown = {*_MESSAGE_KEYS, *_TIME_KEYS, "rank"}
    tail = " ".join(
        f"{key}={value}"
        for key, value in record.items()
        if key not in shown and isinstance(value, str | int | float) and (key in _LABEL_KEYS or len(str(value)) < 200)
    )
    text = " ".join(said).strip("\n")
    first, _, rest = text.partition("\n")
    whole = f"{head}{first} {tail}".rstrip() + (f"\n{rest}" if rest else "")
    return whole.replace("\r", " ").encode("utf-8", "replace")
