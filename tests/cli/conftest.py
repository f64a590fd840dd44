"""The real command, as a user runs it: a process with its own folder, input, output and exit status."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson
import pytest


@dataclass(frozen=True)
class Done:
    """How it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return orjson.loads(self.out)


class Run(Protocol):
    def __call__(self, *arguments: str, stdin: str | bytes = "", **environment: str) -> Done: ...


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run("triage", "-", stdin=log)`, in an empty folder of the test's own. No run may end in a traceback."""

    def run(*arguments: str, stdin: str | bytes = "", **environment: str) -> Done:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RESPONDER_")}
        done = subprocess.run(
            [sys.executable, "-m", "responder", *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env={**clean, "COLUMNS": "120", **environment},
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert "Traceback" not in err, err
        assert "\x1b" not in out + err, "escape codes in a pipe"
        return Done(done.returncode, out, err)

    return run
