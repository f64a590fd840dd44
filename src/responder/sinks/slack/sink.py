"""The Slack sink: one call of `deliver` makes one step of `plan` visible.

A post whose outcome is unknown looks for itself first, in the channel's history for the message, in its replies for a
part: every message of ours carries its delivery in its metadata. An update needs no look: it may be done twice.
"""

import json
from datetime import timedelta
from typing import Any

from responder.errors import Permanent, Transient
from responder.model.delivery import Order, Owner, Receipt, Visible
from responder.model.report import Report
from responder.ports import Clock
from responder.sinks.news import gist
from responder.sinks.pace import Pacer
from responder.sinks.slack.api import CLOSED, EVENT_TYPE, GONE, TODO, TOO_MUCH, Api, Refused
from responder.sinks.slack.plan import ROOT, Part, Shown, Step, next_step
from responder.sinks.slack.settings import CHANNEL_ID, Settings
from responder.telemetry import log

_log = log(__name__)
SKEW = timedelta(minutes=2)
"""How far our clock may be ahead of Slack's; hosts with NTP are within a second."""
REPEAT = "This may be a repeat: an earlier attempt got no answer, and the channel's history may not be read."
DELETED = "The earlier message of this incident was deleted; this one takes its place."
_UPDATES = "chat.update"
_UPDATE_BURST = 20
"""Of the 50 a minute that Slack allows."""


