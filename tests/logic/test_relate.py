"""Signals of one fault become one incident: entity, window and an explaining cause, all three."""

from responder.logic.relate import reach, relate
from responder.model.incident import IncidentStatus
from tests.making import T0, incident, minutes

EXPLAINS = {
    "gpu.lost": ("train.rank", "node.down"),
    "train.rank": ("net.timeout",),
    "train.oom": ("net.timeout",),
    "net.timeout": ("train.rank",),
}
ABSORBING = frozenset({"gpu.lost"})


def test_causes_reach_over_several_steps_and_never_themselves() -> None:
    assert reach(EXPLAINS, "gpu.lost") == {"train.rank", "node.down", "net.timeout"}
    assert "net.timeout" not in reach(EXPLAINS, "net.timeout")


def test_the_explained_incident_becomes_the_child() -> None:
    gpu = incident("inc-gpu", first_class="gpu.lost", opened_at=T0 + minutes(1))
    found = relate(incident("inc-job"), "net.timeout", [gpu], EXPLAINS, T0, absorbing=ABSORBING)
    assert found.parent == gpu
    assert "gpu.lost explains net.timeout" in found.why
    assert "node n1" in found.why


def test_the_cause_that_comes_later_takes_its_symptoms() -> None:
    job = incident("inc-job", first_class="net.timeout")
    gpu = incident("inc-gpu", opened_at=T0 + minutes(1))
    found = relate(gpu, "gpu.lost", [job], EXPLAINS, T0, absorbing=ABSORBING)
    assert found.parent is None
    assert found.children == (job,)


def test_without_a_shared_entity_they_are_strangers() -> None:
    gpu = incident("inc-gpu", first_class="gpu.lost", entities={"node": ("n9",), "cluster": ("c",)})
    mine = incident("inc-job", entities={"node": ("n1",), "cluster": ("c",)})
    assert relate(mine, "net.timeout", [gpu], EXPLAINS, T0).parent is None


def test_outside_the_window_they_are_strangers() -> None:
    gpu = incident("inc-gpu", first_class="gpu.lost", last_event_at=T0 - minutes(16))
    assert relate(incident("inc-job"), "net.timeout", [gpu], EXPLAINS, T0).parent is None


def test_another_cause_on_the_same_node_stays_its_own_incident() -> None:
    gpu = incident("inc-gpu", first_class="gpu.lost")
    assert relate(incident("inc-job"), "train.oom", [gpu], EXPLAINS, T0).parent is None


def test_a_resolved_fault_explains_nothing_new() -> None:
    gpu = incident("inc-gpu", first_class="gpu.lost", status=IncidentStatus.RESOLVED)
    assert relate(incident("inc-job"), "net.timeout", [gpu], EXPLAINS, T0).parent is None


def test_a_failure_without_a_cause_belongs_to_what_takes_everything_down() -> None:
    gpu = incident("inc-gpu", first_class="gpu.lost")
    assert relate(incident("inc-pod"), "unknown", [gpu], EXPLAINS, T0, absorbing=ABSORBING).parent == gpu
    oom = incident("inc-oom", first_class="train.oom")
    assert relate(incident("inc-pod"), "unknown", [oom], EXPLAINS, T0, absorbing=ABSORBING).parent is None


def test_what_is_not_diagnosed_yet_is_left_alone() -> None:
    waiting = incident("inc-pod", first_class=None)
    found = relate(incident("inc-gpu"), "gpu.lost", [waiting], EXPLAINS, T0, absorbing=ABSORBING)
    assert found.children == ()


def test_of_two_that_explain_each_other_neither_swallows_the_other() -> None:
    other = incident("inc-b", first_class="net.timeout")
    found = relate(incident("inc-a"), "train.rank", [other], EXPLAINS, T0)
    assert (found.parent, found.children) == (None, ())


def test_the_same_cause_twice_is_one_fault_and_the_older_one_carries_it() -> None:
    older = incident("inc-old", first_class="gpu.lost")
    newer = incident("inc-new", opened_at=T0 + minutes(1))
    assert relate(newer, "gpu.lost", [older], EXPLAINS, T0).parent == older
    assert relate(older, "gpu.lost", [newer.model_copy(update={"first_class": "gpu.lost"})], EXPLAINS, T0).children


def test_two_nodes_of_one_job_that_fail_alike_are_two_faults() -> None:
    one = incident("inc-a", first_class="gpu.lost", entities={"node": ("n1",), "job": ("j",)})
    other = incident("inc-b", opened_at=T0 + minutes(1), entities={"node": ("n2",), "job": ("j",)})
    assert relate(other, "gpu.lost", [one], EXPLAINS, T0).parent is None


def test_a_symptom_of_a_symptom_joins_the_top() -> None:
    gpu = incident("inc-gpu", first_class="gpu.lost")
    rank = incident("inc-rank", first_class="train.rank", parent="inc-gpu")
    tops = {"inc-gpu": gpu}
    found = relate(
        incident("inc-job"), "net.timeout", [rank], EXPLAINS, T0, root=lambda one: tops.get(one.parent or "", one)
    )
    assert found.parent == gpu
