"""Who is asking, and what they may do: bearer token, basic auth, a trusted proxy's user header, or a session of the page.

Roles: viewer reads, operator acts (acknowledge, resolve, silence, feedback), admin also retries and drops quarantine. A session is
a signed cookie; acts from a page carry its CSRF token, and requests that a browser marks as cross-site are refused.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request

from responder.config import Listen
from responder.errors import ResponderError
from responder.logic.credentials import header_ok, same
from responder.ports import Desk

COOKIE = "responder_session"
SESSION = timedelta(hours=12)
"""One on-call shift."""
RANK = {"viewer": 0, "operator": 1, "admin": 2}


class NeedsLoginError(ResponderError):
    """Nobody is known to be asking."""


class ForbiddenError(ResponderError):
    """Somebody is, but may not."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `csrf` is set for a session of the page: its forms must send it back."""

    name: str
    role: str
    via: str
    csrf: str | None = None

    def may(self, role: str) -> bool:
        return RANK.get(self.role, 0) >= RANK[role]


class Guard:
    """Finds the actor of a request."""

    def __init__(self, listen: Listen, desk: Desk, key: bytes) -> None:
        self._listen = listen
        self._desk = desk
        self._key = key

    @property
    def open(self) -> bool:
        """No authentication is configured: everybody who reaches the (loopback) address is the operator."""
        return not self._listen.auth.configured and self._listen.user_header is None

    def actor(self, request: Request) -> Actor:
        """Raises NeedsLoginError."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        client = request.client.host if request.client else ""
        if self._listen.user_header and client in self._listen.trusted_proxies:
            user = headers.get(self._listen.user_header.lower(), "")[:120]
            if user:
                return Actor(user, self._desk.role(user), "page", self._csrf(f"proxy:{user}"))
        if header_ok(self._listen.auth, headers):
            return Actor("api", "admin", "api")
        session = request.cookies.get(COOKIE, "")
        name = self._session_name(session)
        if name is not None:
            return Actor(name, "admin" if name == "token" else self._desk.role(name), "page", self._csrf(session))
        if self.open or self._listen.auth.none:
            return Actor(
                "local", "admin", "page" if "text/html" in headers.get("accept", "") else "api", self._csrf("open")
            )
        raise NeedsLoginError("log in, or send Authorization: Bearer <token>")

    def require(self, request: Request, role: str) -> Actor:
        """The actor of a request that changes something. Raises NeedsLoginError or ForbiddenError."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "same-site", "none"):
            raise ForbiddenError("a request from another site")
        origin = request.headers.get("origin")
        if origin and origin != "null" and origin.split("://", 1)[-1] != request.headers.get("host"):
            raise ForbiddenError("a request from another origin")
        actor = self.actor(request)
        if not actor.may(role):
            raise ForbiddenError(f"{actor.name} is {actor.role}; this needs {role}")
        return actor

    def check_csrf(self, actor: Actor, token: str) -> None:
        """Raises ForbiddenError when a page's form did not bring its token."""
        if actor.csrf is None or not same(actor.csrf, token):
            raise ForbiddenError("the page is too old; reload it and try again")

    @property
    def challenges(self) -> list[str]:
        """What an unknown client is told to come with (RFC 9110 section 11.6.1)."""
        auth = self._listen.auth
        kinds = [name for name, on in (("Bearer", auth.bearer), ("Basic", auth.basic)) if on]
        return [f'{kind} realm="responder"' for kind in kinds or ["Bearer"]]

    @property
    def asks_for_user(self) -> bool:
        return self._listen.auth.basic is not None

    def login(self, user: str, secret: str) -> str | None:
        """A session cookie for a right token, or for the user and password of basic authentication; else None."""
        shown = f"Bearer {secret}"
        if user:
            shown = "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")
        if not header_ok(self._listen.auth, {"authorization": shown}):
            return None
        return self._signed("token", self._desk.clock.now() + SESSION)

    def _signed(self, name: str, until: datetime) -> str:
        body = f"{name}.{int(until.timestamp())}.{secrets.token_hex(8)}"
        return f"{body}.{self._mac(body)}"

    def _session_name(self, cookie: str) -> str | None:
        body, _, mac = cookie.rpartition(".")
        parts = body.split(".")
        if len(parts) != 3 or not same(self._mac(body), mac) or not parts[1].isdigit():
            return None
        return parts[0] if int(parts[1]) > self._desk.clock.now().timestamp() else None

    def _csrf(self, session: str) -> str:
        return self._mac(f"csrf:{session}")

    def _mac(self, text: str) -> str:
        return hmac.new(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
