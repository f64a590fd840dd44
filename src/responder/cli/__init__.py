"""The command line: thin commands over wiring. Each imports what it needs when it runs, so that `--help` is instant.

Exit codes: 0 fine, 1 the thing checked is bad, 2 usage or configuration error. `--json` prints one document on stdout and
nothing else; logs go to stderr.
"""

import errno
import os
import sys
from typing import Annotated, Literal

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
        try:
            app(prog_name="responder")
        finally:
            sys.stdout.flush()  # here, where what goes wrong with it can still be said
    except ConfigError as error:
        fail(str(error), 2)
    except InputError as error:
        fail(str(error), 1)
    except ResponderError as error:
        fail(str(error), 1)
    except BrokenPipeError:
        _let_go_of_output()
        sys.exit(0)
    except OSError as error:
        if error.errno in OUTPUT_IS_FULL and error.filename is None:
            _let_go_of_output()
            fail(f"the output cannot be written: {error.strerror}", 1)
        if error.filename is None:
            raise  # not about a file that somebody named: a defect, and its place matters
        fail(f"cannot use {error.filename}: {error.strerror}", 2)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer saw it first, and calls it a failure
            _let_go_of_output()
            sys.exit(0)
        raise
    except KeyboardInterrupt:
        sys.exit(130)


OUTPUT_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def _let_go_of_output() -> None:
    """Nothing is left to be flushed to: the reader of `responder ... | head` went away, which is no error of ours, or the disk is
    full."""
    if sys.__stdout__ is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
