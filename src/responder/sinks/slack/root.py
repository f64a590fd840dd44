"""The one message of an incident: what broke, where, whom it hits, why, what to do next. Read in five seconds at 3 a.m.

Pure. Everything in it is cut to a bound, so the whole stays within Slack's limits; what is cut stands in the thread.
"""

import re
from datetime import datetime

from responder.logic.gaps import figures_missing
from responder.model.delivery import Visible
from responder.model.diagnosis import UNKNOWN, Hypothesis, Verdict
from responder.model.incident import Severity
from responder.model.report import Report
from responder.model.skill import NextStep
from responder.sinks import wording
from responder.sinks.slack import blocks as kit
from responder.sinks.slack.blocks import Block, Message, bold, code, inert, link

BADGES = {Severity.SEV1: "🔴", Severity.SEV2: "🟠", Severity.SEV3: "🟡", Severity.SEV4: "🔵"}
SUMMARY = 900
STATEMENT = 280
COMMAND = 500
_PERSON = re.compile(r"[UW][A-Z0-9]{5,14}")


def root(report: Report, visible: Visible, page: str, notes: tuple[str, ...] = (), *, buttons: bool = True) -> Message:
    """`page`: URL of the incident's page. `notes`: lines of ours under the message (a fallback's reason)."""
    if visible is Visible.MERGED:
        return _merged(report, page, notes)
    over = visible is Visible.RESOLVED
    made: list[Block] = [kit.header(_title(report, visible)), kit.section(inert(report.summary, SUMMARY))]
    made.append(kit.fields(_facts(report, visible)))
    made.append(kit.section(_why(report)))
    steps = _next(report)
    if steps and not over:
        made.append(kit.section(steps))
    made += _asides(report, over)
    if buttons:
        made.append({"type": "actions", "elements": _buttons(report, visible)})
    made.append(kit.context([_foot(report, page), *(inert(note, 400) for note in notes)]))
    return Message(_fallback(report, visible), tuple(made))


def _title(report: Report, visible: Visible) -> str:
    severity = report.incident.severity
    start = "✅ Resolved" if visible is Visible.RESOLVED else f"{BADGES[severity]} {severity.value}"
    return f"{start} · {report.title}"


def _fallback(report: Report, visible: Visible) -> str:
    """What a phone shows in its notification."""
    parts = [_title(report, visible), wording.where(report), report.summary]
    first = report.hypotheses[0] if report.hypotheses else None
    if first is not None and first.next_steps and visible is not Visible.RESOLVED:
        parts.append(f"Next: {first.next_steps[0].do}")
    return inert(" — ".join(part for part in parts if part), 1_500)


def _facts(report: Report, visible: Visible) -> list[tuple[str, str]]:
    impact = report.impact
    hit = [wording.hit(impact), wording.figures(impact)]
    told = [inert(part, 400) for part in hit if part] or [inert(impact.statement or "not known", 400)]
    told += [f"_{inert(gap, 160)}_" for gap in figures_missing(impact)[:2]]
    owner = inert(report.incident.owner, 120)
    runbook = link(report.incident.runbook_url, "runbook")
    return [
        ("Where", where(report)),
        ("Impact", "\n".join(told)),
        ("Owner", f"{owner} · {runbook}" if runbook != "runbook" else f"{owner} · no runbook"),
        ("Status", _status(report, visible)),
    ]


def where(report: Report) -> str:
    """Nodes and up to two GPUs by full UUID, to copy; a count beyond that."""
    impact = report.impact
    nodes = list(dict.fromkeys([*impact.nodes, *(gpu.node for gpu in impact.gpus if gpu.node)]))
    if not nodes and not impact.gpus:
        return inert(wording.where(report), 400)
    lines = [inert(" · ".join(wording.shared_place(report)), 200)] if wording.shared_place(report) else []
    if nodes:
        more = f" +{len(nodes) - 3} more" if len(nodes) > 3 else ""
        lines.append(" ".join(code(node, 80) for node in nodes[:3]) + more)
    if len(impact.gpus) > 2:
        lines.append(f"{len(impact.gpus)} GPUs")
    for gpu in impact.gpus if len(impact.gpus) <= 2 else ():
        index = f"GPU {gpu.index} " if gpu.index is not None else ""
        lines.append(f"{index}{code(gpu.uuid, 60)}" if gpu.uuid else index.strip() or "GPU")
    return "\n".join(lines)


def _status(report: Report, visible: Visible) -> str:
    incident = report.incident
    signals = wording.count(incident.events, "event")
    again = f", episode {incident.episode}" if incident.episode > 1 else ""
    if visible is Visible.RESOLVED:
        return f"resolved after {wording.span(report.created_at - incident.opened_at)} · {signals}{again}"
    since = f"since {local(incident.opened_at)} · {signals}{again}"
    if visible is Visible.ACKNOWLEDGED:
        return f"👀 {person(incident.acknowledged_by)} has it\n{since}"
    return f"open, nobody has it yet\n{since}"


def person(who: str | None) -> str:
    """A Slack user by its id shows as a name; anybody else as text."""
    if who and _PERSON.fullmatch(who):
        return f"<@{who}>"
    return inert(who or "somebody", 80)


