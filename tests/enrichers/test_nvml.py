"""NVML through its real bindings: on a GPU machine the real library, elsewhere a stand-in with states from a file."""

import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from responder.enrichers._nvml_probe import FIELDS
from responder.enrichers.nvml import Nvml, Settings, probe
from responder.model.evidence import Ask, Missing, Need, Reading, Window
from tests.making import T0

HERE = Path(__file__).parent
UUID = "GPU-00000000-0000-0000-0000-00000000000{}"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The stand-in, built under the real one's soname so that the bindings' own lookup finds it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "these tests build a stand-in of libnvidia-ml.so.1: install a C compiler (apt-get install gcc)"
    out = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    flags = [
        "-shared",
        "-fPIC",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wno-format-extra-args",
        "-Wl,-soname,libnvidia-ml.so.1",
    ]
    subprocess.run([compiler, *flags, "-o", str(out), str(HERE / "nvml_shim.c")], check=True)
    return str(out)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    file = tmp_path / "state"
    monkeypatch.setenv("RESPONDER_TEST_NVML_STATE", str(file))

    def write(name: str) -> None:
        file.write_text(name)

    write("healthy")
    return write


def ask(query: str, within: float = 5, **variables: tuple[str, ...]) -> Ask:
    need = Need(name="n", source="nvml", query=query, within=timedelta(seconds=within))
    return Ask(need=need, window=Window(start_at=T0, at=T0, end_at=T0), variables=variables)


def enricher(library: str, **more: Any) -> Nvml:
    return Nvml(Settings(library=library, hostnames=("n1",), reuse="0s", **more))


async def read(library: str, query: str, **variables: tuple[str, ...]) -> Reading | Missing:
    return await enricher(library).read(ask(query, **variables))


@pytest.mark.asyncio
async def test_a_healthy_host_answers_every_field_or_says_why_not(library: str, state: Callable[[str], None]) -> None:
    taken = await probe(10, library)
    assert [gpu["uuid"] for gpu in taken["gpus"]] == [UUID.format(0), UUID.format(1)]
    for gpu in taken["gpus"]:
        assert set(gpu["fields"]) == set(FIELDS)
        unanswered = {name for name, field in gpu["fields"].items() if "value" not in field}
        assert unanswered == {"serial"}
    assert taken["gpus"][0]["fields"]["serial"]["reason"] == "no_permission"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "query", "value"),
    [
        ("healthy", "pcie.link.width.current", 16),
        ("healthy", "power.draw", 412.0),
        ("healthy", "nvlink.inactive", 0),
        ("ecc", "ecc.errors.uncorrected.volatile", 2),
        ("ecc", "remapped_rows.pending", True),
        ("ecc", "pcie.link.width.current", 8),
        ("ecc", "nvlink.inactive", 1),
        ("ecc", "recovery_action", "reset GPU"),
        ("throttled", "clocks_event_reasons.hw_thermal_slowdown", True),
        ("throttled", "clocks_event_reasons.names", ["hw_slowdown", "hw_thermal_slowdown"]),
        ("throttled", "temperature.headroom", -1),
        ("throttled", "clocks.sm", 345),
        ("mig", "mig.mode", True),
    ],
)
async def test_states_are_read(
    library: str, state: Callable[[str], None], name: str, query: str, value: object
) -> None:
    state(name)
    found = await read(library, query, node=("n1",), gpu=(UUID.format(1),))
    assert isinstance(found, Reading), found
    assert found.value == value


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "query", "reason"),
    [
        ("lost", "pcie.link.width.current", "gpu_is_lost"),
        ("mismatch", "power.draw", "driver_mismatch"),
        ("nodriver", "power.draw", "no_driver"),
        ("mig", "utilization.gpu", "not_supported"),
        ("healthy", "no.such.field", "bad_query"),
    ],
)
async def test_what_nvml_refuses_is_a_reason(
    library: str, state: Callable[[str], None], name: str, query: str, reason: str
) -> None:
    state(name)
    found = await read(library, query, node=("n1",), gpu=(UUID.format(1),))
    assert isinstance(found, Missing), found
    assert found.reason == reason


@pytest.mark.asyncio
async def test_one_lost_gpu_does_not_take_the_others_answers(library: str, state: Callable[[str], None]) -> None:
    state("lost")
    found = await read(library, "temperature.gpu", node=("n1",), gpu=(UUID.format(0),))
    assert isinstance(found, Reading)


@pytest.mark.asyncio
async def test_another_node_is_not_this_one(library: str, state: Callable[[str], None]) -> None:
    found = await read(library, "power.draw", node=("elsewhere",))
    assert isinstance(found, Missing)
    assert found.reason == "not_this_node"


@pytest.mark.asyncio
async def test_a_gpu_of_another_host_is_not_guessed(library: str, state: Callable[[str], None]) -> None:
    found = await read(library, "power.draw", node=("n1",), gpu=("GPU-ffff",))
    assert isinstance(found, Missing)
    assert found.reason == "not_this_node"


@pytest.mark.asyncio
async def test_a_hung_gsp_is_killed_and_named(library: str, state: Callable[[str], None]) -> None:
    state("hang")
    problem = (await probe(1.5, library))["error"]
    assert problem["reason"] == "timeout"
    assert "killed" in problem["detail"]
    found = await enricher(library, timeout="10s").read(ask("power.draw", within=1.5, node=("n1",)))
    assert isinstance(found, Missing)
    assert found.reason == "timeout"


@pytest.mark.asyncio
async def test_without_a_library_it_says_no_driver() -> None:
    if Path("/proc/driver/nvidia").exists():
        taken = await probe(20)
        assert taken["gpus"], "a machine with a driver has GPUs to read"
        assert all(gpu["fields"]["name"].get("value") for gpu in taken["gpus"])
    else:
        assert (await probe(10))["error"]["reason"] == "no_driver"
