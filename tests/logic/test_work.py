"""A job, its parts and what another scheduler says of it are one piece of work."""

from datetime import timedelta

from responder.logic.impact import Prices, assess
from responder.logic.work import works
from responder.model.event import JobFact, JobState
from tests.making import T0, job

PRICES = Prices({"default": 2.0})


def pod(name: str, *part_of: str, **more: object) -> JobFact:
    return job(f"ml/{name}", pods=(name,), part_of=part_of, nodes=("n1",), user=None, **more)


def test_a_job_and_its_pods_are_one_and_the_owner_counts() -> None:
    owner = job("ml/trainer", name="trainer", gpus=16)
    parts = [pod(f"trainer-worker-{n}", "ml/trainer") for n in range(2)]
    found = assess({"job": ("trainer", "ml/trainer")}, [*parts, owner], [], {}, PRICES, T0)
    assert found.jobs == ("trainer",)
    assert found.gpu_hours_lost == 48
    assert "16 GPUs of jobs involved" in found.statement


def test_an_owner_that_says_nothing_of_gpus_and_start_takes_them_from_its_pods() -> None:
    owner = job("ml/trainer", gpus=None, started_at=None)
    parts = [pod(f"trainer-worker-{n}", "ml/trainer") for n in range(2)]
    assert [work.gpus for work in works([owner, *parts])] == [16]
    found = assess({}, [owner.model_copy(update={"gpus": 16}), *parts], [], {}, PRICES, T0)
    assert found.gpu_hours_lost == 48


def test_pods_of_an_owner_that_nobody_reported_are_one_job_and_only_the_failed_ones_are_lost() -> None:
    parts = [pod("w-0", "ml/trainer"), pod("w-1", "ml/trainer", state=JobState.RUNNING, ended_at=None)]
    found = assess({"job": ("trainer",)}, parts, [], {}, PRICES, T0)
    assert found.jobs == ("trainer",)
    assert (found.gpu_hours_lost, found.gpu_hours_at_risk) == (24, 24)


def test_a_set_its_jobs_and_their_pods_are_one() -> None:
    jobset, inner = job("ml/js"), job("ml/js-workers-0", part_of=("ml/js",))
    found = works([jobset, inner, pod("js-workers-0-0", "ml/js", "ml/js-workers-0"), pod("alone")])
    assert [work.id for work in found] == ["ml/js", "ml/alone"]


def test_owners_in_a_circle_end() -> None:
    found = works([job("a", part_of=("b",)), job("b", part_of=("a",))])
    assert sum(len(work.facts) for work in found) >= 1


def test_a_pod_that_holds_the_gpus_of_a_job_of_another_scheduler_is_that_job() -> None:
    slurm = job("4711", nodes=("n1", "n2"), gpus=16)
    found = works([pod("slurmd-n1"), slurm])
    assert [(work.id, work.gpus) for work in found] == [("4711", 16)]


def test_pods_of_another_node_time_or_owner_stay_work_of_their_own() -> None:
    slurm = job("4711", nodes=("n1",))
    elsewhere = pod("a").model_copy(update={"nodes": ("n9",)})
    later = pod("b", started_at=T0 + timedelta(hours=1), ended_at=None, state=JobState.RUNNING)
    owned = pod("c", "ml/trainer")
    without = pod("d", gpus=0)
    found = works([slurm, elsewhere, later, owned, without])
    assert [work.id for work in found] == ["4711", "ml/a", "ml/b", "ml/trainer", "ml/d"]
