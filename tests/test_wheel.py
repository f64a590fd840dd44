"""What people install: the wheel alone, away from the checkout, has the rules, the skills and the page, and works."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel was unpacked into."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    options = ["--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([*command, *options], check=True, capture_output=True, timeout=100, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def responder(installed: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "responder", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, timeout=60, check=False, cwd=installed, env=environment
    )


def test_all_data_travels_along(installed: Path) -> None:
    package = installed / "responder"
    for kind in ("rules", "skills"):
        shipped = {file.relative_to(ROOT / kind) for file in (ROOT / kind).rglob("*") if file.is_file()}
        assert {
            file.relative_to(package / "builtin" / kind)
            for file in (package / "builtin" / kind).rglob("*")
            if file.is_file()
        } >= {file for file in shipped if "__pycache__" not in file.parts}
    for name in ("py.typed", "web/static/htmx.min.js", "web/templates/index.html", "wiring/story/story.yaml"):
        assert (package / name).is_file(), name


def test_it_works_away_from_the_checkout(installed: Path) -> None:
    checked = responder(installed, "check")
    assert checked.returncode == 0, checked.stderr
    report = responder(installed, "triage", "--json", "-", stdin=b"torch.OutOfMemoryError: CUDA out of memory.")
    assert orjson.loads(report.stdout)["hypotheses"][0]["class"] == "train.cuda_oom"
    where = subprocess.run(
        [sys.executable, "-c", "from responder.library.paths import builtin; print(builtin('rules'))"],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(installed)}, timeout=30,
    )  # fmt: skip
    assert where.stdout.strip().startswith(str(installed))
