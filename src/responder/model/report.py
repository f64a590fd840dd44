"""The report, `responder.report/v1`: one versioned document, the same for every skill and sink."""

from pydantic import Field

from responder.model.diagnosis import (
    Hypothesis,
    MissingNeed,
    Phase,
    RuledOut,
    SuggestedSkill,
    TimelineEntry,
    Verdict,
)
from responder.model.event import Change
from responder.model.evidence import Evidence
from responder.model.incident import IncidentStatus, Severity
from responder.model.value import Instant, Value

REPORT_SCHEMA = "responder.report/v1"


class ReportIncident(Value):
    """The incident as it was when the report was made."""

    id: str
    key: dict[str, str]
    status: IncidentStatus
    severity: Severity
    severity_reason: str
    owner: str
    runbook_url: str | None = None
    opened_at: Instant
    events: int
    episode: int = 1
    acknowledged_by: str | None = None


class RuleRef(Value):
    """The rule that opened the incident."""

    name: str
    version: str


class SkillRef(Value):
    """The skill that diagnosed it."""

    name: str
    version: str
    mode: str
    domain: str


class GpuRef(Value):
    """A GPU by UUID first: an index changes with a reboot."""

    uuid: str | None = None
    node: str | None = None
    index: int | None = None


class UnknownField(Value):
    """A figure that could not be had, and why."""

    field: str
    reason: str


class Slo(Value):
    """The burn of an objective."""

    objective: str
    burn_rate: float | None = None
    budget_left_ratio: float | None = None


class Impact(Value):
    """Who and what it hits. A number, or null with its reason in `unknown`; a number that has a reason there is a lower bound."""

    statement: str = ""
    nodes: tuple[str, ...] = ()
    gpus: tuple[GpuRef, ...] = ()
    jobs: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    gpu_hours_lost: float | None = None
    gpu_hours_at_risk: float | None = None
    cost_usd: float | None = None
    slo: Slo | None = None
    unknown: tuple[UnknownField, ...] = ()

    def at_least(self, field: str) -> bool:
        """Whether the figure is a lower bound: something that belongs to it could not be counted."""
        return getattr(self, field) is not None and any(gap.field == field for gap in self.unknown)


class Escalation(Value):
    """Whom it goes to next if nobody acts."""

    level: str
    who: str
    due_at: Instant | None = None
    why: str = ""


class QualityCheck(Value):
    """One check that the report made of itself."""

    id: str
    passed: bool
    why: str = ""


class Quality(Value):
    """The report's own checklist."""

    checks: tuple[QualityCheck, ...] = ()

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


class Provenance(Value):
    """What made the report, so that it can be made again."""

    responder: str
    config: str
    rules: str
    skills: str
    recorded: bool = False
    not_recorded: tuple[str, ...] = ()


class IncidentRef(Value):
    """Another incident of the same fault."""

    id: str
    title: str = ""
    class_: str | None = Field(default=None, alias="class", serialization_alias="class")

    model_config = Value.model_config | {"populate_by_name": True}


class Report(Value):
    """One triage report. Every claim cites evidence ids of this same report."""

    schema_: str = Field(default=REPORT_SCHEMA, alias="schema", serialization_alias="schema")
    id: str
    revision: int
    created_at: Instant
    verdict: Verdict
    incident: ReportIncident
    rule: RuleRef
    skill: SkillRef
    title: str
    summary: str
    hypotheses: tuple[Hypothesis, ...]
    ruled_out: tuple[RuledOut, ...] = ()
    missing: tuple[MissingNeed, ...] = ()
    impact: Impact = Impact()
    changes: tuple[Change, ...] = ()
    escalation: Escalation | None = None
    quality: Quality = Quality()
    phases: tuple[Phase, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    related_skills: tuple[SuggestedSkill, ...] = ()
    parent: IncidentRef | None = None
    children: tuple[IncidentRef, ...] = ()
    provenance: Provenance

    model_config = Value.model_config | {"populate_by_name": True}
