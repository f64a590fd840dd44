"""Which single step brings what Slack shows closer to what is desired. Pure: the same state gives the same step.

Order: the message, its details, news, the closing text. A part of the thread has a name; parts that were posted are
remembered with the hash of their content: each is posted once and updated only when it would look different.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from pydantic import JsonValue

from responder.model.delivery import Order, Receipt, Visible
from responder.model.report import Report
from responder.sinks.news import gist, news
from responder.sinks.slack import thread
from responder.sinks.slack.blocks import Message
from responder.sinks.slack.details import EMPTY, details
from responder.sinks.slack.root import root

ROOT = "root"
ALOUD = ("repeat", "escalated")
"""Reasons that call for people: such a reply is shown in the channel, too."""
KEEP = 6
"""Names of passing remarks (news, reminders) that are remembered; they are only needed until their delivery is done."""


@dataclass(frozen=True, slots=True)
class Part:
    """A posted reply."""

    ts: str
    hash: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands in Slack, as far as the receipt knows."""

    channel: str
    ts: str | None = None
    hash: str = ""
    parts: dict[str, Part] = field(default_factory=dict)
    told: dict[str, JsonValue] | None = None
    """The gist that readers of the thread know."""

    @classmethod
    def read(cls, receipt: Receipt | None, channel: str) -> Self:
        data: dict[str, Any] = receipt.data if receipt else {}
        if not data.get("ts"):
            return cls(channel)
        parts = {name: Part(ts, content) for name, (ts, content) in data.get("parts", {}).items()}
        return cls(data["channel"], data["ts"], data.get("hash", ""), parts, data.get("told"))

    def data(self) -> dict[str, JsonValue]:
        parts: dict[str, JsonValue] = {name: [part.ts, part.hash] for name, part in self.parts.items()}
        return {"channel": self.channel, "ts": self.ts, "hash": self.hash, "parts": parts, "told": self.told}

    def after(self, step: "Step", ts: str) -> Self:
        """With the step's effect."""
        told = step.told if step.told is not None else self.told
        if step.part == ROOT:
            return replace(self, ts=ts, hash=step.message.hash, told=told)
        parts = self.parts | {step.part: Part(ts, step.message.hash)}
        passing = [name for name in parts if name.startswith(("news-", "repeat-", "escalated-"))]
        for name in passing[:-KEEP]:
            del parts[name]
        return replace(self, parts=parts, told=told)

    def without(self, part: str) -> Self:
        """Somebody deleted it. Without its message, nothing of the thread is left."""
        if part == ROOT:
            return replace(self, ts=None, hash="", parts={}, told=None)
        return replace(self, parts={name: kept for name, kept in self.parts.items() if name != part})


@dataclass(frozen=True, slots=True)
class Step:
    """One call that changes something."""

    kind: Literal["post", "update"]
    part: str
    message: Message
    ts: str | None = None
    aloud: bool = False
    told: dict[str, JsonValue] | None = None
    """What readers know afterwards."""


def next_step(
    shown: Shown, order: Order, report: Report, page: str, *, buttons: bool = True, notes: tuple[str, ...] = ()
) -> Step | None:
    """None when all that is desired is shown."""
    return next(_steps(shown, order, report, page, buttons, notes), None)


def _steps(
    shown: Shown, order: Order, report: Report, page: str, buttons: bool, notes: tuple[str, ...]
) -> Iterator[Step]:
    message = root(report, order.visible, page, notes, buttons=buttons)
    if shown.ts is None:
        yield Step("post", ROOT, message, told=gist(report, order.visible))
        return
    if shown.hash != message.hash:
        yield Step("update", ROOT, message, shown.ts)
    if order.visible is not Visible.MERGED:
        yield from _details(shown, details(report, page))
    yield from _remark(shown, order, report)


def _details(shown: Shown, wanted: list[Message]) -> Iterator[Step]:
    names = [f"details-{n}" for n in range(1, len(wanted) + 1)]
    for name, message in zip(names, wanted, strict=True):
        part = shown.parts.get(name)
        if part is None:
            yield Step("post", name, message)
        elif part.hash != message.hash:
            yield Step("update", name, message, part.ts)
    for name, part in shown.parts.items():
        if name.startswith("details-") and name not in names and part.hash != EMPTY.hash:
            yield Step("update", name, EMPTY, part.ts)


def _remark(shown: Shown, order: Order, report: Report) -> Iterator[Step]:
    now = gist(report, order.visible)
    if order.visible is Visible.RESOLVED:
        name = f"closing-{order.episode}"
        if name not in shown.parts:
            yield Step("post", name, thread.closing(report), told=now)
        return
    if order.reason in ALOUD and order.visible is Visible.OPEN:
        name = f"{order.reason}-{order.delivery_id}"
        made = thread.reminder(report, order.claimed_at) if order.reason == "repeat" else thread.escalated(report)
        if name not in shown.parts:
            yield Step("post", name, made, aloud=True, told=now)
        return
    clauses = news(shown.told, report, order.visible) if shown.told is not None else []
    name = f"news-{order.delivery_id}"
    if clauses and name not in shown.parts:
        again = order.visible is Visible.OPEN and (shown.told or {}).get("visible") == Visible.RESOLVED.value
        yield Step("post", name, thread.said(clauses, report, order.reason), aloud=again, told=now)
