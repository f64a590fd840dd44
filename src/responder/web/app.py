"""One ASGI application: intake on the hot path, then the API, the chat doors and the page."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from responder.config import Listen
from responder.errors import ConfigError, Conflict, InputError, NotFound, Permanent, Transient
from responder.imports import without
from responder.ports import Desk
from responder.web import api, chat, page, pager
from responder.web.actors import ForbiddenError, Guard, NeedsLoginError


class Hot(Protocol):
    """An ASGI application that answers some paths before anything else looks at them."""

    def handles(self, path: str) -> bool: ...
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Doors:
    """What wiring hands in: the hot path, signature checks of the chat and paging vendors, and their OpenAPI parts."""

    hot: Hot | None = None
    hot_paths: Mapping[str, Any] = field(default_factory=dict)
    chat_verify: Callable[[Mapping[str, str], bytes], str | None] | None = None
    """None when the signature is right, else why not. Absent: that door is closed."""
    pager_verify: Callable[[Mapping[str, str], bytes], str | None] | None = None
    pager_sink: str = "pagerduty"
    chat_sink: str = "slack"


async def session_key(desk: Desk) -> bytes:
    """The key that signs sessions: kept in the store, so that a restart does not log everybody out."""

    def work(tx: Any) -> str:
        known = tx.meta("session_key")
        if known is None:
            known = secrets.token_hex(32)
            tx.put_meta("session_key", known)
        return str(known)

    return bytes.fromhex(await desk.store.write(work))


def create(desk: Desk, listen: Listen, doors: Doors, key: bytes) -> Callable[..., Awaitable[None]]:
    """The application."""
    guard = Guard(listen, desk, key)
    app = FastAPI(
        title="responder",
        version=desk.version,
        description="Triage reports for GPU clusters: incidents, reports, silences, quarantine.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    with without("pydantic.v1"):  # FastAPI asks of every parameter whether it is a model of pydantic 1
        app.include_router(api.probes(desk))
        app.include_router(api.routes(desk, guard))
        app.include_router(chat.routes(desk, doors.chat_verify))
        app.include_router(pager.routes(desk, doors.pager_verify, doors.pager_sink))
        app.include_router(page.routes(desk, guard))
    _errors(app, guard)
    _openapi(app, doors.hot_paths)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> JSONResponse:
        guard.actor(request)
        return JSONResponse(app.openapi())

    hot = doors.hot

    async def dispatch(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and hot is not None and hot.handles(scope["path"]):
            await hot(scope, receive, send)
        else:
            await app(scope, receive, _secured(send) if scope["type"] == "http" else send)

    return dispatch


def _secured(send: Any) -> Any:
    """Headers that keep the page from being framed, sniffed or fed with foreign script."""
    extra = [
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (
            b"content-security-policy",
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ]

    async def with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *extra]
        await send(message)

    return with_headers


def _errors(app: FastAPI, guard: Guard) -> None:
    def wants_page(request: Request) -> bool:
        return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")

    def answer(
        status: int, headers: dict[str, str] | None = None
    ) -> Callable[[Request, Exception], Awaitable[Response]]:
        async def handler(request: Request, error: Exception) -> Response:
            if wants_page(request):
                return page.problem(status, str(error))
            return JSONResponse({"error": str(error)}, status, headers)

        return handler

    async def login(request: Request, error: Exception) -> Response:
        if wants_page(request):
            return RedirectResponse("/login", 303)
        return JSONResponse({"error": str(error)}, 401, {"www-authenticate": ", ".join(guard.challenges)})

    async def invalid(request: Request, error: Exception) -> Response:
        details = error.errors() if isinstance(error, RequestValidationError) else []
        parts = [f"{'.'.join(str(p) for p in one['loc'][1:]) or 'body'}: {one['msg']}" for one in details]
        return JSONResponse({"error": "; ".join(parts) or "the request does not fit"}, 400)

    async def framework(request: Request, error: Exception) -> Response:
        """No such path, a wrong method, a body that is no JSON at all."""
        status, headers = getattr(error, "status_code", 500), getattr(error, "headers", None)
        return await answer(status, headers)(request, InputError(str(getattr(error, "detail", error))))

    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(NeedsLoginError, login)
    app.add_exception_handler(ForbiddenError, answer(403))
    app.add_exception_handler(NotFound, answer(404))
    app.add_exception_handler(InputError, answer(400))
    app.add_exception_handler(ConfigError, answer(400))
    app.add_exception_handler(Conflict, answer(503, {"retry-after": "1"}))
    app.add_exception_handler(Transient, answer(503, {"retry-after": "1"}))
    app.add_exception_handler(Permanent, answer(502))
    app.add_exception_handler(RequestValidationError, invalid)


def _openapi(app: FastAPI, more: Mapping[str, Any]) -> None:
    """The generated document with the hot path in it, and 400 where FastAPI would say 422."""
    generate = app.openapi

    def document() -> dict[str, Any]:
        made = generate()
        for path in made["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        made["paths"] = {**more, **made["paths"]}
        return made

    cached: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not cached:
            cached.update(document())
        return cached

    app.openapi = openapi  # type: ignore[method-assign]
