"""Asks the enrichers what a skill needs to know, side by side, and keeps every answer for the record."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from responder.logic.question import question_key
from responder.model.evidence import Ask, Missing, Need, Reading, RecordedAnswer, Window
from responder.pipeline.snapshot import AFTER, BEFORE, Snapshot
from responder.ports import Enricher
from responder.runtime.gather import gather
from responder.telemetry import MISSING

FRESH = timedelta(seconds=30)
"""A recorded reading this young is not asked for again: the gathering that began when the incident opened counts."""


class Answers(Protocol):
    """Where answers come from: the enrichers, or the record of an earlier run."""

    async def answer(
        self, seen: Snapshot, needs: Sequence[Need], now: datetime, *, anew: bool
    ) -> list[RecordedAnswer]: ...


def _asks(seen: Snapshot, needs: Sequence[Need]) -> list[tuple[Ask, str]]:
    window = Window(start_at=seen.anchor - BEFORE, at=seen.anchor, end_at=seen.anchor + AFTER)
    variables = seen.variables()
    asks = [Ask(need=need, window=window, variables=variables) for need in needs]
    return [(ask, question_key(ask)) for ask in asks]


class Enrich:
    """Needs in, recorded answers out."""

    def __init__(self, enrichers: Mapping[str, Enricher]) -> None:
        self._enrichers = enrichers

    async def answer(self, seen: Snapshot, needs: Sequence[Need], now: datetime, *, anew: bool) -> list[RecordedAnswer]:
        """Answers to what is not known yet; with `anew` to everything."""
        young = {row.key for row in seen.recorded if isinstance(row.answer, Reading) and now - row.asked_at <= FRESH}
        asked = [(ask, key) for ask, key in _asks(seen, needs) if key not in young or anew]
        replies = await gather(
            [ask for ask, _ in asked],
            self._ask,
            deadline=lambda ask: ask.need.within,
            late=lambda ask: Missing(need=ask.need.name, reason="timeout", detail="no answer within its deadline"),
            failed=lambda ask, error: Missing(
                need=ask.need.name, reason="failed", detail=f"{type(error).__name__}: {error}"
            ),
        )
        for (ask, _), reply in zip(asked, replies, strict=True):
            if isinstance(reply, Missing):
                MISSING.labels(ask.need.source, reply.reason).inc()
        return [
            RecordedAnswer(incident_id=seen.incident.id, enricher=ask.need.source, key=key, asked_at=now, answer=reply)
            for (ask, key), reply in zip(asked, replies, strict=True)
        ]

    async def _ask(self, ask: Ask) -> Reading | Missing:
        enricher = self._enrichers.get(ask.need.source)
        if enricher is None:
            return Missing(
                need=ask.need.name, reason="not_configured", detail=f"no enricher {ask.need.source!r} is configured"
            )
        return await enricher.read(ask)


class Recorded:
    """Answers from the record of an earlier run. What was never asked then is Missing("not_recorded"), never asked now."""

    def __init__(self, rows: Sequence[RecordedAnswer]) -> None:
        self._rows: dict[str, list[RecordedAnswer]] = {}
        for row in sorted(rows, key=lambda row: row.asked_at):
            self._rows.setdefault(row.key, []).append(row)

    async def answer(self, seen: Snapshot, needs: Sequence[Need], now: datetime, *, anew: bool) -> list[RecordedAnswer]:
        return [
            RecordedAnswer(
                incident_id=seen.incident.id,
                enricher=ask.need.source,
                key=key,
                asked_at=now,
                answer=self._find(ask, key, now),
            )
            for ask, key in _asks(seen, needs)
        ]

    def _find(self, ask: Ask, key: str, now: datetime) -> Reading | Missing:
        rows = self._rows.get(key)
        if not rows:
            return Missing(need=ask.need.name, reason="not_recorded", detail="this was not asked when it happened")
        by_then = [row for row in rows if row.asked_at <= now + JITTER]
        return (by_then or rows[:1])[-1].answer


JITTER = timedelta(seconds=2)
"""Live asks a moment after a timer is due, replay exactly when it is."""


def latest_answers(rows: Sequence[RecordedAnswer]) -> dict[str, Reading | Missing]:
    """Per need the newest reading; a source that has gone away since does not take back what it said."""
    out: dict[str, Reading | Missing] = {}
    for row in sorted(rows, key=lambda row: row.asked_at):
        if isinstance(row.answer, Reading) or not isinstance(out.get(row.answer.need), Reading):
            out[row.answer.need] = row.answer
    return out
