"""PagerDuty's webhooks (v3): an acknowledgement or a resolve made there flows back to the incident here."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from responder.errors import InputError
from responder.ports import Desk, Tx
from responder.telemetry import log
from responder.web.bodies import bounded

_log = log(__name__)
SEEN_LIMIT = 10_000


def routes(desk: Desk, verify: Callable[[Mapping[str, str], bytes], str | None] | None, sink: str) -> APIRouter:
    """`/pagerduty/webhooks`; 404 while that door is closed. 2xx within the vendor's 5 s."""
    router = APIRouter(include_in_schema=False)
    seen: dict[str, None] = {}

    @router.post("/pagerduty/webhooks")
    async def webhooks(request: Request) -> Response:
        if verify is None:
            return Response("no webhook secret is configured", 404)
        body = await bounded(request)
        if body is None:
            return Response("too large", 413, {"connection": "close"})
        problem = verify({name.lower(): value for name, value in request.headers.items()}, body)
        if problem is not None:
            _log.warning("pager_request_refused", why=problem)
            return Response(problem, 401)
        event = _event(body)
        if event is None:
            return Response("no event", 400)
        id = str(event.get("id", ""))
        if id and id in seen:
            # The signature carries no time; the event's id is the only defence against a replayed delivery.
            return Response(status_code=204)
        await _apply(desk, event, sink)
        seen[id] = None
        while len(seen) > SEEN_LIMIT:
            seen.pop(next(iter(seen)))
        return Response(status_code=204)

    return router


def _event(body: bytes) -> Mapping[str, Any] | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    event = document.get("event") if isinstance(document, dict) else None
    return event if isinstance(event, dict) and isinstance(event.get("data"), dict) else None


async def _apply(desk: Desk, event: Mapping[str, Any], sink: str) -> None:
    data = event["data"]
    key = str(data.get("incident_key") or "")
    who = str((event.get("agent") or {}).get("summary") or "PagerDuty")[:120]
    kind = event.get("event_type")
    if kind not in ("incident.acknowledged", "incident.resolved") or not key:
        return

    def find(tx: Tx) -> str | None:
        row = tx.find_delivery(sink, key)
        return row.incident_id if row else None

    incident_id = await desk.store.read(find)
    if incident_id is None:
        _log.info("pager_event_for_nobody", key=key)
        return
    try:
        if kind == "incident.acknowledged":
            await desk.operations.acknowledge(incident_id, who, "pagerduty")
        else:
            await desk.operations.resolve(incident_id, who, "pagerduty")
    except InputError as error:
        _log.info("pager_event_without_effect", why=str(error))
