"""The shape of a rule file as an operator writes it; `rules` turns it into the model."""

from typing import Annotated

from pydantic import AfterValidator, Field
from typing_extensions import TypeAliasType

from responder.duration import Duration
from responder.model.incident import Severity
from responder.model.rule import Outcome, Rule
from responder.model.value import Value

Match = TypeAliasType("Match", "str | list[Match] | dict[str, Match | list[Match]]")
"""Alertmanager matchers as a text, or `{all: [...]}`, `{any: [...]}`, `{not: ...}` of them."""

_DEFAULTS = {name: field.default for name, field in Rule.model_fields.items()}


def _some(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


Name = Annotated[str, AfterValidator(_some)]


class SuppressEntry(Value):
    """A rule's own reason not to open an incident."""

    when: Match
    reason: Name


class RuleEntry(Value):
    """One routing rule; the first that matches takes the event."""

    name: Name = Field(description="Unique over all files.")
    match: Match
    skill: Name | None = Field(None, description="A diagnoser or classifier; not needed where the outcome is observe.")
    group_by: list[Name] = Field(
        list(_DEFAULTS["group_by"]),
        description="Entity kinds or labels: equal values make one incident. `rack|node`: the first there is.",
    )
    group_wait: Duration = Field(
        _DEFAULTS["group_wait"], description="Wait this long for more before the first report."
    )
    group_interval: Duration = Field(_DEFAULTS["group_interval"], description="At least this long between two updates.")
    repeat_interval: Duration = Field(
        _DEFAULTS["repeat_interval"], description="Remind after this long without change."
    )
    owner: Name | None = Field(None, description="Who is responsible; a key of `owners` in the configuration.")
    runbook_url: Name | None = Field(None, description="May hold `{label}` variables.")
    sinks: list[Name] | None = Field(None, description="Names of configured sinks; all of them when left out.")
    severity: dict[str, Severity] = Field(
        default_factory=dict, description="Severity word of the alert, or `default`, to SEV1..SEV4."
    )
    suppress: list[SuppressEntry] = Field(default_factory=list)
    continue_: bool = Field(False, alias="continue", description="Search on after this rule matched.")
    resolve_after: Duration | None = Field(None, description='For what never sends "resolved".')
    reopen_within: Duration = Field(
        _DEFAULTS["reopen_within"], description="A recurrence this soon after the end reopens the incident."
    )
    once: bool = Field(False, description="After its incident resolved, a key is journalled and not told again.")
    outcome: Outcome = Field(Outcome.TRIAGE, description="triage, or observe: journal and count, no incident.")
    shadow: bool = Field(False, description="Everything but the sending.")
    description: str = ""


class RuleFile(Value):
    """A file of rules, searched from top to bottom."""

    rules: list[RuleEntry] = Field(default_factory=list)
