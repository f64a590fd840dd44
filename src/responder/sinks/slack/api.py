"""Slack's Web API with its errors sorted into ours. Never retries, never sleeps: the delivery's row waits.

What may have taken effect without an answer (time-out, lost connection, 5xx, `internal_error`) is marked so.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from responder.errors import Permanent, Transient
from responder.sinks.slack.settings import Settings, api_url

if TYPE_CHECKING:
    import aiohttp
    from slack_sdk.web.async_client import AsyncWebClient

EVENT_TYPE = "responder_delivery"
PAGE = 200
PAGES = 20
"""Up to 4,000 messages are looked through for our own."""
UNSURE = {"internal_error", "fatal_error", "request_timeout", "service_unavailable", "ratelimited", "rate_limited"}
"""Errors that pass. The first two may come after an effect ("some aspect of the operation succeeded before the
error was raised": docs.slack.dev/reference/methods/chat.postMessage#errors)."""
GONE = {"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"}
TOO_MUCH = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments"}
CLOSED = {"missing_scope", "not_in_channel", "channel_not_found", "no_permission", "access_denied"}
TODO = {
    "invalid_auth": "the token is wrong: set sinks.slack.token to the app's Bot User OAuth Token (xoxb-...)",
    "not_authed": "no token was sent: set sinks.slack.token",
    "account_inactive": "the app was removed from the workspace: install it again and set the new token",
    "token_revoked": "the token was revoked: install the app again and set the new token",
    "token_expired": "the token expired: switch token rotation off for the app, or set a fresh token",
    "missing_scope": "add the scope to the app (deploy/slack/manifest.yaml has them all) and install it again",
    "channel_not_found": "check the channel's id; to a private channel the app must be invited: /invite @responder",
    "not_in_channel": "invite the app to the channel: /invite @responder",
    "is_archived": "the channel is archived: choose another one",
    "restricted_action": "the workspace's settings forbid the app to post there",
    "not_allowed_token_type": "sinks.slack.token must be a bot token (xoxb-...), not an app-level or user token",
}


class Refused(Permanent):
    """Slack said no, and no again to the same question; `error` is its word for it."""

    def __init__(self, method: str, error: str, detail: str = "") -> None:
        todo = f"; {TODO[error]}" if error in TODO else ""
        super().__init__(f"Slack refused {method}: {error}{f' ({detail})' if detail else ''}{todo}")
        self.error = error


class Api:
    """The few methods we use. One connection pool, opened at the first call, in the loop of that call."""

    def __init__(self, settings: Settings, user_agent: str) -> None:
        self._settings = settings
        self._user_agent = user_agent
        self._made: tuple[aiohttp.ClientSession, AsyncWebClient] | None = None

    def _client(self) -> "AsyncWebClient":
        if self._made is None:
            import aiohttp
            from slack_sdk.web.async_client import AsyncWebClient

            settings = self._settings
            session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=settings.timeout.total_seconds()))
            client = AsyncWebClient(
                token=settings.token.get_secret_value(),
                base_url=api_url(settings.base_url),
                session=session,
                proxy=settings.proxy,
                user_agent_prefix=self._user_agent,
                retry_handlers=[],
            )
            if settings.base_url is not None:
                # The SDK takes HTTPS_PROXY without regard to NO_PROXY, even for a host of one's own.
                client.proxy = settings.proxy
            self._made = (session, client)
        return self._made[1]

    async def close(self) -> None:
        if self._made is not None:
            await self._made[0].close()
            self._made = None

    async def post(self, channel: str, message: dict[str, Any]) -> tuple[str, str]:
        """The channel's id and the new message's ts."""
        answer = await self._call("chat.postMessage", lambda c: c.chat_postMessage(channel=channel, **message))
        return str(answer["channel"]), str(answer["ts"])

    async def update(self, channel: str, ts: str, message: dict[str, Any]) -> None:
        await self._call("chat.update", lambda c: c.chat_update(channel=channel, ts=ts, **message))

    async def permalink(self, channel: str, ts: str) -> str:
        answer = await self._call("chat.getPermalink", lambda c: c.chat_getPermalink(channel=channel, message_ts=ts))
        return str(answer["permalink"])

    async def whoami(self) -> tuple[dict[str, Any], set[str]]:
        """auth.test, and the scopes that Slack tells beside every answer."""
        answer = await self._call("auth.test", lambda c: c.auth_test())
        scopes = {k.lower(): v for k, v in answer.headers.items()}.get("x-oauth-scopes", "")
        return dict(answer.data), {scope.strip() for scope in scopes.split(",") if scope.strip()}

    async def peek(self, channel: str) -> None:
        """Whether the channel's history may be read."""
        await self._call("conversations.history", lambda c: c.conversations_history(channel=channel, limit=1))

    async def ours(self, channel: str, *, oldest: float, thread: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Messages with our metadata: `ts` and the payload. In the channel newest first, in a thread oldest first."""
        cursor: str | None = None
        for _ in range(PAGES):
            asked: dict[str, Any] = {"channel": channel, "limit": PAGE, "include_all_metadata": True, "cursor": cursor}
            if thread is None:
                asked["oldest"] = f"{oldest:.6f}"
                answer = await self._call("conversations.history", lambda c, a=asked: c.conversations_history(**a))  # type: ignore[misc]
            else:
                asked["ts"] = thread
                answer = await self._call("conversations.replies", lambda c, a=asked: c.conversations_replies(**a))  # type: ignore[misc]
            for message in answer.get("messages") or ():
                metadata = message.get("metadata") or {}
                if metadata.get("event_type") == EVENT_TYPE:
                    yield {"ts": str(message["ts"]), **(metadata.get("event_payload") or {})}
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                return

    async def _call(self, method: str, call: "Callable[[AsyncWebClient], Awaitable[Any]]") -> Any:
        import aiohttp
        from slack_sdk.errors import SlackApiError

        try:
            return await call(self._client())
        except SlackApiError as error:
            raise _sorted(method, error) from error
        except aiohttp.ClientConnectorError as error:
            raise Transient(f"Slack cannot be reached ({method}): {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            told = str(error) or type(error).__name__
            raise Transient(f"no answer from Slack ({method}): {told}", outcome_unknown=True) from error


def _sorted(method: str, error: Any) -> Transient | Permanent:
    """By status first: a proxy's 502 has no JSON to look into."""
    response = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    data = getattr(response, "data", None)
    data = data if isinstance(data, dict) else {}
    name = str(data.get("error") or "")
    if status == 429 or name in ("ratelimited", "rate_limited"):
        return Transient(f"Slack's rate limit ({method})", retry_after=_retry_after(response))
    if status >= 500 or name in UNSURE or not name:
        return Transient(f"Slack failed ({method}): {name or f'HTTP {status}'}", outcome_unknown=True)
    detail = str(data.get("needed") or "") or "; ".join(str(one) for one in data.get("errors") or ())
    return Refused(method, name, detail[:500])


def _retry_after(response: Any) -> timedelta:
    """Seconds of the header; 1 where it is missing or no number."""
    headers = {key.lower(): value for key, value in (getattr(response, "headers", None) or {}).items()}
    try:
        return timedelta(seconds=max(1, int(headers.get("retry-after", "1"))))
    except ValueError:
        return timedelta(seconds=1)
