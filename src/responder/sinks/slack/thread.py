"""What is said once in the thread: news of a revision, a reminder, the closing text. Pure."""

from datetime import datetime

from responder.model.diagnosis import UNKNOWN, Verdict
from responder.model.report import Report
from responder.sinks import wording
from responder.sinks.slack import blocks as kit
from responder.sinks.slack.blocks import Message, inert
from responder.sinks.slack.root import local, person


def said(clauses: list[str], report: Report, reason: str) -> Message:
    """One line: what changed, and why we looked again."""
    told = " · ".join(inert(clause, 350) for clause in clauses[:7])
    if report.incident.acknowledged_by:
        plainly = inert(report.incident.acknowledged_by, 80)
        told = told.replace(f"acknowledged by {plainly}", f"acknowledged by {person(report.incident.acknowledged_by)}")
    why = f"  _({inert(wording.plainly(reason), 120)}, revision {report.revision})_"
    return Message(inert("; ".join(clauses), 600), (kit.section(f"🔄 {told}{why}"),))


def reminder(report: Report, now: datetime) -> Message:
    """Nobody took it."""
    open_for = wording.span(now - report.incident.opened_at)
    text = f"⏰ Open for {open_for} and nobody has it: {inert(report.title, 200)}"
    return Message(text, (kit.section(text),))


def escalated(report: Report) -> Message:
    """It goes to the next level."""
    step = report.escalation
    who = inert(f"{step.level} {step.who}", 200) if step else "the next level"
    why = f": {inert(step.why, 300)}" if step and step.why else ""
    text = f"⏫ Escalated, next is {who}{why} · {inert(report.title, 200)}"
    return Message(text, (kit.section(text),))


def closing(report: Report) -> Message:
    """The end in four fields: id and time, cause, fix, next steps."""
    incident = report.incident
    first = report.hypotheses[0] if report.hypotheses else None
    lasted = wording.span(report.created_at - incident.opened_at)
    when = f"{kit.code(incident.id, 60)}\n{local(incident.opened_at)} to {local(report.created_at)}, {lasted}"
    named = first is not None and first.class_ != UNKNOWN and report.verdict is not Verdict.INSUFFICIENT_EVIDENCE
    cause = (
        f"{inert(first.title, 300)}, {inert(wording.percent(first.probability), 10)}"
        if first and named
        else "not found"
    )
    steps = [f"{n}. {inert(step.do, 400)}" for n, step in enumerate(first.next_steps[:3], 1)] if first and named else []
    text = f"✅ Resolved after {lasted}: {inert(report.title, 200)}"
    return Message(
        text,
        (
            kit.section(text),
            kit.fields(
                [
                    ("Incident", when),
                    ("Cause", cause),
                    ("Fix", _fix(report)),
                    ("Next steps", "\n".join(steps) or "mark the cause right or wrong above"),
                ]
            ),
        ),
    )


def _fix(report: Report) -> str:
    """What is recorded of how it ended; an honest blank is asked to be filled."""
    ended = [entry for entry in report.timeline if entry.what.startswith("Resolved")]
    if ended:
        return f"{inert(ended[-1].what, 300)}\n_what was done is not recorded: say it here_"
    return "_not recorded: say here what was done_"
