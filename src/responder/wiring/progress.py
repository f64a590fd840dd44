"""A bar on stderr for work that takes its time. Nothing is drawn where nobody watches: stdout stays the command's own."""

import contextlib
from collections.abc import Iterator
from typing import Protocol


class Advance(Protocol):
    """Told how much is done so far and, where that is known only by then, of how much."""

    def __call__(self, done: int, total: int | None = None) -> None: ...


@contextlib.contextmanager
def progress(what: str, total: int | None = None, *, shown: bool) -> Iterator[Advance]:
    """A bar that is wiped off at the end; without `total` it only shows that something moves."""
    if not shown:
        yield lambda done, total=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, total=total: bar.update(task, completed=done, total=total)
