"""What a skill needs to know, and what was found: a Reading, or Missing with its reason. Never a guess."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from responder.duration import Duration
from responder.model.value import Instant, Value


class Plane(StrEnum):
    """The three planes of observability that a report groups its evidence by."""

    SYSTEM = "system"
    DATA = "data"
    QUALITY = "quality"


class Need(Value):
    """One question of a skill to one enricher."""

    name: str
    source: str
    """Name of the enricher: prometheus, nvml, history..."""
    query: JsonValue
    """In the enricher's own language; a text may hold `{gpu}`-like variables, filled in escaped."""
    unit: str = ""
    within: Duration = timedelta(seconds=3)
    plane: Plane = Plane.SYSTEM
    range: bool = False
    """True: a range query over the window (with points for a chart); False: the value at the event's time."""
    baseline: bool = False
    """True: the same question for the window before, to compare with."""


class Window(Value):
    """The span of time a question is about, anchored at the event's time and never at "now"."""

    start_at: Instant
    at: Instant
    end_at: Instant


class Ask(Value):
    """A need made concrete for one incident."""

    need: Need
    window: Window
    variables: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Entity kind or label to values: node, gpu, job, service, model, namespace, pod..."""


class Point(Value):
    """A sample: `value` in the reading's unit."""

    at: Instant
    value: float


class Series(Value):
    """A labelled line of a chart."""

    labels: dict[str, str] = Field(default_factory=dict)
    points: tuple[Point, ...] = ()


class Reading(Value):
    """An answer. `value` is a number, a text, a flag, or a small mapping of these."""

    tag: Literal["reading"] = "reading"
    need: str
    value: JsonValue
    unit: str = ""
    statement: str = ""
    """The answer in a sentence a person can read."""
    observed_at: Instant
    query: str | None = None
    link: str | None = None
    series: tuple[Series, ...] = ()
    baseline: float | None = None
    stale: bool = False


class Missing(Value):
    """No answer, and why. `reason` is a short code: timeout, unreachable, no_data, not_configured, not_supported,
    gpu_is_lost, not_this_node, no_permission, not_recorded, bad_query, no_variable..."""

    tag: Literal["missing"] = "missing"
    need: str
    reason: str
    detail: str = ""
    query: str | None = None


Answer = Annotated[Reading | Missing, Field(discriminator="tag")]


class RecordedAnswer(Value):
    """An answer as journalled: keyed by enricher and normalised query and window."""

    incident_id: str
    enricher: str
    key: str
    asked_at: Instant
    answer: Answer


class EvidenceSource(StrEnum):
    """Where a piece of evidence comes from."""

    LOG = "log"
    PROMETHEUS = "prometheus"
    NVML = "nvml"
    EVENT = "event"
    HISTORY = "history"
    CHANGE = "change"


class Evidence(Value):
    """A cited fact of a report; its `id` is unique in that report (`e1`, `e2`...)."""

    id: str
    plane: Plane = Plane.SYSTEM
    source: str
    statement: str
    value: JsonValue = None
    unit: str | None = None
    observed_at: Instant | None = None
    query: str | None = None
    link: str | None = None
    series: tuple[Series, ...] = ()
