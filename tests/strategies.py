"""Values of the model for tests: one hand-made report that a person would recognise, and strategies for arbitrary ones.

Shared by everything that shows, stores or compares reports.
"""

import string
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from responder.model.delivery import Order, Receipt, Visible
from responder.model.diagnosis import (
    Hypothesis,
    MissingNeed,
    RuledOut,
    SuggestedSkill,
    TimelineEntry,
    Verdict,
)
from responder.model.event import Change
from responder.model.evidence import Evidence, Plane
from responder.model.incident import IncidentStatus, Severity
from responder.model.report import (
    Escalation,
    GpuRef,
    Impact,
    IncidentRef,
    Provenance,
    Quality,
    QualityCheck,
    Report,
    ReportIncident,
    RuleRef,
    SkillRef,
    Slo,
    UnknownField,
)
from responder.model.rule import All, Any_, Condition, Matcher, MatchOp, Not, One
from responder.model.skill import NextStep

AT = datetime(2026, 3, 14, 3, 2, 11, tzinfo=UTC)
GPU = "GPU-5c8e1f2a-90b1-4c3d-8e7f-aa10b2c3d4e5"


def gpu_report(**change: Any) -> Report:
    """A GPU that fell off the bus of a node with two jobs. `change` replaces fields of the report; `incident` is a mapping."""
    incident = {
        "id": "inc-4k2jx7qa",
        "key": {"cluster": "prod-a", "node": "gpu-n17"},
        "status": IncidentStatus.OPEN,
        "severity": Severity.SEV2,
        "severity_reason": "2 jobs hit, 16 GPUs at risk",
        "owner": "gpu-platform",
        "runbook_url": "https://runbooks.example.com/gpu/xid?code=79&node=gpu-n17",
        "opened_at": AT,
        "events": 12,
    } | change.pop("incident", {})
    fields: dict[str, Any] = {
        "id": "rep-4k2jx7qa-1-1",
        "revision": 1,
        "created_at": AT + timedelta(seconds=8),
        "verdict": Verdict.DIAGNOSED,
        "incident": ReportIncident(**incident),
        "rule": RuleRef(name="gpu-xid", version="9f31c2a07b1e"),
        "skill": SkillRef(
            name="gpu-node-health-diagnoser", version="1c77ab90ee21", mode="diagnoser", domain="gpu-infrastructure"
        ),
        "title": "GPU 3 of gpu-n17 fell off the bus (Xid 79)",
        "summary": "GPU 3 of gpu-n17 stopped answering on PCIe at 03:02 UTC and takes two training jobs down with it. "
        "The card needs a reset of the node; if it comes back with Xid 79, it needs replacing.",
        "hypotheses": (
            Hypothesis(
                class_="gpu_fell_off_bus",
                title="The GPU fell off the PCIe bus",
                probability=0.93,
                because=("e1", "e2", "e3"),
                symptoms=("nccl_timeout", "pod_failed"),
                next_steps=(
                    NextStep(
                        do="Drain the node so that nothing new lands on it",
                        command="scontrol update nodename=gpu-n17 state=drain reason='xid 79'",
                        risk="low",
                    ),
                    NextStep(
                        do="Power-cycle the node once its jobs are gone",
                        command="ipmitool -H gpu-n17-bmc chassis power cycle",
                        risk="high",
                        reversible=False,
                    ),
                    NextStep(
                        do="If Xid 79 comes back, open an RMA with the UUID and the nvidia-bug-report", risk="none"
                    ),
                ),
            ),
            Hypothesis(class_="pcie_link", title="A bad PCIe link or riser", probability=0.04, because=("e3",)),
            Hypothesis(class_="unknown", title="Something else", probability=0.03),
        ),
        "ruled_out": (RuledOut(class_="thermal_shutdown", because=("e4",)),),
        "missing": (MissingNeed(need="nvlink errors", reason="gpu_is_lost"),),
        "impact": Impact(
            statement="Two jobs on 16 GPUs stand still.",
            nodes=("gpu-n17",),
            gpus=(GpuRef(uuid=GPU, node="gpu-n17", index=3),),
            jobs=("llama-70b-sft-0412", "eval-nightly"),
            users=("mara",),
            gpu_hours_lost=18.4,
            gpu_hours_at_risk=64.0,
            cost_usd=46.0,
            unknown=(UnknownField(field="slo", reason="no objective covers training"),),
        ),
        "changes": (Change(at=AT - timedelta(hours=2), what="Driver 570.124.06 rolled out to rack r12"),),
        "escalation": Escalation(
            level="L2", who="GPU tech lead", due_at=AT + timedelta(minutes=15), why="SEV2 not acknowledged after 15 min"
        ),
        "quality": Quality(checks=(QualityCheck(id="evidence-exists", passed=True),)),
        "evidence": (
            Evidence(
                id="e1",
                source="log",
                statement="kernel: NVRM: Xid (PCI:0000:4e:00): 79, GPU has fallen off the bus.",
                observed_at=AT,
            ),
            Evidence(
                id="e2",
                source="prometheus",
                statement="DCGM stopped reporting GPU 3 at 03:02:07, the seven others go on",
                value=7,
                unit="GPUs",
                observed_at=AT + timedelta(seconds=4),
                query='count(DCGM_FI_DEV_SM_CLOCK{Hostname="gpu-n17"})',
                link="http://prometheus:9090/graph?g0.expr=count%28DCGM%29&g0.tab=0",
            ),
            Evidence(id="e3", source="history", statement="second Xid 79 on this card in 30 days", value=2),
            Evidence(
                id="e4",
                plane=Plane.SYSTEM,
                source="prometheus",
                statement="61 °C, slowdown at 87 °C",
                value=61,
                unit="°C",
            ),
        ),
        "timeline": (
            TimelineEntry(at=AT - timedelta(hours=2), what="Change: Driver 570.124.06 rolled out to rack r12"),
            TimelineEntry(at=AT, what="Firing: GpuXidError"),
            TimelineEntry(at=AT + timedelta(seconds=2), what="Firing: pod trainer-17 failed"),
        ),
        "related_skills": (
            SuggestedSkill(
                name="training-job-debugger", mode="diagnoser", why="two jobs died on this node", status="released"
            ),
        ),
        "children": (IncidentRef(id="inc-9ab3", title="llama-70b-sft-0412 failed"),),
        "provenance": Provenance(responder="0.1.0", config="c0ffee", rules="9f31c2a07b1e", skills="1c77ab90ee21"),
    }
    return Report(**(fields | change))


