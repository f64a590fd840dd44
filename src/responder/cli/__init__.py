"""The command line: thin commands over wiring. Each imports what it needs when it runs, so that `--help` is instant.

Exit codes: 0 fine, 1 the thing checked is bad, 2 usage or configuration error. `--json` prints one document on stdout and
nothing else; logs go to stderr.
"""

import os
import sys
from typing import Annotated, Literal, NoReturn

import typer

from responder import __version__
from responder.cli import daemon, history, knowledge, operate, setup, silences
from responder.cli.output import fail
from responder.errors import ConfigError, InputError, ResponderError
from responder.telemetry import configure_logging

app = typer.Typer(
    name="responder",
    help="Turns alerts and job failures of GPU clusters into one evidence-cited triage report per incident.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"responder {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option(envvar="RESPONDER_LOG_LEVEL", help="What to log.")
    ] = "info",
    log_format: Annotated[
        Literal["auto", "json", "text"], typer.Option(envvar="RESPONDER_LOG_FORMAT", help="How to log it.")
    ] = "auto",
) -> None:
    """Turns alerts and job failures of GPU clusters into one evidence-cited triage report per incident."""
    configure_logging(json=log_format == "json" or (log_format == "auto" and not sys.stderr.isatty()), level=log_level)


daemon.add_to(app)
history.add_to(app)
knowledge.add_to(app)
operate.add_to(app)
silences.add_to(app)
setup.add_to(app)


def main() -> None:
    """Entry point. A user's mistake is a message, never a traceback."""
    try:
        app(prog_name="responder")
    except ConfigError as error:
        fail(str(error), 2)
    except InputError as error:
        fail(str(error), 1)
    except ResponderError as error:
        fail(str(error), 1)
    except BrokenPipeError:
        _reader_is_gone()
    except OSError as error:
        if error.filename is None:
            raise  # not about a file that somebody named: a defect, and its place matters
        fail(f"cannot use {error.filename}: {error.strerror}", 2)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer saw it first, and calls it a failure
            _reader_is_gone()
        raise
    except KeyboardInterrupt:
        sys.exit(130)


def _reader_is_gone() -> NoReturn:
    """`responder ... | head`: that is no error of ours, and nothing is left to be flushed to."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            os.dup2(nowhere, stream.fileno())
    sys.exit(0)
