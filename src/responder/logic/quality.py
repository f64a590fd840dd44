"""The report's checklist, run on the report itself after it was made; a failed check is shown, not hidden.

The items follow the skill taxonomy's quality checklists: every cause cites evidence, times are UTC, missing data is named,
reversible steps come first, figures are numbers or have a reason.
"""

from datetime import timedelta

from responder.model.diagnosis import BENIGN, UNKNOWN, Verdict
from responder.model.report import QualityCheck, Report


def check(report: Report) -> tuple[QualityCheck, ...]:
    """One entry per check, in a fixed order."""
    return (
        _cited(report),
        _causes_have_evidence(report),
        _utc(report),
        _missing_named(report),
        _safe_step_first(report),
        _figures(report),
        _severity_reason(report),
        _owner(report),
    )


def _result(id: str, problem: str) -> QualityCheck:
    return QualityCheck(id=id, passed=not problem, why=problem)


def _cited(report: Report) -> QualityCheck:
    known = {evidence.id for evidence in report.evidence}
    cited = {id for one in report.hypotheses for id in (*one.because, *one.against)}
    cited |= {id for one in report.ruled_out for id in one.because}
    lost = sorted(cited - known)
    return _result("evidence-exists", f"cites {', '.join(lost)}, which is not in the report" if lost else "")


def _causes_have_evidence(report: Report) -> QualityCheck:
    bare = [h.class_ for h in report.hypotheses[:3] if h.class_ != UNKNOWN and h.probability >= 0.5 and not h.because]
    return _result("causes-cite-evidence", f"no evidence cited for {', '.join(bare)}" if bare else "")


def _utc(report: Report) -> QualityCheck:
    off = [entry for entry in report.timeline if entry.at.utcoffset() != timedelta()]
    return _result("times-are-utc", f"{len(off)} timeline entries are not in UTC" if off else "")


def _missing_named(report: Report) -> QualityCheck:
    bare = [missing.need for missing in report.missing if not missing.reason]
    silent = report.verdict is Verdict.INSUFFICIENT_EVIDENCE and not report.missing and not report.hypotheses
    problem = (
        f"no reason for {', '.join(bare)}"
        if bare
        else "says insufficient evidence but not what is missing"
        if silent
        else ""
    )
    return _result("missing-is-named", problem)


def _safe_step_first(report: Report) -> QualityCheck:
    first = report.hypotheses[0] if report.hypotheses else None
    if first is None or first.class_ in (UNKNOWN, BENIGN) or not first.next_steps:
        return _result("reversible-step-first", "")
    step = first.next_steps[0]
    risky = not step.reversible and any(other.reversible for other in first.next_steps[1:])
    return _result("reversible-step-first", f"an irreversible step comes first: {step.do}" if risky else "")


def _figures(report: Report) -> QualityCheck:
    explained = {unknown.field for unknown in report.impact.unknown}
    bare = [
        name
        for name in ("gpu_hours_lost", "gpu_hours_at_risk", "cost_usd")
        if getattr(report.impact, name) is None and name not in explained
    ]
    return _result("figures-or-reasons", f"neither number nor reason: {', '.join(bare)}" if bare else "")


def _severity_reason(report: Report) -> QualityCheck:
    return _result("severity-has-reason", "" if report.incident.severity_reason else "no reason for the severity")


def _owner(report: Report) -> QualityCheck:
    missing = [name for name in ("owner", "runbook_url") if not getattr(report.incident, name)]
    return _result("owner-and-runbook", f"the rule names no {' and no '.join(missing)}" if missing else "")
