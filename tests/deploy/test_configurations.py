"""Every responder.yaml in deploy/ and docs/ is one that the daemon would take."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from responder.config import Config, read
from responder.document import parse
from responder.wiring import adapters
from tests.deploy.tools import DEPLOY, DOCS, ROOT

SECRET = {"routing_key": "0" * 32, "pagerduty": "0" * 32}
"""A routing key is checked for its length, so any text will not do."""


def configurations() -> Iterator[tuple[str, str]]:
    for file in (DEPLOY / "compose" / "responder.yaml", DEPLOY / "systemd" / "responder.yaml"):
        yield str(file.relative_to(ROOT)), file.read_text()
    for one in yaml.safe_load_all((DEPLOY / "kubernetes" / "responder.yaml").read_text()):
        if one["kind"] == "ConfigMap":
            yield "deploy/kubernetes/responder.yaml", one["data"]["responder.yaml"]
    starter = ROOT / "src" / "responder" / "cli" / "starter" / "responder.yaml"
    yield "the starter of `responder init`", starter.read_text()
    yield "the starter with every option", uncommented(starter.read_text())
    for page in (*sorted(DOCS.glob("*.md")), ROOT / "README.md"):
        for number, block in enumerate(fenced(page.read_text(), "yaml"), 1):
            if block.startswith("# responder.yaml"):
                yield f"{page.relative_to(ROOT)}, block {number}", block


def fenced(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def uncommented(text: str) -> str:
    """The file with its commented options switched on: `# key: ...` and what is indented below."""
    lines = []
    for line in text.splitlines():
        option = re.match(r"^( *)# ( *[a-z-]+_?[a-z_]*:(?: .*)?)$", line)
        lines.append(option[1] + option[2] if option else line)
    return "\n".join(lines) + "\n"


def with_secrets(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same text, each secret in a file or a variable that is there."""

    def file(found: re.Match[str]) -> str:
        held = folder / found[1].replace("/", "_").lstrip("_")
        held.write_text("0" * 32)
        return f"${{file:{held}}}"

    for name in re.findall(r"\$\{env:([A-Z_0-9]+)\}", text):
        monkeypatch.setenv(name, "0" * 32)
    return re.sub(r"\$\{file:([^}]+)\}", file, text)


@pytest.mark.parametrize(("where", "text"), list(configurations()), ids=[where for where, _ in configurations()])
def test_the_daemon_takes_it(where: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "responder.yaml"
    file.write_text(with_secrets(text, tmp_path, monkeypatch))
    loaded = read(file)
    for kind in ("sources", "enrichers", "sinks"):
        for name, raw in getattr(loaded.config, kind).items():
            adapters.settings(kind, name, raw)


def test_the_starter_shows_every_key() -> None:
    starter = (ROOT / "src" / "responder" / "cli" / "starter" / "responder.yaml").read_text()
    shown = set(re.findall(r"^(?:# )?([a-z_]+):", starter, re.MULTILINE))
    assert {"severity", "silences"} >= set(Config.model_fields) - shown


def test_blocks_of_the_documentation_that_are_yaml_parse() -> None:
    for page in (*sorted(DOCS.glob("*.md")), ROOT / "README.md"):
        for block in fenced(page.read_text(), "yaml"):
            parse(block, page)
