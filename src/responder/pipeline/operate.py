"""What people do to incidents, silences and the quarantine, from whichever door: CLI, API, page, Slack, PagerDuty.

Every act is audited with who, when and through which door, in the same transaction that does it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from pydantic import ValidationError

from responder.errors import InputError, NotFound
from responder.logic.correlate import closed
from responder.logic.match import matches, parse_condition
from responder.model.event import Event
from responder.model.incident import Incident, IncidentStatus
from responder.model.journal import Action, Quarantined
from responder.model.silence import Silence
from responder.pipeline.ingest import Ingest, write_changes
from responder.ports import Accepted, Clock, RawMessage, Store, Tx


class Operate:
    """The acts."""

    def __init__(
        self, store: Store, clock: Clock, ingest: Ingest, committed: Callable[[datetime | None], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._ingest = ingest
        self._committed = committed

    async def acknowledge(self, incident_id: str, who: str, via: str) -> Incident:
        """Raises InputError when there is no such incident or it is resolved. Twice is once."""

        def work(tx: Tx, now: datetime) -> Incident:
            incident = _find(tx, incident_id)
            if incident.status is IncidentStatus.RESOLVED:
                raise InputError(f"{incident.id} is already resolved")
            if incident.status is IncidentStatus.ACKNOWLEDGED:
                return incident
            return self._changed(tx, incident, {"status": IncidentStatus.ACKNOWLEDGED, "acknowledged_by": who}, now)

        return await self._act(work, incident_id, who, via, "ack", "acknowledged")

    async def resolve(self, incident_id: str, who: str, via: str, comment: str = "") -> Incident:
        """Raises InputError when there is no such incident. Twice is once."""

        def work(tx: Tx, now: datetime) -> Incident:
            incident = _find(tx, incident_id)
            if incident.status is IncidentStatus.RESOLVED:
                return incident
            changes = closed(incident, now, f"resolved_by {who}")
            write_changes(tx, changes)
            return changes.incidents[incident.id]

        return await self._act(work, incident_id, who, via, "resolve", "resolved_by", {"comment": comment})

    async def feedback(
        self, incident_id: str, who: str, via: str, *, right: bool, cause: str | None = None
    ) -> Incident:
        """`right` confirms the leading cause; otherwise `cause` names the true one where the person knows it."""

        def work(tx: Tx, now: datetime) -> Incident:
            incident = _find(tx, incident_id)
            confirmed = incident.first_class if right else cause
            return self._changed(tx, incident, {"confirmed_class": confirmed}, now)

        detail = {"right": right, "cause": cause}
        return await self._act(work, incident_id, who, via, "feedback", None, detail)

    async def silence(
        self, match: str, duration: timedelta, who: str, via: str, comment: str, *, starts_at: datetime | None = None,
        maintenance: bool = False,
    ) -> Silence:  # fmt: skip
        """Silence whatever matches. Raises ConfigError for bad matchers, InputError for an empty matcher or a bad duration."""
        condition = parse_condition(match)
        if matches(condition, {}):
            raise InputError(
                "this would silence everything: a silence needs a matcher that a plain event does not satisfy"
            )
        if not timedelta() < duration <= timedelta(days=366):
            raise InputError("a silence lasts between a moment and a year")
        now = self._clock.now()
        begin = starts_at or now
        made = Silence(
            id=f"sil-{uuid4().hex[:10]}",
            match=condition,
            text=match,
            starts_at=begin,
            ends_at=begin + duration,
            created_by=who,
            comment=comment,
            created_at=now,
            maintenance=maintenance,
        )
        action = self._action(who, via, "silence", None, {"silence": made.id, "match": match, "comment": comment})

        def keep(tx: Tx) -> None:
            tx.put_silences([made])
            tx.append_actions([action])

        await self._store.write(keep)
        return made

    async def silence_incident(
        self, incident_id: str, duration: timedelta, who: str, via: str, comment: str
    ) -> Silence:
        """Silence what this incident's key names, under its own rule only by what the key says."""
        incident = await self._store.read(lambda tx: _find(tx, incident_id))
        parts = [f'{name.split("|")[0]}="{_quoted(value)}"' for name, value in incident.key.items() if value]
        names = {
            event.labels.get("alertname", "")
            for event in await self._store.read(lambda tx: tx.members(incident.id, 20))
        }
        names.discard("")
        if names:
            parts.append('alertname=~"' + "|".join(sorted(_quoted(_literal(name)) for name in names)) + '"')
        if not parts:
            raise InputError(f"{incident.id} has nothing to silence by: its key is empty")
        made = await self.silence(", ".join(parts), duration, who, via, comment or f"silenced from {incident.id}")
        await self.acknowledge(incident.id, who, via) if incident.status is IncidentStatus.OPEN else None
        return made

    async def expire_silence(self, silence_id: str, who: str, via: str) -> Silence:
        """End a silence now. Raises InputError when there is none, or it comes from the configuration."""
        now = self._clock.now()

        def work(tx: Tx) -> Silence:
            found = next((one for one in tx.silences(None) if one.id == silence_id), None)
            if found is None:
                raise NotFound(f"no silence {silence_id}")
            ended = found.model_copy(update={"ends_at": min(found.ends_at, now)})
            tx.put_silences([ended])
            tx.append_actions([self._action(who, via, "unsilence", None, {"silence": silence_id})])
            return ended

        return await self._store.write(work)

    async def retry_quarantined(self, id: str, who: str, via: str) -> Accepted:
        """Take what is held up again where it broke. Raises InputError when there is none."""
        held = await self._held(id)
        retry = {"ingest": self._retry_event, "triage": self._retry_triage}.get(held.stage, self._retry_body)
        answer = await retry(held)
        state = "held" if answer.error else "retried"
        kept = held.model_copy(
            update={"state": state, "attempts": held.attempts + 1, "error": answer.error or held.error}
        )
        action = self._action(who, via, "retry", None, {"quarantine": id, "result": answer.error or "accepted"})
        await self._keep(kept, action)
        return answer

    async def _retry_body(self, held: Quarantined) -> Accepted:
        origin = f"quarantine/{held.id}"
        message = RawMessage(_body(held), held.format, held.source, self._clock.now(), held.headers, origin)
        still = self._ingest.prepare(message).error
        if still is not None:  # it stays the one entry that it is
            return Accepted(0, 0, 1, (), (held.id,), still)
        return (await self._ingest.accept([message]))[0]

    async def _retry_event(self, held: Quarantined) -> Accepted:
        """Its body is the decoded event; when that breaks again, it is held anew."""
        return (await self._ingest.accept_events([_event(held)]))[0]

    async def _retry_triage(self, held: Quarantined) -> Accepted:
        """The event is in the journal; its incidents are triaged once more."""
        event, now = _event(held), self._clock.now()

        def work(tx: Tx) -> None:
            entry = tx.journal_entries([event.id]).get(event.id)
            tx.set_timers([("triage", id, now, "asked") for id in (entry.trail.incident_ids if entry else ())])

        await self._store.write(work)
        self._committed(now)
        return Accepted(1, 0, 0, (event.id,))

    async def drop_quarantined(self, id: str, who: str, via: str) -> None:
        held = await self._held(id)
        action = self._action(who, via, "drop", None, {"quarantine": id})
        dropped = held.model_copy(update={"state": "dropped"})
        await self._keep(dropped, action)

    async def refused(self, who: str, via: str, what: str, incident_id: str | None, why: str) -> None:
        """Record that somebody was not allowed to."""
        action = self._action(who, via, "refused", incident_id, {"wanted": what, "why": why})
        await self._store.write(lambda tx: tx.append_actions([action]))

    # inside

    async def _keep(self, entry: Quarantined, action: Action) -> None:
        def work(tx: Tx) -> None:
            tx.put_quarantine([entry])
            tx.append_actions([action])

        await self._store.write(work)

    async def _held(self, id: str) -> Quarantined:
        held = await self._store.read(lambda tx: tx.quarantined(id))
        if held is None:
            raise NotFound(f"nothing is quarantined under {id}")
        return held

    async def _act(
        self,
        work: Callable[[Tx, datetime], Incident],
        incident_id: str,
        who: str,
        via: str,
        what: str,
        triage_reason: str | None,
        detail: Mapping[str, object] | None = None,
    ) -> Incident:
        now = self._clock.now()

        def commit(tx: Tx) -> Incident:
            incident = work(tx, now)
            tx.append_actions([self._action(who, via, what, incident.id, detail or {})])
            if triage_reason is not None:
                tx.set_timers([("triage", incident.id, now, triage_reason)])
            return incident

        incident = await self._store.write(commit)
        self._committed(now)
        return incident

    def _changed(self, tx: Tx, incident: Incident, update: dict[str, object], now: datetime) -> Incident:
        changed = incident.model_copy(update={**update, "version": incident.version + 1, "updated_at": now})
        tx.put_incidents([changed])
        return changed

    def _action(self, who: str, via: str, what: str, incident_id: str | None, detail: Mapping[str, object]) -> Action:
        return Action.model_validate(
            {
                "id": f"act-{uuid4().hex[:12]}",
                "at": self._clock.now(),
                "who": who,
                "via": via,
                "what": what,
                "incident_id": incident_id,
                "detail": dict(detail),
            }
        )


def _find(tx: Tx, incident_id: str) -> Incident:
    found = tx.incidents([incident_id]).get(incident_id)
    if found is None:
        raise NotFound(f"no incident {incident_id}")
    return found


def _body(held: Quarantined) -> bytes:
    if held.body.startswith("base64:"):
        import base64

        return base64.b64decode(held.body.removeprefix("base64:"))
    return held.body.encode()


def _event(held: Quarantined) -> Event:
    try:
        return Event.model_validate_json(held.body)
    except ValidationError as error:
        raise InputError(f"{held.id} holds no event any more: {error.error_count()} fields do not fit") from error


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _literal(text: str) -> str:
    return "".join(f"\\{c}" if c in r"\.+*?()|[]{}^$" else c for c in text)
