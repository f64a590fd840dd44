"""Commands before a person: narrow terminals, colours, progress, Ctrl-C, a reader that goes away, completion."""

import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.cli.conftest import Run
from tests.cli.terminal import CTRL_C, opened

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9](;[0-9;]*)?m")


def lines(screen: str) -> list[str]:
    return [line for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen).splitlines() if line.strip()]


def test_a_table_on_a_narrow_terminal_cuts_no_name(tmp_path: Path) -> None:
    for columns in (40, 200):
        with opened(tmp_path, "skills", "ls", "--status", "released", columns=columns) as terminal:
            assert terminal.end() == 0
        assert "alert-triage-classifier" in terminal.screen, columns
        assert "…" not in terminal.screen
    assert max(len(line) for line in lines(terminal.screen)) <= 200


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_are_for_terminals_that_want_them(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "job.log").write_text("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n")
    with opened(tmp_path, "triage", "job.log", **environment) as terminal:
        assert terminal.end() == 0
    assert bool(COLOUR.search(terminal.screen)) is (environment == {})


def test_long_work_shows_how_far_it_is_and_wipes_it_off(tmp_path: Path) -> None:
    case = {
        "id": "a",
        "kind": "node",
        "text": "NVRM: Xid 79",
        "class": "gpu.fallen_off_bus",
        "acceptable": [],
        "hard": False,
    }
    (tmp_path / "cases.jsonl").write_bytes(
        b"\n".join(orjson.dumps(case | {"id": f"c{n}"}) for n in range(20))
    )  # fmt: skip
    (tmp_path / "r.test.yaml").write_text("tests: []\n")
    for words, arguments in (
        ("evaluating", ("evaluate", "cases.jsonl", "--out", "results.jsonl")),
        ("testing", ("test", "r.test.yaml")),
    ):
        with opened(tmp_path, *arguments) as terminal:
            terminal.end()
        assert words in terminal.screen, arguments
        assert words not in lines(terminal.screen.rpartition("\x1b[2K")[2]), arguments


def test_an_export_into_a_file_shows_its_progress_beside_it(tmp_path: Path, run: Run) -> None:
    assert run("db", "upgrade").code == 0
    script = f"exec {sys.executable} -m responder export > out.jsonl"
    done = subprocess.run(
        ["script", "-qec", script, "/dev/null"], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert b"reading" in done.stdout
    assert orjson.loads((tmp_path / "out.jsonl").read_bytes()) == {"type": "export", "schema": "responder.export/v1"}


@pytest.mark.parametrize(
    ("arguments", "when", "code"),
    [
        (("triage",), "end with Ctrl-D", 130),
        (("run",), "responder is ready", 0),
        (("demo", "--port", "0"), "The page:", 130),
        (("demo", "--port", "0"), "(Ctrl-C ends)", 0),
        (("test",), "testing", 130),
    ],
)
def test_ctrl_c_ends_at_once_and_without_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...], when: str, code: int
) -> None:
    (tmp_path / "responder.yaml").write_text("listen: {address: '127.0.0.1:0'}\n")
    with opened(tmp_path, *arguments) as terminal:
        terminal.until(when)
        terminal.press(CTRL_C)
        assert terminal.end() == code, terminal.screen
    assert "Traceback" not in terminal.screen


@pytest.mark.parametrize("command", ["skills ls", "skills export", "kinds", "--help", "check --json"])
def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path, command: str) -> None:
    script = f'set -o pipefail; "{sys.executable}" -m responder {command} | head -c1 >/dev/null'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("command", ["kinds", "skills export", "check --json", "--help"])
def test_a_full_disk_behind_the_output_is_said(tmp_path: Path, command: str) -> None:
    script = f'"{sys.executable}" -m responder {command} > /dev/full'
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == b"responder: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("responder ev", {"evaluate"}),
        ("responder incidents s", {"show", "silence"}),
        ("responder triage --kind s", {"scheduler"}),
        ("responder incidents ls --severity S", {"SEV1", "SEV2", "SEV3", "SEV4"}),
        ("responder skills show gpu-node-health", {"gpu-node-health-diagnoser"}),
        ("responder incidents ack inc-", set()),
    ],
)
def test_the_shell_completes_commands_options_and_names(run: Run, words: str, offered: set[str]) -> None:
    count = str(len(words.split()) - 1)
    asked = {"_RESPONDER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": count}
    done = run(**asked, RESPONDER_URL="http://127.0.0.1:1")
    assert set(done.out.split()) == offered
    assert done.err == ""


def test_completion_installs_itself_for_a_shell(run: Run, tmp_path: Path) -> None:
    shown = run("--show-completion", "bash")
    assert shown.code == 0
    assert "_RESPONDER_COMPLETE=complete_bash" in shown.out
    assert run("--install-completion", "bash", HOME=str(tmp_path)).code == 0
    known = subprocess.run(
        ["bash", "--norc", "-c", "source .bashrc && complete -p responder"],
        cwd=tmp_path, capture_output=True, timeout=20, check=True, env={"HOME": str(tmp_path)},
    )  # fmt: skip
    assert b"_responder_completion" in known.stdout
