"""The Slurm epilog: what it posts, and that nothing makes it fail or hang. `scontrol` is a stand-in that prints a record."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from responder.model.event import Status
from responder.ports import RawMessage
from responder.wiring import adapters
from tests.deploy.tools import DEPLOY, passes

EPILOG = DEPLOY / "slurm" / "epilog-responder.sh"
RECORD = (
    "JobId={id} JobName=train UserId=ada(1001) Account=(null) JobState=COMPLETING Reason={reason} ExitCode={exit} "
    "StartTime=2026-11-20T03:00:00 Partition=gpu NodeList=n[17-18] BatchHost=n17 AllocTRES=cpu=64,gres/gpu=16 "
    "StdErr={err} StdIn=/dev/null StdOut={out}"
)


@dataclass
class Taken:
    """What the stand-in for the daemon got."""

    port: int = 0
    requests: list[tuple[str, str | None, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def daemon(status: int = 202, *, stuck: threading.Event | None = None) -> Iterator[Taken]:
    taken = Taken()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if stuck is not None:
                stuck.wait(60)
                return
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.requests.append((self.path, self.headers["authorization"], json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Not on the test's stderr."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        taken.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield taken
        finally:
            if stuck is not None:
                stuck.set()
            server.shutdown()
            thread.join(10)


@dataclass
class Node:
    """A node's files: a stand-in `scontrol`, the configuration, the job's output."""

    folder: Path

    def run(
        self, port: int, *, out: Path | str = "", err: Path | str = "", reason: str = "NonZeroExitCode",
        exit: str = "1:0", node: str = "n17", scontrol: str | None = None, **environment: str,
    ) -> tuple[int, str, float]:  # fmt: skip
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        record = RECORD.format(id=4711, reason=reason, exit=exit, out=out, err=err or out)
        (programs / "scontrol").write_text(scontrol or f"#!/bin/sh\necho '{record}'\n")
        (programs / "scontrol").chmod(0o755)
        (self.folder / "token").write_text("s3cret\n")
        (self.folder / "responder.conf").write_text(
            f"RESPONDER_URL=http://127.0.0.1:{port}/\nRESPONDER_TOKEN_FILE={self.folder / 'token'}\n"
        )
        given = {
            "RESPONDER_CONFIG": str(self.folder / "responder.conf"),
            "RESPONDER_EPILOG_PATH": str(programs),
            "SLURM_JOB_ID": "4711",
            "SLURM_JOB_USER": os.environ.get("USER") or "root",
            "SLURM_CLUSTER_NAME": "aurora",
            "SLURM_JOB_PARTITION": "gpu",
            "SLURM_JOB_EXIT_CODE2": exit,
            "SLURMD_NODENAME": node,
            **environment,
        }
        started = time.monotonic()
        done = subprocess.run(
            ["/bin/bash", str(EPILOG)], env=given, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr, time.monotonic() - started


@pytest.fixture
def node(tmp_path: Path) -> Node:
    tmp_path.chmod(0o755)
    return Node(tmp_path)


@pytest.mark.integration
def test_shellcheck_finds_nothing() -> None:
    passes("bash", "-n", EPILOG)
    assert passes("shellcheck", EPILOG) == ""


def test_a_failed_job_is_posted_with_the_end_of_its_log(node: Node) -> None:
    log = node.folder / "out.txt"
    log.write_bytes(b"".join(b"step %d\n" % n for n in range(20_000)) + b'torch "quoted" \\ tab\t\x1b[31m\xff end\n')
    with daemon() as taken:
        assert node.run(taken.port, out=log)[:2] == (0, "")
    ((path, authorization, body),) = taken.requests
    assert path == "/v1/events/slurm"
    assert authorization == "Bearer s3cret"
    text = body.pop("log")
    assert text.endswith('torch "quoted" \\ tab\t[31m end\n')
    assert 65_000 < len(text) <= 65_536
    end = body.pop("@end")
    assert len(end) == len("2026-11-20T03:00:00")
    assert body == {
        "jobid": 4711, "cluster": "aurora", "job_name": "train", "username": body["username"], "account": "",
        "partition": "gpu", "nodes": "n[17-18]", "@start": body["@start"], "state": "FAILED", "exit_code": "1:0",
        "derived_ec": "0:0", "tres_alloc": "cpu=64,gres/gpu=16",
    }  # fmt: skip


def test_the_slurm_format_understands_what_is_posted(node: Node) -> None:
    log = node.folder / "out.txt"
    log.write_text("torch.OutOfMemoryError: CUDA out of memory\n")
    with daemon() as taken:
        node.run(taken.port, out=log)
    message = RawMessage(json.dumps(taken.requests[0][2]).encode(), "slurm", "slurm", datetime.now(UTC))
    (event,) = adapters.formats()["slurm"].decode(message).events
    assert event.status is Status.FIRING
    assert "4711" in event.entities["job"]
    assert set(event.entities["node"]) == {"n17", "n18"}
    assert "CUDA out of memory" in event.logs[0].text


def test_output_and_errors_in_two_files_are_both_posted(node: Node) -> None:
    (node.folder / "out.txt").write_text("epoch 3\n")
    (node.folder / "err.txt").write_text("CUDA out of memory\n")
    with daemon() as taken:
        node.run(taken.port, out=node.folder / "out.txt", err=node.folder / "err.txt")
    assert taken.requests[0][2]["log"] == "epoch 3\n\nCUDA out of memory\n"


@pytest.mark.parametrize(
    ("reason", "exit", "state"),
    [("TimeLimit", "0:15", "TIMEOUT"), ("OutOfMemory", "0:125", "OUT_OF_MEMORY"), ("NodeDown", "1:0", "NODE_FAIL")],
)
def test_the_reason_tells_how_it_failed(node: Node, reason: str, exit: str, state: str) -> None:
    with daemon() as taken:
        node.run(taken.port, reason=reason, exit=exit)
    assert taken.requests[0][2]["state"] == state


@pytest.mark.parametrize(
    "given",
    [{"exit": "0:0", "reason": "None"}, {"exit": "0:15", "reason": "None"}, {"node": "n18"}],
    ids=["it ended well", "somebody cancelled it", "another node of the same job"],
)
def test_nothing_is_posted_when(node: Node, given: dict[str, str]) -> None:
    with daemon() as taken:
        assert node.run(taken.port, **given)[0] == 0
    assert taken.requests == []


def test_a_file_that_cannot_be_read_costs_the_log_alone(node: Node) -> None:
    with daemon() as taken:
        assert node.run(taken.port, out="/nowhere/out.txt")[:2] == (0, "")
    assert taken.requests[0][2]["log"] == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_the_log_is_read_as_the_jobs_owner(node: Node) -> None:
    """Else a user could have any file of the node posted: the path of the output is the user's choice."""
    secret = node.folder / "shadow"
    secret.write_text("root:$6$secret\n")
    secret.chmod(0o600)
    (node.folder / "out.txt").symlink_to(secret)
    with daemon() as taken:
        node.run(taken.port, out=node.folder / "out.txt", SLURM_JOB_USER="nobody")
    assert taken.requests[0][2]["log"] == ""


def test_a_daemon_that_is_away_or_refuses_does_not_harm_the_node(node: Node) -> None:
    with daemon(status=503) as taken:
        assert node.run(taken.port)[:2] == (0, "")
    assert taken.requests
    assert node.run(taken.port)[:2] == (0, "")  # nobody listens there any more


def test_a_slurmctld_that_hangs_and_a_daemon_that_hangs_end_in_time(node: Node) -> None:
    with daemon(stuck=threading.Event()) as taken:
        code, output, seconds = node.run(taken.port, scontrol="#!/bin/sh\nexec sleep 300\n")
    assert (code, output) == (0, "")
    assert seconds < 25


def test_without_configuration_it_does_nothing(node: Node) -> None:
    with daemon() as taken:
        assert node.run(taken.port, RESPONDER_CONFIG="/nowhere")[:2] == (0, "")
    assert taken.requests == []
