"""A skill's examples (`<skill>/examples/*.yaml`): what is given, what must come out. They are the skill's tests.

`given` holds the event (as in the native format) and the answers of the enrichers; `expect` what the diagnosis must say. No source,
no store, no network: the same `diagnose` that runs live.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue

from responder.document import Document, load
from responder.library.expectations import Expect, differences
from responder.logic.diagnosis import Knowledge, diagnose
from responder.model.diagnosis import Case, PastIncident
from responder.model.event import AlertSeverity, Event, JobFact, JobState, Kind, LogPart, Status
from responder.model.evidence import Missing, Point, Reading, Series
from responder.model.skill import Skill
from responder.model.value import Value

CODE = "S300"
AT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(minutes=1)
"""Between the points of a curve that an example gives without times."""
CURVE = timedelta(minutes=30)
"""Span of such a curve."""
_ENTITY_LABELS = {
    "node": ("node", "hostname", "Hostname", "host", "exported_node", "nodename", "kubernetes_node"),
    "gpu": ("UUID", "uuid", "gpu_uuid", "GPU_UUID"),
    "pod": ("pod", "exported_pod", "pod_name"),
    "namespace": ("namespace", "exported_namespace"),
    "service": ("service", "deployment", "isvc", "inferenceservice", "app"),
    "model": ("model", "model_name"),
    "job": ("job_id", "slurm_job_id", "jobid"),
    "cluster": ("cluster",),
    "tenant": ("tenant",),
}


class JobSpec(Value):
    """A job in short."""

    id: str = ""
    state: JobState = JobState.FAILED
    name: str | None = None
    nodes: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None
    gpus: int | None = None
    user: str | None = None

    model_config = Value.model_config | {"coerce_numbers_to_str": True}


class LogSpec(Value):
    """A log of one rank or node."""

    text: str
    rank: int | None = None
    node: str | None = None


class EventSpec(Value):
    """An event as the native format has it, in short."""

    kind: Kind
    status: Status = Status.FIRING
    title: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    entities: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    log: str = ""
    logs: tuple[LogSpec, ...] = ()
    job: JobSpec | None = None

    model_config = Value.model_config | {"coerce_numbers_to_str": True}


class PastSpec(Value):
    """An earlier incident."""

    class_: str | None = Field(default=None, alias="class", serialization_alias="class")
    confirmed: bool = True
    ago: str = ""
    title: str = ""

    model_config = Value.model_config | {"populate_by_name": True}


class Given(Value):
    """What the diagnosis may look at."""

    event: EventSpec | None = None
    events: tuple[EventSpec, ...] = ()
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
    past: tuple[PastSpec, ...] = ()


class ExampleFile(Value):
    """One example."""

    given: Given
    expect: Expect


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """The outcome of one example. `differences`: what was expected and what came."""

    file: Path
    line: int
    name: str
    differences: tuple[tuple[str, str], ...] = ()

    @property
    def passed(self) -> bool:
        return not self.differences

    def render(self) -> str:
        """As promtool does: the example, then each difference."""
        if self.passed:
            return f"  ok    {self.name}"
        lines = [f"  FAILED {self.name} ({self.file}:{self.line})"]
        lines += [f"      expected: {wanted}\n      got:      {got}" for wanted, got in self.differences]
        return "\n".join(lines)


@dataclass(frozen=True)
class Examples:
    """The example of a file, ready to run."""

    document: Document
    skill: str
    example: ExampleFile

    def run(self, skills: Mapping[str, Skill], knowledge: Knowledge) -> list[ExampleResult]:
        """Diagnose what is given and compare."""
        line = self.document.place(("expect",))[0]
        name = f"{self.skill}: {self.document.file.stem}"
        skill = skills.get(self.skill)
        if skill is None:
            return [ExampleResult(self.document.file, line, name, ((f"a skill {self.skill}", "no such skill"),))]
        case = case_of(self.example.given)
        diagnosis = diagnose(case, skill, knowledge)
        found = tuple(differences(self.example.expect, case, diagnosis, skill, knowledge))
        return [ExampleResult(self.document.file, line, name, found)]


def example_paths(path: Path) -> list[Path]:
    """Example files of a skills folder, of one skill, or the file itself. Labelled cases beside the skills are no examples."""
    if path.is_file():
        return [path] if path.parent.name == "examples" and (path.parent.parent / "SKILL.md").exists() else []
    if (path / "SKILL.md").exists():
        return sorted((path / "examples").glob("*.yaml"))
    if path.name == "examples":
        return sorted(path.glob("*.yaml")) if (path.parent / "SKILL.md").exists() else []
    return [
        file for skill in sorted(path.glob("*/SKILL.md")) for file in sorted((skill.parent / "examples").glob("*.yaml"))
    ]


def load_examples(file: Path) -> Examples:
    """Read an example. Raises ConfigErrors with the place of what does not fit."""
    document = load(file, code=CODE)
    return Examples(document, file.parent.parent.name, document.read(ExampleFile))


def case_of(given: Given) -> Case:
    """What the engine sees of an example."""
    specs = [*([given.event] if given.event else []), *given.events]
    events = tuple(_event(number, spec) for number, spec in enumerate(specs))
    return Case(
        kind=specs[0].kind.value if specs else "",
        events=events,
        event_count=len(events),
        readings={name: _answer(name, value) for name, value in given.evidence.items()},
        at=AT,
        past=tuple(_past(number, one) for number, one in enumerate(given.past)),
    )


def _event(number: int, spec: EventSpec) -> Event:
    job = spec.job
    entities = {
        kind: tuple(values)
        for kind, labels in _ENTITY_LABELS.items()
        if (values := [spec.labels[n] for n in labels if n in spec.labels])
    }
    if job is not None:
        entities = {
            **({"job": (job.id,)} if job.id else {}),
            **({"node": job.nodes} if job.nodes else {}),
            **({"pod": job.pods} if job.pods else {}),
            **entities,
        }
    facts = JobFact(**{**job.model_dump(), "id": job.id or "job"}) if job is not None else None
    logs = [LogPart(text=spec.log)] if spec.log else []
    logs += [LogPart(text=one.text, rank=one.rank, node=one.node) for one in spec.logs]
    word = spec.labels.get("severity", "warning")
    return Event(
        id=f"example-{number}",
        format="native",
        source="example",
        fingerprint=f"example-{number}",
        kind=spec.kind,
        status=spec.status,
        severity=AlertSeverity(word) if word in AlertSeverity.__members__.values() else AlertSeverity.WARNING,
        title=spec.title or spec.labels.get("alertname", ""),
        labels=spec.labels,
        annotations=spec.annotations,
        entities={**entities, **spec.entities},
        starts_at=AT,
        received_at=AT,
        logs=tuple(logs),
        job=facts,
    )


def _answer(name: str, given: JsonValue) -> Reading | Missing:
    """A bare value, `{missing: reason}`, or `{value, points, siblings, baseline, unit}`; siblings by name or `label=value`."""
    if not isinstance(given, dict):
        return Reading(need=name, value=given, observed_at=AT)
    if "missing" in given:
        return Missing(need=name, reason=str(given["missing"]))
    series: list[Series] = []
    points = given.get("points")
    if isinstance(points, list):
        series.append(_curve({}, [float(str(value)) for value in points]))
    siblings = given.get("siblings")
    if isinstance(siblings, dict):
        for label, value in siblings.items():
            curve = value if isinstance(value, list) else [value]
            series.append(_curve(_labels(label), [float(str(one)) for one in curve]))
    baseline = given.get("baseline")
    return Reading(
        need=name,
        value=given.get("value"),
        unit=str(given.get("unit", "")),
        observed_at=AT,
        series=tuple(series),
        baseline=float(str(baseline)) if baseline is not None else None,
    )


def _labels(text: str) -> dict[str, str]:
    """`hostname=n1,gpu=3` as labels; a bare name is the series' name."""
    pairs = [part.partition("=") for part in text.split(",")]
    return {name.strip(): value.strip() for name, _, value in pairs} if all(p[1] for p in pairs) else {"name": text}


def _curve(labels: dict[str, str], values: Sequence[float]) -> Series:
    step = CURVE / (len(values) - 1) if len(values) > 1 else STEP
    return Series(
        labels=labels, points=tuple(Point(at=AT - step * (len(values) - 1 - n), value=v) for n, v in enumerate(values))
    )


def _past(number: int, one: PastSpec) -> PastIncident:
    fields: dict[str, Any] = {"id": f"past-{number}", "at": AT - timedelta(days=number + 1), "class": one.class_}
    return PastIncident.model_validate({**fields, "confirmed": one.confirmed, "title": one.title})
