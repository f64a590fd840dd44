"""Webhooks: `POST /v1/events/{format}`, and Alertmanager's own `POST /api/v2/alerts`.

A plain ASGI application, because this is the hot path: check the sender, read a bounded body, hand it to intake, and answer 2xx
only after the commit. Overload is 503 with Retry-After: Alertmanager retries 5xx only, never 429.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

import orjson
from pydantic import Field, field_validator

from responder.config import Auth, Listen
from responder.errors import Conflict, Transient
from responder.logic.credentials import header_ok, signature_ok
from responder.model.value import Value
from responder.ports import Accepted, Clock, Intake, RawMessage
from responder.telemetry import log

DESCRIPTION = "HTTP: POST /v1/events/{format} and Alertmanager's POST /api/v2/alerts"
PREFIX = "/v1/events/"
ALERTMANAGER_PATH = "/api/v2/alerts"
BODY_SECONDS = 30
"""A sender that takes longer than this for its body holds a connection for nothing."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_log = log(__name__)


class FormatSettings(Value):
    """Overrides for one format."""

    auth: Auth | None = None
    """How senders of this format prove who they are; default: `listen.auth`."""

    @field_validator("auth")
    @classmethod
    def _says_something(cls, value: Auth | None) -> Auth | None:
        if value is not None and not value.configured:
            raise ValueError(
                "it is empty: name bearer, basic or hmac, or say `none: true` to open this format to everybody"
            )
        return value


class Settings(Value):
    """`sources.webhook`; the address and the common authentication are `listen`'s."""

    formats: dict[str, FormatSettings] = Field(default_factory=dict)
    """Per format: authentication of its own (Grafana signs, Alertmanager sends a bearer token...)."""


class TooLargeError(Exception):
    """The body is over the limit."""


class BrokenOffError(Exception):
    """The sender went away before the end of the body."""


class Webhook:
    """The ASGI application. Answers every request itself; `handles` says which are its own."""

    name = "webhook"

    def __init__(
        self, settings: Settings, listen: Listen, formats: Collection[str], intake: Intake, clock: Clock
    ) -> None:
        self._settings = settings
        self._listen = listen
        self._formats = frozenset(formats)
        self._intake = intake
        self._clock = clock

    @staticmethod
    def handles(path: str) -> bool:
        return path.startswith(PREFIX) or path == ALERTMANAGER_PATH

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, body, extra = await self._answer(scope, receive)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *extra]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        path: str = scope["path"]
        if scope["method"] != "POST":
            return _error(405, "send events with POST", [(b"allow", b"POST")])
        format = "alertmanager" if path == ALERTMANAGER_PATH else path[len(PREFIX) :]
        if format not in self._formats:
            return _error(404, f"no format is called {format[:40]!r}; there are {', '.join(sorted(self._formats))}")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        auth = self._auth(format)
        by_header = not auth.configured or auth.none or header_ok(auth, headers)
        if not by_header and auth.hmac is None:
            return _unauthorised(auth)
        if headers.get("content-encoding", "identity") != "identity":
            return _error(415, "send the body uncompressed")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await self._body(receive, headers)
        except TooLargeError:
            limit = self._listen.max_body_bytes
            return _error(413, f"the body is over {limit} bytes (listen.max_body_bytes)", [(b"connection", b"close")])
        except BrokenOffError:
            return _error(400, "the body broke off", [(b"connection", b"close")])  # nobody is there to read this
        except TimeoutError:
            return _error(408, "the body did not arrive in time", [(b"connection", b"close")])
        if not by_header and not signature_ok(auth, headers, body, self._clock.now()):
            return _unauthorised(auth)
        message = RawMessage(body, format, format, self._clock.now(), headers, path)
        try:
            answer = (await self._intake.accept([message]))[0]
        except (Transient, Conflict) as error:
            wait = getattr(error, "retry_after", None)
            seconds = max(1, round(wait.total_seconds())) if wait else 1
            return _error(503, f"not stored, send it again: {error}", [(b"retry-after", str(seconds).encode())])
        return _accepted(answer, 200 if path == ALERTMANAGER_PATH else 202)

    def _auth(self, format: str) -> Auth:
        own = self._settings.formats.get(format)
        return own.auth if own is not None and own.auth is not None else self._listen.auth

    async def _body(self, receive: Receive, headers: dict[str, str]) -> bytes:
        limit = self._listen.max_body_bytes
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared[:20]) > limit:
            raise TooLargeError
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise BrokenOffError
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise TooLargeError
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)


def _accepted(answer: Accepted, status: int) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    if answer.error is not None:
        held = answer.quarantine_ids[0] if answer.quarantine_ids else None
        return 400, orjson.dumps({"error": answer.error, "quarantine_id": held}), []
    document = {
        "accepted": answer.accepted,
        "duplicates": answer.duplicates,
        "quarantined": answer.quarantined,
        "event_ids": answer.event_ids,
    }
    if answer.quarantine_ids:
        document["quarantine_ids"] = answer.quarantine_ids
    return status, orjson.dumps(document), []


def _error(
    status: int, message: str, extra: list[tuple[bytes, bytes]] | None = None
) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    return status, orjson.dumps({"error": message}), extra or []


def _unauthorised(auth: Auth) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    wanted = [name for name, on in (("Bearer", auth.bearer), ("Basic", auth.basic), ("a signature", auth.hmac)) if on]
    challenge = [(b"www-authenticate", f'{name} realm="responder"'.encode()) for name in wanted if " " not in name]
    return _error(401, f"missing or wrong credentials; this format wants {' or '.join(wanted)}", challenge)


def openapi(formats: Collection[str]) -> dict[str, Any]:
    """OpenAPI paths of this application, for the API's own document."""
    accepted = {
        "type": "object",
        "properties": {
            "accepted": {"type": "integer"},
            "duplicates": {"type": "integer"},
            "quarantined": {"type": "integer"},
            "event_ids": {"type": "array", "items": {"type": "string"}},
            "quarantine_ids": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["accepted", "duplicates", "quarantined", "event_ids"],
    }
    problem = {
        "type": "object",
        "properties": {"error": {"type": "string"}, "quarantine_id": {"type": ["string", "null"]}},
        "required": ["error"],
    }

    def content(schema: dict[str, Any]) -> dict[str, Any]:
        return {"application/json": {"schema": schema}}

    refused = {
        "400": "Undecodable; the body is in quarantine",
        "401": "Missing or wrong credentials",
        "404": "No such format",
        "408": "The body came too slowly",
        "413": "The body is too large",
        "415": "The body is compressed",
        "503": "Overloaded or the store is away: send it again",
    }

    def operation(id: str, summary: str, code: str) -> dict[str, Any]:
        return {
            "operationId": id,
            "summary": summary,
            "tags": ["events"],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
            "responses": {code: {"description": "On disk", "content": content(accepted)}}
            | {status: {"description": text, "content": content(problem)} for status, text in refused.items()},
        }

    format_parameter = {
        "name": "format",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "enum": sorted(formats)},
    }
    return {
        PREFIX + "{format}": {
            "post": operation("post_events", "Send events; answered only after they are on disk", "202")
            | {"parameters": [format_parameter]}
        },
        ALERTMANAGER_PATH: {"post": operation("post_alerts", "Alertmanager's ingestion API, version 2", "200")},
    }
