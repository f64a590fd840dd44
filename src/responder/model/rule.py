"""A rule: which events it takes, to which skill, grouped how, sent where."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from responder.duration import Duration
from responder.model.value import Value


class MatchOp(StrEnum):
    """Alertmanager's and Prometheus' four operators; regular expressions are anchored at both ends, as there."""

    EQ = "="
    NE = "!="
    RE = "=~"
    NRE = "!~"


class Matcher(Value):
    """One comparison of a label with a value; a missing label is the empty string."""

    label: str
    op: MatchOp
    value: str

    def __str__(self) -> str:
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.label}{self.op.value}"{quoted}"'


class All(Value):
    """Every part must hold; with no parts it holds always."""

    op: Literal["all"] = "all"
    parts: tuple["Condition", ...] = ()


class Any_(Value):  # noqa: N801 -- `Any` is typing's
    """At least one part must hold."""

    op: Literal["any"] = "any"
    parts: tuple["Condition", ...]


class Not(Value):
    """The part must not hold."""

    op: Literal["not"] = "not"
    part: "Condition"


class One(Value):
    """A single matcher as a condition."""

    op: Literal["one"] = "one"
    matcher: Matcher


Condition = Annotated[All | Any_ | Not | One, Field(discriminator="op")]

for _model in (All, Any_, Not):
    _model.model_rebuild()


class Outcome(StrEnum):
    """TRIAGE opens or joins an incident; OBSERVE journals and counts."""

    TRIAGE = "triage"
    OBSERVE = "observe"


class Suppression(Value):
    """A rule's own reason not to open an incident."""

    when: Condition
    reason: str


class SourcePlace(Value):
    """Where in which file something was written; lines count from 1."""

    file: str
    line: int = 1


class Rule(Value):
    """One routing rule. Defaults follow Alertmanager's, but `group_wait` is short: an Alertmanager has already waited."""

    name: str
    match: Condition
    skill: str | None = None
    group_by: tuple[str, ...] = ("cluster", "node")
    """Entity kinds or label names; `rack|node` is the first of these that the event has."""
    group_wait: Duration = timedelta(seconds=3)
    group_interval: Duration = timedelta(minutes=1)
    repeat_interval: Duration = timedelta(hours=4)
    owner: str | None = None
    runbook_url: str | None = None
    sinks: tuple[str, ...] | None = None
    """None: every configured sink."""
    severity: dict[str, str] = Field(default_factory=dict)
    """Alert severity (or `default`) to SEV1..SEV4."""
    suppress: tuple[Suppression, ...] = ()
    continue_: bool = False
    resolve_after: Duration | None = None
    outcome: Outcome = Outcome.TRIAGE
    shadow: bool = False
    description: str = ""
    reopen_within: Duration = timedelta(hours=1)
    """A recurrence this soon after the resolve reopens the incident as a new episode."""
    once: bool = False
    """A key is told once: what comes again after its incident resolved is journalled, not told. The period belongs in the key."""
    place: SourcePlace | None = None


class RuleSet(Value):
    """All rules in the order of search, with the hash of what they were read from."""

    rules: tuple[Rule, ...]
    version: str
    """Content hash, 12 hex digits."""
