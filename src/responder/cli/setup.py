"""`init`, `db`, `doctor` and `kinds`: setting up and looking after."""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from responder.cli.output import ConfigOption, JsonOption, config_file, print_json, table
from responder.errors import ConfigError

db = typer.Typer(help="Schema migrations and backups of the store.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Set-up")(init)
    app.command(rich_help_panel="Set-up")(doctor)
    app.command(rich_help_panel="Set-up")(kinds)
    app.add_typer(db, name="db", rich_help_panel="Set-up")


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write responder.yaml.")] = Path(),
    force: Annotated[bool, typer.Option(help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented starter configuration, with a rule file and its test to begin from.

    [dim]Example:[/dim]  responder init && responder check && responder run
    """
    starter = files("responder.cli") / "starter"
    written = []
    for name, target in (
        ("responder.yaml", folder / "responder.yaml"),
        ("first.yaml", folder / "rules" / "first.yaml"),
        ("first.test.yaml", folder / "rules" / "first.test.yaml"),
    ):
        try:
            if target.exists() and not force:
                raise ConfigError(f"{target} is there already", hint="pass --force to overwrite it")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text((starter / name).read_text(encoding="utf-8"), encoding="utf-8")
            (folder / "skills").mkdir(exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"cannot write {target}: {error.strerror}", hint="name a folder that you may write"
            ) from error
        written.append(str(target))
    typer.echo(f"wrote {', '.join(written)}")
    typer.echo(
        "next: edit responder.yaml, then `responder check`, `responder test`, `responder doctor`, `responder run`"
    )


@db.command("upgrade")
def db_upgrade(config: ConfigOption = None) -> None:
    """Bring the store's schema up to date. SQLite does this by itself at start, after a backup.

    [dim]Example:[/dim]  responder db upgrade -c responder.yaml
    """
    from responder.config import read
    from responder.stores.sql import upgrade
    from responder.wiring.store import store_url

    loaded = read(config_file(config))
    before, after = upgrade(store_url(loaded.config.store, loaded))
    typer.echo(f"schema is at {after}" + ("" if before == after else f" (it was at {before or 'nothing'})"))


@db.command("backup")
def db_backup(
    to: Annotated[Path, typer.Argument(help="File to write.")],
    config: ConfigOption = None,
) -> None:
    """Copy the SQLite store while the daemon runs. PostgreSQL has pg_dump.

    [dim]Example:[/dim]  responder db backup /backups/responder.db
    """
    from responder.config import read
    from responder.stores.sql import backup
    from responder.wiring.store import store_url

    loaded = read(config_file(config))
    backup(store_url(loaded.config.store, loaded), to)
    typer.echo(f"wrote {to}")


def doctor(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Try each configured connection and say what is wrong and what to do.

    [dim]Example:[/dim]  responder doctor -c responder.yaml
    """
    from responder.wiring.doctor import examine

    found = asyncio.run(examine(config_file(config)))
    if json:
        print_json(found)
    else:
        for name, problem in found.items():
            typer.echo(f"{'ok  ' if problem is None else 'FAIL'}  {name}" + (f": {problem}" if problem else ""))
    if any(found.values()):
        raise typer.Exit(1)


def kinds(json: JsonOption = False) -> None:
    """The adapters: sources, formats, enrichers and sinks, as found in this installation.

    [dim]Example:[/dim]  responder kinds
    """
    from responder.wiring.adapters import KINDS, description, names

    found = {kind: {name: description(kind, name) for name in names(kind)} for kind in KINDS}
    if json:
        print_json(found)
        return
    rows = [(kind, name, text) for kind, ones in found.items() for name, text in ones.items()]
    table(("KIND", "NAME", "WHAT"), rows)
