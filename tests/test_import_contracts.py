"""The import contracts of pyproject.toml hold, and one that is broken on purpose is seen."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = Path(sys.executable).with_name("lint-imports")


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--config", root / "pyproject.toml", "--no-cache"],
        check=False,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root / "src"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, with the contracts beside it, to be spoiled."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    ignored = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(ROOT / "src" / "responder", tmp_path / "src" / "responder", ignore=ignored)


def test_imports_run_one_way() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout[result.stdout.find("Broken contracts") :]


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("model/event.py", "import responder.pipeline", "responder.model is not allowed to import responder.pipeline"),
        ("errors.py", "import responder.model.event", "responder.errors is not allowed to import responder.model"),
        (
            "runtime/__init__.py",
            "import responder.pipeline",
            "responder.runtime is not allowed to import responder.pipeline",
        ),
        ("formats/__init__.py", "import responder.sinks", "responder.formats is not allowed to import responder.sinks"),
        ("logic/__init__.py", "import httpx", "responder.logic is not allowed to import httpx"),
    ],
    ids=["upwards", "from the floor", "mechanics", "sideways", "out of the pure core"],
)
def test_a_deliberate_violation_is_seen(package: Path, module: str, line: str, complaint: str) -> None:
    with (package / module).open("a") as file:
        file.write(f"\n{line}\n")
    result = lint(package.parents[1])
    assert (result.returncode, complaint in result.stdout) == (1, True), result.stdout


def test_a_module_that_no_layer_names_is_seen(package: Path) -> None:
    (package / "utils.py").write_text('"""Nothing."""\n')
    result = lint(package.parents[1])
    assert (result.returncode, "utils" in result.stdout) == (1, True), result.stdout
