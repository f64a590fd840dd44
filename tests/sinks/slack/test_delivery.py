"""Slack deliveries on the wire: one message per incident whatever the network does, and nothing dropped."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from responder.errors import Permanent, Transient
from responder.model.delivery import Order, Owner, Receipt, Visible
from responder.model.diagnosis import Hypothesis
from responder.model.incident import Severity
from responder.model.report import Impact, IncidentRef, Report
from responder.sinks.slack.settings import Settings
from responder.sinks.slack.sink import DELETED, REPEAT, Slack
from tests.strategies import gpu_report, order, shown
from tests.wire.blocks import texts
from tests.wire.faults import Fault
from tests.wire.slack import BOT_TOKEN, CHANNEL, SIGNING_SECRET, Channel, SlackWire

pytestmark = pytest.mark.asyncio


@dataclass
class Hands:
    """A clock moved by hand, and the retrying that the pipeline does: it waits as long as the sink asks."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    waited: list[timedelta] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def timestamp(self) -> float:
        return self.at.timestamp()

    async def show(self, sink: Slack, asked: Order, report: Report) -> Receipt:
        """All steps of one desired state, committed one by one."""
        for _ in range(40):
            try:
                receipt = await sink.deliver(asked, report)
            except Transient as error:
                pause = max(error.retry_after or timedelta(), timedelta(seconds=1))
                self.waited.append(pause)
                self.at += pause
                asked = asked.model_copy(update={"outcome_unknown": error.outcome_unknown})
                continue
            asked = asked.model_copy(update={"receipt": shown(receipt, asked.visible), "outcome_unknown": False})
            if receipt.done:
                assert asked.receipt is not None
                return asked.receipt
        raise AssertionError("never done")


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest_asyncio.fixture
async def sink(slack: SlackWire, hands: Hands) -> AsyncIterator[Slack]:
    made = build(slack, hands)
    yield made
    await made.close()


def build(slack: SlackWire, hands: Hands, **change: Any) -> Slack:
    fields = {
        "token": BOT_TOKEN,
        "channel": CHANNEL,
        "signing_secret": SIGNING_SECRET,
        "base_url": slack.base_url,
        "rate": "100/s",
        "update_rate": "100/s",
    }
    settings = Settings.model_validate(fields | change)
    return Slack(settings, hands, "https://responder.example.com", "responder/test")


def first(hands: Hands, report: Report, **change: Any) -> Order:
    return order(
        report, target={"channel": CHANNEL}, **({"claimed_at": hands.at, "first_attempt_at": hands.at} | change)
    )


def said(message: dict[str, Any]) -> str:
    return "\n".join(texts(message["blocks"]))


async def test_a_report_is_one_message_with_its_details_in_the_thread(
    slack: SlackWire, sink: Slack, hands: Hands
) -> None:
    report = gpu_report()
    receipt = await hands.show(sink, first(hands, report), report)
    (message,) = slack.roots()
    assert receipt.message_id == f"{CHANNEL}:{message['ts']}"
    assert receipt.link == f"https://wire.slack.com/archives/{CHANNEL}/p{message['ts'].replace('.', '')}"
    assert "🟠 SEV2" in message["text"]
    assert message["metadata"]["event_payload"]["incident_id"] == report.incident.id
    assert ["Causes, ranked" in said(reply) for reply in slack.thread(message["ts"])] == [True]


