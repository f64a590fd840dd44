"""Reads JSON bodies within bounds, and turns odd values into texts; shared by the formats, and no format itself.

Bounds are on what a body may cost: nesting, events per body, labels and their lengths. What is cut says so. Whatever is wrong
ends as InputError; of duplicate keys the last one counts (orjson), NaN and Infinity are no JSON and are refused.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from pydantic import ValidationError

from responder.errors import InputError
from responder.logic.timestamps import parse_instant
from responder.model.event import Event, Link, LogPart
from responder.ports import Decoded, RawMessage, Rejected

MAX_DEPTH = 64
"""Real payloads nest some ten levels, Kubernetes objects with their specifications twenty; a deeper body is hostile."""
MAX_ITEMS = 10_000
"""Events per body: a whole Alertmanager's worth of alerts."""
MAX_LABELS = 256
MAX_VALUE = 16_384
"""Characters of one label or annotation."""
MAX_LOG = 16 * 1024 * 1024
MAX_LOGS = 4_096
"""Log parts of one event: one per rank of the largest jobs."""
CUT = "... [cut]"


def document(message: RawMessage) -> Any:
    """The body as JSON. Raises InputError for what is none, or nests deeper than `MAX_DEPTH`."""
    body = message.body
    if body.startswith(b"\xef\xbb\xbf"):
        body = body[3:]
    if b"\\u0000" in body:
        # PostgreSQL stores no NUL in text; U+FFFD stands for it, as it does for anything that cannot be shown.
        body = body.replace(b"\\u0000", b"\\ufffd")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            raise InputError("the body is empty") from error
        raise InputError(f"the body is no JSON: {error}") from error
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        refuse_depth(value)
    return value


def refuse_depth(value: Any) -> None:
    """Level by level, without recursion (orjson itself stops at 1024). Raises InputError."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node if type(node) is list else ())
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return
    raise InputError(f"the body nests deeper than {MAX_DEPTH} levels")


def mapping(value: Any, what: str) -> dict[str, Any]:
    """Raises InputError when it is no object."""
    if not isinstance(value, dict):
        raise InputError(f"{what} is {found(value)}, expected an object")
    return value


def texts(value: Any, what: str) -> dict[str, str]:
    """A mapping of texts; numbers and flags become their JSON spelling, null becomes nothing. Raises InputError."""
    if value is None:
        return {}
    raw = mapping(value, what)
    if len(raw) <= MAX_LABELS:
        for name, item in raw.items():
            if type(item) is not str or len(item) > MAX_VALUE or len(name) > MAX_VALUE:
                break
        else:
            return raw
    out: dict[str, str] = {}
    for name, item in raw.items():
        if len(out) >= MAX_LABELS - 1:
            out["truncated"] = f"{len(raw) - len(out)} more {what} were left out"
            break
        if isinstance(item, dict | list):
            raise InputError(f"{what}.{name[:80]} is {found(item)}, expected a text")
        if item is not None:
            out[name[:MAX_VALUE]] = text(item)
    return out


def text(value: Any, limit: int = MAX_VALUE) -> str:
    """A text of anything small; '' for null, objects and arrays. Flags and numbers are spelt as in JSON."""
    if isinstance(value, str):
        return value if len(value) <= limit else value[:limit] + CUT
    if not isinstance(value, bool | int | float):
        return ""
    return orjson.dumps(value).decode()


def instant(value: Any, what: str) -> datetime | None:
    """Raises InputError for what is no time."""
    try:
        return parse_instant(value)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{what}: {error}") from error


def whole(value: Any) -> int | None:
    """A whole number of a JSON number or a text of digits; None for the rest."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    if isinstance(value, str) and len(value) < 16 and value.isascii() and value.removeprefix("-").isdigit():
        return int(value)
    return None


def log_parts(log: Any, logs: Any = None) -> tuple[LogPart, ...]:
    """`log`: a text; `logs`: a list of texts or {text, rank?, node?}. Of too long ones the end stays. Raises InputError."""
    parts = []
    if log is not None:
        if not isinstance(log, str):
            raise InputError(f"log is {found(log)}, expected a text")
        parts.append(LogPart(text=log[-MAX_LOG:]))
    if logs is not None:
        if not isinstance(logs, list):
            raise InputError(f"logs is {found(logs)}, expected a list")
        if len(logs) > MAX_LOGS:
            raise InputError(f"logs has {len(logs)} parts, more than {MAX_LOGS}")
        parts += [_log_part(raw, number) for number, raw in enumerate(logs)]
    return tuple(part for part in parts if part.text)


def _log_part(raw: Any, number: int) -> LogPart:
    one = {"text": raw} if isinstance(raw, str) else mapping(raw, f"logs[{number}]")
    if not isinstance(one.get("text"), str):
        raise InputError(f"logs[{number}].text is {found(one.get('text'))}, expected a text")
    rank = whole(one.get("rank"))
    return LogPart(
        text=one["text"][-MAX_LOG:],
        rank=rank if rank is not None and rank >= 0 else None,
        node=text(one.get("node"), 253) or None,
    )


def each(items: Any, what: str, read: Callable[[Any], Event | Iterable[Event]]) -> Decoded:
    """Read each item by itself: a broken one is rejected alone. Raises InputError when `items` is no list or is too long."""
    if not isinstance(items, list):
        raise InputError(f"{what} is {found(items)}, expected a list")
    if len(items) > MAX_ITEMS:
        raise InputError(f"{what} has {len(items)} entries, more than {MAX_ITEMS}")
    events: list[Event] = []
    rejected: list[Rejected] = []
    for number, item in enumerate(items):
        try:
            made = read(item)
            if isinstance(made, Event):
                events.append(made)
            else:
                events += made
        except (InputError, ValueError) as error:
            rejected.append(Rejected(f"{what}[{number}]: {_reason(error)}", shown(item)))
    return Decoded(tuple(events), tuple(rejected))


def single(item: Any, read: Callable[[Any], Event | Iterable[Event]]) -> Decoded:
    """Read a body that is one item: what is wrong with it is wrong with the body."""
    try:
        made = read(item)
        return Decoded((made,) if isinstance(made, Event) else tuple(made))
    except ValueError as error:
        raise InputError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error)


def shown(item: Any) -> str:
    """An item as JSON again, for quarantine: whole, so that it can be tried again."""
    return orjson.dumps(item).decode()


def found(value: Any) -> str:
    """What somebody sent instead of what was expected, in JSON's words."""
    words = {dict: "an object", list: "a list", str: "a text", bool: "a flag", type(None): "missing"}
    return words.get(type(value), "a number")


def first_line(*candidates: str) -> str:
    """The first line that says something, at most 300 characters."""
    for candidate in candidates:
        line = candidate.strip()
        if not line.isprintable():
            line = next((part.strip() for part in line.splitlines() if part.strip()), "")
        if line:
            return line if len(line) <= 300 else line[:297] + "..."
    return ""


def links(pairs: Iterable[tuple[Any, str]]) -> tuple[Link, ...]:
    """(URL, text) pairs as links, each once; only http and https: a sender's `javascript:` is no link."""
    out: dict[str, Link] = {}
    for href, label in pairs:
        if type(href) is str and href.startswith(("http://", "https://")) and href not in out:
            out[href] = Link(href=href[:3000], text=label)
    return tuple(out.values())


def clean(entities: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Without empty kinds and names."""
    out = {}
    for kind, names in entities.items():
        if len(names) > 1:
            names = tuple(dict.fromkeys([name for name in names if name]))
        if names and names[0]:
            out[kind] = names
    return out
