"""What an operator sets under `sinks.console`."""

from typing import Literal

from pydantic import Field

from responder.model.incident import Severity
from responder.model.value import Value


class Settings(Value):
    """Nothing needs to be set."""

    color: Literal["auto", "always", "never"] = "auto"
    """auto: on a terminal, unless NO_COLOR is set (no-color.org)."""
    width: int | None = Field(default=None, ge=40, le=400)
    """Columns; None: the terminal's, at most 110, and 100 where there is none."""
    minimum_severity: Severity | None = None
    """Incidents below it are not shown here, SEV4 being the lowest. None: all."""
    fallback: str | None = None
    """Name of the sink that takes over when this one has failed for long."""
