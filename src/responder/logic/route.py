"""Which rules take an event, under which key, and whether a rule holds it back.

Rules are searched in order; the first that matches takes the event; the search goes on only if it says `continue`.
"""

from collections.abc import Callable, Mapping

from responder.logic.match import compiled, evaluate, matches
from responder.logic.rule_index import RuleIndex
from responder.model.event import Event
from responder.model.journal import MatchStep
from responder.model.rule import Rule, RuleSet, Suppression

ENTITY_KINDS = frozenset(
    {"cluster", "rack", "switch", "node", "gpu", "volume", "namespace", "queue", "user", "tenant"}
) | {
    "job",
    "pod",
    "service",
    "model",
}
"""Names in `group_by` that mean an entity and never a label of that name: Prometheus' label `job` is no job."""


class Router:
    """A rule set, compiled once."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.rules = ruleset.rules
        self._index = RuleIndex([rule.match for rule in self.rules])
        self.tests: list[Callable[[Mapping[str, str]], bool]] = [compiled(rule.match) for rule in self.rules]

    def route(self, labels: Mapping[str, str]) -> tuple[Rule, ...]:
        """The rules that take an event with these labels, in order; empty when none does."""
        taken: list[Rule] = []
        for position in self._index.candidates(labels):
            if self.tests[position](labels):
                rule = self.rules[position]
                taken.append(rule)
                if not rule.continue_:
                    break
        return tuple(taken)

    def explain(self, labels: Mapping[str, str]) -> list[MatchStep]:
        """For every rule, whether it takes the event; if not, at which matcher it fails or which rule came first."""
        steps: list[MatchStep] = []
        taker: str | None = None
        for rule in self.rules:
            outcome = evaluate(rule.match, labels)
            if outcome.matched and taker is not None:
                steps.append(MatchStep(rule=rule.name, matched=False, failed_at=f"not reached: {taker} took it"))
                continue
            steps.append(
                MatchStep(rule=rule.name, matched=outcome.matched, failed_at=outcome.failed_at, found=outcome.found)
            )
            if outcome.matched and not rule.continue_:
                taker = rule.name
        return steps


def suppressed(rule: Rule, labels: Mapping[str, str]) -> Suppression | None:
    """The first of the rule's own reasons not to open an incident that applies."""
    return next((one for one in rule.suppress if matches(one.when, labels)), None)


def group_key(rule: Rule, event: Event) -> dict[str, str]:
    """The incident key of an event under a rule: what `group_by` names, less what the event does not have."""
    key: dict[str, str] = {}
    for names in rule.group_by:
        for name in names.split("|"):
            value = _named(name.strip(), event)
            if value:
                key[name.strip()] = value
                break
    return key


def _named(name: str, event: Event) -> str | None:
    if name in ENTITY_KINDS:
        return event.entity(name)
    virtual = {"kind": event.kind.value, "format": event.format, "source": event.source}
    found = event.entity(name) or event.labels.get(name) or virtual.get(name)
    if found is None and name == "month":
        return f"{event.starts_at:%Y-%m}"  # the period of what is counted by the month and does not say so
    return found
