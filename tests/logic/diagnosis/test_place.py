"""Where it happened: the node that is to blame, or what all of them share."""

from collections.abc import Callable

import pytest

from responder.library.evaluate import ANY
from responder.logic.diagnosis import Knowledge, diagnose
from responder.logic.diagnosis.place import locate
from responder.logic.hosts import short
from responder.model.diagnosis import Case, Diagnosis
from responder.model.event import Event, LogPart
from tests.logic.diagnosis.test_engine import OOM, WATCHDOG
from tests.making import T0, event

Told = Callable[..., Diagnosis]


@pytest.fixture
def told(knowledge: Knowledge) -> Told:
    def asked(*events: Event, kind: str = "training_job", **more: object) -> Diagnosis:
        return diagnose(Case(kind=kind, events=events, event_count=len(events), at=T0, **more), ANY, knowledge)  # type: ignore[arg-type]

    return asked


def failed_job(*lines: str) -> Event:
    nodes = tuple(f"gpu-{n}" for n in range(1, 5))
    return event(
        labels={"alertname": "JobFailed"},
        title="Job 4711 FAILED",
        logs=(LogPart(text="\n".join(lines)),),
    ).model_copy(update={"labels": {}, "entities": {"node": nodes, "job": ("4711",)}})


def test_the_node_of_the_first_failing_rank_is_named_and_not_the_first_of_the_job(told: Told) -> None:
    found = told(failed_job(f"[rank19]: {OOM}", "srun: error: gpu-3: task 19: Exited with exit code 1"))
    assert found.title == "GPU memory exhausted on gpu-3"
    assert found.entities["node"] == ("gpu-3", "gpu-1", "gpu-2", "gpu-4")


def test_a_line_that_says_rank_and_node_places_the_rank(told: Told) -> None:
    start = "gpu-2:4711:4711 [3] NCCL INFO ncclCommInitRank comm 0x1 rank 11 nranks 32 cudaDev 3 - Init COMPLETE"
    late = [f"[rank{n}]: {WATCHDOG.format(n)}" for n in range(4)]
    found = told(failed_job(start, f"[rank11]: {OOM}", *late))
    assert found.title == "GPU memory exhausted on gpu-2"


def test_without_a_node_to_blame_the_job_is_named_and_sentences_do_not_blame_its_first_node(told: Told) -> None:
    found = told(failed_job(f"[rank11]: {OOM}"))
    assert found.title == "GPU memory exhausted on job 4711 (4 nodes)"


def test_what_looks_like_a_host_in_a_log_is_not_believed_against_the_sender(told: Told) -> None:
    found = told(failed_job(f"trainer7: [rank11]: {OOM}"))
    assert "trainer7" not in found.title


def test_a_domain_does_not_hide_the_node(told: Told) -> None:
    found = told(failed_job(f"[rank19]: {OOM}", "srun: error: gpu-3.cluster.local: task 19: Exited with exit code 1"))
    assert found.title == "GPU memory exhausted on gpu-3"


def test_a_storm_is_named_after_the_rack_that_its_nodes_share(told: Told) -> None:
    storm = [
        event(labels={"alertname": "KubeNodeNotReady", "node": f"gpu-{n}"}, entities={"rack": ("r12",)})
        for n in range(1, 9)
    ]
    every = {"node": tuple(f"gpu-{n}" for n in range(1, 41)), "rack": ("r12",)}
    found = told(*storm, kind="node", entities=every)
    assert found.title == "Node down, drained or not ready on rack r12 (40 nodes)"
    first = found.hypotheses[0]
    cordon = next(step for step in first.next_steps if step.command and "cordon" in step.command)
    assert cordon.do.endswith("(the command names the first of 40 nodes)")


def test_one_node_among_several_alerts_of_it_is_blamed(told: Told) -> None:
    down = [event(labels={"alertname": "KubeNodeNotReady", "node": "gpu-7"}, title=f"{n}") for n in range(3)]
    other = event(labels={"alertname": "Something", "node": "gpu-1"})
    assert told(other, *down, kind="node").title == "Node down, drained or not ready on gpu-7"


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"node": ("a",), "rack": ("r1",)}, "a"),
        ({"node": ("a", "b"), "rack": ("r1",)}, "rack r1 (2 nodes)"),
        ({"node": ("a", "b", "c"), "rack": ("r1", "r2"), "switch": ("s1",)}, "switch s1 (3 nodes)"),
        ({"node": ("a", "b", "c"), "rack": ("r1", "r2")}, "a and 2 other nodes"),
        ({"node": ("a", "b")}, "a and b"),
        ({"service": ("chat",), "job": ("1",)}, "chat"),
        ({"job": ("1",)}, "job 1"),
        ({}, ""),
    ],
)
def test_the_place_is_what_the_nodes_share(found: dict[str, tuple[str, ...]], name: str) -> None:
    assert locate(found, None) == name
    assert locate(found, "n9") == "n9"


def test_an_address_has_no_short_name() -> None:
    assert [short(name) for name in ("gpu-1.a.b", "gpu-1", "10.0.0.3")] == ["gpu-1", "gpu-1", "10.0.0.3"]


def test_a_link_to_a_runbook_is_no_evidence(told: Told) -> None:
    url = "https://runbooks.example.com/kubernetes/kubepersistentvolumefillingup"
    found = told(event(labels={"alertname": "X"}, title="X", annotations={"runbook_url": url}), kind="monitoring")
    assert not any(url in one.statement for one in found.evidence)