def local(at: datetime) -> str:
    """In the reader's own time zone (docs.slack.dev/messaging/formatting-message-text#date-formatting)."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{wording.stamp(at)}>"


def _why(report: Report) -> str:
    first = report.hypotheses[0] if report.hypotheses else None
    if report.verdict is Verdict.INSUFFICIENT_EVIDENCE or first is None or first.class_ == UNKNOWN:
        lines = ["*Not enough evidence to name a cause*"]
        if report.missing:
            lines.append(f"Missing: {inert('; '.join(wording.unseen(report, 4)), 600)}")
        if first is not None and first.class_ != UNKNOWN:
            lines.append(f"Best guess, not to be relied on: {inert(first.title, 200)}, {_odds(first)}")
        return "\n".join(lines)
    if report.verdict is Verdict.BENIGN:
        return "\n".join([f"*Needs nobody:* {inert(first.title, 200)}", *_because(report, first)])
    lines = [f"*Cause*  {bold(first.title, 200)}", _odds(first, bar=True), *_because(report, first)]
    others = [f"{inert(one.title, 120)} {_percent(one)}" for one in report.hypotheses[1:3] if one.probability >= 0.01]
    if others:
        lines.append(f"_or_ {' · '.join(others)}")
    return "\n".join(lines)


def _odds(hypothesis: Hypothesis, *, bar: bool = False) -> str:
    words = f"{_percent(hypothesis)}, {wording.likelihood(hypothesis.probability)}"
    return f"`{wording.bar(hypothesis.probability)}` {words}" if bar else words


def _percent(hypothesis: Hypothesis) -> str:
    return inert(wording.percent(hypothesis.probability), 20)


def _because(report: Report, hypothesis: Hypothesis) -> list[str]:
    """The strongest three pieces of evidence, in their own words."""
    cited, _ = wording.cited(report, hypothesis, 3)
    return [f"• {inert(evidence.statement, STATEMENT)}  {code(evidence.id, 12)}" for evidence in cited]


def _next(report: Report) -> str:
    """Two steps; the rest stands in the thread."""
    steps = report.hypotheses[0].next_steps if report.hypotheses else ()
    if report.verdict is Verdict.INSUFFICIENT_EVIDENCE:
        # On a guess nobody should do what cannot be undone.
        steps = tuple(step for step in steps if step.reversible and step.risk in ("none", "low"))
    if not steps:
        return ""
    return "\n".join(["*Do next*", *(step_line(n, step) for n, step in enumerate(steps[:2], 1))])


def step_line(n: int, step: NextStep) -> str:
    risk = wording.RISK[step.risk] + ("" if step.reversible else ", cannot be undone")
    line = f"{n}. {inert(step.do, 400)}  _{risk}_"
    return f"{line}\n{kit.fence(step.command, COMMAND)}" if step.command else line


def _asides(report: Report, over: bool) -> list[Block]:
    lines = []
    if report.parent is not None:
        lines.append(f"🔗 a symptom of {_ref(report.parent.id, report.parent.title)}")
    if report.children:
        shown = ", ".join(_ref(child.id, child.title) for child in report.children[:4])
        more = f" +{len(report.children) - 4} more" if len(report.children) > 4 else ""
        lines.append(f"🔗 explains {wording.count(len(report.children), 'other incident')}: {shown}{more}")
    insufficient = report.verdict is Verdict.INSUFFICIENT_EVIDENCE
    if report.missing and not insufficient and not over:
        lines.append(f"⚠️ not seen: {inert('; '.join(wording.unseen(report, 3)), 400)}")
    changes = report.changes[:2] if not over else ()
    lines += [f"🛠️ changed {local(change.at)}: {inert(change.what, 200)}" for change in changes]
    if report.escalation is not None and not over:
        step = report.escalation
        due = f" at {local(step.due_at)}" if step.due_at else ""
        lines.append(f"⏫ {inert(f'{step.level} {step.who}', 120)}{due}: {inert(step.why or 'nobody acted', 160)}")
    return [kit.context(["\n".join(lines)])] if lines else []


def _ref(incident: str, title: str) -> str:
    return f"{code(incident, 40)} {inert(title, 80)}" if title else code(incident, 40)


def _buttons(report: Report, visible: Visible) -> list[Block]:
    value = report.incident.id
    made = []
    if visible is Visible.OPEN:
        made.append(kit.button("ack", "I have it", value, style="primary"))
    if visible is not Visible.RESOLVED:
        made.append(kit.button("resolve", "Resolve", value, confirm="Close this incident in every channel?"))
        made.append(kit.button("silence", "Silence 1 h", value))
    made.append(kit.button("right", "👍 Right cause", value))
    made.append(kit.button("wrong", "👎 Wrong cause", value))
    return made


def _foot(report: Report, page: str) -> str:
    incident = report.incident
    parts = [
        link(page, "full report"),
        code(incident.id, 60),
        f"revision {report.revision}",
        inert(f"{report.rule.name} → {report.skill.name}", 160),
    ]
    why = f"\n{incident.severity.value}: {inert(incident.severity_reason, 200)}" if incident.severity_reason else ""
    return " · ".join(parts) + why


def _merged(report: Report, page: str, notes: tuple[str, ...]) -> Message:
    parent = report.parent
    if parent is None:
        said, target = "This turned out to be a symptom of another incident, which carries on for both.", ""
    else:
        above = f"{page.rsplit('/', 1)[0]}/{parent.id}"
        said = f"This is a symptom of {bold(parent.title or parent.id, 200)}. It goes on there, under one message."
        target = link(above, f"open {inert(parent.id, 60)}")
    made = [kit.header(f"🔗 Joined · {report.title}"), kit.section(f"{said} {target}".strip())]
    made.append(kit.context([_foot(report, page), *(inert(note, 400) for note in notes)]))
    return Message(inert(f"Joined another incident · {report.title}", 400), tuple(made))
