"""Slack on the wire: the methods that the product uses, with Slack's refusals, limits and shapes.

Sources: docs.slack.dev/reference/methods/*, /apis/events-api/using-socket-mode,
/authentication/verifying-requests-from-slack. Known to be stricter or simpler than the real one: lengths count UTF-16
units; only the block types that we send are known.
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
from typing import Any
from urllib.parse import urlencode

from aiohttp import WSMsgType, web

from tests.wire.blocks import refuse
from tests.wire.bucket import Buckets
from tests.wire.faults import Fault, Faults
from tests.wire.serve import running

BOT_TOKEN = "xoxb-wire"
APP_TOKEN = "xapp-wire"
SIGNING_SECRET = "wire-signing-secret"
CHANNEL = "C0ALERTS"
SCOPES = ("chat:write", "commands", "channels:history", "groups:history")


@dataclass(slots=True)
class Channel:
    """A conversation. `member`: the bot was invited."""

    id: str
    name: str
    private: bool = False
    archived: bool = False
    member: bool = True


@dataclass(slots=True)
class Call:
    """One request as it came and what was answered; `effect` tells whether it changed anything."""

    method: str
    args: dict[str, Any]
    at: float
    status: int = 0
    error: str | None = None
    effect: bool = False


class RefusalError(Exception):
    """An answer `{"ok": false, "error": ...}`."""

    def __init__(self, error: str, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(error)
        self.error, self.status, self.headers, self.more = error, status, headers or {}, more


@dataclass
class SlackWire:
    """The workspace behind the stand-in. Safe to read from a test's thread."""

    token: str = BOT_TOKEN
    app_token: str = APP_TOKEN
    signing_secret: str = SIGNING_SECRET
    scopes: tuple[str, ...] = SCOPES
    rate: float | None = 1.0
    """Messages per second and channel (docs: "1 per second ... short bursts"); None: unlimited."""
    burst: float = 5
    clock: Callable[[], float] = time.time
    revoked: bool = False
    channels: dict[str, Channel] = field(default_factory=lambda: {CHANNEL: Channel(CHANNEL, "gpu-alerts")})
    messages: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Channel to ts to message, thread replies included, oldest first."""
    calls: list[Call] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What was posted to each response_url."""
    acks: list[dict[str, Any]] = field(default_factory=list)
    base_url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop | None = None
    _serial: int = 0
    _posts: Buckets = field(init=False)
    _updates: Buckets = field(init=False)

    def __post_init__(self) -> None:
        self._posts = Buckets(self.rate, self.burst, self.clock)
        self._updates = Buckets(50 / 60, 50, self.clock)  # chat.update is tier 3: 50+ per minute
        if self.rate is None:
            self._updates.rate = None

    # what a test asks

    def roots(self, channel: str = CHANNEL) -> list[dict[str, Any]]:
        """Messages that stand in the channel itself, oldest first."""
        with self.lock:
            return [m for m in self.messages.get(channel, {}).values() if m.get("thread_ts", m["ts"]) == m["ts"]]

    def thread(self, ts: str, channel: str = CHANNEL) -> list[dict[str, Any]]:
        """Replies, oldest first, without the root."""
        with self.lock:
            return [m for m in self.messages.get(channel, {}).values() if m.get("thread_ts") == ts and m["ts"] != ts]

    def called(self, method: str) -> list[Call]:
        with self.lock:
            return [call for call in self.calls if call.method == method]

    def delete(self, ts: str, channel: str = CHANNEL) -> None:
        """A person deletes a message."""
        with self.lock:
            del self.messages[channel][ts]

    def state(self) -> dict[str, Any]:
        with self.lock:
            return {
                "calls": [asdict(call) for call in self.calls],
                "messages": {channel: list(by_ts.values()) for channel, by_ts in self.messages.items()},
                "answers": self.answers,
                "acks": self.acks,
                "faults": self.faults.dump(),
            }

    # what Slack sends

    def sign(self, body: bytes, at: float | None = None, secret: str | None = None) -> dict[str, str]:
        """The headers of a signed request, as Slack sends them."""
        stamp = str(int(self.clock() if at is None else at))
        basis = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new((secret or self.signing_secret).encode(), basis, hashlib.sha256).hexdigest()
        return {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }

    def response_url(self, kind: str = "commands") -> str:
        self._serial += 1
        path = f"/{kind}/T0WIRE/{self._serial}/wire"
        self.answers[path] = []
        return f"{self.base_url}{path}"

    def command_payload(
        self, text: str, user: str = "U0SRE", channel: str = CHANNEL, command: str = "/responder"
    ) -> dict[str, str]:
        return {
            "token": "deprecated",
            "team_id": "T0WIRE",
            "team_domain": "wire",
            "channel_id": channel,
            "channel_name": self.channels[channel].name if channel in self.channels else "directmessage",
            "user_id": user,
            "user_name": "sre",
            "command": command,
            "text": text,
            "api_app_id": "A0WIRE",
            "is_enterprise_install": "false",
            "response_url": self.response_url(),
            "trigger_id": "1.2.3",
        }

    def interaction_payload(
        self, action_id: str, value: str, ts: str, user: str = "U0SRE", channel: str = CHANNEL
    ) -> dict[str, Any]:
        with self.lock:
            message = self.messages.get(channel, {}).get(ts, {"ts": ts})
        return {
            "type": "block_actions",
            "user": {"id": user, "username": "sre", "name": "sre", "team_id": "T0WIRE"},
            "api_app_id": "A0WIRE",
            "token": "deprecated",
            "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False},
            "trigger_id": "1.2.3",
            "team": {"id": "T0WIRE", "domain": "wire"},
            "channel": {"id": channel, "name": "gpu-alerts"},
            "message": message,
            "state": {"values": {}},
            "response_url": self.response_url("actions"),
            "actions": [
                {
                    "action_id": action_id,
                    "block_id": "b",
                    "text": {"type": "plain_text", "text": action_id},
                    "value": value,
                    "type": "button",
                    "action_ts": f"{self.clock():.6f}",
                }
            ],
        }

    def command(self, text: str, **who: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of a signed slash command."""
        body = urlencode(self.command_payload(text, **who)).encode()
        return self.sign(body), body

    def interaction(self, action_id: str, value: str, ts: str, **who: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of a signed button press."""
        body = urlencode({"payload": json.dumps(self.interaction_payload(action_id, value, ts, **who))}).encode()
        return self.sign(body), body

    def push(self, kind: str, payload: dict[str, Any]) -> str:
        """Send an envelope over Socket Mode (`slash_commands` or `interactive`); returns its id."""
        self._serial += 1
        envelope = f"env-{self._serial}"
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

    # methods

    def do(self, method: str, args: dict[str, Any], call: Call) -> dict[str, Any]:
        method_of = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.getPermalink": self._permalink,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
        }
        if method not in method_of:
            raise RefusalError("unknown_method", req_method=method)
        return method_of[method](args, call)

    def _auth_test(self, args: dict[str, Any], call: Call) -> dict[str, Any]:
        return {
            "url": "https://wire.slack.com/",
            "team": "wire",
            "user": "responder",
            "team_id": "T0WIRE",
            "user_id": "U0BOT",
            "bot_id": "B0BOT",
        }

    def _post(self, args: dict[str, Any], call: Call) -> dict[str, Any]:
        self._need("chat:write")
        channel = self._channel(args, names=True)
        self._content(args)
        metadata = self._metadata(args.get("metadata"))
        thread = args.get("thread_ts")
        if thread is not None and thread not in self.messages.get(channel.id, {}):
            raise RefusalError("thread_not_found")
        wait = self._posts.refuse(channel.id)
        if wait is not None:
            raise RefusalError("ratelimited", 429, {"Retry-After": str(wait)})
        self._serial += 1
        ts = f"{int(self.clock())}.{self._serial:06d}"
        message: dict[str, Any] = {
            "type": "message",
            "user": "U0BOT",
            "bot_id": "B0BOT",
            "app_id": "A0WIRE",
            "team": "T0WIRE",
            "ts": ts,
            "text": str(args.get("text", ""))[:40_000],
            "blocks": args.get("blocks", []),
        }
        if metadata is not None:
            message["metadata"] = metadata
        if thread is not None:
            message["thread_ts"] = thread
            if args.get("reply_broadcast"):
                message["subtype"] = "thread_broadcast"
        self.messages.setdefault(channel.id, {})[ts] = message
        call.effect = True
        return {"channel": channel.id, "ts": ts, "message": message}

    def _update(self, args: dict[str, Any], call: Call) -> dict[str, Any]:
        self._need("chat:write")
        channel = self._channel(args, names=False)
        message = self.messages.get(channel.id, {}).get(str(args.get("ts")))
        if message is None:
            raise RefusalError("message_not_found")
        if message["bot_id"] != "B0BOT":
            raise RefusalError("cant_update_message")
        self._content(args)
        if len(str(args.get("text", ""))) > 4000:
            raise RefusalError("msg_too_long")
        metadata = self._metadata(args.get("metadata"))
        wait = self._updates.refuse("workspace")
        if wait is not None:
            raise RefusalError("ratelimited", 429, {"Retry-After": str(wait)})
        message["text"] = str(args.get("text", ""))
        message["blocks"] = args.get("blocks", [])
        message["edited"] = {"user": "U0BOT", "ts": f"{self.clock():.6f}"}
        if metadata is not None:
            message["metadata"] = metadata
        call.effect = True
        return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": message}

    def _permalink(self, args: dict[str, Any], call: Call) -> dict[str, Any]:
        channel = self._channel(args, names=False)
        ts = str(args.get("message_ts"))
        if ts not in self.messages.get(channel.id, {}):
            raise RefusalError("message_not_found")
        return {
            "channel": channel.id,
            "permalink": f"https://wire.slack.com/archives/{channel.id}/p{ts.replace('.', '')}",
        }

    def _history(self, args: dict[str, Any], call: Call) -> dict[str, Any]:
        channel = self._readable(args)
        shown = [
            m
            for m in self.messages.get(channel.id, {}).values()
            if m.get("thread_ts", m["ts"]) == m["ts"] or m.get("subtype") == "thread_broadcast"
        ]
        return self._page(list(reversed(self._within(shown, args))), args)

    def _replies(self, args: dict[str, Any], call: Call) -> dict[str, Any]:
        channel = self._readable(args)
        ts = str(args.get("ts"))
        if ts not in self.messages.get(channel.id, {}):
            raise RefusalError("thread_not_found")
        root = self.messages[channel.id][ts]
        return self._page([root, *self._within(self.thread(ts, channel.id), args)], args)

    # rules that several methods share

    def _need(self, scope: str) -> None:
        if scope not in self.scopes:
            raise RefusalError("missing_scope", needed=scope, provided=",".join(self.scopes))

    def _channel(self, args: dict[str, Any], *, names: bool) -> Channel:
        """Only chat.postMessage resolves a channel's name; everything else wants its id."""
        asked = str(args.get("channel", ""))
        channel = self.channels.get(asked)
        if channel is None and names:
            channel = next((c for c in self.channels.values() if c.name == asked.removeprefix("#")), None)
        if channel is None or (channel.private and not channel.member):
            raise RefusalError("channel_not_found")
        if not channel.member:
            raise RefusalError("not_in_channel")
        if channel.archived:
            raise RefusalError("is_archived")
        return channel

    def _readable(self, args: dict[str, Any]) -> Channel:
        channel = self.channels.get(str(args.get("channel", "")))
        if channel is None:
            raise RefusalError("channel_not_found")
        self._need("groups:history" if channel.private else "channels:history")
        return self._channel(args, names=False)

    def _content(self, args: dict[str, Any]) -> None:
        blocks, text = args.get("blocks"), args.get("text")
        if not blocks and not text:
            raise RefusalError("no_text")
        if not blocks:
            return
        refusal = refuse(blocks)
        if refusal is not None:
            error, details = refusal
            messages = [f"[ERROR] {detail}" for detail in details]
            raise RefusalError(error, errors=details, response_metadata={"messages": messages})

    def _metadata(self, metadata: Any) -> dict[str, Any] | None:
        if metadata is None:
            return None
        if not isinstance(metadata, dict):
            raise RefusalError("metadata_must_be_sent_as_json")
        if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
            raise RefusalError("invalid_metadata_format")
        if len(json.dumps(metadata)) > 8000:
            raise RefusalError("metadata_too_large")
        return metadata

    def _within(self, messages: list[dict[str, Any]], args: dict[str, Any]) -> list[dict[str, Any]]:
        oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
        if str(args.get("inclusive", "0")) in ("1", "true"):
            return [m for m in messages if oldest <= float(m["ts"]) <= latest]
        return [m for m in messages if oldest < float(m["ts"]) < latest]

    def _page(self, messages: list[dict[str, Any]], args: dict[str, Any]) -> dict[str, Any]:
        start, limit = int(args.get("cursor") or 0), min(int(args.get("limit") or 100), 999)
        with_metadata = str(args.get("include_all_metadata", "0")) in ("1", "true")
        page = [
            {k: v for k, v in m.items() if k != "metadata" or with_metadata} for m in messages[start : start + limit]
        ]
        more = len(messages) > start + limit
        cursor = {"response_metadata": {"next_cursor": str(start + limit)}} if more else {}
        return {"messages": page, "has_more": more} | cursor

    # HTTP

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
                body, status, headers = {"ok": True} | self.do(method, args, call), 200, {}
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
        self._serial += 1
        return web.json_response({"ok": True, "url": f"ws://{request.host}/link/?ticket={self._serial}"})

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
