"""Which skill to run next: only with a reason that lies in what was found."""

from typing import Any

from responder.library.skills import Library
from responder.logic.diagnosis import Knowledge, related_skills
from responder.model.diagnosis import Diagnosis, Hypothesis, SuggestedSkill, Verdict
from responder.model.skill import Related, Skill


def suggested(knowledge: Knowledge, skill: Skill, *causes: tuple[str, float], **facts: Any) -> list[SuggestedSkill]:
    shown = [
        Hypothesis.model_validate({"class": name, "title": name.upper(), "probability": share})
        for name, share in causes
    ]
    found = Diagnosis(verdict=Verdict.DIAGNOSED, hypotheses=tuple(shown), facts=facts)
    return list(related_skills(found, skill, knowledge))


def test_every_suggestion_is_tied_to_what_was_found(library: Library) -> None:
    knowledge = library.knowledge
    for skill in library.skills.values():
        entry = knowledge.registry[skill.name]
        for name in knowledge.taxonomy:
            for one in suggested(knowledge, skill, (name, 0.9), ("unknown", 0.1)):
                named = {spec.skill: spec.why for spec in skill.related}
                subject = name in knowledge.registry[one.name].about
                assert one.why == named.get(one.name) or (subject and name.upper() in one.why), (skill.name, name, one)
                assert not one.why.startswith("use when"), "a neighbour without a reason is padding"
                assert one.name != skill.name
        assert entry.related


def test_a_full_disk_is_no_reason_to_review_alerts_or_look_for_stragglers(library: Library) -> None:
    skill = library.skills["alert-triage-classifier"]
    names = {one.name for one in suggested(library.knowledge, skill, ("storage.full", 0.97), ("unknown", 0.03))}
    assert names <= {"dataset-storage-planner"}


def test_the_skills_own_word_comes_first_and_a_doubtful_cause_says_that_it_is_one(library: Library) -> None:
    skill = library.skills["gpu-node-health-diagnoser"]
    found = suggested(library.knowledge, skill, ("gpu.thermal_power", 0.6), ("gpu.nvlink_error", 0.3))
    assert found[0].name == "straggler-diagnoser"
    other = next(one for one in found if one.name == "nccl-fabric-diagnoser")
    assert other.why.startswith("should it be “GPU.NVLINK_ERROR”: ")


def test_an_unknown_cause_suggests_only_what_the_skill_suggests_always(library: Library) -> None:
    skill = library.skills["training-job-debugger"]
    assert suggested(library.knowledge, skill, ("unknown", 0.9)) == []
    always = skill.model_copy(update={"related": (Related(skill="oom-diagnoser", why="always"),)})
    assert [one.why for one in suggested(library.knowledge, always, ("unknown", 0.9))] == ["always"]
