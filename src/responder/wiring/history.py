"""What an export holds, line by line, and reading it back.

One JSON object per line with a `type`: event (with its trail), evidence, action, report (the latest of each incident). Everything
is redacted already: that is how it was stored.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson
from pydantic import ValidationError

from responder.errors import InputError
from responder.model.event import Event
from responder.model.evidence import RecordedAnswer
from responder.model.incident import Incident
from responder.model.journal import Action, Trail
from responder.model.report import Report
from responder.ports import Store

EXPORT_SCHEMA = "responder.export/v1"
PAGE = 1000
"""Journal entries read per query: the daemon's writer is not kept waiting."""


@dataclass(slots=True)
class History:
    """A stretch of the past."""

    events: list[tuple[Event, Trail | None]] = field(default_factory=list)
    evidence: list[RecordedAnswer] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    incidents: dict[str, Incident] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many lines its export has, the first one not counted."""
        return sum(len(part) for part in (self.events, self.evidence, self.actions, self.incidents, self.reports))


async def read_journal(
    store: Store, start: datetime | None, end: datetime | None, progress: Callable[[int], None] = lambda done: None
) -> History:
    """Everything of a store between two times of arrival."""
    out = History()
    after = 0
    while True:
        at = after
        page = await store.read(lambda tx: tx.journal_range(start, end, at, PAGE))  # noqa: B023
        if not page:
            break
        out.events += [(entry.event, entry.trail) for entry in page]
        after = page[-1].seq
        progress(len(out.events))
    ids = tuple(dict.fromkeys(id for _, trail in out.events if trail for id in trail.incident_ids))
    for first in range(0, len(ids), 200):
        some = ids[first : first + 200]
        out.incidents |= await store.read(lambda tx: tx.incidents(some))  # noqa: B023
        out.reports |= await store.read(lambda tx: tx.latest_reports(some))  # noqa: B023
        for id in some:
            out.evidence += await store.read(lambda tx: tx.evidence(id))  # noqa: B023
    out.actions = await store.read(lambda tx: tx.actions(start, end, None))
    return out


def lines(history: History) -> Iterator[bytes]:
    """The export, one object per line."""

    def line(kind: str, body: dict[str, object]) -> bytes:
        return orjson.dumps({"type": kind, **body}, option=orjson.OPT_APPEND_NEWLINE)

    yield line("export", {"schema": EXPORT_SCHEMA})
    for event, trail in history.events:
        yield line(
            "event", {"event": event.model_dump(mode="json"), "trail": trail.model_dump(mode="json") if trail else None}
        )
    for answer in history.evidence:
        yield line("evidence", {"evidence": answer.model_dump(mode="json")})
    for action in history.actions:
        yield line("action", {"action": action.model_dump(mode="json")})
    for incident in history.incidents.values():
        yield line("incident", {"incident": incident.model_dump(mode="json", by_alias=True)})
    for report in history.reports.values():
        yield line("report", {"report": report.model_dump(mode="json", by_alias=True)})


def read_file(file: Path) -> History:
    """An export, or a file with a native event per line. Raises InputError with the line that does not fit."""
    out = History()
    try:
        rows = file.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    for number, row in enumerate(rows, 1):
        if row.strip():
            _read_row(out, row, f"{file}:{number}")
    return out


def _read_row(out: History, row: bytes, where: str) -> None:
    try:
        parsed = orjson.loads(row)
    except orjson.JSONDecodeError as error:
        raise InputError(f"no JSON: {error}", where=where) from error
    kind = parsed.get("type") if isinstance(parsed, dict) else None
    try:
        if kind == "event":
            trail = Trail.model_validate(parsed["trail"]) if parsed.get("trail") else None
            out.events.append((Event.model_validate(parsed["event"]), trail))
        elif kind == "evidence":
            out.evidence.append(RecordedAnswer.model_validate(parsed["evidence"]))
        elif kind == "action":
            out.actions.append(Action.model_validate(parsed["action"]))
        elif kind == "incident":
            incident = Incident.model_validate(parsed["incident"])
            out.incidents[incident.id] = incident
        elif kind == "report":
            report = Report.model_validate(parsed["report"])
            out.reports[report.incident.id] = report
        elif kind != "export":
            _read_native(out, row, where)
    except (ValidationError, KeyError) as error:
        raise InputError(f"no {kind} of an export: {error}", where=where) from error


def _read_native(out: History, row: bytes, where: str) -> None:
    from datetime import UTC

    from responder.logic.redact import redact_event
    from responder.ports import RawMessage
    from responder.wiring.adapters import formats

    try:
        decoded = formats()["native"].decode(RawMessage(row, "native", "native", datetime.now(UTC)))
    except InputError as error:
        raise InputError(f"neither a line of an export nor a native event: {error}", where=where) from error
    out.events += [
        (redact_event(event).model_copy(update={"received_at": event.starts_at}), None) for event in decoded.events
    ]


def arrival_order(events: Sequence[tuple[Event, Trail | None]]) -> list[tuple[datetime, list[Event]]]:
    """Events grouped by their time of arrival: what came together goes in together."""
    groups: dict[datetime, list[Event]] = {}
    for event, _ in events:
        groups.setdefault(event.received_at, []).append(event)
    return sorted(groups.items())
