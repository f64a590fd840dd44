"""`run` and `demo`."""

import asyncio
import sys
from typing import Annotated

import typer

from responder.cli.output import ConfigOption, config_file


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Daemon")(run)
    app.command(rich_help_panel="Daemon")(demo)


def run(config: ConfigOption = None) -> None:
    """Run the daemon until SIGTERM.

    Without any configuration: SQLite in ./responder.db, webhooks and the page on 127.0.0.1:8080, reports on the console.

    [dim]Example:[/dim]  responder run -c /etc/responder/responder.yaml
    """
    import gc

    gc.disable()  # all that a start builds is kept; the daemon turns the collector on again when it is ready

    from responder.config import read
    from responder.wiring.daemon import Daemon, serve

    loaded = read(config_file(config))

    def ready(daemon: Daemon) -> None:
        book = daemon.shelf.book
        sys.stderr.write(
            f"responder is ready: {book.base_url} · {len(book.rules.rules)} rules · {len(book.skills)} skills · "
            f"sinks: {', '.join(daemon.sinks) or 'none'} · store: {loaded.config.store.split('@')[-1]}\n"
        )

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(loaded, ready))


def demo(
    exit: Annotated[
        bool, typer.Option("--exit", help="Stop when all reports are out (default without a terminal).")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 picks a free one.")] = 8080,
) -> None:
    """See it work: a recorded night on a GPU cluster, told over real HTTP to a daemon on a throw-away store.

    [dim]Example:[/dim]  responder demo --exit
    """
    from responder.wiring.demo import run_demo

    code = asyncio.run(run_demo(port=port, stay=not exit and sys.stdout.isatty()))
    raise typer.Exit(code)
