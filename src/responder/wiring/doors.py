"""Opens the doors: one ASGI application with intake, API, chat and page, on a socket that is bound before the daemon says ready."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import uvicorn

from responder.errors import ConfigError
from responder.ports import Clock
from responder.sources import webhook
from responder.telemetry import log
from responder.web import chat, late_answers
from responder.web.app import Doors, create, session_key
from responder.wiring import adapters

if TYPE_CHECKING:
    from responder.wiring.daemon import Daemon

_log = log(__name__)
CHAT, PAGER = "slack", "pagerduty"


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the daemon has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def open_doors(daemon: "Daemon") -> AsyncIterator[None]:
    """Listen. Raises ConfigError when the address is taken or the certificate does not fit."""
    listen = daemon.loaded.config.listen
    sinks = daemon.loaded.config.sinks
    settings = adapters.settings("sources", "webhook", daemon.loaded.config.sources.get("webhook"))
    formats = daemon.engine.formats
    hot = webhook.Webhook(settings, listen, formats, daemon.engine.ingest, daemon.clock)
    doors = Doors(
        hot=hot,
        hot_paths=webhook.openapi(formats),
        chat_verify=_chat_verify(sinks.get(CHAT), daemon.clock) if CHAT in sinks else None,
        pager_verify=_pager_verify(sinks.get(PAGER)) if PAGER in sinks else None,
    )
    if CHAT in sinks:
        _late_answers(sinks[CHAT])
    desk = daemon.desk
    app = create(desk, listen, doors, await session_key(desk))
    tls = _tls(daemon)
    bound = _bind(listen.host, listen.port, daemon)
    daemon.address = f"{listen.host}:{bound.getsockname()[1]}"
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,  # who connects is what decides whether a proxy's word on the user counts
        date_header=False,
        timeout_graceful_shutdown=5,
        backlog=1024,
        ws="none",
        **tls,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]), name="http")
    while not server.started:
        if serving.done():
            serving.result()
        await asyncio.sleep(0)
    socket_mode = _socket_mode(daemon)
    try:
        yield
    finally:
        if socket_mode is not None:
            socket_mode.cancel()
            await asyncio.gather(socket_mode, return_exceptions=True)
        server.should_exit = True
        await serving


def _bind(host: str, port: int, daemon: "Daemon") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            file=daemon.loaded.file,
            hint="is another daemon running? set listen.address to a free port",
        ) from error
    made.listen(1024)
    made.setblocking(False)
    return made


def _tls(daemon: "Daemon") -> dict[str, Any]:
    listen = daemon.loaded.config.listen
    if listen.tls_cert is None:
        return {}
    options: dict[str, Any] = {"ssl_certfile": listen.tls_cert, "ssl_keyfile": listen.tls_key}
    if listen.client_ca is not None:
        options |= {"ssl_ca_certs": listen.client_ca, "ssl_cert_reqs": ssl.CERT_REQUIRED}
    try:
        tried = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=listen.client_ca)
        tried.load_cert_chain(listen.tls_cert, listen.tls_key)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(
            f"listen.tls_cert, tls_key or client_ca cannot be used: {error.strerror or error}",
            file=daemon.loaded.file,
            hint="PEM files that this user can read; the key must belong to the certificate",
        ) from error
    return options


def _chat_verify(raw: Mapping[str, Any] | None, clock: Clock) -> Any:
    """None when no signing secret is configured: that door stays closed (commands may still come by socket)."""
    settings = adapters.settings("sinks", CHAT, raw)
    if not settings.signing_secret:
        return None
    from responder.sinks.slack.signature import verify

    return lambda headers, body: verify(settings.signing_secret, headers, body, clock.now())


def _late_answers(raw: Mapping[str, Any] | None) -> None:
    settings = adapters.settings("sinks", CHAT, raw)
    late_answers.answer_by(urlsplit(settings.base_url or "").hostname, settings.proxy)


def _pager_verify(raw: Mapping[str, Any] | None) -> Any:
    settings = adapters.settings("sinks", PAGER, raw)
    secrets = settings.webhook_secrets
    if not secrets:
        return None
    from responder.sinks.pagerduty import verify

    def check(headers: Mapping[str, str], body: bytes) -> str | None:
        problem: str | None = verify(secrets, headers.get("x-pagerduty-signature", ""), body)
        return problem

    return check


def _socket_mode(daemon: "Daemon") -> "asyncio.Task[None] | None":
    """For clusters without inbound traffic: commands and buttons come over a WebSocket that we open."""
    raw = daemon.loaded.config.sinks.get(CHAT)
    if not raw or not raw.get("app_token"):
        return None
    settings = adapters.settings("sinks", CHAT, raw)
    from responder.sinks.slack.socket import run

    background: set[asyncio.Task[Any]] = set()

    def later(work: Any) -> None:
        task = asyncio.ensure_future(work)
        background.add(task)
        task.add_done_callback(background.discard)

    async def handler(kind: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        return await chat.handle(daemon.desk, kind, payload, later)

    return asyncio.create_task(run(settings.app_token, settings.base_url, handler, settings.proxy), name="socket-mode")