async def test_each_call_has_one_effect_at_most(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    report, asked = gpu_report(), first(hands, gpu_report())
    for effects in (1, 2):
        receipt = await sink.deliver(asked, report)
        assert sum(call.effect for call in slack.calls) == effects
        asked = asked.model_copy(update={"receipt": shown(receipt)})
    assert receipt.done
    again = await sink.deliver(asked, report)
    assert again.done
    assert sum(call.effect for call in slack.calls) == 2


async def test_a_new_revision_updates_in_place_and_tells_the_thread_what_changed(
    slack: SlackWire, sink: Slack, hands: Hands
) -> None:
    report = gpu_report()
    receipt = await hands.show(sink, first(hands, report), report)
    worse = gpu_report(
        revision=2,
        incident={"severity": Severity.SEV1, "severity_reason": "3 nodes hit"},
        impact=Impact(nodes=("gpu-n17", "gpu-n18", "gpu-n19")),
    )
    await hands.show(sink, first(hands, worse, receipt=receipt, version=2, reason="new_revision"), worse)
    (message,) = slack.roots()
    assert message["text"].startswith("🔴 SEV1")
    news = [said(reply) for reply in slack.thread(message["ts"]) if "🔄" in said(reply)]
    assert news == [
        "🔄 severity SEV2 → SEV1 (3 nodes hit) · 3 nodes hit (was 1)  _(new revision, revision 2)_",
    ]
    details = slack.thread(message["ts"])[0]
    assert "gpu-n18, gpu-n19" in said(details)


async def test_what_is_no_news_is_not_told(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    report = gpu_report()
    receipt = await hands.show(sink, first(hands, report), report)
    before = len(slack.thread(slack.roots()[0]["ts"]))
    more = gpu_report(revision=2, incident={"events": 40})
    await hands.show(sink, first(hands, more, receipt=receipt, version=2), more)
    assert "40 events" in said(slack.roots()[0])
    assert len(slack.thread(slack.roots()[0]["ts"])) == before


async def test_an_unchanged_report_sends_nothing(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    report = gpu_report()
    receipt = await hands.show(sink, first(hands, report), report)
    calls = len(slack.calls)
    await hands.show(sink, first(hands, report, receipt=receipt, version=2), report)
    assert len(slack.calls) == calls


@pytest.mark.parametrize("kind", ["status", "close", "error"])
@pytest.mark.parametrize("after", [True, False])
async def test_exactly_one_of_each_message_when_answers_get_lost(
    slack: SlackWire, sink: Slack, hands: Hands, kind: Any, after: bool
) -> None:
    if kind == "error" and after:
        kind = "status"
    slack.faults.plan(*(Fault("chat.postMessage", kind=kind, after=after, times=1) for _ in range(3)))
    report = gpu_report()
    await hands.show(sink, first(hands, report), report)
    assert len(slack.roots()) == 1
    assert len(slack.thread(slack.roots()[0]["ts"])) == 1
    assert REPEAT not in said(slack.roots()[0])


async def test_a_message_of_a_killed_process_is_found_by_the_next(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    report = gpu_report()
    await sink.deliver(first(hands, report), report)  # and the receipt was lost with the process
    hands.at += timedelta(seconds=130)
    asked = first(hands, report, outcome_unknown=True, first_attempt_at=hands.at - timedelta(seconds=130))
    receipt = await hands.show(sink, asked, report)
    assert receipt.message_id == f"{CHANNEL}:{slack.roots()[0]['ts']}"
    assert len(slack.roots()) == 1


async def test_the_look_pages_through_a_busy_channel(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    report = gpu_report()
    await sink.deliver(first(hands, report), report)
    for n in range(450):
        slack.messages[CHANNEL][f"{slack.clock() + 1:.0f}.{n:06d}"] = {
            "ts": f"{slack.clock() + 1:.0f}.{n:06d}", "text": "chatter", "blocks": [], "bot_id": "B0THER"
        }  # fmt: skip
    await hands.show(sink, first(hands, report, outcome_unknown=True), report)
    assert len([m for m in slack.roots() if m["bot_id"] == "B0BOT"]) == 1
    assert len(slack.called("conversations.history")) == 3


async def test_another_incidents_message_is_not_taken_for_ours(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    other = gpu_report(incident={"id": "inc-other"})
    await hands.show(sink, first(hands, other), other)
    report = gpu_report()
    await hands.show(sink, first(hands, report, outcome_unknown=True), report)
    assert len(slack.roots()) == 2


async def test_a_failed_look_leaves_the_outcome_unknown(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    slack.faults.plan(Fault("conversations.history", status=429, retry_after=30))
    report = gpu_report()
    with pytest.raises(Transient) as caught:
        await sink.deliver(first(hands, report, outcome_unknown=True), report)
    assert caught.value.outcome_unknown
    assert caught.value.retry_after == timedelta(seconds=30)
    assert slack.roots() == []


@pytest.mark.parametrize("why", ["no scope", "switched off"])
async def test_where_history_is_not_allowed_the_message_says_that_it_may_be_a_repeat(
    slack: SlackWire, hands: Hands, why: str
) -> None:
    if why == "no scope":
        slack.scopes = ("chat:write",)
    sink = build(slack, hands, history=why != "switched off")
    report = gpu_report()
    await hands.show(sink, first(hands, report, outcome_unknown=True), report)
    await sink.close()
    assert REPEAT in said(slack.roots()[0])
    assert REPEAT not in said(slack.thread(slack.roots()[0]["ts"])[0])


async def test_429_is_honoured_and_nothing_is_dropped(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    slack.faults.plan(Fault("chat.postMessage", status=429, retry_after=17))
    report = gpu_report()
    await hands.show(sink, first(hands, report), report)
    assert hands.waited[0] == timedelta(seconds=17)
    assert len(slack.roots()) == 1
    assert slack.called("conversations.history") == []


async def test_our_own_pace_keeps_a_storm_below_slacks_limit(hands: Hands) -> None:
    with SlackWire(rate=1, burst=3, clock=hands.timestamp).serve() as slack:
        sink = build(slack, hands, rate="1/s", burst=3)
        waiting = [first(hands, gpu_report(incident={"id": f"inc-{n}"})) for n in range(12)]
        start = hands.at
        while waiting:
            due, waiting = waiting, []
            for asked in due:
                try:
                    await sink.deliver(asked, gpu_report(incident={"id": asked.incident_id}))
                except Transient:
                    waiting.append(asked)
            hands.at += timedelta(seconds=0.5)
        await sink.close()
        assert [call.status for call in slack.called("chat.postMessage")] == [200] * 12
        assert hands.at - start <= timedelta(seconds=10)


async def test_resolve_updates_the_message_and_closes_the_thread_once(
    slack: SlackWire, sink: Slack, hands: Hands
) -> None:
    report = gpu_report()
    receipt = await hands.show(sink, first(hands, report), report)
    over = gpu_report(revision=2, created_at=report.created_at + timedelta(minutes=42))
    for version in (2, 3):
        asked = first(hands, over, receipt=receipt, version=version, visible=Visible.RESOLVED, reason="resolved")
        receipt = await hands.show(sink, asked, over)
    (message,) = slack.roots()
    assert message["text"].startswith("✅ Resolved")
    closings = [reply for reply in slack.thread(message["ts"]) if "Next steps" in said(reply)]
    assert len(closings) == 1
    assert "42 min" in said(closings[0])


async def test_a_new_episode_is_told_aloud_under_the_same_message(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    report = gpu_report()
    receipt = await hands.show(sink, first(hands, report), report)
    receipt = await hands.show(sink, first(hands, report, receipt=receipt, visible=Visible.RESOLVED, version=2), report)
    back = gpu_report(revision=3, incident={"episode": 2})
    await hands.show(sink, first(hands, back, receipt=receipt, version=3, reason="reopened"), back)
    (message,) = slack.roots()
    assert message["text"].startswith("🟠 SEV2")
    aloud = [reply for reply in slack.thread(message["ts"]) if reply.get("subtype") == "thread_broadcast"]
    assert ["open again (episode 2)" in said(reply) for reply in aloud] == [True]


async def test_a_reminder_is_told_aloud_once(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    report = gpu_report()
    receipt = await hands.show(sink, first(hands, report), report)
    hands.at = report.incident.opened_at + timedelta(hours=4)
    for _ in range(2):
        receipt = await hands.show(sink, first(hands, report, receipt=receipt, version=2, reason="repeat"), report)
    aloud = [said(r) for r in slack.thread(slack.roots()[0]["ts"]) if r.get("subtype") == "thread_broadcast"]
    assert aloud == [f"⏰ Open for 4 h and nobody has it: {report.title}"]


async def test_a_symptom_points_at_its_parent(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    report = gpu_report()
    receipt = await hands.show(sink, first(hands, report), report)
    joined = gpu_report(revision=2, parent=IncidentRef(id="inc-top", title="Rack r12 lost power"))
    asked = first(hands, joined, receipt=receipt, version=2, visible=Visible.MERGED, reason="merged")
    await hands.show(sink, asked, joined)
    assert "inc-top" in said(slack.roots()[0])
    assert all(block["type"] != "actions" for block in slack.roots()[0]["blocks"])


async def test_a_deleted_message_comes_back_while_the_incident_is_open(
    slack: SlackWire, sink: Slack, hands: Hands
) -> None:
    report = gpu_report()
    receipt = await hands.show(sink, first(hands, report), report)
    slack.delete(slack.roots()[0]["ts"])
    newer = gpu_report(revision=2)
    receipt = await hands.show(sink, first(hands, newer, receipt=receipt, version=2), newer)
    (message,) = [m for m in slack.roots() if m["text"].startswith("🟠")]
    assert DELETED in said(message)
    assert receipt.message_id == f"{CHANNEL}:{message['ts']}"
    slack.delete(message["ts"])
    asked = first(hands, newer, receipt=receipt, version=3, visible=Visible.RESOLVED)
    await hands.show(sink, asked, newer)
    assert [m for m in slack.roots() if m["text"].startswith("✅")] == []


async def test_resolved_before_the_lost_first_send_was_found_posts_nothing(
    slack: SlackWire, sink: Slack, hands: Hands
) -> None:
    report = gpu_report()
    asked = first(hands, report, outcome_unknown=True, visible=Visible.RESOLVED, reason="resolved")
    assert (await hands.show(sink, asked, report)).message_id is None
    assert slack.roots() == []
    await sink.deliver(first(hands, report), report)
    await hands.show(sink, asked, report)
    assert [m["text"][:10] for m in slack.roots()] == ["✅ Resolved"]


async def test_a_fallbacks_note_is_shown(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    report = gpu_report()
    note = "Sent here because pagerduty has been failing since 03:01 UTC"
    await hands.show(sink, first(hands, report, note=note), report)
    assert note in said(slack.roots()[0])


async def test_an_owner_has_its_own_channel(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    slack.channels["C0TEAM"] = Channel("C0TEAM", "team")
    target = sink.target(Owner(name="training", targets={"slack": "C0TEAM"}))
    report = gpu_report()
    await hands.show(sink, first(hands, report).model_copy(update={"target": target}), report)
    assert [len(slack.roots("C0TEAM")), len(slack.roots())] == [1, 0]
    assert sink.target(Owner(name="other")) == {"channel": CHANNEL}
    with pytest.raises(Permanent, match="not a Slack channel id"):
        await sink.deliver(first(hands, report).model_copy(update={"target": {"channel": "#team"}}), report)


@pytest.mark.parametrize(
    ("arrange", "told"),
    [
        (lambda wire: setattr(wire, "token", "xoxb-other"), "invalid_auth; the token is wrong"),
        (lambda wire: setattr(wire, "revoked", True), "token_revoked"),
        (lambda wire: setattr(wire.channels[CHANNEL], "member", False), "not_in_channel; invite the app"),
        (lambda wire: setattr(wire.channels[CHANNEL], "archived", True), "is_archived"),
        (lambda wire: wire.channels.clear(), "channel_not_found; check the channel's id"),
        (lambda wire: setattr(wire, "scopes", ("commands",)), r"missing_scope \(chat:write\)"),
    ],
)
async def test_what_an_operator_must_mend_is_permanent_and_says_how(
    slack: SlackWire, sink: Slack, hands: Hands, arrange: Any, told: str
) -> None:
    arrange(slack)
    report = gpu_report()
    with pytest.raises(Permanent, match=told):
        await sink.deliver(first(hands, report), report)


async def test_a_slack_that_is_away_is_transient(slack: SlackWire, hands: Hands) -> None:
    report = gpu_report()
    away = build(slack, hands, base_url="http://127.0.0.1:9", timeout="2s")
    with pytest.raises(Transient) as caught:
        await away.deliver(first(hands, report), report)
    assert not caught.value.outcome_unknown
    assert "cannot be reached" in str(await away.check())
    await away.close()
    slow = build(slack, hands, timeout="200ms")
    slack.faults.plan(Fault("chat.postMessage", kind="hang", after=True, seconds=5))
    with pytest.raises(Transient) as caught:
        await slow.deliver(first(hands, report), report)
    assert caught.value.outcome_unknown
    await slow.close()


async def test_blocks_that_slack_refuses_are_sent_as_text(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    slack.faults.plan(Fault("chat.postMessage", kind="error", error="invalid_blocks"))
    report = gpu_report()
    await hands.show(sink, first(hands, report), report)
    assert slack.roots()[0]["blocks"] == []
    assert "fell off the bus" in slack.roots()[0]["text"]


async def test_doctor_says_what_is_wrong(slack: SlackWire, sink: Slack) -> None:
    assert await sink.check() is None
    slack.scopes = ("chat:write",)
    assert "channels:history" in str(await sink.check())
    slack.scopes = ("commands", "channels:history")
    assert "lacks the scope chat:write" in str(await sink.check())


async def test_a_leading_cause_that_changes_is_told(slack: SlackWire, sink: Slack, hands: Hands) -> None:
    report = gpu_report()
    receipt = await hands.show(sink, first(hands, report), report)
    cause = Hypothesis.model_validate({"class": "pcie_link", "title": "A bad PCIe riser", "probability": 0.8})
    other = gpu_report(revision=2, hypotheses=(cause, *report.hypotheses[:1]))
    await hands.show(sink, first(hands, other, receipt=receipt, version=2, reason="evidence_settled"), other)
    told = said(slack.thread(slack.roots()[0]["ts"])[-1])
    assert told == (
        "🔄 first cause now A bad PCIe riser, 80 %, was The GPU fell off the PCIe bus  _(evidence settled, revision 2)_"
    )
