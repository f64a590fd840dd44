"""Reads JSON bodies within bounds, and turns odd values into texts; shared by the formats, and no format itself.

Bounds are on what a body may cost: nesting, alerts per body, labels and their lengths. What is cut says so.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from responder.errors import InputError
from responder.logic.timestamps import parse_instant
from responder.model.event import Event, LogPart
from responder.ports import Decoded, RawMessage, Rejected

MAX_DEPTH = 64
"""Real payloads nest some ten levels; a deeper body is hostile."""
MAX_ITEMS = 10_000
"""Events per body: a whole Alertmanager's worth of alerts."""
MAX_LABELS = 256
MAX_VALUE = 16_384
"""Characters of one label or annotation."""
MAX_LOG = 16 * 1024 * 1024
CUT = "... [cut]"

_OPEN, _CLOSE, _QUOTE, _ESCAPE = b"[{", b"]}", 0x22, 0x5C


def document(message: RawMessage) -> Any:
    """The body as JSON. Raises InputError for what is none, or nests deeper than `MAX_DEPTH`."""
    body = message.body
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check_depth(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            raise InputError("the body is empty") from error
        raise InputError(f"the body is no JSON: {error}") from error
    except RecursionError as error:
        raise InputError("the body nests too deeply") from error


def _check_depth(body: bytes) -> None:
    """Brackets outside strings, counted before any parser descends into them."""
    depth = at = 0
    inside = False
    size = len(body)
    while at < size:
        byte = body[at]
        if inside:
            if byte == _ESCAPE:
                at += 1
            elif byte == _QUOTE:
                inside = False
            else:
                # Jump to what can end the string or escape in it.
                ends = [end for end in (body.find(b'"', at), body.find(b"\\", at)) if end >= 0]
                at = min(ends, default=size) - 1
        elif byte == _QUOTE:
            inside = True
        elif byte in _OPEN:
            depth += 1
            if depth > MAX_DEPTH:
                raise InputError(f"the body nests deeper than {MAX_DEPTH} levels")
        elif byte in _CLOSE:
            depth -= 1
        at += 1


def mapping(value: Any, what: str) -> dict[str, Any]:
    """Raises InputError when it is no object."""
    if not isinstance(value, dict):
        raise InputError(f"{what} is {_kind(value)}, expected an object")
    return value


def texts(value: Any, what: str) -> dict[str, str]:
    """A mapping of texts; numbers and flags become their JSON spelling, null becomes nothing. Raises InputError."""
    if value is None:
        return {}
    out: dict[str, str] = {}
    for name, raw in mapping(value, what).items():
        if len(out) >= MAX_LABELS:
            break
        if isinstance(raw, str):
            out[name[:MAX_VALUE]] = raw if len(raw) <= MAX_VALUE else raw[:MAX_VALUE] + CUT
        elif isinstance(raw, bool | int | float):
            out[name[:MAX_VALUE]] = orjson.dumps(raw).decode()
        elif raw is not None:
            raise InputError(f"{what}.{name[:80]} is {_kind(raw)}, expected a text")
    return out


def text(value: Any, limit: int = MAX_VALUE) -> str:
    """A text of anything small; '' for null, objects and arrays."""
    if isinstance(value, str):
        return value if len(value) <= limit else value[:limit] + CUT
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


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
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 18:
        return int(value)
    return None


def log_parts(log: Any, logs: Any = None) -> tuple[LogPart, ...]:
    """`log`: a text; `logs`: a list of {text, rank?, node?}. Raises InputError."""
    parts = []
    if log is not None:
        if not isinstance(log, str):
            raise InputError(f"log is {_kind(log)}, expected a text")
        parts.append(LogPart(text=log[-MAX_LOG:]))
    if logs is not None:
        if not isinstance(logs, list):
            raise InputError(f"logs is {_kind(logs)}, expected a list")
        for number, raw in enumerate(logs[:MAX_ITEMS]):
            one = mapping(raw, f"logs[{number}]")
            if not isinstance(one.get("text"), str):
                raise InputError(f"logs[{number}].text is {_kind(one.get('text'))}, expected a text")
            node = one.get("node")
            parts.append(
                LogPart(
                    text=one["text"][-MAX_LOG:],
                    rank=whole(one.get("rank")),
                    node=node if isinstance(node, str) else None,
                )
            )
    return tuple(part for part in parts if part.text)


def each(items: Any, what: str, read: "Any") -> Decoded:
    """Read each item by itself: a broken one is rejected alone. Raises InputError when `items` is no list or is too long."""
    if not isinstance(items, list):
        raise InputError(f"{what} is {_kind(items)}, expected a list")
    if len(items) > MAX_ITEMS:
        raise InputError(f"{what} has {len(items)} entries, more than {MAX_ITEMS}")
    events: list[Event] = []
    rejected: list[Rejected] = []
    for number, item in enumerate(items):
        try:
            event = read(item)
        except InputError as error:
            rejected.append(Rejected(f"{what}[{number}]: {error}", shown(item)))
        else:
            events.append(event)
    return Decoded(tuple(events), tuple(rejected))


def shown(item: Any) -> str:
    return orjson.dumps(item, default=str).decode()[:65_536]


def first_line(*candidates: str) -> str:
    """The first line that says something, at most 300 characters."""
    for candidate in candidates:
        line = next((part.strip() for part in candidate.splitlines() if part.strip()), "")
        if line:
            return line[:300]
    return ""


def clean(entities: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Without empty kinds and names."""
    out = {}
    for kind, names in entities.items():
        kept = tuple(dict.fromkeys(name for name in names if name))
        if kept:
            out[kind] = kept
    return out


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "a text", bool: "a flag", type(None): "missing"}.get(
        type(value), "a number"
    )
