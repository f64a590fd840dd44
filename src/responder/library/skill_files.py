"""The files of a skills folder as pydantic models: what may stand in them, before it becomes knowledge.

One model per kind of file; each is what `responder check` validates and what editors complete from.
"""

from typing import Any, Literal

from pydantic import Field, JsonValue, field_validator

from responder.duration import Duration
from responder.model.evidence import Need, Plane
from responder.model.skill import HypothesisSpec, NextStep, Prior, Related, Signature, SkillEntry, TaxonomyClass
from responder.model.value import Value


class NeedSpec(Value):
    """A question of a skill, named by its key. As `Need`, but with the words of the skill format."""

    from_: str = Field(alias="from", serialization_alias="from")
    query: JsonValue
    unit: str = ""
    within: Duration | None = None
    plane: Plane = Plane.SYSTEM
    range: bool = False
    baseline: bool = False

    model_config = Value.model_config | {"populate_by_name": True}

    def need(self, name: str) -> Need:
        fields: dict[str, Any] = {"within": self.within} if self.within is not None else {}
        return Need(
            name=name,
            source=self.from_,
            query=self.query,
            unit=self.unit,
            plane=self.plane,
            range=self.range,
            baseline=self.baseline,
            **fields,
        )


class SkillFile(Value):
    """`diagnosis.yaml` of a skill."""

    schema_: Literal["responder.skill/v1"] = Field(alias="schema", serialization_alias="schema")
    phases: tuple[str, ...] = Field(min_length=3)
    needs: dict[str, NeedSpec] = Field(default_factory=dict)
    hypotheses: tuple[HypothesisSpec, ...] = ()
    whole_taxonomy: bool = True
    related: tuple[Related, ...] = ()
    kinds: tuple[str, ...] = ()

    model_config = Value.model_config | {"populate_by_name": True}


class SignatureFile(Value):
    """`signatures/TOPIC.yaml`."""

    signatures: tuple[Signature, ...]


class Domain(Value):
    """Defaults of the classes of one domain."""

    title: str
    owner_role: str
    kinds: dict[str, float] = Field(default_factory=dict)


class ClassSpec(Value):
    """A class of the taxonomy, named by its key; owner and multipliers default to those of its domain."""

    title: str
    domain: str
    culprit: str
    definition: str
    prior: Prior
    severity: str = "SEV3"
    owner_role: str | None = None
    explains: tuple[str, ...] = ()
    first_actions: tuple[NextStep, ...] = ()
    vocabulary: tuple[str, ...] = ()
    kinds: dict[str, float] = Field(default_factory=dict)
    absorbs_unknown: bool = False
    escalate_at_once: str | None = None

    @field_validator("vocabulary", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return tuple(str(word) for word in value) if isinstance(value, list) else value


class TaxonomyFile(Value):
    """`taxonomy.yaml`."""

    schema_: Literal["responder.taxonomy/v1"] = Field(alias="schema", serialization_alias="schema")
    domains: dict[str, Domain]
    classes: dict[str, ClassSpec]

    model_config = Value.model_config | {"populate_by_name": True}

    def taxonomy(self) -> dict[str, TaxonomyClass]:
        """The classes with the defaults of their domains filled in."""
        found = {}
        for name, spec in self.classes.items():
            domain = self.domains.get(spec.domain)
            given = spec.model_dump()
            given["owner_role"] = spec.owner_role or (domain.owner_role if domain else "")
            given["kinds"] = {**(domain.kinds if domain else {}), **spec.kinds}
            found[name] = TaxonomyClass(id=name, **given)
        return found


class RootBlockSpec(Value):
    """How a launcher says which process failed first."""

    program: str
    start: str = Field(min_length=8)
    lines: int = Field(gt=0, le=100)
    facts: dict[str, str]


class LogsFile(Value):
    """`logs.yaml`."""

    schema_: Literal["responder.logs/v1"] = Field(alias="schema", serialization_alias="schema")
    root_blocks: tuple[RootBlockSpec, ...] = ()

    model_config = Value.model_config | {"populate_by_name": True}


class RegistryFile(Value):
    """`registry.yaml`: all skills, released or planned."""

    schema_: str = Field(default="responder.registry/v1", alias="schema", serialization_alias="schema")
    skills: tuple[SkillEntry, ...]

    model_config = Value.model_config | {"populate_by_name": True, "extra": "ignore"}


class FrontMatter(Value):
    """The head of SKILL.md, as the Agent Skills specification allows it."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    description: str = Field(min_length=1, max_length=1024)
    license: str | None = None
    compatibility: str | None = Field(default=None, min_length=1, max_length=500)
    metadata: dict[str, str] = Field(default_factory=dict)
    allowed_tools: str | None = Field(default=None, alias="allowed-tools", serialization_alias="allowed-tools")

    model_config = Value.model_config | {"populate_by_name": True}
