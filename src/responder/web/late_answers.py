"""Answers that come after the request was answered: posted to the request's own `response_url`, and to no other host."""

from dataclasses import dataclass
from typing import Any

from responder.telemetry import log

_log = log(__name__)
REPLY_HOST = "hooks.slack.com"
"""The only host that a `response_url` may name; a stand-in's own host is allowed by its base_url."""


@dataclass(slots=True)
class _Way:
    """How late answers go out: to which hosts, and through what."""

    hosts: set[str]
    proxy: str | None = None


_way = _Way({REPLY_HOST})


def answer_by(host: str | None, proxy: str | None) -> None:
    """A stand-in's host and a proxy, from the chat sink's settings."""
    _way.proxy = proxy
    if host:
        _way.hosts.add(host)


async def reply(url: str, answer: dict[str, Any]) -> None:
    """Send a late answer to the request's own response_url; nothing but that vendor's host is ever called."""
    import httpx

    if not _allowed(url):
        _log.warning("response_url_refused", url=url[:60])
        return
    try:
        async with httpx.AsyncClient(timeout=10, proxy=_way.proxy) as client:
            await client.post(url, json=answer)
    except httpx.HTTPError as error:
        _log.warning("late_answer_lost", error=str(error))


def _allowed(url: str) -> bool:
    import httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.host in _way.hosts and (parsed.scheme == "https" or parsed.host != REPLY_HOST)
