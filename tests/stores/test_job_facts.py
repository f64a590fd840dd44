"""Merging facts of a job."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.model.event import JobFact, JobState
from responder.stores.sql.job_facts import ENDED, merged, span
from tests.making import T0, minutes


def fact(state: JobState, seen: float, **more: Any) -> JobFact:
    return JobFact(id="4711", state=state, seen_at=T0 + minutes(seen), **more)


def test_the_later_fact_wins_and_what_it_does_not_know_stays() -> None:
    start = fact(JobState.RUNNING, 1, nodes=("n1", "n2"), user="ann", gpus=16, started_at=T0)
    end = fact(JobState.FAILED, 9, exit_code=137, user="ann@hpc", ended_at=T0 + minutes(9))
    both = merged(start, end)
    assert both.state is JobState.FAILED
    assert (both.nodes, both.user, both.gpus, both.exit_code) == (("n1", "n2"), "ann@hpc", 16, 137)


def test_an_exit_code_of_zero_is_knowledge() -> None:
    assert merged(fact(JobState.RUNNING, 1, exit_code=1), fact(JobState.COMPLETED, 2, exit_code=0)).exit_code == 0


@pytest.mark.parametrize("state", sorted(ENDED))
def test_a_finished_job_does_not_run_again(state: JobState) -> None:
    ended = fact(state, 5, ended_at=T0 + minutes(5), started_at=T0)
    late = fact(JobState.RUNNING, 7, nodes=("n1",), started_at=T0)
    assert merged(ended, late).state is state
    assert merged(ended, late).nodes == ("n1",)


def test_a_requeued_job_runs_again_and_inherits_no_end() -> None:
    ended = fact(JobState.NODE_FAIL, 5, ended_at=T0 + minutes(5), exit_code=1, nodes=("n1",), user="ann")
    again = fact(JobState.RUNNING, 7, nodes=("n2",), started_at=T0 + minutes(6))
    both = merged(ended, again)
    assert (both.state, both.ended_at, both.exit_code, both.nodes, both.user) == (
        JobState.RUNNING,
        None,
        None,
        ("n2",),
        "ann",
    )


@given(st.permutations(range(4)))
def test_facts_of_one_run_may_come_in_any_order(order: list[int]) -> None:
    facts = [
        fact(JobState.PENDING, 0, user="ann", submitted_at=T0),
        fact(JobState.RUNNING, 1, nodes=("n1",), started_at=T0 + minutes(1)),
        fact(JobState.RUNNING, 2, checkpoint_at=T0 + minutes(2)),
        fact(JobState.FAILED, 3, exit_code=1, ended_at=T0 + minutes(3)),
    ]
    known = facts[order[0]]
    for n in order[1:]:
        known = merged(known, facts[n])
    assert known.state is JobState.FAILED
    assert (known.user, known.nodes, known.exit_code, known.checkpoint_at) == ("ann", ("n1",), 1, T0 + minutes(2))


def test_the_span_of_a_job() -> None:
    assert span(fact(JobState.PENDING, 0, submitted_at=T0)) == (None, None)
    assert span(fact(JobState.RUNNING, 4)) == (T0 + minutes(4), None)
    assert span(fact(JobState.FAILED, 4, started_at=T0)) == (T0, T0 + minutes(4))
