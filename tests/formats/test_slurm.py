"""Slurm's job records: states, times, nodes, GPUs; and what must never be kept."""

from datetime import UTC, datetime
from typing import Any

import pytest

from responder.errors import InputError
from responder.formats.slurm import FORMAT
from responder.model.event import AlertSeverity, JobState, Kind, Status
from tests.formats.samples import NOW, SLURM_FAILED, decode, only

STARTED = {
    key: value
    for key, value in SLURM_FAILED.items()
    if key not in ("@end", "state", "exit_code", "derived_ec", "elapsed")
}


@pytest.mark.parametrize("record", [{"jobid": "(null)"}, {"job_id": "(null)", "state": "FAILED"}, {"jobid": ""}])
def test_a_record_without_an_id_is_no_job(record: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="no Slurm job"):
        decode(FORMAT, {**record, "nodes": "gpu-a001", "partition": "h100"})


def test_a_failed_job() -> None:
    event = only(FORMAT, SLURM_FAILED)
    assert event.title == "Slurm job 482131 (llama-70b-sft) FAILED on gpu-a[001-003,007], exit 1:0"
    assert (event.status, event.severity, event.kind) == (Status.FIRING, AlertSeverity.ERROR, Kind.TRAINING_JOB)
    assert event.starts_at == datetime(2026, 3, 14, 2, 0, tzinfo=UTC)
    job = event.job
    assert job is not None
    assert (job.id, job.state, job.gpus, job.gpu_model, job.exit_code, job.signal) == (
        "482131",
        JobState.FAILED,
        32,
        "h100",
        1,
        None,
    )
    assert job.nodes == ("gpu-a001", "gpu-a002", "gpu-a003", "gpu-a007")
    assert job.started_at == datetime(2026, 3, 13, 23, 0, tzinfo=UTC)
    assert event.entities["job"] == ("482131", "llama-70b-sft")
    assert event.entities["user"] == ("mkowalski",)
    assert event.labels["state"] == "FAILED"
    assert event.labels["job_id"] == "482131"


def test_script_and_comments_are_never_kept() -> None:
    assert "do-not-keep-me" not in only(FORMAT, SLURM_FAILED).model_dump_json()


def test_a_start_record_says_that_the_job_runs() -> None:
    event = only(FORMAT, STARTED)
    assert event.job is not None
    assert (event.status, event.job.state, event.job.ended_at) == (Status.INFO, JobState.RUNNING, None)
    assert event.title == "Slurm job 482131 (llama-70b-sft) started on gpu-a[001-003,007]"
    assert event.fingerprint == only(FORMAT, SLURM_FAILED).fingerprint


@pytest.mark.parametrize(
    ("state", "expected", "status"),
    [
        ("COMPLETED", JobState.COMPLETED, Status.INFO),
        ("CANCELLED by 1001", JobState.CANCELLED, Status.INFO),
        ("CANCELLED+", JobState.CANCELLED, Status.INFO),
        ("FAILED,REQUEUED", JobState.FAILED, Status.FIRING),
        ("REQUEUED,FAILED", JobState.FAILED, Status.FIRING),
        ("COMPLETING,NODE_FAIL", JobState.NODE_FAIL, Status.FIRING),
        ("BOOT_FAIL", JobState.NODE_FAIL, Status.FIRING),
        ("TIMEOUT", JobState.TIMEOUT, Status.FIRING),
        ("DEADLINE", JobState.TIMEOUT, Status.FIRING),
        ("OUT_OF_MEMORY", JobState.OUT_OF_MEMORY, Status.FIRING),
        ("PREEMPTED", JobState.PREEMPTED, Status.FIRING),
        ("PENDING", JobState.PENDING, Status.INFO),
        ("RUNNING,CONFIGURING", JobState.RUNNING, Status.INFO),
        ("A_STATE_OF_TOMORROW", JobState.FAILED, Status.FIRING),
    ],
)
def test_states(state: str, expected: JobState, status: Status) -> None:
    event = only(FORMAT, SLURM_FAILED | {"state": state})
    assert event.job is not None
    assert (event.job.state, event.status) == (expected, status)


def test_the_failed_node_comes_first_and_a_signal_is_told() -> None:
    event = only(FORMAT, SLURM_FAILED | {"state": "NODE_FAIL", "failed_node": "gpu-a003", "exit_code": "0:9"})
    assert event.job is not None
    assert event.entities["node"][0] == "gpu-a003"
    assert (event.job.exit_code, event.job.signal, event.severity) == (0, 9, AlertSeverity.CRITICAL)
    assert "node gpu-a003 failed" in event.title


