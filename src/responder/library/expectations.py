"""What an example expects of a diagnosis, and where it differs. What is left out is not checked."""

from collections.abc import Iterator

from pydantic import Field, JsonValue

from responder.logic.diagnosis import Knowledge, related_skills
from responder.logic.grade import DEFAULT_ALERT
from responder.model.diagnosis import BENIGN, UNKNOWN, Case, Diagnosis
from responder.model.incident import Severity
from responder.model.skill import Skill
from responder.model.value import Value


class Expect(Value):
    """What it must say; what is left out is not checked."""

    first: str | None = None
    probability_above: float | None = None
    probability_below: float | None = None
    """No cause may be as probable; `unknown` and `benign` name none."""
    verdict: str | None = None
    ruled_out: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()
    severity: str | None = None
    related: tuple[str, ...] | None = None
    next_step_first: str | None = None
    says: tuple[str, ...] = ()
    """Words that the sentence about the first hypothesis must hold."""
    steps: tuple[str, ...] = ()
    """Words that some step of the first hypothesis must say, in this order."""
    missing: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    """Words that the evidence for the first hypothesis must say."""
    cites_against: dict[str, str] = Field(default_factory=dict)
    """Class to words that the evidence against it must say."""
    escalation: str | None = None
    """Whom the first class goes to without waiting; an empty text: to nobody."""
    facts: dict[str, JsonValue] = Field(default_factory=dict)


def differences(
    expect: Expect, case: Case, found: Diagnosis, skill: Skill, knowledge: Knowledge
) -> Iterator[tuple[str, str]]:
    first = found.first
    ranking = ", ".join(f"{one.class_} {one.probability:.2f}" for one in found.hypotheses[:4])
    if first is None or (expect.first is not None and first.class_ != expect.first):
        yield f"first {expect.first}", ranking
        return
    if expect.probability_above is not None and first.probability <= expect.probability_above:
        yield f"probability above {expect.probability_above}", ranking
    likeliest = max((one.probability for one in found.hypotheses if one.class_ not in (UNKNOWN, BENIGN)), default=0.0)
    if expect.probability_below is not None and likeliest >= expect.probability_below:
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
    for words in expect.says:
        if words.casefold() not in first.says.casefold():
            yield f"it says: {words}", first.says or "nothing"
    told = [step.do.casefold() for step in first.next_steps]
    places = [next((n for n, do in enumerate(told) if words.casefold() in do), -1) for words in expect.steps]
    if -1 in places or places != sorted(places):
        yield f"steps that say, in order: {'; '.join(expect.steps)}", "; ".join(told) or "no step"
    yield from _citations(expect, found, knowledge)
    for name, value in expect.facts.items():
        if found.facts.get(name) != value:
            yield f"fact {name}: {value}", str(found.facts.get(name))


def _citations(expect: Expect, found: Diagnosis, knowledge: Knowledge) -> Iterator[tuple[str, str]]:
    said = {one.id: one.statement for one in found.evidence}
    first = found.hypotheses[0]
    for words in expect.cites:
        statements = [said.get(id_, "") for id_ in first.because]
        if not any(words.casefold() in one.casefold() for one in statements):
            yield f"evidence for {first.class_} says: {words}", "; ".join(statements) or "nothing"
    ids = {one.class_: one.because for one in found.ruled_out} | {one.class_: one.against for one in found.hypotheses}
    for name, words in expect.cites_against.items():
        statements = [said.get(id_, "") for id_ in ids.get(name, ())]
        if not any(words.casefold() in one.casefold() for one in statements):
            yield f"evidence against {name} says: {words}", "; ".join(statements) or "nothing"
    if expect.escalation is not None:
        known = knowledge.taxonomy.get(first.class_)
        who = (known.escalate_at_once if known else None) or ""
        if who != expect.escalation and (not expect.escalation or expect.escalation not in who):
            yield f"escalation at once to {expect.escalation or 'nobody'}", who or "nobody"


def _severity(case: Case, found: Diagnosis, knowledge: Knowledge) -> str:
    """The worst of the sender's word and the class's default, as at the first report (impact may raise it later)."""
    levels = [DEFAULT_ALERT.get(event.severity.value, Severity.SEV3) for event in case.events]
    first = found.first
    if first is not None and first.class_ not in (UNKNOWN, BENIGN) and first.probability >= 0.5:
        levels.append(Severity(knowledge.taxonomy[first.class_].severity))
    return min(levels, key=lambda level: level.rank).value if levels else ""
