"""PagerDuty on the wire: Events API v2 with its validation and limits, incidents by dedup key, and signed v3 webhooks.

Sources: PagerDuty/developer-docs docs/events-API-v2/*.md and docs/webhooks/*.md. The wording of the
validation errors is not documented; theirs here is close to what the API answers.
"""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.wire.bucket import Buckets
from tests.wire.control import Call, add_controls
from tests.wire.faults import Fault, Faults
from tests.wire.serve import running

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
WEBHOOK_SECRET = "wire-webhook-secret"
MAX_BYTES = 512_000
_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")
_FIELDS = {"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"}


@dataclass(slots=True)
class Incident:
    """What a responder sees in PagerDuty."""

    number: int
    routing_key: str
    dedup_key: str
    status: str
    payload: dict[str, Any]
    links: list[dict[str, Any]]
    triggers: int = 1


@dataclass
class PagerDutyWire:
    """The account behind the stand-in."""

    routing_keys: tuple[str, ...] | None = None
    """Keys of existing integrations; None: any well-formed key."""
    rate: float | None = 2.0
    """Events per second and key: 120 a minute (docs/events-API-v2/05-Rate-Limits)."""
    burst: float = 120
    webhook_secret: str = WEBHOOK_SECRET
    clock: Callable[[], float] = time.time
    incidents: list[Incident] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    base_url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _serial: int = 0
    _bucket: Buckets = field(init=False)

    def __post_init__(self) -> None:
        self._bucket = Buckets(self.rate, self.burst, self.clock)

    def of(self, dedup_key: str) -> list[Incident]:
        with self.lock:
            return [incident for incident in self.incidents if incident.dedup_key == dedup_key]

    def state(self) -> dict[str, Any]:
        with self.lock:
            return {
                "calls": [asdict(call) for call in self.calls],
                "incidents": [asdict(incident) for incident in self.incidents],
                "faults": self.faults.dump(),
            }

    def webhook(self, event_type: str, incident: Incident, *secrets: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of a v3 webhook; several secrets give several signatures, as during a rotation."""
        self._serial += 1
        now = datetime.fromtimestamp(self.clock(), UTC).isoformat().replace("+00:00", "Z")
        event = {
            "id": f"01EVENT{self._serial:06d}",
            "event_type": event_type,
            "resource_type": "incident",
            "occurred_at": now,
            "agent": {"id": "PUSER", "type": "user_reference", "summary": "Jo Operator", "html_url": "", "self": ""},
            "client": None,
            "data": {
                "id": f"Q{incident.number:05d}",
                "type": "incident",
                "number": incident.number,
                "status": incident.status,
                "incident_key": incident.dedup_key,
                "created_at": now,
                "title": incident.payload.get("summary", ""),
                "html_url": "",
                "service": {"id": "PSERVICE", "type": "service_reference", "summary": "gpu"},
            },
        }
        body = json.dumps({"event": event}).encode()
        signed = [
            "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            for secret in secrets or (self.webhook_secret,)
        ]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PagerDuty-Webhook/V3.0",
            "X-PagerDuty-Signature": ",".join(signed),
            "X-Webhook-Id": "wire",
        }
        return headers, body

    async def _enqueue(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            event = json.loads(raw)
        except ValueError:
            event = None
        call = Call("enqueue", event if isinstance(event, dict) else {}, self.clock())
        with self.lock:
            self.calls.append(call)
            fault = self.faults.take("enqueue")
        if fault is not None and not fault.after:
            return await self._fail(fault, request, call)
        status, answer = self._judge(raw, event, call)
        if fault is not None:
            return await self._fail(fault, request, call)
        call.status = status
        if status != 202:
            call.error = str(answer)
        return web.json_response(answer, status=status)

    def _judge(self, raw: bytes, event: Any, call: Call) -> tuple[int, dict[str, Any]]:
        problems = list(self.problems(raw, event))
        if problems:
            return 400, {"status": "invalid event", "message": "Event object is invalid", "errors": problems}
        with self.lock:
            if self._bucket.refuse(event["routing_key"]) is not None:
                return 429, {
                    "status": "throttle exceeded",
                    "message": "Requests for this service are arriving too quickly.",
                }
            key = self._apply(event)
        call.effect = True
        return 202, {"status": "success", "message": "Event processed", "dedup_key": key}

    def problems(self, raw: bytes, event: Any) -> Iterator[str]:
        if len(raw) > MAX_BYTES:
            yield "Event object exceeds 512 KB"
            return
        if not isinstance(event, dict):
            yield "Event is not a JSON object"
            return
        for name in event.keys() - _FIELDS:
            yield f"'{name}' is not a field of an event"
        key = event.get("routing_key")
        if not isinstance(key, str) or len(key) != 32:
            yield "Length of 'routing_key' is incorrect (should be 32 characters)"
        elif self.routing_keys is not None and key not in self.routing_keys:
            yield "'routing_key' is invalid"
        action = event.get("event_action")
        if action not in _ACTIONS:
            yield "'event_action' is missing or invalid"
        dedup = event.get("dedup_key")
        if dedup is not None and (not isinstance(dedup, str) or len(dedup) > 255):
            yield "Length of 'dedup_key' is incorrect (should be at most 255 characters)"
        if action in ("acknowledge", "resolve") and not dedup:
            yield "'dedup_key' is missing or blank"
        if action == "trigger":
            yield from self._payload(event.get("payload"))
        for name in ("links", "images"):
            for item in event.get(name) or []:
                if not isinstance(item, dict) or not str(item.get("href" if name == "links" else "src", "")).startswith(
                    "http"
                ):
                    yield f"'{name}' holds an entry without a URL"

    def _payload(self, payload: Any) -> Iterator[str]:
        if not isinstance(payload, dict):
            yield "'payload' is missing or blank"
            return
        summary = payload.get("summary")
        if not isinstance(summary, str) or not summary.strip():
            yield "'payload.summary' is missing or blank"
        elif len(summary) > 1024:
            yield "Length of 'payload.summary' is incorrect (should be at most 1024 characters)"
        if not isinstance(payload.get("source"), str) or not payload["source"].strip():
            yield "'payload.source' is missing or blank"
        if payload.get("severity") not in _SEVERITIES:
            yield "'payload.severity' is invalid (must be one of critical, error, warning, info)"
        stamp = payload.get("timestamp")
        if stamp is not None:
            try:
                datetime.fromisoformat(str(stamp))
            except ValueError:
                yield "'payload.timestamp' is not ISO 8601"
        for name in ("component", "group", "class"):
            if not isinstance(payload.get(name, ""), str):
                yield f"'payload.{name}' is not a string"

    def _apply(self, event: dict[str, Any]) -> str:
        """One incident per dedup key while it is open; a trigger after the resolve opens a new one."""
        key = event.get("dedup_key") or f"generated-{len(self.calls)}"
        same = [i for i in self.incidents if (i.routing_key, i.dedup_key) == (event["routing_key"], key)]
        current = next((i for i in same if i.status != "resolved"), None)
        if event["event_action"] == "trigger":
            if current is None:
                number = len(self.incidents) + 1
                links = event.get("links") or []
                self.incidents.append(Incident(number, event["routing_key"], key, "triggered", event["payload"], links))
            else:
                current.triggers += 1
        elif current is not None:
            current.status = "acknowledged" if event["event_action"] == "acknowledge" else "resolved"
        return str(key)

    async def _fail(self, fault: Fault, request: web.Request, call: Call) -> web.StreamResponse:
        if fault.kind in ("status", "error"):
            call.status, call.error = fault.status, f"http_{fault.status}"
            headers = {"Retry-After": str(int(fault.retry_after))} if fault.retry_after is not None else {}
            return web.json_response({"status": "error", "message": "fault"}, status=fault.status, headers=headers)
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/v2/enqueue", self._enqueue)
        add_controls(app, self.state, self.faults, self.lock)
        return app

    @contextmanager
    def serve(self, port: int = 0) -> Iterator["PagerDutyWire"]:
        with running(self.app(), port) as (self.base_url, _):
            yield self