class Slack:
    """See `responder.ports.Sink`."""

    name = "slack"

    def __init__(self, settings: Settings, clock: Clock, base_url: str, user_agent: str) -> None:
        self.minimum_severity = settings.minimum_severity
        self.fallback = settings.fallback
        self._settings = settings
        self._clock = clock
        self._pages = f"{base_url.rstrip('/')}/incidents/"
        self._api = Api(settings, user_agent)
        self._posts = Pacer(settings.rate, settings.burst)
        self._updates = Pacer(settings.update_rate, _UPDATE_BURST)

    def target(self, owner: Owner) -> dict[str, str]:
        return {"channel": owner.targets.get(self.name, self._settings.channel)}

    async def deliver(self, order: Order, report: Report) -> Receipt:
        channel = order.target.get("channel") or self._settings.channel
        if not CHANNEL_ID.fullmatch(channel):
            raise Permanent(
                f"owner {report.incident.owner}: {channel!r} is not a Slack channel id (C...); names can change"
            )
        shown = Shown.read(order.receipt, channel)
        try:
            return await self._deliver(order, report, shown)
        except Transient as error:
            # Until the step is known to be done or not, every failure leaves it unknown.
            if order.outcome_unknown and not error.outcome_unknown:
                raise Transient(str(error), retry_after=error.retry_after, outcome_unknown=True) from error
            raise

    async def _deliver(self, order: Order, report: Report, shown: Shown) -> Receipt:
        notes = tuple(note for note in (order.note, self._deleted(order)) if note)
        step = self._plan(shown, order, report, notes)
        sure = True
        if step is not None and step.kind == "post" and order.outcome_unknown:
            found, sure = await self._look(order, report, shown)
            if found != shown:
                # Commit what was found before the next effect: its outcome may become unknown in its turn.
                return self._receipt(order, found, done=self._plan(found, order, report, notes) is None)
            if sure and shown.ts is None and order.visible in (Visible.RESOLVED, Visible.MERGED):
                return self._receipt(order, shown, done=True)
        link = await self._link(order, shown)
        if step is not None:
            try:
                shown = await self._do(order, shown, step, sure)
            except Refused as error:
                if error.error not in GONE or shown.ts is None:
                    raise
                return self._lost(order, shown, step, error)
        done = self._plan(shown, order, report, notes) is None
        return self._receipt(order, shown, done=done, link=link)

    def _plan(self, shown: Shown, order: Order, report: Report, notes: tuple[str, ...]) -> Step | None:
        page = f"{self._pages}{order.incident_id}"
        return next_step(shown, order, report, page, buttons=self._settings.interactive, notes=notes)

    def _receipt(self, order: Order, shown: Shown, *, done: bool, link: str | None = None) -> Receipt:
        before = order.receipt
        data = shown.data()
        if before is not None and before.data.get("deleted"):
            data["deleted"] = True
        return Receipt(
            data=data,
            message_id=f"{shown.channel}:{shown.ts}" if shown.ts else None,
            link=link if shown.ts else None,
            revision=before.revision if before else 0,
            visible=before.visible if before else None,
            at=before.at if before else None,
            done=done,
        )

    async def _do(self, order: Order, shown: Shown, step: Step, sure: bool) -> Shown:
        self._wait(order, shown.channel, step)
        message = step.message if sure else step.message.with_note(f"_{REPEAT}_")
        body: dict[str, Any] = {
            "text": message.text,
            "blocks": list(message.blocks),
            "metadata": _metadata(order, step),
            "parse": "none",
            "link_names": False,
        }
        if step.kind == "post":
            body |= {"unfurl_links": False, "unfurl_media": False}
        if step.kind == "post" and step.part != ROOT:
            body |= {"thread_ts": shown.ts, "reply_broadcast": step.aloud}
        try:
            return await self._send(shown, step, body)
        except Refused as error:
            if error.error not in TOO_MUCH:
                raise
            # Our own mistake must not keep a page from its reader: what was refused had no effect, so send it plain.
            _log.error("blocks_refused", incident=order.incident_id, part=step.part, error=str(error))
            return await self._send(shown, step, body | {"blocks": []})

    async def _send(self, shown: Shown, step: Step, body: dict[str, Any]) -> Shown:
        lane = shown.channel if step.kind == "post" else _UPDATES
        try:
            if step.kind == "update":
                await self._api.update(shown.channel, str(step.ts), body)
                return shown.after(step, str(step.ts))
            _, ts = await self._api.post(shown.channel, body)
            return shown.after(step, ts)
        except Transient as error:
            if error.retry_after is not None:
                (self._posts if step.kind == "post" else self._updates).hold(lane, error.retry_after, self._clock.now())
            raise

    def _wait(self, order: Order, channel: str, step: Step) -> None:
        """Our own limit, so that Slack's is not met: raise with the time until our turn."""
        pacer, lane = (self._posts, channel) if step.kind == "post" else (self._updates, _UPDATES)
        pause = pacer.wait(lane, f"{order.incident_id} {step.part}", self._clock.now())
        if pause > timedelta():
            raise Transient(f"waiting for a turn in {lane} (sinks.slack.rate)", retry_after=pause)

    # looking before sending again

    async def _look(self, order: Order, report: Report, shown: Shown) -> tuple[Shown, bool]:
        """What an earlier attempt left in Slack, and whether the answer can be relied on."""
        if not self._settings.history:
            return shown, False
        try:
            if shown.ts is None:
                return await self._look_for_message(order, report, shown), True
            return await self._look_for_parts(shown), True
        except Refused as error:
            if error.error == "thread_not_found":
                return shown, True
            if error.error not in CLOSED:
                raise
            _log.warning("history_denied", channel=shown.channel, error=str(error))
            return shown, False

    async def _look_for_message(self, order: Order, report: Report, shown: Shown) -> Shown:
        oldest = (order.first_attempt_at - SKEW).timestamp()
        async for found in self._api.ours(shown.channel, oldest=oldest):
            if found.get("incident_id") == order.incident_id and found.get("part") == ROOT:
                told = _told(found) or gist(report, order.visible)
                return Shown(shown.channel, found["ts"], str(found.get("hash", "")), {}, told)
        return shown

    async def _look_for_parts(self, shown: Shown) -> Shown:
        parts, told = dict(shown.parts), shown.told
        async for found in self._api.ours(shown.channel, oldest=0, thread=shown.ts):
            name = str(found.get("part", ""))
            if name in ("", ROOT) or name in parts:
                continue
            parts[name] = Part(found["ts"], str(found.get("hash", "")))
            told = _told(found) or told
        return Shown(shown.channel, shown.ts, shown.hash, parts, told)

    # small things

    async def _link(self, order: Order, shown: Shown) -> str | None:
        """The permalink, asked for once the message stands; a nicety that may fail."""
        if order.receipt is not None and order.receipt.link is not None:
            return order.receipt.link
        if shown.ts is None:
            return None
        try:
            return await self._api.permalink(shown.channel, shown.ts)
        except (Transient, Permanent) as error:
            _log.info("no_permalink", error=str(error))
            return None

    def _lost(self, order: Order, shown: Shown, step: Step, error: Refused) -> Receipt:
        """Somebody deleted what we wanted to change: an open incident gets it again, a closed one is left in peace."""
        _log.warning("message_was_deleted", incident=order.incident_id, part=step.part, error=str(error))
        root_lost = step.part == ROOT or step.kind == "post"
        if root_lost and order.visible in (Visible.RESOLVED, Visible.MERGED):
            return self._receipt(order, shown, done=True, link=order.receipt.link if order.receipt else None)
        made = self._receipt(order, shown.without(ROOT if root_lost else step.part), done=False)
        return made.model_copy(update={"data": {**made.data, "deleted": True}}) if root_lost else made

    def _deleted(self, order: Order) -> str:
        return DELETED if order.receipt is not None and order.receipt.data.get("deleted") else ""

    async def check(self) -> str | None:
        try:
            _, scopes = await self._api.whoami()
            missing = {"chat:write"} - scopes if scopes else set()
            if missing:
                return f"the app lacks the scope {', '.join(missing)}; {TODO['missing_scope']}"
            if self._settings.history:
                await self._api.peek(self._settings.channel)
        except Refused as error:
            if error.error == "missing_scope":
                return f"{error}; or set sinks.slack.history: false (what got no answer may then be sent twice)"
            return str(error)
        except Transient as error:
            return str(error)
        return None

    async def close(self) -> None:
        await self._api.close()


def _metadata(order: Order, step: Step) -> dict[str, Any]:
    """How we find this message again. Values are texts: Slack's payloads are flat."""
    payload = {
        "delivery_id": order.delivery_id,
        "incident_id": order.incident_id,
        "episode": str(order.episode),
        "part": step.part,
        "hash": step.message.hash,
    }
    if step.told is not None:
        payload["told"] = json.dumps(step.told, separators=(",", ":"))[:2000]
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _told(found: dict[str, Any]) -> dict[str, Any] | None:
    try:
        told = json.loads(found.get("told") or "null")
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
