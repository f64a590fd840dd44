"""The stand-in's doors: the Web API over HTTP, response_urls, and Socket Mode.

Source: docs.slack.dev/apis/events-api/using-socket-mode.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import WSMsgType, web

from tests.wire.blocks import refuse
from tests.wire.control import Call, add_controls
from tests.wire.faults import Fault
from tests.wire.serve import running
from tests.wire.slack.methods import do
from tests.wire.slack.sending import Sender
from tests.wire.slack.workspace import RefusalError


class SlackWire(Sender):
    """Slack on a port of this machine."""

    def push(self, kind: str, payload: dict[str, Any]) -> str:
        """Send an envelope over Socket Mode (`slash_commands` or `interactive`); returns its id."""
        envelope = f"env-{self.next_serial()}"
        body = {"envelope_id": envelope, "type": kind, "payload": payload, "accepts_response_payload": True}
        self._tell(json.dumps(body))
        return envelope

    def refresh_socket(self) -> None:
        """Ask the client to reconnect, as Slack does every few hours."""
        self._tell(json.dumps({"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "wire"}}))

    def _tell(self, text: str) -> None:
        assert self.loop is not None
        with self.lock:
            if not self.sockets:
                raise RuntimeError("no Socket Mode client is connected")
            socket = self.sockets[-1]
        asyncio.run_coroutine_threadsafe(socket.send_str(text), self.loop).result(10)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        args = await _arguments(request)
        call = Call(method, args, self.clock())
        with self.lock:
            self.calls.append(call)
            fault = self.faults.take(method)
        if fault is not None and not fault.after:
            return await self._fail(fault, request, call)
        try:
            self._authorise(method, request)
            with self.lock:
                body, status, headers = {"ok": True} | do(self, method, args, call), 200, {}
        except RefusalError as no:
            call.error = no.error
            body, status, headers = {"ok": False, "error": no.error} | no.more, no.status, no.headers
        if fault is not None:
            return await self._fail(fault, request, call)
        call.status = status
        headers |= {"X-OAuth-Scopes": ",".join(self.scopes), "X-Slack-Req-Id": f"r{len(self.calls)}"}
        return web.json_response(body, status=status, headers=headers)

    def _authorise(self, method: str, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not given:
            raise RefusalError("not_authed")
        if method == "apps.connections.open":
            return
        if given == self.app_token:
            raise RefusalError("not_allowed_token_type")
        if given != self.token:
            raise RefusalError("invalid_auth")
        if self.revoked:
            raise RefusalError("token_revoked")

    async def _fail(self, fault: Fault, request: web.Request, call: Call) -> web.StreamResponse:
        if fault.kind == "error":
            call.status, call.error = 200, fault.error
            return web.json_response({"ok": False, "error": fault.error})
        if fault.kind == "status":
            call.status, call.error = fault.status, f"http_{fault.status}"
            if fault.status == 429:
                wait = {"Retry-After": str(int(fault.retry_after or 1))}
                return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=wait)
            return web.Response(text="upstream error", status=fault.status)
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _answer(self, request: web.Request) -> web.Response:
        """A response_url: 30 minutes and 5 uses in the real one; the uses are counted here."""
        body = await request.json()
        with self.lock:
            used = self.answers.get(request.path)
            if used is None:
                return web.json_response({"ok": False, "error": "expired_url"}, status=404)
            if len(used) >= 5:
                return web.json_response({"ok": False, "error": "used_url"}, status=404)
            if "blocks" in body and refuse(body["blocks"]) is not None:
                return web.json_response({"ok": False, "error": "invalid_blocks"}, status=400)
            used.append(body)
        return web.Response(text="ok")

    async def _open(self, request: web.Request) -> web.StreamResponse:
        call = Call("apps.connections.open", {}, self.clock())
        with self.lock:
            self.calls.append(call)
            fault = self.faults.take(call.method)
        if fault is not None:
            return await self._fail(fault, request, call)
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if given != self.app_token:
            error = "not_allowed_token_type" if given == self.token else "invalid_auth"
            return web.json_response({"ok": False, "error": error})
        return web.json_response({"ok": True, "url": f"ws://{request.host}/link/?ticket={self.next_serial()}"})

    async def _link(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        hello = {"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A0WIRE"}, "debug_info": {}}
        await socket.send_str(json.dumps(hello))
        with self.lock:
            self.sockets.append(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    with self.lock:
                        self.acks.append(json.loads(message.data))
        finally:
            with self.lock:
                self.sockets.remove(socket)
        return socket

    def app(self) -> web.Application:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/api/apps.connections.open", self._open)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_get("/link/", self._link)
        app.router.add_post("/commands/{tail:.*}", self._answer)
        app.router.add_post("/actions/{tail:.*}", self._answer)
        add_controls(app, self.state, self.faults, self.lock)
        return app

    @contextmanager
    def serve(self, port: int = 0) -> Iterator["SlackWire"]:
        with running(self.app(), port) as (self.base_url, self.loop):
            yield self


async def _arguments(request: web.Request) -> dict[str, Any]:
    """JSON, form or query, as Slack takes them; JSON inside form fields is decoded for the structured arguments."""
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        args |= await request.json()
    elif request.method == "POST":
        form = await request.post()
        for key, value in form.items():
            text = str(value)
            args[key] = json.loads(text) if key in ("blocks", "attachments", "metadata") else text
    return args
