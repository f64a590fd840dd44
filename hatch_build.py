"""Puts the default rules and skills into the wheel as `responder/builtin`.

An editable install gets no copy: a copy would go stale, and a checkout reads its own top-level folders.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShipKnowledge(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the folders to every build but the editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_data["force_include"] |= {name: f"responder/builtin/{name}" for name in ("rules", "skills")}
