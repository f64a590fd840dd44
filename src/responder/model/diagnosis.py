"""What a skill concluded, with every claim tied to evidence."""

from enum import StrEnum

from pydantic import Field, JsonValue

from responder.model.event import Event
from responder.model.evidence import Evidence, Missing, Reading
from responder.model.skill import NextStep
from responder.model.value import Instant, Value

UNKNOWN = "unknown"
BENIGN = "benign"


class Verdict(StrEnum):
    """DIAGNOSED: a class leads. BENIGN: it needs nobody. INSUFFICIENT_EVIDENCE: what is missing is said instead of a guess."""

    DIAGNOSED = "diagnosed"
    BENIGN = "benign"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"


class PastIncident(Value):
    """An earlier incident of the same node, GPU, job or service."""

    id: str
    at: Instant
    class_: str | None = Field(default=None, alias="class", serialization_alias="class")
    confirmed: bool = False
    title: str = ""

    model_config = Value.model_config | {"populate_by_name": True}


class Case(Value):
    """All that a diagnosis may look at. `kind` and logs come from the events; readings from the enrichers."""

    kind: str
    events: tuple[Event, ...] = ()
    """Members of the incident, oldest first; a bounded sample of a storm."""
    event_count: int = 0
    readings: dict[str, Reading | Missing] = Field(default_factory=dict)
    at: Instant
    text: str = ""
    """Loose text where there is no event (`triage -`, `evaluate`)."""
    past: tuple[PastIncident, ...] = ()
    entities: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Of all members, those beyond the sample in `events` too."""


class Hypothesis(Value):
    """A ranked cause. `probability` is calibrated: of those given with 0.8, 80 % are right."""

    class_: str = Field(alias="class", serialization_alias="class")
    title: str
    probability: float
    because: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    next_steps: tuple[NextStep, ...] = ()
    says: str = ""

    model_config = Value.model_config | {"populate_by_name": True}


class RuledOut(Value):
    """A class that was considered and dropped, and the evidence for that."""

    class_: str = Field(alias="class", serialization_alias="class")
    because: tuple[str, ...] = ()

    model_config = Value.model_config | {"populate_by_name": True}


class Phase(Value):
    """A step of the skill's workflow with what it left."""

    name: str
    duration_ms: float
    evidence: tuple[str, ...] = ()
    error: str | None = None


class TimelineEntry(Value):
    """A moment of the story."""

    at: Instant
    what: str


class MissingNeed(Value):
    """What was asked and not answered."""

    need: str
    reason: str


class SuggestedSkill(Value):
    """A related skill with the reason for it; `mode` as in the registry."""

    name: str
    mode: str
    why: str
    status: str = "planned"


class Diagnosis(Value):
    """The result of a skill on one case."""

    verdict: Verdict
    hypotheses: tuple[Hypothesis, ...]
    ruled_out: tuple[RuledOut, ...] = ()
    missing: tuple[MissingNeed, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    phases: tuple[Phase, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    entities: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Entities found in the logs beyond those of the events (the first failing rank's node...)."""
    facts: dict[str, JsonValue] = Field(default_factory=dict)
    """first_failing_rank, retry_advice, recovery_action, skew_s..."""
    title: str = ""
    summary: str = ""

    @property
    def first(self) -> Hypothesis | None:
        return self.hypotheses[0] if self.hypotheses else None
