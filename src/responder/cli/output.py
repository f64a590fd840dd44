"""What commands print and how they end."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "-c", "--config", envvar="RESPONDER_CONFIG", help="Configuration file; default: responder.yaml if present."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, nothing else.")]


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong on stderr and end."""
    sys.stderr.write(f"responder: {message}\n")
    sys.exit(code)


def print_json(document: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE, default=str))
    sys.stdout.buffer.flush()


def note(message: str) -> None:
    """A remark beside the result: on stderr, so that a pipe gets the result alone."""
    sys.stderr.write(message + "\n")


LAST_COLUMN = 24
"""A terminal that leaves the last column less than this gets plain rows, which it wraps itself: half an id is of no use."""


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "") -> None:
    """A table for people: Rich on a terminal that is wide enough, plain aligned columns elsewhere."""
    data = [[_one_line(str(cell)) for cell in row] for row in rows]
    if not data:
        note(empty or "nothing to show")
        return
    widths = [max(len(row[n]) for row in [list(headers), *data]) for n in range(len(headers))]
    if sys.stdout.isatty() and _rich_table(headers, data, sum(widths[:-1]) + 2 * len(widths)):
        return
    for row in [list(headers), *data]:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


def _rich_table(headers: Sequence[str], data: Sequence[Sequence[str]], before_last: int) -> bool:
    """False where the terminal is too narrow for it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if console.width < before_last + LAST_COLUMN:
        return False
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers[:-1]:
        grid.add_column(header, no_wrap=True)
    grid.add_column(headers[-1], overflow="fold")
    for row in data:
        grid.add_row(*(Text(cell) for cell in row))
    console.print(grid)
    return True


def _one_line(text: str) -> str:
    """Text of others without what a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)


def config_file(given: Path | None) -> Path | None:
    """The given file, or `responder.yaml` here, or none at all. Raises ConfigError when the given one is not there."""
    from responder.errors import ConfigError

    if given is not None:
        if not given.is_file():
            raise ConfigError("no such configuration file", file=given, hint="`responder init` writes a commented one")
        return given
    here = Path("responder.yaml")
    return here if here.is_file() else None


def read_input(source: str) -> bytes:
    """A file's bytes, or standard input for `-`. Raises InputError in words."""
    from responder.errors import InputError

    if source == "-":
        if sys.stdin.isatty():
            sys.stderr.write("reading from the terminal; end with Ctrl-D\n")
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {source}: {error.strerror}") from error
