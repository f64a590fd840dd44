"""The systemd unit: systemd's own verdicts, with a program that exists in place of the installed one."""

import re
import shutil
from pathlib import Path

import pytest

from tests.deploy.tools import DEPLOY, passes, run_tool

UNIT = DEPLOY / "systemd" / "responder.service"
GPU = DEPLOY / "systemd" / "responder-gpu.conf"
MOST_EXPOSURE = 1.5
"""Of 10; systemd calls up to 2 "ok". What is left over is the network, which the daemon lives on."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    installed = tmp_path / "responder.service"
    true = shutil.which("true")
    installed.write_text(UNIT.read_text().replace("/opt/responder/bin/responder", str(true)))
    return installed


@pytest.mark.integration
def test_systemd_finds_no_mistake(unit: Path) -> None:
    assert passes("systemd-analyze", "verify", "--man=no", unit).strip() == ""


@pytest.mark.integration
def test_systemd_finds_no_mistake_in_the_drop_in_for_gpus(unit: Path) -> None:
    folder = unit.with_name("responder.service.d")
    folder.mkdir()
    shutil.copy(GPU, folder / "gpu.conf")
    assert passes("systemd-analyze", "verify", "--man=no", unit).strip() == ""


@pytest.mark.integration
def test_systemd_finds_little_exposed(unit: Path) -> None:
    output = run_tool("systemd-analyze", "security", "--offline=yes", "--no-pager", unit).stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", output)
    assert found, output
    assert float(found[1]) <= MOST_EXPOSURE


def test_a_bad_configuration_is_not_tried_again_and_a_stop_has_time() -> None:
    text = UNIT.read_text()
    assert "RestartPreventExitStatus=2" in text
    assert "TimeoutStopSec=15s" in text
