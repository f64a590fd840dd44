"""What a person should do, in order: contain, look, then what cannot be undone; nothing said twice.

The skill's own steps keep the order that their author gave them. A catalogue's steps for the code that was seen join them before
the first irreversible one, those that can be undone ahead; one that a step of the skill already says is left out (`same`).
"""

import re
from collections.abc import Sequence

from responder.logic.diagnosis.patterns import compiled
from responder.model.knowledge import Action
from responder.model.skill import NextStep


def merge(own: Sequence[NextStep], catalogue: Sequence[Action]) -> tuple[NextStep, ...]:
    """All steps, each once."""
    said = "\n".join(f"{step.do}\n{step.command or ''}" for step in own)
    fresh = [step.plain() for step in catalogue if not (step.same and compiled(step.same).search(said))]
    turn = next((place for place, step in enumerate(own) if not step.reversible), len(own))
    turn = max(turn, min(1, len(own)))  # containment stays first, even where it cannot be undone
    between = sorted(fresh, key=lambda step: not step.reversible)
    return _once([*own[:turn], *between, *own[turn:]])


def _once(steps: Sequence[NextStep]) -> tuple[NextStep, ...]:
    """The first of steps that say the same or run the same command."""
    out: list[NextStep] = []
    told: set[str] = set()
    for step in steps:
        keys = {_key(step.do)} | ({f"$ {step.command}"} if step.command else set())
        if not keys & told:
            out.append(step)
        told |= keys
    return tuple(out)


def _key(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()
