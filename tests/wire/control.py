"""What all stand-ins have: a record of every call, and control from another process."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.wire.faults import Fault, Faults


@dataclass(slots=True)
class Call:
    """One request as it came and what was answered; `effect` tells whether it changed anything."""

    method: str
    args: dict[str, Any]
    at: float
    status: int = 0
    error: str | None = None
    effect: bool = False


def add_controls(
    app: web.Application, state: Callable[[], dict[str, Any]], faults: Faults, lock: threading.RLock
) -> None:
    """Inspection from another process: `GET /_state`, `POST /_faults` (one or a list), `DELETE /_faults`."""

    async def show(_: web.Request) -> web.Response:
        return web.json_response(state())

    async def plan(request: web.Request) -> web.Response:
        raw = await request.json()
        with lock:
            faults.plan(*(Fault.read(one) for one in (raw if isinstance(raw, list) else [raw])))
        return web.json_response(faults.dump())

    async def clear(_: web.Request) -> web.Response:
        with lock:
            faults.clear()
        return web.json_response([])

    app.router.add_get("/_state", show)
    app.router.add_post("/_faults", plan)
    app.router.add_delete("/_faults", clear)
