"""Socket Mode: slash commands and button presses over a WebSocket that we open, for clusters without inbound traffic.

Slack wants an acknowledgement within 3 s (docs.slack.dev/apis/events-api/using-socket-mode). The handler's answer travels in
it; a handler that takes longer goes on, but its answer is dropped: slow work answers by the payload's `response_url`, as
over HTTP. Runs until it is cancelled; reconnects for ever.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from responder.sinks.slack.settings import api_url
from responder.telemetry import log

if TYPE_CHECKING:
    from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

_log = log(__name__)
Kind = Literal["command", "interaction"]
Handler = Callable[[Kind, dict[str, Any]], Awaitable[dict[str, Any] | None]]
KINDS: dict[str, Kind] = {"slash_commands": "command", "interactive": "interaction"}
ANSWER_WITHIN = 2.5
"""Seconds; Slack shows an error to the person after 3."""


async def run(app_token: SecretStr | str, base_url: str | None, handler: Handler, proxy: str | None = None) -> None:
    """`handler` is the one that HTTP requests go to. A wrong token is logged and tried again, as is a lost network."""
    import aiohttp
    from slack_sdk.errors import SlackClientError
    from slack_sdk.socket_mode.aiohttp import SocketModeClient
    from slack_sdk.web.async_client import AsyncWebClient

    token = app_token.get_secret_value() if isinstance(app_token, SecretStr) else app_token
    web = AsyncWebClient(base_url=api_url(base_url), retry_handlers=[], proxy=proxy)
    if base_url is not None:
        web.proxy = proxy
    client = SocketModeClient(app_token=token, web_client=web, proxy=proxy)
    if base_url is not None:
        client.proxy = proxy

    async def listen(connected: "AsyncBaseSocketModeClient", request: "SocketModeRequest") -> None:
        await _answer(connected, request, handler)

    client.socket_mode_request_listeners.append(listen)
    pause = 1.0
    try:
        while True:
            try:
                await client.connect_to_new_endpoint(force=True)
                break
            except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, AttributeError) as error:
                # AttributeError: slack_sdk 3.47 asks a 5xx answer without JSON for its `error`.
                _log.warning("socket_mode_not_connected", error=str(error)[:300], again_in_s=pause)
                await asyncio.sleep(pause)
                pause = min(60.0, pause * 2)
        _log.info("socket_mode_connected")
        await asyncio.Event().wait()
    finally:
        await client.close()  # type: ignore[no-untyped-call]


async def _answer(client: "AsyncBaseSocketModeClient", request: "SocketModeRequest", handler: Handler) -> None:
    kind = KINDS.get(request.type)
    task = asyncio.ensure_future(handler(kind, request.payload)) if kind is not None else None
    payload: dict[str, Any] | None = None
    if task is not None:
        done, _ = await asyncio.wait({task}, timeout=ANSWER_WITHIN)
        if done:
            payload = _result(task, request.type)
        else:
            task.add_done_callback(lambda late: _result(late, request.type))
    from slack_sdk.socket_mode.response import SocketModeResponse

    accepted = payload if request.accepts_response_payload else None
    await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, accepted))


def _result(task: "asyncio.Task[dict[str, Any] | None]", kind: str) -> dict[str, Any] | None:
    if task.cancelled():
        return None
    error = task.exception()
    if error is not None:
        _log.error("socket_mode_handler_failed", kind=kind, error=str(error))
        return None
    return task.result()
