"""What is new since a channel last spoke of an incident: a small gist is kept in the receipt and compared.

Only what changes what a person would do is news; one more event or a new timing is not.
"""

from typing import Any

from pydantic import JsonValue

from responder.model.delivery import Visible
from responder.model.diagnosis import Verdict
from responder.model.report import Report
from responder.sinks.wording import count, percent, plainly

MOVED = 0.10
"""A probability that moved by less than this is noise to a reader."""


def gist(report: Report, visible: Visible) -> dict[str, JsonValue]:
    """What a reader of this report knows."""
    first = report.hypotheses[0] if report.hypotheses else None
    impact = report.impact
    return {
        "visible": visible.value,
        "severity": report.incident.severity.value,
        "verdict": report.verdict.value,
        "cause": first.title if first else "",
        "class": first.class_ if first else "",
        "probability": first.probability if first else 0.0,
        "nodes": len(impact.nodes),
        "gpus": len(impact.gpus),
        "jobs": len(impact.jobs),
        "services": len(impact.services),
        "explains": len(report.children),
        "episode": report.incident.episode,
    }


def news(before: dict[str, Any], report: Report, visible: Visible) -> list[str]:
    """One clause per change, the most important first; empty when there is nothing to tell."""
    now: dict[str, Any] = gist(report, visible)
    told = []
    if before.get("visible") != now["visible"]:
        told.append(_status(visible, report))
    elif before.get("episode") != now["episode"]:
        told.append(f"open again (episode {now['episode']})")
    if before.get("severity") != now["severity"]:
        why = f" ({report.incident.severity_reason})" if report.incident.severity_reason else ""
        told.append(f"severity {before.get('severity')} → {now['severity']}{why}")
    told += _cause(before, now, report)
    for noun in ("node", "gpu", "job", "service"):
        was, is_now = before.get(f"{noun}s", 0), now[f"{noun}s"]
        if is_now > was:
            told.append(f"{count(is_now, noun.upper() if noun == 'gpu' else noun)} hit (was {was})")
    if now["explains"] > before.get("explains", 0):
        told.append(f"explains {count(now['explains'], 'other incident')}")
    return told


def _status(visible: Visible, report: Report) -> str:
    if visible is Visible.ACKNOWLEDGED:
        return f"acknowledged by {report.incident.acknowledged_by or 'somebody'}"
    if visible is Visible.MERGED:
        parent = report.parent
        return f"part of {parent.id}" if parent else "part of another incident"
    if visible is Visible.RESOLVED:
        return "resolved"
    return f"open again (episode {report.incident.episode})"


def _cause(before: dict[str, Any], now: dict[str, Any], report: Report) -> list[str]:
    if report.verdict is Verdict.INSUFFICIENT_EVIDENCE:
        return ["not enough evidence for a cause any more"] if before.get("verdict") != now["verdict"] else []
    if before.get("class") != now["class"] and now["class"]:
        was = f", was {before['cause']}" if before.get("cause") else ""
        return [f"first cause now {now['cause']}, {percent(now['probability'])}{was}"]
    if abs(now["probability"] - float(before.get("probability", 0.0))) >= MOVED:
        return [f"{now['cause']} now {percent(now['probability'])} (was {percent(float(before['probability']))})"]
    return [plainly(report.verdict.value)] if before.get("verdict") != now["verdict"] else []
