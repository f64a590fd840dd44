"""A report for a terminal: what, where, whom it hits, why, what next; 80 columns are enough. Pure; colour is the console's.

Text of others is stripped of control characters and never read as markup.
"""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from responder.logic.gaps import figures_missing
from responder.model.delivery import Visible
from responder.model.diagnosis import UNKNOWN, Hypothesis, Verdict
from responder.model.incident import IncidentStatus, Severity
from responder.model.report import Report
from responder.model.skill import NextStep
from responder.sinks import wording
from responder.sinks.wording import clean

BADGES = {
    Severity.SEV1: "bold white on red",
    Severity.SEV2: "bold black on yellow",
    Severity.SEV3: "bold black on cyan",
    Severity.SEV4: "bold black on white",
}
RISKS = {"none": "dim", "low": "green", "medium": "yellow", "high": "bold red"}
LABEL = 10
BAR = 10
CAUSES, CITED, STEPS, LINES, NEEDS = 4, 4, 5, 4, 6
QUOTE = 90
"""Characters of evidence quoted against what was ruled out: the whole line stands above or on the page."""
LEAST = 0.01
"""Causes below this are not shown: they would be read as doubts that nobody has."""


def full(report: Report, *, width: int = 100) -> RenderableType:
    """The whole report. `width` in columns; print it on a console of at least that width."""
    rows = Table.grid(padding=(0, 1), expand=False)
    rows.add_column(width=LABEL, style="bold cyan", no_wrap=True)
    rows.add_column(width=width - LABEL - 2, overflow="fold")
    for label, value in _rows(report):
        rows.add_row(label, value)
    parts: list[RenderableType] = [_head(report, width)]
    if report.summary:
        parts.append(Padding(Text(clean(report.summary)), (0, 1, 1, 1)))
    return Group(*parts, Padding(rows, (0, 0, 0, 1)), Text("─" * width, "dim"))


def brief(report: Report, visible: Visible, clauses: Iterable[str]) -> Text:
    """One line for what changed since the report was printed."""
    line = Text(" ")
    if visible is Visible.RESOLVED:
        lasted = wording.span(report.created_at - report.incident.opened_at)
        line.append(" RESOLVED ", "bold black on green").append(f" {report.incident.id}", "dim")
        line.append(f" {clean(report.title)}", "bold").append(f" after {lasted}")
    else:
        line.append(f" {report.incident.severity.value} ", BADGES[report.incident.severity])
        line.append(f" {report.incident.id} r{report.revision}", "dim").append(f" {clean(report.title)}", "bold")
    told = " · ".join(clean(clause) for clause in clauses)
    if told and visible is not Visible.RESOLVED:
        line.append(f": {told}")
    return line


def _head(report: Report, width: int) -> RenderableType:
    incident = report.incident
    badge = Text(f" {incident.severity.value} ", BADGES[incident.severity])
    if incident.status is IncidentStatus.RESOLVED:
        badge = Text(" RESOLVED ", "bold black on green")
    head = Table.grid(padding=(0, 1), expand=False)
    head.add_column(no_wrap=True)
    head.add_column(width=max(20, width - badge.cell_len - len(incident.id) - 6), overflow="fold")
    head.add_column(no_wrap=True, justify="right")
    head.add_row(badge, Text(clean(report.title), "bold"), Text(incident.id, "dim"))
    return Padding(head, (1, 0, 0, 1))


def _rows(report: Report) -> Iterable[tuple[str, RenderableType]]:
    yield "where", Text(_where(report))
    yield "impact", _impact(report)
    yield "owner", _owner(report)
    yield "status", _status(report)
    yield "", Text("")
    yield "why", _why(report)
    steps = _next(report)
    if steps is not None:
        yield "", Text("")
        yield "next", steps
    asides = list(_asides(report))
    if asides:
        yield "", Text("")
        yield from asides


def _where(report: Report) -> str:
    gpus = report.impact.gpus
    if len(gpus) == 1 and gpus[0].uuid:
        nodes = report.impact.nodes or ((gpus[0].node,) if gpus[0].node else ())
        return clean(" · ".join([*([wording.some(nodes, 3)] if nodes else []), wording.gpu(gpus[0], short=False)]))
    return clean(wording.where(report))


def _impact(report: Report) -> Text:
    impact = report.impact
    lines = [part for part in (wording.hit(impact), wording.figures(impact)) if part]
    text = Text("\n".join(clean(line) for line in lines) or clean(impact.statement) or "not known")
    for gap in figures_missing(impact):
        text.append(f"\n{clean(gap)}", "dim")
    return text


def _owner(report: Report) -> Text:
    text = Text(clean(report.incident.owner))
    runbook = report.incident.runbook_url
    return text.append(f"\n{clean(runbook)}" if runbook else " · no runbook", "dim")


