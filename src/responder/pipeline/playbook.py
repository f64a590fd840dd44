"""What decides, as one immutable snapshot: rules, skills, owners, matrix. A reload swaps the whole of it at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from responder.logic.diagnosis import Knowledge
from responder.logic.grade import Matrix
from responder.logic.hosts import short
from responder.logic.impact import Prices
from responder.logic.route import Router
from responder.model.delivery import Owner
from responder.model.event import Event
from responder.model.rule import RuleSet
from responder.model.silence import Silence
from responder.model.skill import Skill
from responder.pipeline.hosts import Hosts


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands."""

    rack: str | None = None
    switch: str | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Playbook:
    """Everything an operator can change without a restart."""

    rules: RuleSet
    router: Router
    skills: Mapping[str, Skill]
    knowledge: Knowledge
    config_version: str
    skills_version: str
    owners: Mapping[str, Owner] = field(default_factory=dict)
    matrix: Matrix = field(default_factory=Matrix)
    prices: Prices = field(default_factory=Prices)
    topology: Mapping[str, Place] = field(default_factory=dict)
    hosts: Hosts = field(default_factory=Hosts)
    silences: tuple[Silence, ...] = ()
    base_url: str = ""

    def owner(self, name: str) -> Owner:
        """The named owner, else the default one, which always exists."""
        return self.owners.get(name) or self.owners.get("default") or Owner(name=name)

    def skill(self, name: str | None) -> Skill | None:
        """The rule's skill; where it is gone meanwhile, that of the last rule (the catch-all)."""
        if name is not None and name in self.skills:
            return self.skills[name]
        last = next((rule.skill for rule in reversed(self.rules.rules) if rule.skill in self.skills), None)
        return self.skills.get(last) if last else None

    def located(self, event: Event) -> Event:
        """The event with its nodes under one name each, and with their rack, switch and cluster, where the topology knows them
        and the event does not."""
        nodes = self.hosts.unified(event.entities)
        if nodes is not None:
            event = _renamed(event, nodes)
        if not self.topology:
            return event
        places = [place for node in event.entities.get("node", ()) if (place := self.topology.get(node)) is not None]
        more: dict[str, tuple[str, ...]] = {}
        for kind in ("rack", "switch", "cluster"):
            names = tuple(dict.fromkeys(name for place in places if (name := getattr(place, kind)) is not None))
            if names and not event.entities.get(kind):
                more[kind] = names
        return event.model_copy(update={"entities": {**event.entities, **more}}) if more else event


def _renamed(event: Event, nodes: tuple[str, ...]) -> Event:
    update: dict[str, object] = {"entities": {**event.entities, "node": nodes}}
    if event.job is not None and event.job.nodes:
        known = frozenset(nodes)
        own = tuple(dict.fromkeys(short(node) if short(node) in known else node for node in event.job.nodes))
        update["job"] = event.job.model_copy(update={"nodes": own})
    return event.model_copy(update=update)
