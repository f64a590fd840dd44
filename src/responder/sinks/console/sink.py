"""The console sink: the first report in full, later ones as a line, in full again when the leading cause changed.

One report is one write: output of several incidents never interleaves, and a reader that is slow blocks a thread, not the daemon.
"""

import asyncio
import io
import os
import shutil
import sys
import threading
from typing import TextIO

from pydantic import JsonValue

from responder.errors import Permanent
from responder.model.delivery import Order, Owner, Receipt, Visible
from responder.model.report import Report
from responder.sinks.console.settings import Settings
from responder.sinks.news import gist, news
from responder.sinks.wording import span

_WRITING = threading.Lock()


class Console:
    """See `responder.ports.Sink`."""

    name = "console"

    def __init__(self, settings: Settings, base_url: str, stream: TextIO | None = None) -> None:
        self.minimum_severity = settings.minimum_severity
        self.fallback = settings.fallback
        self._settings = settings
        self._pages = f"{base_url.rstrip('/')}/incidents/"
        self._stream = stream

    def target(self, owner: Owner) -> dict[str, str]:
        return {}

    async def deliver(self, order: Order, report: Report) -> Receipt:
        told = order.receipt.data.get("told") if order.receipt else None
        text = self._text(order, report, told if isinstance(told, dict) else None)
        if text:
            await asyncio.to_thread(self._write, text)
        return Receipt(
            data={"told": gist(report, order.visible) if text or told is None else told},
            message_id=f"console:{order.incident_id}",
            link=f"{self._pages}{order.incident_id}",
            revision=report.revision,
        )

    def _text(self, order: Order, report: Report, told: dict[str, JsonValue] | None) -> str:
        """Empty when there is nothing to tell."""
        from responder.sinks.console.layout import brief, full

        if told is None:
            note = f"\n {order.note}" if order.note else ""
            return self._print(full(report, width=self._width())) + (f"{note}\n" if note else "")
        clauses = news(told, report, order.visible)
        if order.reason == "repeat" and not clauses:
            clauses = [f"open for {span(order.claimed_at - report.incident.opened_at)} and nobody has it"]
        if not clauses:
            return ""
        changed = told.get("class") != gist(report, order.visible)["class"]
        if changed and order.visible not in (Visible.RESOLVED, Visible.MERGED):
            return self._print(full(report, width=self._width()))
        return self._print(brief(report, order.visible, clauses))

    def _print(self, what: object) -> str:
        import rich.console

        colour = self._colour()
        printed = io.StringIO()
        console = rich.console.Console(
            file=printed,
            width=self._width(),
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )
        console.print(what)
        return "\n".join(line.rstrip() for line in printed.getvalue().split("\n"))

    def _out(self) -> TextIO:
        return self._stream or sys.stdout

    def _colour(self) -> bool:
        if self._settings.color != "auto":
            return self._settings.color == "always"
        return self._out().isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def _width(self) -> int:
        if self._settings.width is not None:
            return self._settings.width
        return max(60, min(110, shutil.get_terminal_size((100, 24)).columns)) if self._out().isatty() else 100

    def _write(self, text: str) -> None:
        out = self._out()
        encoding = getattr(out, "encoding", None) or "utf-8"
        try:
            with _WRITING:
                out.write(text.encode(encoding, "replace").decode(encoding))
                out.flush()
        except (OSError, ValueError) as error:
            raise Permanent(f"standard output cannot be written to: {error}") from error

    async def check(self) -> str | None:
        return "standard output is closed" if self._out().closed else None

    async def close(self) -> None:
        """Standard output is not ours to close."""
