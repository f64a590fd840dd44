"""The workspace behind the stand-in: channels, messages, what was called. Safe to read from a test's thread."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

from tests.wire.bucket import Buckets
from tests.wire.control import Call
from tests.wire.faults import Faults

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


class RefusalError(Exception):
    """An answer `{"ok": false, "error": ...}`."""

    def __init__(self, error: str, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(error)
        self.error, self.status, self.headers, self.more = error, status, headers or {}, more


@dataclass
class Workspace:
    """All that Slack remembers, and what a test may ask of it."""

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
    serial: int = 0
    """Of the latest message, envelope or ticket."""
    posts: Buckets = field(init=False)
    updates: Buckets = field(init=False)

    def __post_init__(self) -> None:
        self.posts = Buckets(self.rate, self.burst, self.clock)
        self.updates = Buckets(50 / 60, 50, self.clock)  # chat.update is tier 3: 50+ per minute
        if self.rate is None:
            self.updates.rate = None

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

    def next_serial(self) -> int:
        self.serial += 1
        return self.serial
