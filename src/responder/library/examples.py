"""A skill's examples (`<skill>/examples/*.yaml`): what is given, what must come out. They are the skill's tests.

`given` holds the event (as in the native format) and the answers of the enrichers; `expect` what the diagnosis must say. No source,
no store, no network: the same `diagnose` that runs live.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue

from responder.document import Document, load
from responder.logic.diagnosis import Knowledge, diagnose, related_skills
from responder.logic.grade import DEFAULT_ALERT
from responder.model.diagnosis import BENIGN, UNKNOWN, Case, Diagnosis, PastIncident
from responder.model.event import AlertSeverity, Event, JobFact, JobState, Kind, LogPart, Status
from responder.model.evidence import Missing, Point, Reading, Series
from responder.model.incident import Severity
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


class Expect(Value):
    """What it must say; what is left out is not checked."""

    first: str | None = None
    probability_above: float | None = None
    probability_below: float | None = None
    verdict: str | None = None
    ruled_out: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    severity: str | None = None
    related: tuple[str, ...] | None = None
    next_step_first: str | None = None
    missing: tuple[str, ...] = ()
    facts: dict[str, JsonValue] = Field(default_factory=dict)


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
        differences = tuple(_differences(self.example.expect, case, diagnosis, skill, knowledge))
        return [ExampleResult(self.document.file, line, name, differences)]


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
    """A bare value, `{missing: reason}`, or `{value, points, siblings, baseline, unit}`."""
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
            series.append(_curve({"name": label}, [float(str(one)) for one in curve]))
    baseline = given.get("baseline")
    return Reading(
        need=name,
        value=given.get("value"),
        unit=str(given.get("unit", "")),
        observed_at=AT,
        series=tuple(series),
        baseline=float(str(baseline)) if baseline is not None else None,
    )


def _curve(labels: dict[str, str], values: Sequence[float]) -> Series:
    step = CURVE / (len(values) - 1) if len(values) > 1 else STEP
    return Series(
        labels=labels, points=tuple(Point(at=AT - step * (len(values) - 1 - n), value=v) for n, v in enumerate(values))
    )


def _past(number: int, one: PastSpec) -> PastIncident:
    fields: dict[str, Any] = {"id": f"past-{number}", "at": AT - timedelta(days=number + 1), "class": one.class_}
    return PastIncident.model_validate({**fields, "confirmed": one.confirmed, "title": one.title})


def _differences(
    expect: Expect, case: Case, found: Diagnosis, skill: Skill, knowledge: Knowledge
) -> Iterator[tuple[str, str]]:
    first = found.first
    ranking = ", ".join(f"{one.class_} {one.probability:.2f}" for one in found.hypotheses[:4])
    if first is None or (expect.first is not None and first.class_ != expect.first):
        yield f"first {expect.first}", ranking
        return
    if expect.probability_above is not None and first.probability <= expect.probability_above:
        yield f"probability above {expect.probability_above}", ranking
    if expect.probability_below is not None and first.probability >= expect.probability_below:
        yield f"probability below {expect.probability_below}", ranking
    if expect.verdict is not None and found.verdict.value != expect.verdict:
        yield f"verdict {expect.verdict}", found.verdict.value
    listed: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
        ("ruled out", expect.ruled_out, tuple(one.class_ for one in found.ruled_out)),
        ("symptoms", expect.symptoms, first.symptoms),
        ("missing", expect.missing, tuple(one.need for one in found.missing)),
        ("related", expect.related or (), tuple(one.name for one in related_skills(found, skill, knowledge))),
    )
    for what, wanted, got in listed:
        lacking = [name for name in wanted if name not in got]
        if lacking:
            yield f"{what}: {', '.join(lacking)}", ", ".join(got) or "none"
    if expect.severity is not None:
        severity = _severity(case, found, knowledge)
        if severity != expect.severity:
            yield f"severity {expect.severity}", severity
    if expect.next_step_first is not None:
        step = f"{first.next_steps[0].do} {first.next_steps[0].command or ''}" if first.next_steps else "no step"
        if expect.next_step_first.casefold() not in step.casefold():
            yield f"first step says: {expect.next_step_first}", step
    for name, value in expect.facts.items():
        if found.facts.get(name) != value:
            yield f"fact {name}: {value}", str(found.facts.get(name))


def _severity(case: Case, found: Diagnosis, knowledge: Knowledge) -> str:
    """The worst of the sender's word and the class's default, as at the first report (impact may raise it later)."""
    levels = [DEFAULT_ALERT.get(event.severity.value, Severity.SEV3) for event in case.events]
    first = found.first
    if first is not None and first.class_ not in (UNKNOWN, BENIGN) and first.probability >= 0.5:
        levels.append(Severity(knowledge.taxonomy[first.class_].severity))
    return min(levels, key=lambda level: level.rank).value if levels else ""
