"""Which skill to run next: what the skill itself names for this finding, then the registry's graph."""

from collections.abc import Mapping
from typing import Any

from responder.logic.diagnosis.fields import meets
from responder.logic.diagnosis.knowledge import Knowledge
from responder.model.diagnosis import Diagnosis, SuggestedSkill
from responder.model.skill import Skill

MOST = 5
LIKELY = 0.15
"""A class below this is not worth another skill."""


def related_skills(diagnosis: Diagnosis, skill: Skill, knowledge: Knowledge) -> tuple[SuggestedSkill, ...]:
    """Suggestions with a reason, conditions of the skill first; never the skill itself, only names that the registry knows."""
    likely = [one for one in diagnosis.hypotheses if one.probability >= LIKELY]
    found: dict[str, str] = {}
    for one in skill.related:
        if any(_met(one.when, diagnosis, hypothesis.class_) for hypothesis in likely) or not one.when:
            found.setdefault(one.skill, one.why)
    entry = knowledge.registry.get(skill.name)
    for name in entry.related if entry else ():
        known = knowledge.registry.get(name)
        if known is not None:
            found.setdefault(name, f"use when {known.use_when}")
    out = []
    for name, why in found.items():
        known = knowledge.registry.get(name)
        if known is not None and name != skill.name:
            out.append(SuggestedSkill(name=name, mode=known.mode.value, why=why, status=known.status))
    return tuple(out[:MOST])


def _met(when: Mapping[str, Any], diagnosis: Diagnosis, class_: str) -> bool:
    facts: dict[str, Any] = {
        **diagnosis.facts,
        "class": class_,
        "verdict": diagnosis.verdict.value,
        "domain": class_.partition(".")[0],
    }
    return meets(when, facts)
