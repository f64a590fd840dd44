"""`incidents` and `quarantine`: operate a running daemon over its HTTP API."""

from typing import Annotated, Any

import typer

from responder.cli.output import JsonOption, print_json, table
from responder.errors import InputError, Transient

UrlOption = Annotated[str, typer.Option("--url", envvar="RESPONDER_URL", help="Where the daemon listens.")]
TokenOption = Annotated[
    str | None, typer.Option("--token", envvar="RESPONDER_TOKEN", help="Bearer token.", show_default=False)
]
DEFAULT_URL = "http://127.0.0.1:8080"

incidents = typer.Typer(help="List, show and act on the incidents of a running daemon.", no_args_is_help=True)
quarantine = typer.Typer(help="What could not be used: list, show, retry, drop.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(incidents, name="incidents", rich_help_panel="Operate")
    app.add_typer(quarantine, name="quarantine", rich_help_panel="Operate")


def call(url: str, token: str | None, method: str, path: str, **request: Any) -> Any:
    """One API call. Raises InputError or Transient in words."""
    import httpx

    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.request(method, url.rstrip("/") + path, headers=headers, timeout=30, **request)
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


@incidents.command("ls")
def incidents_ls(
    status: Annotated[str | None, typer.Option(help="open, acknowledged or resolved.")] = None,
    severity: Annotated[str | None, typer.Option(help="SEV1 to SEV4.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this team's.")] = None,
    q: Annotated[str | None, typer.Option(help="Text in id, title, key or entities.")] = None,
    json: JsonOption = False,
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
) -> None:
    """List incidents, newest first.

    [dim]Example:[/dim]  responder incidents ls --status open --severity SEV1
    """
    wanted = {"status": status, "severity": severity, "owner": owner, "q": q}
    found = call(url, token, "GET", "/v1/incidents", params={k: v for k, v in wanted.items() if v})
    rows = found["incidents"]
    if json:
        print_json(found)
        return
    table(
        ("ID", "SEV", "STATUS", "OWNER", "EVENTS", "OPENED", "TITLE"),
        [
            (
                r["id"],
                r["severity"],
                r["status"],
                r["owner"],
                r["events"],
                r["opened_at"][:16].replace("T", " "),
                r["title"],
            )
            for r in rows
        ],
        empty="no incidents match",
    )


@incidents.command("show")
def incidents_show(id: str, json: JsonOption = False, url: UrlOption = DEFAULT_URL, token: TokenOption = None) -> None:
    """Show an incident's latest report.

    [dim]Example:[/dim]  responder incidents show inc-4k2jx7qa
    """
    from responder.model.report import Report
    from responder.wiring.offline import print_reports

    document = call(url, token, "GET", f"/v1/incidents/{id}/report")
    if json:
        print_json(document)
    else:
        print_reports([Report.model_validate(document)])


@incidents.command("ack")
def incidents_ack(id: str, url: UrlOption = DEFAULT_URL, token: TokenOption = None) -> None:
    """Acknowledge: it is being looked at; repeats and escalation stop.

    [dim]Example:[/dim]  responder incidents ack inc-4k2jx7qa
    """
    done = call(url, token, "POST", f"/v1/incidents/{id}/ack", json={})
    typer.echo(f"{done['id']} is {done['status']}")


@incidents.command("resolve")
def incidents_resolve(
    id: str,
    comment: Annotated[str, typer.Option("-m", "--comment", help="What fixed it.")] = "",
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
) -> None:
    """Resolve an incident by hand.

    [dim]Example:[/dim]  responder incidents resolve inc-4k2jx7qa -m "riser reseated"
    """
    done = call(url, token, "POST", f"/v1/incidents/{id}/resolve", json={"comment": comment})
    typer.echo(f"{done['id']} is {done['status']}")


@incidents.command("silence")
def incidents_silence(
    id: str,
    duration: Annotated[str, typer.Option("-d", "--duration", help="For how long: 1h, 2d.")] = "1h",
    comment: Annotated[str, typer.Option("-m", "--comment", help="Why.")] = "",
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
) -> None:
    """Silence what an incident is about.

    [dim]Example:[/dim]  responder incidents silence inc-4k2jx7qa -d 4h -m "RMA on its way"
    """
    made = call(url, token, "POST", f"/v1/incidents/{id}/silence", json={"duration": duration, "comment": comment})
    typer.echo(f"{made['id']}: {made['text']} until {made['ends_at']}")


@quarantine.command("ls")
def quarantine_ls(
    state: Annotated[str, typer.Option(help="held, retried or dropped.")] = "held",
    json: JsonOption = False,
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
) -> None:
    """List what is in quarantine.

    [dim]Example:[/dim]  responder quarantine ls
    """
    found = call(url, token, "GET", "/v1/quarantine", params={"state": state})
    if json:
        print_json(found)
        return
    rows = [
        (r["id"], r["at"][:19].replace("T", " "), r["format"], r["stage"], r["error"][:80])
        for r in found["quarantined"]
    ]
    table(("ID", "AT", "FORMAT", "STAGE", "ERROR"), rows, empty="the quarantine is empty")


@quarantine.command("show")
def quarantine_show(id: str, url: UrlOption = DEFAULT_URL, token: TokenOption = None) -> None:
    """Show one entry with its body.

    [dim]Example:[/dim]  responder quarantine show q-0f3a...
    """
    print_json(call(url, token, "GET", f"/v1/quarantine/{id}"))


@quarantine.command("retry")
def quarantine_retry(id: str, url: UrlOption = DEFAULT_URL, token: TokenOption = None) -> None:
    """Feed it through intake again (after a fix of the sender's template, a new version...).

    [dim]Example:[/dim]  responder quarantine retry q-0f3a...
    """
    done = call(url, token, "POST", f"/v1/quarantine/{id}/retry", json={})
    typer.echo(f"accepted {done['accepted']}, duplicates {done['duplicates']}, quarantined {done['quarantined']}")


@quarantine.command("drop")
def quarantine_drop(id: str, url: UrlOption = DEFAULT_URL, token: TokenOption = None) -> None:
    """Drop an entry for good.

    [dim]Example:[/dim]  responder quarantine drop q-0f3a...
    """
    call(url, token, "POST", f"/v1/quarantine/{id}/drop", json={})
    typer.echo(f"{id} is dropped")