def test_a_job_that_never_started() -> None:
    event = only(
        FORMAT,
        SLURM_FAILED
        | {"nodes": "(null)", "@start": "Unknown", "@end": "Unknown", "tres_alloc": "", "job_name": "wrap"},
    )
    assert event.job is not None
    assert (event.job.nodes, event.job.started_at, event.job.gpus) == ((), None, None)
    assert event.starts_at == datetime(2026, 3, 13, 22, 50, tzinfo=UTC)
    assert event.entities["job"] == ("482131",)


def test_a_hostile_node_list_costs_the_nodes_and_not_the_failure() -> None:
    event = only(FORMAT, SLURM_FAILED | {"nodes": "n[1-999999999]"})
    assert event.job is not None
    assert event.job.nodes == ()
    assert "more than" in event.annotations["note"]


@pytest.mark.parametrize(
    ("tres", "gpus", "model"),
    [
        ("cpu=4,gres/gpu=8", 8, None),
        ("gres/gpu:h100=8", 8, "h100"),
        ("gres/gpu:h100=8,gres/gpu:a100=4", 12, None),
        ("cpu=4,mem=1G", 0, None),
        ("", None, None),
    ],
)
def test_gpus(tres: str, gpus: int | None, model: str | None) -> None:
    job = only(FORMAT, SLURM_FAILED | {"tres_alloc": tres}).job
    assert job is not None
    assert (job.gpus, job.gpu_model) == (gpus, model)


def test_a_resent_record_is_the_same_event_and_a_second_end_is_another() -> None:
    first = only(FORMAT, SLURM_FAILED)
    assert only(FORMAT, SLURM_FAILED | {"elapsed": 1}).id == first.id
    assert only(FORMAT, SLURM_FAILED | {"@end": "2026-03-14T03:00:00"}).id != first.id
    assert only(FORMAT, STARTED).id != first.id


def test_the_epilogs_log_comes_along() -> None:
    event = only(
        FORMAT, SLURM_FAILED | {"log": "RuntimeError: NCCL", "logs": [{"rank": 0, "node": "gpu-a001", "text": "x"}]}
    )
    assert [(part.text, part.rank, part.node) for part in event.logs] == [
        ("RuntimeError: NCCL", None, None),
        ("x", 0, "gpu-a001"),
    ]


REST: dict[str, Any] = {
    "job_id": 4711,
    "name": "train",
    "user_name": "ada",
    "partition": "gpu",
    "job_state": ["FAILED", "REQUEUED"],
    "state_reason": "NonZeroExitCode",
    "nodes": "n[1-2]",
    "start_time": {"set": True, "infinite": False, "number": 1773450000},
    "end_time": {"set": True, "infinite": False, "number": 1773453600},
    "exit_code": {
        "status": ["SIGNALED"],
        "return_code": {"set": True, "number": 0},
        "signal": {"id": {"set": True, "number": 9}},
    },
    "tres_alloc_str": "gres/gpu=16",
}
SACCT: dict[str, Any] = {
    "job_id": 4712,
    "name": "eval",
    "user": "ada",
    "state": {"current": ["COMPLETED"], "reason": "None"},
    "time": {"submission": 1773440000, "start": 1773450000, "end": 1773453600},
    "tres": {"allocated": [{"type": "cpu", "name": "", "count": 8}, {"type": "gres", "name": "gpu:h100", "count": 4}]},
    "nodes": "n3",
}


def test_job_lists_of_slurmrestd_and_sacct() -> None:
    failed, done = decode(FORMAT, {"jobs": [REST, SACCT], "meta": {}}).events
    assert failed.job is not None
    assert (failed.status, failed.job.signal, failed.job.gpus, failed.job.user) == (Status.FIRING, 9, 16, "ada")
    assert failed.job.reason == "NonZeroExitCode"
    assert failed.starts_at == datetime.fromtimestamp(1773453600, UTC)
    assert done.job is not None
    assert (done.status, done.job.state, done.job.gpus, done.job.gpu_model) == (
        Status.INFO,
        JobState.COMPLETED,
        4,
        "h100",
    )
    running = only(FORMAT, [REST | {"job_state": ["RUNNING"]}])
    assert running.job is not None
    assert running.job.ended_at is None


@pytest.mark.parametrize(
    "body", [{}, [], {"jobid": 0}, {"jobid": None}, {"jobid": True}, {"jobid": [1]}, {"job_id": 7}, 7, "x", None]
)
def test_what_is_no_job_is_refused(body: Any) -> None:
    try:
        decoded = decode(FORMAT, body)
    except InputError:
        return
    assert body == []
    assert decoded.events == ()


def test_a_record_without_any_time_is_of_its_arrival() -> None:
    event = only(FORMAT, {"jobid": "7", "state": "FAILED"})
    assert (event.starts_at, event.starts_at_given) == (NOW, False)
