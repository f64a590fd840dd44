"""How commands talk to a running daemon: its HTTP API, with every failure said in a line."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from responder.errors import InputError, Transient

DEFAULT_URL = "http://127.0.0.1:8080"
UrlOption = Annotated[str, typer.Option("--url", envvar="RESPONDER_URL", help="Where the daemon listens.")]
TokenOption = Annotated[
    str | None, typer.Option("--token", envvar="RESPONDER_TOKEN", help="Bearer token.", show_default=False)
]


def call(url: str, token: str | None, method: str, path: str, *, timeout_s: float = 30, **request: Any) -> Any:
    """One API call. Raises InputError or Transient in words."""
    import httpx

    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.request(method, url.rstrip("/") + path, headers=headers, timeout=timeout_s, **request)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Transient(
            f"no daemon answers at {url}: {error}; start one with `responder run`, or set RESPONDER_URL"
        ) from error
    if answer.status_code == 401:
        raise InputError(f"{url} wants credentials: pass --token or set RESPONDER_TOKEN")
    if answer.status_code >= 400:
        try:
            detail = answer.json().get("error") or answer.json().get("detail") or answer.text
        except ValueError:
            detail = answer.text[:300]
        raise InputError(f"{detail} (HTTP {answer.status_code})")
    try:
        return answer.json() if answer.content else {}
    except ValueError as error:
        raise InputError(f"what answers at {url} is no responder: {answer.text[:60]!r}") from error


def span(text: str) -> str:
    """A duration as it was written, once it is known to be one."""
    from responder.duration import parse_duration

    try:
        good = parse_duration(text) > timedelta()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if not good:
        raise typer.BadParameter("write a duration above zero, for example 30m, 4h or 2d")
    return text


def moment(text: str) -> str:
    """An API timestamp as people read it in a table."""
    return text[:16].replace("T", " ")


def known_incidents(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Shell completion of incident ids, from the daemon; nothing where none answers in time."""
    url, token = ctx.params.get("url") or DEFAULT_URL, ctx.params.get("token")
    try:
        found = call(url, token, "GET", "/v1/incidents", timeout_s=1)["incidents"]
        return [(one["id"], one["title"][:60]) for one in found if one["id"].startswith(incomplete)]
    except Exception:  # a prompt must not break because a daemon is away  # noqa: BLE001
        return []


IncidentArgument = Annotated[str, typer.Argument(metavar="ID", autocompletion=known_incidents, help="An incident.")]
