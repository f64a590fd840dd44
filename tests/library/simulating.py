"""The real engine for tests of rules: a store in memory, a virtual clock, and a diagnosis that says nothing.

What a skill finds is not what these tests are about, and a verdict could change a severity.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from responder.library.rule_tests import Simulate, Simulation
from responder.logic.diagnosis import Knowledge, Signatures
from responder.logic.route import Router
from responder.model.diagnosis import Diagnosis, Hypothesis, Verdict
from responder.model.rule import RuleSet
from responder.model.skill import Mode, Skill
from responder.pipeline.playbook import Playbook
from responder.wiring.simulation import Simulation as Engine


async def undecided(case: Any, skill: Skill) -> Diagnosis:
    unknown = Hypothesis(class_="unknown", title="unknown", probability=1.0)
    return Diagnosis(verdict=Verdict.INSUFFICIENT_EVIDENCE, hypotheses=(unknown,))


def simulate_with(ruleset: RuleSet) -> Simulate:
    names = {rule.skill for rule in ruleset.rules if rule.skill}
    book = Playbook(
        rules=ruleset,
        router=Router(ruleset),
        skills={name: Skill(name=name, description="", domain="", mode=Mode.DIAGNOSER, version="1") for name in names},
        knowledge=Knowledge(taxonomy={}, signatures=Signatures({}, {})),
        config_version="test",
        skills_version="test",
    )

    def simulate(start: datetime, sinks: Sequence[str]) -> AbstractAsyncContextManager[Simulation]:
        return Engine(book, undecided, start, sinks=sinks)

    return simulate