def _status(report: Report) -> Text:
    incident = report.incident
    text = Text(incident.status.value)
    if incident.acknowledged_by and incident.status is IncidentStatus.ACKNOWLEDGED:
        text.append(f" by {clean(incident.acknowledged_by)}")
    text.append(f" · since {wording.stamp(incident.opened_at)} · {wording.count(incident.events, 'event')}")
    if incident.severity_reason:
        text.append(f"\n{incident.severity.value}: {clean(incident.severity_reason)}", "dim")
    return text


def _why(report: Report) -> RenderableType:
    first = report.hypotheses[0] if report.hypotheses else None
    if first is None:
        return Text("not enough evidence to name a cause", "yellow")
    parts: list[RenderableType] = []
    if report.verdict is Verdict.INSUFFICIENT_EVIDENCE or first.class_ == UNKNOWN:
        parts.append(Text("not enough evidence to name a cause; the guesses so far:", "yellow"))
    elif report.verdict is Verdict.BENIGN:
        parts.append(Text("needs nobody", "green"))
    worth = [cause for n, cause in enumerate(report.hypotheses) if n == 0 or cause.probability >= LEAST]
    for n, cause in enumerate(worth[:CAUSES]):
        parts.append(_cause(cause, leading=n == 0))
        cited, more = wording.cited(report, cause, CITED)
        for evidence in cited if n == 0 else ():
            told = Text(f"{clean(evidence.source)}: ", "dim").append(clean(evidence.statement), "not dim")
            parts.append(_hung(Text(f"  {clean(evidence.id)}", "cyan"), told))
        if n == 0 and more:
            parts.append(Text(f"  and {wording.count(more, 'more piece')} of evidence", "dim"))
        if n == 0 and cause.symptoms:
            parts.append(_hung(Text("  explains", "dim"), Text(clean(wording.some(cause.symptoms, 6)), "dim")))
    return Group(*parts)


def _cause(cause: Hypothesis, *, leading: bool) -> Text:
    line = Text(wording.bar(cause.probability, BAR), "green" if leading else "dim")
    line.append(f" {wording.percent(cause.probability):>5}  ", "bold" if leading else "dim")
    line.append(clean(cause.title) or "—", "bold" if leading else "")
    return line.append(f", {wording.likelihood(cause.probability)}" if leading else "", "")


def _next(report: Report) -> RenderableType | None:
    steps = report.hypotheses[0].next_steps if report.hypotheses else ()
    if not steps:
        return None
    parts = [line for n, step in enumerate(steps[:STEPS], 1) for line in _step(n, step)]
    if len(steps) > STEPS:
        parts.append(Text(f"and {wording.count(len(steps) - STEPS, 'more step')}", "dim"))
    return Group(*parts)


def _hung(mark: Text, text: Text) -> Table:
    """Wrapped lines stand under the text, not under its mark."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(mark, text)
    return grid


def _step(n: int, step: NextStep) -> Iterable[RenderableType]:
    risk = wording.RISK[step.risk] + ("" if step.reversible else ", cannot be undone")
    yield _hung(Text(str(n), "bold"), Text(f"{clean(step.do)}  ").append(f"[{risk}]", RISKS[step.risk]))
    if step.command:
        yield _hung(Text("  $", "dim"), Text(clean(step.command), "bold green"))


def _ruled_out(report: Report) -> list[str]:
    """One line per reason; what stands above as evidence is only named."""
    known = {evidence.id: evidence.statement for evidence in report.evidence}
    first = wording.cited(report, report.hypotheses[0], CITED)[0] if report.hypotheses else []
    above = {one.id for one in first}
    reasons: dict[tuple[str, ...], list[str]] = {}
    for one in report.ruled_out:
        reasons.setdefault(one.because[:2], []).append(one.class_)
    lines = []
    for cites, classes in reasons.items():
        told = [
            cite if cite in above else f"{cite}: {wording.clip(known[cite], QUOTE)}" for cite in cites if cite in known
        ]
        lines.append(", ".join(classes) + (f" ({'; '.join(told)})" if told else ""))
    return lines


def _asides(report: Report) -> Iterable[tuple[str, RenderableType]]:
    groups = (
        ("ruled out", _ruled_out(report)),
        ("missing", wording.unseen(report, NEEDS)),
        ("changed", [f"{wording.stamp(one.at)}  {one.what}" for one in report.changes]),
        ("symptom of", [f"{report.parent.id} {report.parent.title}"] if report.parent else []),
        ("explains", [f"{child.id} {child.title}" for child in report.children]),
        ("related", [f"{wording.skill(one)}: {one.why}" for one in report.related_skills]),
        ("failed", [f"check {one.id}: {one.why}" for one in report.quality.checks if not one.passed]),
    )
    for label, lines in groups:
        shown = [clean(line) for line in lines[:LINES]]
        if len(lines) > LINES:
            shown.append(f"and {len(lines) - LINES} more")
        if shown:
            yield label, Text("\n".join(shown))
    if report.escalation is not None:
        step = report.escalation
        due = f" at {wording.clock(step.due_at)}" if step.due_at else ""
        yield "escalates", Text(clean(f"to {step.level} {step.who}{due}: {step.why}"))
