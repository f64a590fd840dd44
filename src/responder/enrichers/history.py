"""The daemon's own memory: how often it happened on this GPU, node, job or service, and which causes were confirmed.

A query is a mapping: `entity` (gpu, node, job, service...), `window` (30d, 90d), and what to count: `incidents` (default),
`class: <id>` (incidents with that leading or confirmed cause), or `labels: {...}` (journalled firing events with these labels).
A GPU is asked for by UUID: an index changes with a reboot.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from responder.duration import parse_duration
from responder.errors import InputError
from responder.logic.question import question_key
from responder.model.evidence import Ask, Missing, Reading
from responder.model.incident import Incident
from responder.model.value import Value
from responder.ports import Context, Store, Tx

DESCRIPTION = "what happened before on this GPU, node, job or service"
NAMES = 20
"""Entities of one kind that are looked up; an incident with more has no history worth telling."""


class Settings(Value):
    """`enrichers.history` has nothing to set: it reads the configured store."""


def create(settings: Settings, context: Context) -> "History":
    return History(context.store)


class History:
    """The enricher."""

    name = "history"

    def __init__(self, store: Store) -> None:
        self._store = store

    def key(self, ask: Ask) -> str:
        return question_key(ask)

    async def read(self, ask: Ask) -> Reading | Missing:
        need = ask.need
        query = need.query
        if not isinstance(query, dict) or not isinstance(query.get("entity"), str):
            return Missing(need=need.name, reason="bad_query", detail="write {entity: gpu, window: 90d}")
        kind = str(query["entity"])
        names = ask.variables.get(kind, ())[:NAMES]
        if not names:
            return Missing(need=need.name, reason="no_variable", detail=f"the event names no {kind}")
        try:
            window = parse_duration(str(query.get("window", "30d")))
        except ValueError as error:
            return Missing(need=need.name, reason="bad_query", detail=str(error))
        end = ask.window.at
        try:
            found = await self._store.read(lambda tx: self._look(tx, kind, names, end - window, end, query))
        except InputError as error:
            return Missing(need=need.name, reason="not_supported", detail=str(error))
        count, newest, what = found
        span = query.get("window", "30d")
        statement = f"{what} {count} time{'' if count == 1 else 's'} in {span} on {kind} {', '.join(names[:3])}"
        if newest is not None:
            cause = newest.confirmed_class or newest.first_class
            statement += f"; last {newest.opened_at:%Y-%m-%d}" + (f" ({cause})" if cause else "")
        return Reading(need=need.name, value=count, unit=need.unit or "count", statement=statement, observed_at=end)

    def _look(
        self, tx: Tx, kind: str, names: tuple[str, ...], start: datetime, end: datetime, query: Mapping[str, Any]
    ) -> tuple[int, Incident | None, str]:
        labels = query.get("labels")
        if isinstance(labels, Mapping):
            wanted = {str(k): str(v) for k, v in labels.items()}
            count = sum(tx.count_events(kind, name, start, end, wanted) for name in names)
            return count, None, "seen"
        past = tx.past_incidents([(kind, name) for name in names], start, end, None)
        cause = query.get("class")
        if cause is not None:
            past = [one for one in past if cause in (one.confirmed_class, one.first_class)]
        return len(past), max(past, key=lambda one: one.opened_at, default=None), f"{cause or 'an incident'} happened"

    async def check(self) -> str | None:
        return None

    async def close(self) -> None:
        return None