def order(report: Report, visible: Visible = Visible.OPEN, **change: Any) -> Order:
    """What the pipeline would ask for; the first delivery of the incident unless changed."""
    sink, version = change.pop("sink", "slack"), change.pop("version", 1)
    incident = report.incident
    fields: dict[str, Any] = {
        "delivery_id": f"{incident.id}.{incident.episode}.{sink}.{version}",
        "incident_id": incident.id,
        "episode": incident.episode,
        "visible": visible,
        "reason": "first_report",
        "target": {},
        "claimed_at": report.created_at,
        "first_attempt_at": report.created_at,
    }
    return Order(**(fields | change))


def shown(receipt: Receipt, visible: Visible = Visible.OPEN) -> Receipt:
    """The receipt as the pipeline commits it."""
    return receipt.model_copy(update={"visible": visible if receipt.done else receipt.visible or visible})


# arbitrary ones

NASTY = (
    "<!channel> <!here> <@U012ABCDE> <#C012ABC> <https://evil.example|login>",
    "&&&&<<<<>>>>",
    "```` `*_~ *bold* _it_",
    "http://evil.example/x @here #general",
    "\u202egnp.exe \x00\x1b[31m\r\n\t",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🧨👩‍🚀 ﷽",
    "[red]not markup[/red] [link=file:///etc/passwd]x[/link]",
    " ",
    "",
)
words = st.text(max_size=60) | st.sampled_from(NASTY)
prose = words | st.builds(lambda part, n: part * n, words, st.integers(1, 120))
names = st.text(string.ascii_lowercase + string.digits + "-_.", min_size=1, max_size=40) | words
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
urls = (
    st.none()
    | st.sampled_from(
        (
            "https://runbooks.example.com/x?a=1&b=2",
            "javascript:alert(1)",
            "https://a|b>c",
            "http://[broken",
            "not a url",
        )
    )
    | prose.map(lambda tail: f"https://host.example/{tail}")
)
figures = st.none() | st.floats(0, 1e9)


def several(what: st.SearchStrategy[Any], most: int = 12) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(what, max_size=most).map(tuple)


def many(what: st.SearchStrategy[Any], most: int = 60) -> st.SearchStrategy[tuple[Any, ...]]:
    """Sometimes a great many of the same: a storm."""
    return several(what) | st.builds(lambda one, n: (one,) * n, what, st.integers(20, most))


