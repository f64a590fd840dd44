"""A report as a PagerDuty event: what a phone reads aloud at night. Pure.

Limits (developer-docs, docs/events-API-v2/01-Overview and 02-Trigger-Events): summary 1,024 characters, dedup key 255, event 512 KB.
"""

import json
from typing import Any

from responder.model.diagnosis import UNKNOWN, Verdict
from responder.model.incident import Severity
from responder.model.report import Report
from responder.sinks import wording

MAX_SUMMARY = 1_024
MAX_DEDUP_KEY = 255
MAX_BYTES = 512_000
"""Of the whole event; Alertmanager takes the same reading of "512 KB"."""
SEVERITIES = {Severity.SEV1: "critical", Severity.SEV2: "error", Severity.SEV3: "warning", Severity.SEV4: "info"}
DETAIL = 1_500
LINES = 20


def dedup_key(incident_id: str, episode: int) -> str:
    """A recurrence is a new incident there, too: its people may be others."""
    return f"{incident_id}.{episode}"[:MAX_DEDUP_KEY]


def trigger(report: Report, page: str, note: str = "") -> dict[str, Any]:
    """Without routing key and dedup key, which do not change what is shown."""
    event = {
        "event_action": "trigger",
        "payload": _payload(report) | {"custom_details": _details(report, note)},
        "links": _links(report, page),
        "client": "responder",
        "client_url": page,
    }
    return _fitting(event)


def acknowledge() -> dict[str, Any]:
    return {"event_action": "acknowledge"}


def resolve(report: Report, *, joined: bool) -> dict[str, Any]:
    """With the reason in the log of the incident: `joined` to another one, or over."""
    event: dict[str, Any] = {"event_action": "resolve"}
    if joined:
        parent = report.parent
        into = f"{parent.id}: {parent.title}" if parent else "another incident"
        payload = _payload(report)
        event["payload"] = payload | {
            "summary": clip(f"Joined to {into}. {payload['summary']}", MAX_SUMMARY),
            "custom_details": {"note": clip(f"A symptom of {into}; it goes on there.", DETAIL)},
        }
    return _fitting(event)


def _payload(report: Report) -> dict[str, Any]:
    incident = report.incident
    first = report.hypotheses[0] if report.hypotheses else None
    return {
        "summary": _summary(report),
        "source": clip(wording.where(report), 255),
        "severity": SEVERITIES[incident.severity],
        "timestamp": incident.opened_at.isoformat(timespec="milliseconds"),
        "component": clip(", ".join(wording.gpu(gpu, short=False) for gpu in report.impact.gpus[:4]), 255),
        "group": clip(incident.key.get("cluster") or report.rule.name, 255),
        "class": clip(first.class_ if first else UNKNOWN, 255),
    }


def _summary(report: Report) -> str:
    """Severity, what, and the cause when there is one; read aloud on a phone."""
    parts = [f"{report.incident.severity.value} {report.title}"]
    first = report.hypotheses[0] if report.hypotheses else None
    if report.verdict is Verdict.INSUFFICIENT_EVIDENCE:
        parts.append("cause not known yet")
    elif first is not None and first.class_ != UNKNOWN:
        parts.append(f"{first.title} ({wording.percent(first.probability)})")
    hit = wording.hit(report.impact)
    if hit:
        parts.append(hit)
    return clip(" — ".join(parts), MAX_SUMMARY)


def _details(report: Report, note: str) -> dict[str, Any]:
    """What the page shows, for those who see PagerDuty first. Plain text; PagerDuty shows it as a table."""
    impact = report.impact
    evidence = {one.id: one.statement for one in report.evidence}
    first = report.hypotheses[0] if report.hypotheses else None
    details: dict[str, Any] = {
        "summary": clip(report.summary, DETAIL),
        "where": clip(wording.where(report), DETAIL),
        "impact": clip(" · ".join(part for part in (wording.hit(impact), wording.figures(impact)) if part), DETAIL),
        "causes": [clip(f"{wording.percent(one.probability)} {one.title}", DETAIL) for one in report.hypotheses[:3]],
        "evidence": [
            clip(f"{cite}: {evidence[cite]}", DETAIL) for cite in (first.because if first else ()) if cite in evidence
        ][:LINES],
        "next_steps": [
            clip(f"{step.do} [{wording.RISK[step.risk]}]" + (f" $ {step.command}" if step.command else ""), DETAIL)
            for step in (first.next_steps if first else ())
        ][:LINES],
        "missing": [clip(line, DETAIL) for line in wording.unseen(report, LINES)[:LINES]],
        "severity_reason": clip(report.incident.severity_reason, DETAIL),
        "owner": report.incident.owner,
        "incident": report.incident.id,
        "revision": report.revision,
        "note": clip(note, DETAIL),
    }
    return {name: value for name, value in details.items() if value not in ("", [], None)}


def _links(report: Report, page: str) -> list[dict[str, str]]:
    links = [{"href": page, "text": f"Report {report.incident.id}"}]
    runbook = report.incident.runbook_url
    if runbook and runbook.startswith(("http://", "https://")):
        links.append({"href": clip(runbook, 2_000), "text": "Runbook"})
    return links


def _fitting(event: dict[str, Any]) -> dict[str, Any]:
    """Within the size limit even beside the longest keys: details go first, then links; what is left is bounded."""
    room = MAX_BYTES - 1_000
    if _bytes(event) > room and "custom_details" in event.get("payload", {}):
        left = {"note": "the details were too large for PagerDuty; they stand on the linked page"}
        event = event | {"payload": event["payload"] | {"custom_details": left}}
    if _bytes(event) > room:
        event = {name: value for name, value in event.items() if name != "links"}
    return event


def _bytes(event: dict[str, Any]) -> int:
    return len(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace"))


def clip(text: str, most: int) -> str:
    """At most `most` UTF-16 units on one line; never empty when something was there, and no lone surrogates."""
    return wording.clip(" ".join(text.split()).encode("utf-8", "replace").decode(), most)
