"""A skill as read from its folder: what it needs, what it suspects, what it advises. Knowledge is data.

Signatures and the taxonomy are shared by all skills; a skill adds hypotheses with evidence of its own.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from responder.duration import Duration
from responder.model.evidence import Need
from responder.model.value import Value


class Mode(StrEnum):
    """The six action modes of the taxonomy, and `classifier`, which is ours. Only diagnosers and classifiers are routed to."""

    DIAGNOSER = "diagnoser"
    REVIEWER = "reviewer"
    PLANNER = "planner"
    OPTIMIZER = "optimizer"
    REPORTER = "reporter"
    CHECKER = "checker"
    CLASSIFIER = "classifier"


class Strength(StrEnum):
    """How much a piece of evidence says; each stands for a likelihood ratio, set in one place."""

    DECISIVE = "decisive"
    STRONG = "strong"
    MODERATE = "moderate"
    WEAK = "weak"


class Role(StrEnum):
    """What a log line is: a root candidate, something printed because another thing failed, a hint, or noise."""

    CAUSE = "cause"
    SYMPTOM = "symptom"
    ADVICE = "advice"
    BENIGN = "benign"


class Indication(Value):
    """A line speaks for (or against) a class, perhaps only with certain field values or event kinds."""

    class_: str = Field(alias="class", serialization_alias="class")
    strength: Strength
    where: dict[str, JsonValue] = Field(default_factory=dict)
    kinds: tuple[str, ...] = ()

    model_config = Value.model_config | {"populate_by_name": True}


class Cite(Value):
    """Where knowledge comes from."""

    document: str
    section: str | None = None
    date: str | None = None
    url: str | None = None

    model_config = Value.model_config | {"coerce_numbers_to_str": True}  # YAML reads `date: 2025` as a number


class Signature(Value):
    """A message that some program prints."""

    id: str
    emitted_by: str
    match: str
    role: Role
    fields: dict[str, JsonValue] = Field(default_factory=dict)
    indicates: tuple[Indication, ...] = ()
    against: tuple[Indication, ...] = ()
    resolves: tuple[str, ...] = ()
    """Classes (or `*`, or `domain.*`) whose trouble this line says is over; it counts for lines before it."""
    excuses: tuple[str, ...] = ()
    """Likewise, for lines wherever they stand: a drill, a change that was asked for, a test's output, a document."""
    own_line: bool = False
    """Whether `resolves` counts for what else is read on this very line, and for no line before it."""
    catalogue: str | None = None
    """`xid`: class and strength are looked up in that catalogue by the field `code`."""
    source: Cite | None = None
    unverified: bool = False
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()


class NextStep(Value):
    """What a person should do; `command` may hold `{node}`-like variables, filled in shell-quoted."""

    do: str
    command: str | None = None
    risk: Literal["none", "low", "medium", "high"] = "none"
    reversible: bool = True


class Prior(Value):
    """How likely before looking, cited or owned up to as an estimate."""

    value: float
    source: str


class TaxonomyClass(Value):
    """A class of failure that a diagnosis can name."""

    id: str
    title: str
    domain: str
    culprit: str
    definition: str
    prior: Prior
    severity: str = "SEV3"
    owner_role: str = ""
    explains: tuple[str, ...] = ()
    """Classes that this one produces as symptoms."""
    first_actions: tuple[NextStep, ...] = ()
    vocabulary: tuple[str, ...] = ()
    """Words that experts use when they speak of it: the weak fallback when no signature fires."""
    kinds: dict[str, float] = Field(default_factory=dict)
    """Event kind to a multiplier of the prior."""
    absorbs_unknown: bool = False
    """It takes whatever runs on the same entity down with it, so a failure there without a cause of its own belongs to it."""
    escalate_at_once: str | None = None
    """Whom it goes to without waiting (personal data and safety: risk and legal)."""


class EvidenceSpec(Value):
    """One condition of a hypothesis, as in diagnosis.yaml; exactly one of signature, need, label, event, entity, all, any, not."""

    strength: Strength | None = None
    signature: str | None = None
    where: dict[str, JsonValue] = Field(default_factory=dict)
    count: dict[str, JsonValue] | int | None = None
    first: bool | None = None
    on: dict[str, JsonValue] = Field(default_factory=dict)
    need: str | None = None
    above: float | None = None
    below: float | None = None
    equals: JsonValue = None
    in_: tuple[JsonValue, ...] | None = Field(default=None, alias="in", serialization_alias="in")
    missing: str | None = None
    rising: bool | None = None
    deviates: dict[str, JsonValue] | None = None
    sustained: Duration | None = None
    label: str | None = None
    matches: str | None = None
    event: dict[str, JsonValue] | None = None
    entity: dict[str, JsonValue] | None = None
    all: tuple["EvidenceSpec", ...] | None = None
    any: tuple["EvidenceSpec", ...] | None = None
    not_: "EvidenceSpec | None" = Field(default=None, alias="not", serialization_alias="not")
    says: str | None = None

    model_config = Value.model_config | {"populate_by_name": True}


class HypothesisSpec(Value):
    """A class that this skill weighs, with the skill's own evidence beside the shared signatures."""

    class_: str = Field(alias="class", serialization_alias="class")
    prior: Prior | None = None
    for_: tuple[EvidenceSpec, ...] = Field(default=(), alias="for", serialization_alias="for")
    against: tuple[EvidenceSpec, ...] = ()
    explains: tuple[str, ...] | None = None
    says: str | None = None
    next_steps: tuple[NextStep, ...] = ()
    because: Cite | None = None

    model_config = Value.model_config | {"populate_by_name": True}


class Related(Value):
    """A skill worth running next, when, and why."""

    skill: str
    when: dict[str, JsonValue] = Field(default_factory=dict)
    why: str


class SkillEntry(Value):
    """A line of the registry: released skills have a folder, planned ones can be suggested but never run."""

    name: str
    number: int
    domain: str
    mode: Mode
    use_when: str
    output: str = ""
    data: tuple[str, ...] = ()
    run: str = "D"
    phase: int = 3
    status: Literal["released", "planned"] = "planned"
    about: tuple[str, ...] = ()
    """Classes that are its subject."""
    related: tuple[str, ...] = ()


class Skill(Value):
    """A released skill."""

    name: str
    description: str
    domain: str
    mode: Mode
    version: str
    """Content hash of its folder and of the shared knowledge, 12 hex digits."""
    phases: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    hypotheses: tuple[HypothesisSpec, ...] = ()
    whole_taxonomy: bool = True
    """Classes without a hypothesis of the skill's own still compete, by the shared signatures."""
    related: tuple[Related, ...] = ()
    kinds: tuple[str, ...] = ()
    """Event kinds that `triage` and `evaluate` send here when no rule decides."""


class CatalogueEntry(Value):
    """One code of a vendor's error catalogue."""

    code: int
    name: str
    meaning: str
    layer: str = ""
    class_: str | None = Field(default=None, alias="class", serialization_alias="class")
    strength: Strength = Strength.STRONG
    severity: str = "error"
    immediate: str = ""
    investigatory: str = ""
    usually_application: bool = False
    secondary: bool = False
    authorities: tuple[str, ...] = ()
    source: str = ""

    model_config = Value.model_config | {"populate_by_name": True}


PhaseName = Annotated[str, Field(min_length=1)]
