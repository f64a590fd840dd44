"""The details under the message: causes with their evidence and steps, what was ruled out, what is missing.

Pure. Lines are bounded, packed into sections and sections into messages within Slack's limits; nothing is lost below
`MAX_PARTS` messages, and what is beyond is counted and stands on the page.
"""

from collections.abc import Iterable, Iterator

from responder.model.diagnosis import Hypothesis
from responder.model.evidence import Evidence, Plane
from responder.model.report import Report
from responder.sinks import wording
from responder.sinks.slack import blocks as kit
from responder.sinks.slack.blocks import Block, Message, bold, code, inert, link, outside
from responder.sinks.slack.root import SUMMARY, step_line

MAX_PARTS = 6
"""Thread messages for one report: about 65,000 characters."""
LINE = 600
EMPTY = Message("(nothing more)", (kit.section("_(this part is not needed any more; the ones above are current)_"),))

Group = tuple[str, list[str]]


def details(report: Report, page: str) -> list[Message]:
    """One message or more."""
    messages: list[list[Block]] = [[]]
    used = 0
    sections = list(_sections(_groups(report)))
    for n, text in enumerate(sections):
        block = kit.section(text)
        if len(messages[-1]) >= kit.MAX_BLOCKS or used + wording.units(text) > kit.MAX_TOTAL:
            if len(messages) == MAX_PARTS:
                left = wording.count(len(sections) - n, "more section")
                messages[-1].append(kit.context([f"… {left} on the {link(page, 'full report')}"]))
                break
            messages.append([])
            used = 0
        messages[-1].append(block)
        used += wording.units(text)
    return [
        Message(inert(f"Details of {report.title} ({n}/{len(messages)})", 300), tuple(made))
        for n, made in enumerate(messages, 1)
    ]


def _sections(groups: Iterable[Group]) -> Iterator[str]:
    """Lines of a group share a section while they fit; a continued group says so."""
    for title, lines in groups:
        text = f"*{title}*"
        for line in lines:
            if wording.units(text) + 1 + wording.units(line) > kit.MAX_SECTION:
                yield text
                text = f"*{title}* _continued_"
            text += f"\n{line}"
        yield text


def _groups(report: Report) -> list[Group]:
    groups: list[Group] = []
    if wording.units(report.summary) > SUMMARY // 2 and len(inert(report.summary, SUMMARY)) >= SUMMARY - 1:
        groups.append(("Summary in full", list(_wrapped(report.summary))))
    groups.append(("Causes, ranked", [line for n, one in enumerate(report.hypotheses, 1) for line in _cause(n, one)]))
    for plane in Plane:
        lines = [_evidence(one) for one in report.evidence if one.plane is plane]
        groups.append((f"Evidence: {plane.value}", lines))
    groups += [
        ("Ruled out", [f"• {inert(one.class_, 120)}{_cites('by', one.because)}" for one in report.ruled_out]),
        ("Missing", [f"• {inert(line, LINE)}" for line in wording.unseen(report, 16)]),
        ("Impact", _impact(report)),
        (
            "Changes before it",
            [f"• {wording.stamp(c.at)}  {inert(c.what, 400)} {outside(c.link)}".rstrip() for c in report.changes],
        ),
        ("Timeline", [f"`{entry.at:%H:%M:%S}` {inert(entry.what, 400)}" for entry in report.timeline]),
        (
            "Related skills",
            [
                f"• {bold(wording.skill(one), 140)} ({inert(one.mode, 40)}): {inert(one.why, 300)}"
                for one in report.related_skills
            ],
        ),
        (
            "Checks of this report that failed",
            [f"• {inert(one.id, 80)}: {inert(one.why, 300)}" for one in report.quality.checks if not one.passed],
        ),
    ]
    return [*(group for group in groups if group[1]), ("Made by", _made_by(report))]


def _wrapped(text: str) -> Iterator[str]:
    """A long text as bounded lines that together hold all of it, up to 20."""
    flat = wording.clean(text)
    for start in range(0, min(len(flat), 20 * LINE // 6), LINE // 6):
        yield inert(flat[start : start + LINE // 6], LINE)


def _cause(n: int, one: Hypothesis) -> Iterator[str]:
    odds = f"{wording.percent(one.probability)}, {wording.likelihood(one.probability)}"
    yield f"*{n}.* {bold(one.title, 200)}  {code(one.class_, 80)}"
    cites = _cites("for", one.because) + _cites("against", one.against)
    yield f"`{wording.bar(one.probability)}` {inert(odds, 60)}{cites}"
    if one.says:
        yield inert(one.says, LINE)
    if one.symptoms:
        yield f"explains {inert(wording.some(one.symptoms, 12), 400)}"
    for number, step in enumerate(one.next_steps, 1):
        yield step_line(number, step)


def _cites(word: str, ids: tuple[str, ...]) -> str:
    return f" · {word} {inert(wording.some(ids, 12), 200)}" if ids else ""


def _evidence(one: Evidence) -> str:
    value = ""
    if isinstance(one.value, int | float | str) and str(one.value) not in one.statement:
        value = inert(f"({one.value}{f' {one.unit}' if one.unit else ''})", 80)
    at = f" · {wording.stamp(one.observed_at)}" if one.observed_at else ""
    query = f"\n    {code(one.query, 300)}" if one.query else ""
    told = f"{code(one.id, 20)} {inert(one.source, 40)}: {inert(one.statement, 500)} {value}".rstrip()
    return f"{told}{at} {outside(one.link)}".rstrip() + query


def _impact(report: Report) -> list[str]:
    impact = report.impact
    lists = (
        ("nodes", impact.nodes),
        ("GPUs", tuple(wording.gpu(gpu, short=False) + (f" on {gpu.node}" if gpu.node else "") for gpu in impact.gpus)),
        ("jobs", impact.jobs),
        ("services", impact.services),
        ("users", impact.users),
        ("owners", impact.owners),
    )
    lines = [inert(impact.statement, LINE)] if impact.statement else []
    lines += [f"• {noun}: {inert(wording.some(names, 16), LINE)}" for noun, names in lists if names]
    lines += [
        f"• {inert(gap.field.replace('_', ' '), 80)} not known: {inert(gap.reason, 300)}" for gap in impact.unknown
    ]
    return lines


def _made_by(report: Report) -> list[str]:
    made = report.provenance
    recorded = " · from recorded evidence" if made.recorded else ""
    versions = (("responder", made.responder), ("rules", made.rules), ("skills", made.skills))
    told = " · ".join(f"{name} {code(version, 40)}" for name, version in versions)
    rule = inert(report.rule.name, 80)
    return [f"{inert(report.skill.name, 80)} {code(report.skill.version, 20)} · rule {rule} · {told}{recorded}"]
