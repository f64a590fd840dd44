"""Reports on the terminal: Rich where there is one, plain text where there is none. `render` serves the commands, too."""

from typing import TYPE_CHECKING

from responder.model.report import Report
from responder.ports import Context
from responder.sinks.console.settings import Settings
from responder.sinks.console.sink import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

DESCRIPTION = "reports on standard output"

__all__ = ["DESCRIPTION", "Settings", "create", "render"]


def create(settings: Settings, context: Context) -> Console:
    return Console(settings, context.base_url)


def render(report: Report, *, width: int = 100) -> "RenderableType":
    """The whole report for a Rich console of at least `width` columns; colours are that console's affair."""
    from responder.sinks.console.layout import full

    return full(report, width=width)
