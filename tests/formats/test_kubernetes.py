"""What a cluster says of itself: Events, pods, jobs, nodes, workloads."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from responder.errors import InputError
from responder.formats.kubernetes import FORMAT
from responder.model.event import AlertSeverity, JobState, Kind, Status
from tests.formats.samples import KUBERNETES_EVENT, POD_KILLED_FOR_MEMORY, PYTORCHJOB_FAILED, decode, only


def test_a_warning_fires_names_pod_and_node_and_lapses() -> None:
    event = only(FORMAT, KUBERNETES_EVENT)
    assert (event.status, event.severity) == (Status.FIRING, AlertSeverity.WARNING)
    assert (
        event.title
        == "BackOff on Pod ml/llama-worker-0: Back-off restarting failed container pytorch in pod llama-worker-0"
    )
    assert event.entities["pod"] == ("llama-worker-0",)
    assert event.entities["node"] == ("gpu-n17",)
    assert event.entities["namespace"] == ("ml",)
    assert event.labels["reason"] == "BackOff"
    assert event.labels["type"] == "Warning"
    assert event.labels["container"] == "pytorch"
    assert event.annotations["message"] == KUBERNETES_EVENT["message"]
    assert event.ends_at is not None
    assert (event.ends_at.hour, event.ends_at.minute) == (3, 5)


def test_an_old_warning_that_is_told_again_lapses_an_hour_after_that() -> None:
    old = KUBERNETES_EVENT | {"firstTimestamp": "2026-03-12T02:00:00Z", "lastTimestamp": "2026-03-12T02:00:00Z"}
    event = only(FORMAT, old)
    assert event.ends_at == event.received_at + timedelta(hours=1)
    ahead = event.received_at + timedelta(minutes=5)  # the sender's clock may be fast
    fast = only(FORMAT, KUBERNETES_EVENT | {"lastTimestamp": ahead.isoformat()})
    assert fast.ends_at == ahead + timedelta(hours=1)


def test_a_normal_event_needs_nobody() -> None:
    event = only(FORMAT, KUBERNETES_EVENT | {"type": "Normal", "reason": "Scheduled"})
    assert (event.status, event.severity, event.ends_at) == (Status.INFO, AlertSeverity.INFO, None)


def test_a_count_that_grows_is_the_same_alert_and_another_event() -> None:
    first = only(FORMAT, KUBERNETES_EVENT)
    later = only(FORMAT, KUBERNETES_EVENT | {"count": 8, "lastTimestamp": "2026-03-14T02:05:00Z"})
    assert later.fingerprint == first.fingerprint
    assert later.id != first.id
    assert only(FORMAT, dict(KUBERNETES_EVENT)).id == first.id
    assert only(FORMAT, KUBERNETES_EVENT | {"reason": "Unhealthy"}).fingerprint != first.fingerprint


def test_the_newer_events_api() -> None:
    newer = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "x", "namespace": "ml"},
        "regarding": {"kind": "Node", "name": "gpu-n17"},
        "reason": "NodeNotReady",
        "note": "Node gpu-n17 status is now: NodeNotReady",
        "type": "Warning",
        "eventTime": "2026-03-14T02:00:00.000000Z",
        "reportingController": "node-controller",
        "series": {"count": 3, "lastObservedTime": "2026-03-14T02:08:00.000000Z"},
    }
    event = only(FORMAT, newer)
    assert (event.kind, event.entities["node"], event.starts_at.minute) == (Kind.NODE, ("gpu-n17",), 0)
    assert event.ends_at is not None
    assert event.ends_at.minute == 8


def test_the_exporters_flattened_form() -> None:
    flat = {key: value for key, value in KUBERNETES_EVENT.items() if key not in ("kind", "apiVersion")}
    flat["clusterName"] = "aurora"
    about = {**KUBERNETES_EVENT["involvedObject"], "labels": {"job-name": "llama"}, "ownerReferences": []}  # type: ignore[dict-item]
    event = only(FORMAT, flat | {"involvedObject": about})
    assert event.entities["cluster"] == ("aurora",)
    assert event.entities["job"] == ("llama",)
    assert event.kind is Kind.TRAINING_JOB


def test_scheduling_trouble_is_the_schedulers() -> None:
    assert only(FORMAT, KUBERNETES_EVENT | {"reason": "FailedScheduling"}).kind is Kind.SCHEDULER


def test_a_pod_killed_for_memory() -> None:
    event = only(FORMAT, {"type": "MODIFIED", "object": POD_KILLED_FOR_MEMORY})
    assert event.title == "Pod ml/llama-worker-0 failed on gpu-n17: OOMKilled (container pytorch, exit 137)"
    assert (event.status, event.kind) == (Status.FIRING, Kind.TRAINING_JOB)
    assert event.labels["reason"] == "OOMKilled"
    assert event.labels["exit_code"] == "137"
    assert event.labels["phase"] == "Failed"
    assert event.labels["gpus_requested"] == "8"
    assert event.entities["job"] == ("llama",)
    assert event.entities["queue"] == ("research",)
    assert event.logs[0].node == "gpu-n17"
    assert event.job is not None
    assert (event.job.id, event.job.state, event.job.gpus, event.job.nodes) == (
        "ml/llama-worker-0",
        JobState.OUT_OF_MEMORY,
        8,
        ("gpu-n17",),
    )


def _pod(state: dict[str, Any], phase: str = "Running", **more: Any) -> dict[str, Any]:
    pod = deepcopy(POD_KILLED_FOR_MEMORY)
    pod["status"] = {
        "phase": phase,
        "containerStatuses": [{"name": "pytorch", "restartCount": 3, "state": state, **more}],
    }
    return pod


def test_a_crash_loop_tells_how_it_ended_the_last_time_and_resolves_when_it_runs() -> None:
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-03-14T02:00:00Z"}}
    loop = only(FORMAT, _pod({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}, lastState=ended))
    assert loop.status is Status.FIRING
    assert (loop.labels["reason"], loop.labels["waiting"], loop.labels["exit_code"]) == (
        "CrashLoopBackOff",
        "CrashLoopBackOff",
        "1",
    )
    well = only(FORMAT, _pod({"running": {"startedAt": "2026-03-14T02:10:00Z"}}, ready=True, lastState=ended))
    assert (well.status, well.fingerprint) == (Status.RESOLVED, loop.fingerprint)


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"])
def test_a_container_that_cannot_start(reason: str) -> None:
    event = only(FORMAT, _pod({"waiting": {"reason": reason, "message": "why"}}, phase="Pending"))
    assert (event.status, event.labels["reason"], event.annotations["message"]) == (Status.FIRING, reason, "why")


def test_a_pod_that_starts_runs_ends_well_or_is_deleted_needs_nobody() -> None:
    for pod in (
        _pod({"waiting": {"reason": "ContainerCreating"}}, phase="Pending"),
        _pod({"running": {}}, restartCount=0),
        _pod({"terminated": {"exitCode": 0, "reason": "Completed"}}, phase="Succeeded"),
        {"type": "DELETED", "object": POD_KILLED_FOR_MEMORY},
    ):
        assert only(FORMAT, pod).status is Status.INFO


def test_an_evicted_pod() -> None:
    pod = deepcopy(POD_KILLED_FOR_MEMORY)
    pod["status"] = {
        "phase": "Failed",
        "reason": "Evicted",
        "message": "The node was low on resource: ephemeral-storage.",
    }
    event = only(FORMAT, pod)
    assert event.title == "Pod ml/llama-worker-0 failed on gpu-n17: Evicted"
    disrupted = deepcopy(POD_KILLED_FOR_MEMORY)
    disrupted["status"] = {
        "phase": "Failed",
        "conditions": [
            {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "preempted"}
        ],
    }
    assert only(FORMAT, disrupted).labels["reason"] == "PreemptionByScheduler"


def test_a_pytorchjob_that_failed() -> None:
    event = only(FORMAT, PYTORCHJOB_FAILED)
    assert (event.status, event.kind, event.severity) == (Status.FIRING, Kind.TRAINING_JOB, AlertSeverity.ERROR)
    assert event.labels["condition"] == "Failed"
    assert event.labels["reason"] == "PyTorchJobFailed"
    assert event.title.startswith("PyTorchJob ml/llama failed: PyTorchJobFailed")
    assert event.job is not None
    assert (event.job.id, event.job.name, event.job.gpus) == ("ml/llama", "llama", 32)
    assert event.entities["job"] == ("llama", "ml/llama")
    assert event.job.ended_at is not None


def _job(kind: str, status: dict[str, Any], spec: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "x/v1",
        "kind": kind,
        "metadata": {"name": "j", "namespace": "ml"},
        "spec": spec or {},
        "status": status,
    }


def _condition(type_: str, reason: str = "", status: str = "True") -> dict[str, Any]:
    return {
        "conditions": [
            {"type": type_, "status": status, "reason": reason, "lastTransitionTime": "2026-03-14T02:00:00Z"}
        ]
    }


@pytest.mark.parametrize(
    ("kind", "status", "state", "event_status"),
    [
        ("Job", _condition("Failed", "BackoffLimitExceeded"), JobState.FAILED, Status.FIRING),
        ("Job", _condition("Failed", "DeadlineExceeded"), JobState.TIMEOUT, Status.FIRING),
        ("Job", _condition("Complete"), JobState.COMPLETED, Status.INFO),
        ("Job", {"active": 3}, JobState.RUNNING, Status.INFO),
        ("Job", _condition("Suspended"), JobState.PENDING, Status.INFO),
        ("TrainJob", _condition("Failed"), JobState.FAILED, Status.FIRING),
        ("PyTorchJob", _condition("Succeeded"), JobState.COMPLETED, Status.INFO),
        ("PyTorchJob", _condition("Restarting"), JobState.RUNNING, Status.INFO),
        ("RayJob", {"jobStatus": "FAILED", "reason": "AppFailed", "message": "exit 1"}, JobState.FAILED, Status.FIRING),
        (
            "RayJob",
            {"jobStatus": "", "jobDeploymentStatus": "Failed", "reason": "SubmissionFailed"},
            JobState.FAILED,
            Status.FIRING,
        ),
        ("RayJob", {"jobStatus": "SUCCEEDED", "jobDeploymentStatus": "Complete"}, JobState.COMPLETED, Status.INFO),
        ("RayJob", {"jobStatus": "RUNNING", "jobDeploymentStatus": "Running"}, JobState.RUNNING, Status.INFO),
        ("Workload", _condition("Evicted", "Preempted"), JobState.PREEMPTED, Status.FIRING),
        ("Workload", _condition("Evicted", "NodeFailures"), JobState.NODE_FAIL, Status.FIRING),
        ("Workload", _condition("Finished", "Succeeded"), JobState.COMPLETED, Status.INFO),
        ("Workload", _condition("Admitted"), JobState.RUNNING, Status.INFO),
        ("Workload", _condition("QuotaReserved", "Pending", "False"), JobState.PENDING, Status.INFO),
        ("Workload", _condition("QuotaReserved", "Inadmissible", "False"), JobState.PENDING, Status.FIRING),
        ("Job", {}, JobState.PENDING, Status.INFO),
    ],
)
def test_jobs_by_their_conditions(kind: str, status: dict[str, Any], state: JobState, event_status: Status) -> None:
    event = only(FORMAT, _job(kind, status))
    assert event.job is not None
    assert (event.job.state, event.status) == (state, event_status)


def test_a_workload_is_known_by_its_job() -> None:
    workload = _job("Workload", _condition("Evicted", "Preempted"), {"queueName": "research"})
    workload["metadata"]["ownerReferences"] = [{"kind": "PyTorchJob", "name": "llama"}]
    event = only(FORMAT, workload)
    assert event.entities["job"][0] == "llama"
    assert event.entities["queue"] == ("research",)
    assert event.kind is Kind.SCHEDULER


def test_a_pod_and_a_job_know_whose_part_they_are() -> None:
    pod = only(FORMAT, {"type": "MODIFIED", "object": POD_KILLED_FOR_MEMORY})
    assert pod.job is not None
    assert pod.job.part_of == ("ml/llama",)
    inner = _job("Job", _condition("Failed"))
    inner["metadata"]["ownerReferences"] = [{"kind": "JobSet", "name": "set"}]
    nightly = _job("Job", _condition("Failed"))
    nightly["metadata"]["ownerReferences"] = [{"kind": "CronJob", "name": "nightly"}]
    facts = [only(FORMAT, one).job for one in (inner, nightly, PYTORCHJOB_FAILED)]
    assert [fact.part_of for fact in facts if fact is not None] == [("ml/set",), (), ()]


@pytest.mark.parametrize(
    ("status", "minute"),
    [
        ({"startTime": "2026-03-14T01:05:00Z"}, 5),
        ({"containerStatuses": [{"name": "c", "state": {"terminated": {"startedAt": "2026-03-14T01:06:00Z"}}}]}, 6),
        ({}, 1),
    ],
)
def test_a_pod_has_a_start_even_where_the_kubelet_gave_none(status: dict[str, Any], minute: int) -> None:
    pod = deepcopy(POD_KILLED_FOR_MEMORY)
    pod["metadata"]["creationTimestamp"] = "2026-03-14T01:01:00Z"
    pod["status"] = {"phase": "Failed", **status}
    fact = only(FORMAT, pod).job
    assert fact is not None
    assert fact.started_at is not None
    assert fact.started_at.minute == minute


def _node(*conditions: tuple[str, str], **spec: Any) -> dict[str, Any]:
    listed = [
        {"type": name, "status": status, "reason": "Kubelet" + name, "lastTransitionTime": "2026-03-14T02:00:00Z"}
        for name, status in conditions
    ]
    return {
        "kind": "Node",
        "metadata": {"name": "gpu-n17", "uid": "n-1"},
        "spec": spec,
        "status": {"conditions": listed},
    }


def test_each_condition_of_a_node_is_a_state_of_its_own() -> None:
    sick = _node(
        ("Ready", "Unknown"),
        ("DiskPressure", "True"),
        ("MemoryPressure", "False"),
        ("XidError", "True"),
        unschedulable=True,
    )
    events = {event.labels["condition"]: event for event in decode(FORMAT, sick).events}
    assert {name: event.status for name, event in events.items()} == {
        "Ready": Status.FIRING,
        "DiskPressure": Status.FIRING,
        "MemoryPressure": Status.RESOLVED,
        "XidError": Status.FIRING,
    }
    assert events["DiskPressure"].labels["reason"] == "NodeHasDiskPressure"
    assert events["Ready"].severity is AlertSeverity.ERROR
    assert events["Ready"].labels["unschedulable"] == "true"
    well = {
        event.labels["condition"]: event
        for event in decode(FORMAT, _node(("Ready", "True"), ("XidError", "False"))).events
    }
    assert well["Ready"].fingerprint == events["Ready"].fingerprint
    assert {event.status for event in well.values()} == {Status.RESOLVED}


def test_lists_and_arrays_and_what_is_broken_in_them() -> None:
    listed = {
        "kind": "PodList",
        "items": [{key: POD_KILLED_FOR_MEMORY[key] for key in ("metadata", "spec", "status")}, {"metadata": {}}, 3],
    }
    decoded = decode(FORMAT, listed)
    assert [event.labels["object_kind"] for event in decoded.events] == ["Pod"]
    assert len(decoded.rejected) == 2
    assert len(decode(FORMAT, [KUBERNETES_EVENT, PYTORCHJOB_FAILED]).events) == 2


def test_bookmarks_and_forgotten_events_say_nothing() -> None:
    assert decode(FORMAT, {"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {}}}).events == ()
    assert decode(FORMAT, {"type": "DELETED", "object": KUBERNETES_EVENT}).events == ()


def test_services_and_unknown_objects() -> None:
    chat = _job("InferenceService", _condition("Ready", "RevisionFailed", "False"))
    event = only(FORMAT, chat)
    assert (event.status, event.kind, event.entities["service"]) == (Status.FIRING, Kind.INFERENCE_SERVICE, ("j",))
    assert only(FORMAT, _job("ConfigMap", {})).status is Status.INFO


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "Pod"},
        {"kind": "Pod", "metadata": {}},
        {"involvedObject": 7},
        {"kind": "Event", "metadata": {"name": "x"}},
        {"type": "ERROR", "object": {"message": "too old resource version"}},
        7,
        None,
    ],
)
def test_what_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(InputError):
        decode(FORMAT, body)
