"""Which skill to run next, and why: what the skill itself names for this finding, then the registry's skills for the likely causes.

A neighbour in the registry's graph whose subject was not found is no suggestion: an empty list is better than a padded one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from responder.logic.diagnosis.fields import meets
from responder.logic.diagnosis.knowledge import Knowledge
from responder.model.diagnosis import BENIGN, UNKNOWN, Diagnosis, Hypothesis, SuggestedSkill
from responder.model.skill import Skill

MOST = 4
LIKELY = 0.15
"""A class below this is not worth another skill."""


def related_skills(diagnosis: Diagnosis, skill: Skill, knowledge: Knowledge) -> tuple[SuggestedSkill, ...]:
    """Suggestions with a reason, the first for the likeliest cause; never the skill itself, only names that the registry knows."""
    likely = [one for one in diagnosis.hypotheses if one.probability >= LIKELY and one.class_ not in (UNKNOWN, BENIGN)]
    found: dict[str, str] = {}
    for hypothesis in likely:
        doubt = "" if hypothesis is diagnosis.first else f"should it be “{hypothesis.title}”: "
        for name, why in (
            *_named(skill, diagnosis, hypothesis),
            *_subjects(skill, hypothesis, knowledge),
        ):
            found.setdefault(name, doubt + why)
    for one in skill.related:
        if not one.when:
            found.setdefault(one.skill, one.why)
    out = []
    for name, why in found.items():
        known = knowledge.registry.get(name)
        if known is not None and name != skill.name:
            out.append(SuggestedSkill(name=name, mode=known.mode.value, why=why, status=known.status))
    return tuple(out[:MOST])


def _named(skill: Skill, diagnosis: Diagnosis, hypothesis: Hypothesis) -> Iterator[tuple[str, str]]:
    """What the skill says of its own finding."""
    for one in skill.related:
        if one.when and _met(one.when, diagnosis, hypothesis.class_):
            yield one.skill, one.why


def _subjects(skill: Skill, hypothesis: Hypothesis, knowledge: Knowledge) -> Iterator[tuple[str, str]]:
    """Skills whose subject the cause is, the neighbours of this one first."""
    entry = knowledge.registry.get(skill.name)
    near = entry.related if entry else ()
    for name in dict.fromkeys([*near, *knowledge.registry]):
        known = knowledge.registry.get(name)
        if known is not None and hypothesis.class_ in known.about:
            yield (
                name,
                f"for “{hypothesis.title}” it tells {known.output}" if known.output else f"use when {known.use_when}",
            )


def _met(when: Mapping[str, Any], diagnosis: Diagnosis, class_: str) -> bool:
    facts: dict[str, Any] = {
        **diagnosis.facts,
        "class": class_,
        "verdict": diagnosis.verdict.value,
        "domain": class_.partition(".")[0],
    }
    return meets(when, facts)