cites = several(st.sampled_from(["e1", "e2", "e3", "e99"]), 4)
steps = st.builds(
    NextStep,
    do=prose,
    command=st.none() | prose,
    risk=st.sampled_from(["none", "low", "medium", "high"]),
    reversible=st.booleans(),
)
hypotheses = st.builds(
    Hypothesis,
    class_=names | st.just("unknown"),
    title=prose,
    probability=st.floats(0, 1),
    because=cites,
    against=cites,
    symptoms=several(names),
    next_steps=several(steps, 4),
    says=prose,
)
evidence = st.builds(
    Evidence,
    id=st.sampled_from(["e1", "e2", "e3", "e4"]) | names,
    plane=st.sampled_from(Plane),
    source=names,
    statement=prose,
    value=st.none() | st.floats(allow_nan=False) | prose,
    unit=st.none() | words,
    observed_at=st.none() | instants,
    query=st.none() | prose,
    link=urls,
)
references = st.builds(IncidentRef, id=names, title=prose)
impacts = st.builds(
    Impact,
    statement=prose,
    nodes=many(names),
    gpus=many(st.builds(GpuRef, uuid=st.none() | names, node=st.none() | names, index=st.none() | st.integers(0, 15))),
    jobs=many(names),
    services=several(names),
    users=several(names),
    owners=several(names),
    gpu_hours_lost=figures,
    gpu_hours_at_risk=figures,
    cost_usd=figures,
    slo=st.none() | st.builds(Slo, objective=words, burn_rate=figures, budget_left_ratio=figures),
    unknown=several(st.builds(UnknownField, field=names, reason=prose), 4),
)
incidents = st.builds(
    ReportIncident,
    id=st.text(string.ascii_lowercase + string.digits, min_size=4, max_size=12).map(lambda tail: f"inc-{tail}"),
    key=st.dictionaries(names, words, max_size=4),
    status=st.sampled_from(IncidentStatus),
    severity=st.sampled_from(Severity),
    severity_reason=prose,
    owner=words,
    runbook_url=urls,
    opened_at=instants,
    events=st.integers(0, 100_000),
    episode=st.integers(1, 9),
    acknowledged_by=st.none() | words | st.just("U012ABCDE"),
)
reports = st.builds(
    Report,
    id=names,
    revision=st.integers(1, 999),
    created_at=instants,
    verdict=st.sampled_from(Verdict),
    incident=incidents,
    rule=st.builds(RuleRef, name=words, version=names),
    skill=st.builds(SkillRef, name=words, version=names, mode=names, domain=names),
    title=prose,
    summary=prose,
    hypotheses=several(hypotheses, 6),
    ruled_out=several(st.builds(RuledOut, class_=names, because=cites)),
    missing=several(st.builds(MissingNeed, need=words, reason=prose)),
    impact=impacts,
    changes=several(st.builds(Change, at=instants, what=prose, entity=words, link=urls)),
    escalation=st.none() | st.builds(Escalation, level=words, who=prose, due_at=st.none() | instants, why=prose),
    quality=st.builds(Quality, checks=several(st.builds(QualityCheck, id=words, passed=st.booleans(), why=prose), 4)),
    evidence=many(evidence),
    timeline=many(st.builds(TimelineEntry, at=instants, what=prose), 60),
    related_skills=several(st.builds(SuggestedSkill, name=words, mode=words, why=prose)),
    parent=st.none() | references,
    children=many(references, 60),
    provenance=st.builds(Provenance, responder=words, config=words, rules=words, skills=words, recorded=st.booleans()),
)


def conditions(
    names: st.SearchStrategy[str],
    values: st.SearchStrategy[str],
    patterns: st.SearchStrategy[str],
    *,
    parts: int = 3,
    leaves: int = 6,
) -> st.SearchStrategy[Condition]:
    """Trees of matchers over these names, values and patterns."""
    return st.recursive(
        st.builds(One, matcher=matchers(names, values, patterns)),
        lambda inner: st.one_of(
            st.builds(All, parts=st.lists(inner, max_size=parts).map(tuple)),
            st.builds(Any_, parts=st.lists(inner, min_size=1, max_size=parts).map(tuple)),
            st.builds(Not, part=inner),
        ),
        max_leaves=leaves,
    )


def matchers(
    names: st.SearchStrategy[str], values: st.SearchStrategy[str], patterns: st.SearchStrategy[str]
) -> st.SearchStrategy[Matcher]:
    return st.one_of(
        st.builds(Matcher, label=names, op=st.sampled_from([MatchOp.EQ, MatchOp.NE]), value=values),
        st.builds(Matcher, label=names, op=st.sampled_from([MatchOp.RE, MatchOp.NRE]), value=patterns),
    )
