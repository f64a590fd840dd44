"""What Slack is sent: valid for every report there could be, inert, and readable in five seconds."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from responder.model.delivery import Visible
from responder.model.diagnosis import MissingNeed, Verdict
from responder.model.report import IncidentRef, Report
from responder.sinks.slack import thread
from responder.sinks.slack.blocks import Message, inert
from responder.sinks.slack.details import details
from responder.sinks.slack.plan import Shown, next_step
from responder.sinks.slack.root import root
from responder.sinks.wording import units
from tests.strategies import gpu_report, order, prose, reports
from tests.wire.blocks import refuse, texts

PAGE = "https://responder.example.com/incidents/inc-4k2jx7qa"
CONTROL = re.compile(r"<([^<>]*)>")
OURS = re.compile(r"https?://[^\s<>|]+\|[^|]*|!date\^\d+\^\{date_short_pretty\} \{time\}\|[-0-9: ]+UTC|@[UW][A-Z0-9]+")
many_examples = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def all_messages(report: Report, notes: tuple[str, ...] = ()) -> list[Message]:
    made = [root(report, visible, PAGE, notes) for visible in Visible]
    made += [message.with_note("_" + "may be a repeat" * 8 + "_") for message in made]
    made += details(report, PAGE)
    made += [thread.closing(report), thread.reminder(report, report.created_at), thread.escalated(report)]
    return [*made, thread.said([report.title, report.summary] * 5, report, "new_revision")]


@many_examples
@given(reports, st.lists(prose, max_size=2))
def test_no_report_yields_what_slack_refuses(report: Report, notes: list[str]) -> None:
    for message in all_messages(report, tuple(notes)):
        assert refuse(list(message.blocks)) is None
        assert 0 < units(message.text) < 4000


@many_examples
@given(reports)
def test_text_of_others_stays_text(report: Report) -> None:
    for message in all_messages(report):
        for text in [message.text, *mrkdwn(message.blocks)]:
            for inside in CONTROL.findall(text):
                assert OURS.fullmatch(inside), inside
                if inside.startswith("@"):
                    assert inside[1:] == report.incident.acknowledged_by
            assert "<" not in CONTROL.sub("", text)
            assert "\u202e" not in text


def mrkdwn(node: Any) -> list[str]:
    """The texts that Slack parses; all of them must be verbatim."""
    found: list[str] = []
    if isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            assert node["verbatim"] is True
            return [node["text"]]
        node = list(node.values())
    if isinstance(node, list | tuple):
        for value in node:
            found += mrkdwn(value)
    return found


@given(prose, st.integers(1, 200))
def test_inert_text_keeps_its_bound_and_its_entities_whole(text: str, most: int) -> None:
    made = inert(text, most)
    assert 0 < units(made) <= most
    assert re.fullmatch(r"(?:[^&<>]|&amp;|&lt;|&gt;)*", made, re.DOTALL)


def told(message: Message) -> str:
    return "\n".join(texts(list(message.blocks)))


def test_the_message_says_what_where_whom_why_and_what_next() -> None:
    said = told(root(gpu_report(), Visible.OPEN, PAGE))
    for part in (
        "🟠 SEV2 · GPU 3 of gpu-n17 fell off the bus (Xid 79)",
        "GPU 3 `GPU-5c8e1f2a-90b1-4c3d-8e7f-aa10b2c3d4e5`",
        "2 jobs (llama-70b-sft-0412, eval-nightly)",
        "18.4 GPU-h lost · 64 GPU-h at risk · $46",
        "gpu-platform · <https://runbooks.example.com/gpu/xid?code=79&amp;node=gpu-n17|runbook>",
        "*The GPU fell off the PCIe bus*",
        "`█████████░` 93 %, very likely",
        "Xid (PCI:0000:4e:00): 79",
        "_or_ A bad PCIe link or riser 4 %",
        "1. Drain the node so that nothing new lands on it  _low risk_",
        "```scontrol update nodename=gpu-n17 state=drain reason='xid 79'```",
        "_HIGH RISK, cannot be undone_",
        "not seen: nvlink errors (gpu is lost)",
        "explains 1 other incident",
        "`inc-4k2jx7qa`",
    ):
        assert part in said


def test_buttons_fit_the_state_and_name_the_incident() -> None:
    def actions(visible: Visible, *, buttons: bool = True) -> list[str]:
        made = [b for b in root(gpu_report(), visible, PAGE, buttons=buttons).blocks if b["type"] == "actions"]
        assert all(element["value"] == "inc-4k2jx7qa" for block in made for element in block["elements"])
        return [element["action_id"].removeprefix("responder_") for block in made for element in block["elements"]]

    assert actions(Visible.OPEN) == ["ack", "resolve", "silence", "right", "wrong"]
    assert actions(Visible.ACKNOWLEDGED) == ["resolve", "silence", "right", "wrong"]
    assert actions(Visible.RESOLVED) == ["right", "wrong"]
    assert actions(Visible.MERGED) == []
    assert actions(Visible.OPEN, buttons=False) == []


def test_without_evidence_no_cause_is_claimed() -> None:
    said = told(root(gpu_report(verdict=Verdict.INSUFFICIENT_EVIDENCE), Visible.OPEN, PAGE))
    assert "*Not enough evidence to name a cause*\nMissing: nvlink errors (gpu is lost)" in said
    assert "*Cause*" not in said
    assert "Best guess, not to be relied on: The GPU fell off the PCIe bus, 93 %, very likely" in said


def test_what_could_not_be_seen_is_told_by_its_reason() -> None:
    needs = tuple(MissingNeed(need=f"need_{n}", reason="not_configured") for n in range(9))
    report = gpu_report(missing=(*needs, MissingNeed(need="pcie_width", reason="timeout")))
    said = told(root(report, Visible.OPEN, PAGE))
    assert (
        "not seen: pcie width (no answer in time); need 0, need 1, need 2 +6 more (no source for it is configured)"
        in said
    )
    thread = "\n".join(told(message) for message in details(report, PAGE))
    assert thread.count("no source for it is configured") == 1
    assert "need 8" in thread


def test_a_joined_incident_points_at_the_one_that_goes_on() -> None:
    said = told(root(gpu_report(parent=IncidentRef(id="inc-top", title="Rack r12 lost power")), Visible.MERGED, PAGE))
    assert "*Rack r12 lost power*" in said
    assert "<https://responder.example.com/incidents/inc-top|open inc-top>" in said


def test_the_closing_text_has_its_four_fields() -> None:
    report = gpu_report(created_at=gpu_report().incident.opened_at + timedelta(minutes=42))
    fields = [field["text"].split("\n")[0] for field in thread.closing(report).blocks[1]["fields"]]
    assert fields == ["*Incident*", "*Cause*", "*Fix*", "*Next steps*"]
    assert "Resolved after 42 min" in told(thread.closing(report))


def test_details_hold_everything_and_overflow_into_further_messages() -> None:
    report = gpu_report()
    small = details(report, PAGE)
    assert len(small) == 1
    for part in (
        "Evidence: system",
        "count(DCGM_FI_DEV_SM_CLOCK",
        "thermal_shutdown",
        "Timeline",
        "training-job-debugger",
    ):
        assert part in told(small[0])
    long = report.evidence[0].model_copy(update={"statement": "all work and no play " * 20})
    big = details(report.model_copy(update={"evidence": (long,) * 60}), PAGE)
    assert 2 < len(big) <= 6
    assert sum(told(message).count("all work") for message in big) >= 60


def test_what_is_beyond_all_messages_is_counted_and_linked() -> None:
    report = gpu_report()
    long = report.evidence[0].model_copy(update={"statement": "x" * 500})
    endless = details(report.model_copy(update={"evidence": (long,) * 2000}), PAGE)
    assert len(endless) == 6
    assert re.search(r"… \d+ more sections on the <https://responder.example.com", told(endless[-1]))


def test_the_same_report_looks_the_same_so_that_nothing_is_updated_twice() -> None:
    assert root(gpu_report(), Visible.OPEN, PAGE).hash == root(gpu_report(), Visible.OPEN, PAGE).hash
    assert root(gpu_report(revision=2), Visible.OPEN, PAGE).hash != root(gpu_report(), Visible.OPEN, PAGE).hash


@pytest.mark.parametrize("visible", [Visible.OPEN, Visible.RESOLVED, Visible.MERGED])
def test_the_plan_ends(visible: Visible) -> None:
    report, state, parts = gpu_report(), Shown("C0ALERTS"), []
    while step := next_step(state, order(report, visible), report, PAGE):
        parts.append(step.part)
        state = state.after(step, f"{len(parts)}.0")
    expected = {
        Visible.OPEN: ["root", "details-1"],
        Visible.RESOLVED: ["root", "details-1", "closing-1"],
        Visible.MERGED: ["root"],
    }
    assert parts == expected[visible]
    assert next_step(replace(state, hash="else"), order(report, visible), report, PAGE).kind == "update"  # type: ignore[union-attr]
