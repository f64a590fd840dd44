"""An incident: all signals of one fault under one rule and key, with its life."""

from enum import StrEnum

from pydantic import Field

from responder.model.rule import Rule
from responder.model.value import Instant, Value

INCIDENT_SCHEMA = "responder.incident/v1"


class IncidentStatus(StrEnum):
    """The life of an incident."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """SEV1 is the worst."""

    SEV1 = "SEV1"
    SEV2 = "SEV2"
    SEV3 = "SEV3"
    SEV4 = "SEV4"

    @property
    def rank(self) -> int:
        """1 for SEV1 to 4 for SEV4."""
        return int(self.value[3])

    def worst(self, other: "Severity") -> "Severity":
        return self if self.rank <= other.rank else other


class Incident(Value):
    """One incident. `rule` is the rule as it was when the incident opened: later edits do not move open incidents."""

    schema_: str = Field(default=INCIDENT_SCHEMA, alias="schema", serialization_alias="schema")
    id: str
    rule: Rule
    key: dict[str, str]
    episode: int = 1
    status: IncidentStatus = IncidentStatus.OPEN
    severity: Severity = Severity.SEV3
    severity_reason: str = ""
    owner: str
    title: str = ""
    first_class: str | None = None
    """The leading hypothesis of the latest report."""
    confirmed_class: str | None = None
    """What a person confirmed with "right" or corrected to."""
    opened_at: Instant
    updated_at: Instant
    resolved_at: Instant | None = None
    acknowledged_by: str | None = None
    last_event_at: Instant
    events: int = 0
    firing: int = 0
    """How many of its members are firing now."""
    entities: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    parent: str | None = None
    revision: int = 0
    """Number of the latest report; 0: not triaged yet."""
    version: int = 0
    """Grows with each write: two writers cannot both win."""
    rules_version: str = ""

    model_config = Value.model_config | {"populate_by_name": True}
