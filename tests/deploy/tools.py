"""The checkers' programs, and where the files are. A program that is not here skips the test, which CI counts as a failure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCS = ROOT / "docs"
BESIDE_PYTHON = Path(sys.executable).parent
"""Some checkers come as packages of the development environment."""


def run_tool(name: str, *arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a checker; its output is both streams together."""
    program = shutil.which(name, path=f"{BESIDE_PYTHON}:{os.environ['PATH']}")
    if program is None:
        pytest.skip(f"{name} is not installed: run `make servers` as root")
    return subprocess.run(
        [program, *map(str, arguments)],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )


def passes(name: str, *arguments: str | Path, cwd: Path | None = None) -> str:
    """As `run_tool`, and it must be content."""
    done = run_tool(name, *arguments, cwd=cwd)
    assert done.returncode == 0, done.stdout
    return done.stdout
