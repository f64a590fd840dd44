"""`silences`: silences and maintenance windows of a running daemon, those of its configuration included."""

from typing import Annotated
from urllib.parse import quote

import typer

from responder.cli.daemon_api import DEFAULT_URL, TokenOption, UrlOption, call, moment, span
from responder.cli.output import JsonOption, print_json, table

silences = typer.Typer(help="Silences and maintenance windows: list, add, end.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(silences, name="silences", rich_help_panel="Operate")


@silences.command("ls")
def silences_ls(
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    json: JsonOption = False,
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
) -> None:
    """List what is silenced now, and by whom.

    [dim]Example:[/dim]  responder silences ls --all
    """
    found = call(url, token, "GET", "/v1/silences", params={} if every else {"active": "true"})
    if json:
        print_json(found)
        return
    rows = [
        (
            one["id"],
            "maintenance" if one["maintenance"] else "silence",
            moment(one["starts_at"]),
            moment(one["ends_at"]),
            one["created_by"],
            one["text"],
            one["comment"],
        )
        for one in found["silences"]
    ]
    table(("ID", "KIND", "FROM", "TO", "AUTHOR", "MATCH", "COMMENT"), rows, empty="nothing is silenced")


@silences.command("add")
def silences_add(
    match: Annotated[str, typer.Argument(metavar="MATCH", help="Matchers as in a rule.")],
    comment: Annotated[str, typer.Option("-m", "--comment", help="Why.")],
    duration: Annotated[str, typer.Option("-d", "--duration", callback=span, help="For how long: 1h, 2d.")] = "1h",
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="ISO 8601; now when left out.", show_default=False)
    ] = None,
    maintenance: Annotated[bool, typer.Option("--maintenance", help="A maintenance window.")] = False,
    json: JsonOption = False,
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
) -> None:
    """Silence whatever matches, from now or later on.

    [dim]Example:[/dim]  responder silences add 'rack="r12"' -d 4h -m "switch change" --maintenance
    """
    body = {"match": match, "duration": duration, "comment": comment, "maintenance": maintenance}
    if start is not None:
        body["starts_at"] = start
    made = call(url, token, "POST", "/v1/silences", json=body)
    if json:
        print_json(made)
    else:
        typer.echo(f"{made['id']}: {made['text']} from {moment(made['starts_at'])} to {moment(made['ends_at'])} UTC")


@silences.command("end")
def silences_end(
    id: Annotated[str, typer.Argument(metavar="ID", help="A silence.")],
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
) -> None:
    """End a silence now.

    [dim]Example:[/dim]  responder silences end sil-0f3a21bc44
    """
    done = call(url, token, "DELETE", f"/v1/silences/{quote(id, safe='')}")
    typer.echo(f"{done['id']} is over")
