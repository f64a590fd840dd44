"""The documentation is true: every key is there, every link leads somewhere, every command and option exists."""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

from responder import config
from responder.cli import app
from responder.wiring import adapters
from tests.deploy.test_configurations import fenced
from tests.deploy.test_prometheus import exported
from tests.deploy.tools import DEPLOY, DOCS, ROOT

PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md", DEPLOY / "README.md"]
PARTS = (
    config.Config, config.Listen, config.Auth, config.Basic, config.Hmac, config.Escalation, config.OwnerPart,
    config.SeverityPart, config.Prices, config.Retention, config.SilencePart,
)  # fmt: skip
"""Every model of the configuration file that is the core's own."""


def configuration() -> str:
    return (DOCS / "configuration.md").read_text()


def sections(text: str) -> dict[str, str]:
    """Heading to what follows it."""
    parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_all_parts_of_the_configuration_are_looked_at() -> None:
    models = {
        one
        for one in vars(config).values()
        if isinstance(one, type) and issubclass(one, BaseModel) and one.__module__ == config.__name__
    }
    assert models - set(PARTS) == {config._Part, config.Loaded}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_key_of_the_configuration_is_documented(part: type[BaseModel]) -> None:
    text = configuration()
    assert {name for name in part.model_fields if not re.search(rf"\b{name}\b", text)} == set()


def settings() -> Iterator[tuple[str, str, type[BaseModel]]]:
    for kind in ("sources", "enrichers", "sinks"):
        for name in adapters.names(kind):
            yield kind, name, import_module(f"responder.{kind}.{name}").Settings


@pytest.mark.parametrize(("kind", "name", "model"), list(settings()), ids=[f"{k}.{n}" for k, n, _ in settings()])
def test_every_key_of_an_adapter_is_documented_where_it_belongs(kind: str, name: str, model: type[BaseModel]) -> None:
    found = sections(configuration())
    text = found[f"{kind}.{name}"] + found.get(kind, "")
    assert {field for field in model.model_fields if not re.search(rf"\b{field}\b", text)} == set()


def test_every_metric_is_documented() -> None:
    text = (DOCS / "operations.md").read_text()
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported() if name.startswith("responder_")}
    assert {name for name in ours if name not in text} == set()


def test_every_format_is_documented() -> None:
    text = (DOCS / "sources.md").read_text()
    assert {name for name in adapters.names("formats") if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}, target


def test_every_page_is_reached_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert {
        page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in text and page.name != "ablation.md"
    } == set()


def commands() -> list[tuple[str, str]]:
    """Every `responder ...` that a page tells people to type."""
    found = []
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        lines = [
            line[2:] for block in fenced(text, "console") for line in block.splitlines() if line[:2] in ("$ ", "# ")
        ]
        lines += re.findall(r"`(responder [^`]+)`", text)
        for line in lines:
            for part in re.split(r"\||&&|;|&(?!\w)", line.partition("  #")[0]):
                words = part.strip()
                if words.startswith("responder "):
                    found.append((page.name, words))
    return found


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda text: str(text)[:60])
def test_commands_and_options_exist(page: str, line: str) -> None:
    words = shlex.split(re.sub(r">\s*\S+", "", line))[1:]
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        if not words or words[0].startswith("-"):
            break
        name = words.pop(0)
        assert name in command.commands, f"{page}: {line}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.partition("=")[0] for word in words if re.match(r"-[a-z-]", word)}
    assert given <= known | {"--help", "-h"}, f"{page}: {line}"


def test_codes_of_findings_that_are_named_exist() -> None:
    code = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    for page in PAGES:
        for name in re.findall(r"`([RSC]\d{3})`", page.read_text()):
            assert f'"{name}"' in code, f"{page.name}: {name}"
