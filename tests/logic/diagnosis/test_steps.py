"""What to do, in an order that a person can follow at night, and nothing twice."""

from hypothesis import given
from hypothesis import strategies as st

from responder.logic.diagnosis.knowledge import Knowledge
from responder.logic.diagnosis.steps import merge
from responder.model.knowledge import Action
from responder.model.skill import NextStep

CORDON = NextStep(do="Cordon the node", command="kubectl cordon n1", risk="low")
READ = NextStep(do="Read the counters", risk="none")
RESET = NextStep(do="Drain, then reset the GPU", command="nvidia-smi --gpu-reset -i 0", risk="medium", reversible=False)
AFTER = NextStep(do="If it comes back, have it replaced", risk="low")
REBOOT = Action(do="Cordon, drain and power-cycle the node", risk="medium", reversible=False, same="power-cycle")
REPORT = Action(do="Collect a driver report", risk="low", same="driver report")


def told(*steps: NextStep) -> list[str]:
    return [step.do for step in steps]


def test_a_catalogues_steps_come_after_containment_and_what_can_be_undone_and_before_the_follow_up() -> None:
    found = merge([CORDON, READ, RESET, AFTER], [REBOOT, REPORT])
    assert told(*found) == told(CORDON, READ, REPORT, REBOOT, RESET, AFTER)


def test_what_the_skill_says_already_is_not_said_again() -> None:
    cycle = NextStep(do="Move what runs there, then power-cycle the node", risk="medium", reversible=False)
    assert told(*merge([CORDON, cycle], [REBOOT])) == told(CORDON, cycle)


def test_the_same_words_or_the_same_command_are_one_step() -> None:
    again = NextStep(do="cordon  the node.", risk="low")
    other = NextStep(do="Keep new jobs away", command="kubectl cordon n1", risk="low")
    assert told(*merge([CORDON, again, other, READ], [])) == told(CORDON, READ)


def test_a_containment_that_cannot_be_undone_stays_first() -> None:
    revoke = NextStep(do="Revoke the key", risk="medium", reversible=False)
    assert told(*merge([revoke, READ], [REPORT])) == told(revoke, REPORT, READ)


steps = st.lists(st.builds(NextStep, do=st.sampled_from("abcdef"), reversible=st.booleans()), max_size=5)
actions = st.lists(st.builds(Action, do=st.sampled_from("uvwxyz"), reversible=st.booleans()), max_size=4)


@given(steps, actions)
def test_the_authors_order_is_kept_and_nothing_is_lost_or_doubled(own: list[NextStep], more: list[Action]) -> None:
    found = told(*merge(own, more))
    assert [do for do in found if do in "abcdef"] == list(dict.fromkeys(step.do for step in own))
    assert sorted(found) == sorted({step.do for step in (*own, *more)})


def test_no_code_of_the_catalogue_puts_a_step_that_cannot_be_undone_first_or_says_a_thing_twice(
    knowledge: Knowledge,
) -> None:
    for catalogue in knowledge.catalogues.values():
        for code in catalogue.codes.values():
            known = knowledge.taxonomy.get(code.class_ or "")
            if known is None:
                continue
            names = [name for name in (code.immediate, code.investigatory) if name in catalogue.actions]
            found = merge(known.first_actions, [catalogue.actions[name] for name in names])
            assert found[0].reversible
            assert sum("power-cycle" in step.do for step in found) <= 1, told(*found)
            assert sum("gpu-reset" in (step.command or "") for step in found) <= 1, told(*found)
