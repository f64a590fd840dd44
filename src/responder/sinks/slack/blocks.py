"""Block Kit within its limits, and text that cannot come alive.

Untrusted text goes through `inert` (or `code`): control characters gone, whitespace folded, `& < >` escaped, cut to a
length that counts what is sent. Every mrkdwn object is `verbatim`: bare links, @names and #names in it stay text.
Limits: docs.slack.dev/reference/block-kit/blocks and slack_sdk/models/blocks; lengths count UTF-16 units, the strictest
reading; the total of all text (13,200) is undocumented: slackapi/bolt-js issue 2509.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from responder.sinks.wording import clean, clip, units

MAX_BLOCKS = 45
"""Slack takes 50; the rest is room for a note."""
MAX_SECTION = 2_900
MAX_FIELD = 1_900
MAX_HEADER = 150
MAX_TOTAL = 11_500
"""Slack takes about 13,200 characters in all blocks of a message."""
MAX_FALLBACK = 3_000
"""The `text` beside the blocks: chat.update refuses more than 4,000."""
MAX_URL = 1_000
"""As sent. A button or a link may have 3,000; the page has what is longer."""

Block = dict[str, Any]
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_URL = re.compile(r"https?://[^\s\x00-\x1f<>|\"\\^`{}]+")


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: blocks, and the plain text for notifications and screen readers."""

    text: str
    blocks: tuple[Block, ...]

    @property
    def hash(self) -> str:
        """Of the content; equal means that an update would change nothing."""
        raw = json.dumps([self.text, self.blocks], sort_keys=True).encode("utf-8", "surrogatepass")
        return hashlib.sha256(raw).hexdigest()[:16]

    def with_note(self, note: str) -> "Message":
        return replace(self, blocks=(*self.blocks, context([note])))


def inert(text: str, most: int) -> str:
    """Untrusted text as mrkdwn, at most `most` units as sent; never empty."""
    plain = clean(text[: most * 4]) or "—"
    out: list[str] = []
    size = 0
    for char in plain:
        shown = _ESCAPED.get(char, char)
        size += len(shown) + (char > "\uffff")
        if size > most - 1:
            return "".join(out).rstrip() + "…"
        out.append(shown)
    return "".join(out)


def bold(text: str, most: int) -> str:
    return f"*{inert(text.replace('*', '∗'), most)}*"


def code(text: str, most: int) -> str:
    return f"`{inert(text.replace('`', 'ʹ'), most)}`"


def fence(text: str, most: int) -> str:
    """A command to copy."""
    return f"```{inert(text.replace('`', 'ʹ'), most)}```"


def plain(text: str, most: int) -> str:
    """For plain_text objects, in which nothing is parsed and nothing is escaped; never empty."""
    return clip(clean(text), most) or "—"


def link(url: str | None, label: str) -> str:
    """A link when the URL is one, else the label alone. `label` is ours, or inert already."""
    escaped = (url or "").replace("&", "&amp;")
    return f"<{escaped}|{label}>" if url and units(escaped) <= MAX_URL and _host(url) else label


def outside(url: str | None) -> str:
    """A link that came from outside shows where it leads; empty when it is none."""
    host = _host(url) if url else None
    return link(url, f"↗ {inert(host, 60)}") if host else ""


def _host(url: str) -> str | None:
    if not _URL.fullmatch(url):
        return None
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": plain(text, MAX_HEADER), "emoji": False}}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def fields(pairs: Sequence[tuple[str, str]]) -> Block:
    """Titled values side by side; each value is mrkdwn already and within MAX_FIELD."""
    return {"type": "section", "fields": [mrkdwn(f"*{title}*\n{value}") for title, value in pairs[:10]]}


def context(parts: Sequence[str]) -> Block:
    return {"type": "context", "elements": [mrkdwn(part) for part in parts[:10]]}


def button(action: str, label: str, value: str, *, style: str | None = None, confirm: str | None = None) -> Block:
    """`value` names the incident; `confirm` asks before it acts."""
    made: Block = {
        "type": "button",
        "action_id": f"responder_{action}",
        "text": {"type": "plain_text", "text": label, "emoji": True},
        "value": value[:2000],
    }
    if style is not None:
        made["style"] = style
    if confirm is not None:
        made["confirm"] = {
            "title": {"type": "plain_text", "text": label},
            "text": {"type": "plain_text", "text": confirm},
            "confirm": {"type": "plain_text", "text": "Yes"},
            "deny": {"type": "plain_text", "text": "No"},
        }
    return made


def size(blocks: Iterable[Block]) -> int:
    """All text of the blocks, in units."""
    total = 0
    for block in blocks:
        for key, value in block.items():
            if key == "text" and isinstance(value, str):
                total += units(value)
            elif isinstance(value, dict):
                total += size([value])
            elif isinstance(value, list):
                total += size(part for part in value if isinstance(part, dict))
    return total
