"""`incidents` and `quarantine`: operate a running daemon over its HTTP API."""

from typing import Annotated, Literal
from urllib.parse import quote

import typer

from responder.cli.daemon_api import DEFAULT_URL, IncidentArgument, TokenOption, UrlOption, call, moment, span
from responder.cli.output import JsonOption, note, print_json, table
from responder.errors import InputError

incidents = typer.Typer(help="List, show and act on the incidents of a running daemon.", no_args_is_help=True)
quarantine = typer.Typer(help="What could not be used: list, show, retry, drop.", no_args_is_help=True)


HeldArgument = Annotated[str, typer.Argument(metavar="ID", help="An entry of the quarantine.")]


def add_to(app: typer.Typer) -> None:
    app.add_typer(incidents, name="incidents", rich_help_panel="Operate")
    app.add_typer(quarantine, name="quarantine", rich_help_panel="Operate")


@incidents.command("ls")
def incidents_ls(
    status: Annotated[Literal["open", "acknowledged", "resolved"] | None, typer.Option(help="Only these.")] = None,
    severity: Annotated[Literal["SEV1", "SEV2", "SEV3", "SEV4"] | None, typer.Option(help="Only these.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this team's.")] = None,
    q: Annotated[str | None, typer.Option(help="Text in id, title, key or entities.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    json: JsonOption = False,
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
) -> None:
    """List incidents, newest first.

    [dim]Example:[/dim]  responder incidents ls --status open --severity SEV1
    """
    wanted = {"status": status, "severity": severity, "owner": owner, "q": q, "limit": limit}
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
                moment(r["opened_at"]),
                r["title"],
            )
            for r in rows
        ],
        empty="no incidents match",
    )
    if len(rows) == limit:
        note(f"these are the newest {limit}; there may be more (--limit)")


@incidents.command("show")
def incidents_show(
    id: IncidentArgument, json: JsonOption = False, url: UrlOption = DEFAULT_URL, token: TokenOption = None
) -> None:
    """Show an incident's latest report.

    [dim]Example:[/dim]  responder incidents show inc-4k2jx7qa
    """
    from responder.model.report import Report
    from responder.wiring.offline import print_reports

    document = call(url, token, "GET", f"/v1/incidents/{quote(id, safe='')}/report")
    if json:
        print_json(document)
    else:
        print_reports([Report.model_validate(document)])


@incidents.command("ack")
def incidents_ack(id: IncidentArgument, url: UrlOption = DEFAULT_URL, token: TokenOption = None) -> None:
    """Acknowledge: it is being looked at; repeats and escalation stop.

    [dim]Example:[/dim]  responder incidents ack inc-4k2jx7qa
    """
    done = call(url, token, "POST", f"/v1/incidents/{quote(id, safe='')}/ack", json={})
    typer.echo(f"{done['id']} is {done['status']}")


@incidents.command("resolve")
def incidents_resolve(
    id: IncidentArgument,
    comment: Annotated[str, typer.Option("-m", "--comment", help="What fixed it.")] = "",
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
) -> None:
    """Resolve an incident by hand.

    [dim]Example:[/dim]  responder incidents resolve inc-4k2jx7qa -m "riser reseated"
    """
    done = call(url, token, "POST", f"/v1/incidents/{quote(id, safe='')}/resolve", json={"comment": comment})
    typer.echo(f"{done['id']} is {done['status']}")


@incidents.command("silence")
def incidents_silence(
    id: IncidentArgument,
    duration: Annotated[str, typer.Option("-d", "--duration", callback=span, help="For how long: 1h, 2d.")] = "1h",
    comment: Annotated[str, typer.Option("-m", "--comment", help="Why.")] = "",
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
) -> None:
    """Silence what an incident is about.

    [dim]Example:[/dim]  responder incidents silence inc-4k2jx7qa -d 4h -m "RMA on its way"
    """
    made = call(
        url,
        token,
        "POST",
        f"/v1/incidents/{quote(id, safe='')}/silence",
        json={"duration": duration, "comment": comment},
    )
    typer.echo(f"{made['id']}: {made['text']} until {moment(made['ends_at'])} UTC")


@quarantine.command("ls")
def quarantine_ls(
    state: Annotated[Literal["held", "retried", "dropped"], typer.Option(help="Which.")] = "held",
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
    rows = [(r["id"], moment(r["at"]), r["format"], r["stage"], r["error"][:80]) for r in found["quarantined"]]
    table(("ID", "AT", "FORMAT", "STAGE", "ERROR"), rows, empty="the quarantine is empty")


@quarantine.command("show")
def quarantine_show(id: HeldArgument, url: UrlOption = DEFAULT_URL, token: TokenOption = None) -> None:
    """Show one entry with its body.

    [dim]Example:[/dim]  responder quarantine show q-0f3a...
    """
    print_json(call(url, token, "GET", f"/v1/quarantine/{quote(id, safe='')}"))


@quarantine.command("retry")
def quarantine_retry(id: HeldArgument, url: UrlOption = DEFAULT_URL, token: TokenOption = None) -> None:
    """Feed it through intake again (after a fix of the sender's template, a new version...).

    [dim]Example:[/dim]  responder quarantine retry q-0f3a...
    """
    done = call(url, token, "POST", f"/v1/quarantine/{quote(id, safe='')}/retry", json={})
    if done["error"]:
        raise InputError(f"{id} stays in quarantine: {done['error']}")
    typer.echo(f"accepted {done['accepted']}, duplicates {done['duplicates']}, quarantined {done['quarantined']}")


@quarantine.command("drop")
def quarantine_drop(id: HeldArgument, url: UrlOption = DEFAULT_URL, token: TokenOption = None) -> None:
    """Drop an entry for good.

    [dim]Example:[/dim]  responder quarantine drop q-0f3a...
    """
    call(url, token, "POST", f"/v1/quarantine/{quote(id, safe='')}/drop", json={})
    typer.echo(f"{id} is dropped")
