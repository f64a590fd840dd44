"""Adapters by name: `sinks: {slack: ...}` loads `responder.sinks.slack`. Nothing is imported that is not configured."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from pydantic import ValidationError

from responder.errors import ConfigError
from responder.ports import Context, Enricher, Format, Sink, Source

KINDS = ("formats", "sources", "enrichers", "sinks")


@cache
def names(kind: str) -> tuple[str, ...]:
    """The adapters of a kind, found by their modules; private ones (leading underscore) are parts, not adapters."""
    package = importlib.import_module(f"responder.{kind}")
    found = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")]
    return tuple(sorted(name for name in found if is_adapter(kind, name)))


def is_adapter(kind: str, name: str) -> bool:
    """A module is an adapter when it says what it is; parts of adapters do not."""
    spec = importlib.util.find_spec(f"responder.{kind}.{name}")
    if spec is None or spec.origin is None:
        return False
    text = Path(spec.origin).read_text(encoding="utf-8")
    return "\nFORMAT" in text if kind == "formats" else "\nDESCRIPTION" in text


def module(kind: str, name: str) -> ModuleType:
    """Raises ConfigError naming the nearest adapters when there is none of that name."""
    if name not in names(kind):
        near = get_close_matches(name, names(kind), 1)
        raise ConfigError(
            f"no {kind[:-1]} is called {name!r}",
            found=name,
            expected=", ".join(names(kind)),
            hint=f"did you mean {near[0]}?" if near else None,
        )
    return importlib.import_module(f"responder.{kind}.{name}")


def description(kind: str, name: str) -> str:
    loaded = module(kind, name)
    return str(loaded.FORMAT.description if kind == "formats" else loaded.DESCRIPTION)


def settings(kind: str, name: str, raw: Mapping[str, Any] | None) -> Any:
    """The adapter's own Settings from its part of the configuration. Raises ConfigError naming each field."""
    model = module(kind, name).Settings
    try:
        made = model.model_validate(dict(raw or {}))
    except ValidationError as error:
        problems = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        known = ", ".join(sorted(model.model_fields))
        raise ConfigError(f"{kind}.{name}: {'; '.join(problems)}", expected=f"the fields {known}") from None
    if kind == "sources":
        _known_formats(name, made)
    return made


def _known_formats(source: str, made: Any) -> None:
    """Sources name formats; a wrong name would only show when events come, each of them refused."""
    for field, wanted in (
        ("topics", dict(getattr(made, "topics", {})).values()),
        ("formats", getattr(made, "formats", ())),
    ):
        for format in wanted:
            if format not in names("formats"):
                near = get_close_matches(format, names("formats"), 1)
                raise ConfigError(
                    f"sources.{source}.{field}: no format is called {format!r}",
                    found=format,
                    expected=", ".join(names("formats")),
                    hint=f"did you mean {near[0]}?" if near else None,
                )


def formats() -> dict[str, Format]:
    return {name: cast("Format", module("formats", name).FORMAT) for name in names("formats")}


def source(name: str, raw: Mapping[str, Any] | None, context: Context) -> Source:
    return cast("Source", module("sources", name).create(settings("sources", name, raw), context))


def enricher(name: str, raw: Mapping[str, Any] | None, context: Context) -> Enricher:
    return cast("Enricher", module("enrichers", name).create(settings("enrichers", name, raw), context))


def sink(name: str, raw: Mapping[str, Any] | None, context: Context) -> Sink:
    return cast("Sink", module("sinks", name).create(settings("sinks", name, raw), context))
