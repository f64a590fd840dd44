"""PagerDuty deliveries on the wire: one incident per episode, from the trigger to the resolve."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError

from responder.errors import Permanent, Transient
from responder.model.delivery import Order, Owner, Receipt, Visible
from responder.model.incident import Severity
from responder.model.report import IncidentRef, Report
from responder.sinks.pagerduty.settings import Settings
from responder.sinks.pagerduty.sink import PagerDuty
from tests.strategies import gpu_report, order, shown
from tests.wire.faults import Fault
from tests.wire.pagerduty import ROUTING_KEY, PagerDutyWire

pytestmark = pytest.mark.asyncio
KEY = "inc-4k2jx7qa.1"


class Hands:
    """A clock moved by hand."""

    at = datetime(2026, 3, 14, 3, 3, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def build(wire: PagerDutyWire, clock: Hands, **change: Any) -> PagerDuty:
    settings = Settings.model_validate({"routing_key": ROUTING_KEY, "base_url": wire.base_url} | change)
    return PagerDuty(settings, clock, "https://responder.example.com", "responder/test")


@pytest_asyncio.fixture
async def sink(pagerduty: PagerDutyWire) -> AsyncIterator[PagerDuty]:
    made = build(pagerduty, Hands())
    yield made
    await made.close()


async def show(sink: PagerDuty, asked: Order, report: Report) -> Receipt:
    """All steps of one desired state; each may fail once and is then tried again."""
    for _ in range(6):
        try:
            receipt = await sink.deliver(asked, report)
        except Transient as error:
            asked = asked.model_copy(update={"outcome_unknown": error.outcome_unknown})
            continue
        kept = shown(receipt, asked.visible)
        if receipt.done:
            return kept
        asked = asked.model_copy(update={"receipt": kept, "outcome_unknown": False})
    raise AssertionError("never done")


async def test_trigger_acknowledge_resolve(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    report = gpu_report()
    receipt = None
    for visible, status in (
        (Visible.OPEN, "triggered"),
        (Visible.ACKNOWLEDGED, "acknowledged"),
        (Visible.RESOLVED, "resolved"),
    ):
        receipt = await show(sink, order(report, visible, receipt=receipt), report)
        assert receipt.message_id == KEY
        assert [incident.status for incident in pagerduty.of(KEY)] == [status]
    assert [call.args["event_action"] for call in pagerduty.calls] == ["trigger", "acknowledge", "resolve"]


async def test_what_a_phone_shows(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    report = gpu_report()
    await show(sink, order(report), report)
    (incident,) = pagerduty.incidents
    assert incident.payload["summary"] == (
        "SEV2 GPU 3 of gpu-n17 fell off the bus (Xid 79) — The GPU fell off the PCIe bus (93 %) — "
        "2 jobs (llama-70b-sft-0412, eval-nightly) · of mara"
    )
    assert incident.payload["severity"] == "error"
    assert incident.payload["class"] == "gpu_fell_off_bus"
    assert "GPU-5c8e1f2a-90b1-4c3d-8e7f-aa10b2c3d4e5" in incident.payload["component"]
    assert incident.payload["custom_details"]["next_steps"][0].startswith("Drain the node")
    assert [one["href"] for one in incident.links] == [
        "https://responder.example.com/incidents/inc-4k2jx7qa",
        "https://runbooks.example.com/gpu/xid?code=79&node=gpu-n17",
    ]


@pytest.mark.parametrize(
    ("severity", "word"),
    [(Severity.SEV1, "critical"), (Severity.SEV2, "error"), (Severity.SEV3, "warning"), (Severity.SEV4, "info")],
)
async def test_severities_are_mapped(pagerduty: PagerDutyWire, sink: PagerDuty, severity: Severity, word: str) -> None:
    report = gpu_report(incident={"severity": severity})
    await show(sink, order(report), report)
    assert pagerduty.incidents[0].payload["severity"] == word


async def test_acknowledged_before_it_was_shown_is_triggered_first(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    report = gpu_report()
    await show(sink, order(report, Visible.ACKNOWLEDGED), report)
    assert [incident.status for incident in pagerduty.of(KEY)] == ["acknowledged"]


async def test_only_news_is_sent_again(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    report = gpu_report()
    receipt = await show(sink, order(report), report)
    same = gpu_report(revision=2)
    receipt = await show(sink, order(same, receipt=receipt), same)
    assert len(pagerduty.calls) == 1
    worse = gpu_report(revision=3, incident={"severity": Severity.SEV1})
    await show(sink, order(worse, receipt=receipt), worse)
    assert [incident.triggers for incident in pagerduty.of(KEY)] == [2]


@pytest.mark.parametrize("kind", ["status", "close"])
@pytest.mark.parametrize("after", [True, False])
async def test_one_incident_when_the_answer_gets_lost(
    pagerduty: PagerDutyWire, sink: PagerDuty, kind: Any, after: bool
) -> None:
    pagerduty.faults.plan(Fault(kind=kind, after=after))
    report = gpu_report()
    await show(sink, order(report), report)
    assert [incident.status for incident in pagerduty.incidents] == ["triggered"]


async def test_a_trigger_without_an_answer_is_resolved_all_the_same(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    pagerduty.faults.plan(Fault(after=True))
    report = gpu_report()
    with pytest.raises(Transient) as caught:
        await sink.deliver(order(report), report)
    assert caught.value.outcome_unknown
    await show(sink, order(report, Visible.RESOLVED, outcome_unknown=True), report)
    assert [incident.status for incident in pagerduty.incidents] == ["resolved"]


async def test_what_was_never_shown_is_not_resolved(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    report = gpu_report()
    assert (await show(sink, order(report, Visible.RESOLVED), report)).message_id is None
    assert pagerduty.calls == []


async def test_a_recurrence_is_a_new_incident(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    report = gpu_report()
    receipt = await show(sink, order(report), report)
    receipt = await show(sink, order(report, Visible.RESOLVED, receipt=receipt), report)
    again = gpu_report(incident={"episode": 2})
    receipt = await show(sink, order(again, receipt=receipt), again)
    assert receipt.message_id == "inc-4k2jx7qa.2"
    assert [incident.status for incident in pagerduty.incidents] == ["resolved", "triggered"]


async def test_a_recurrence_that_overtook_the_resolve_stays_one_incident(
    pagerduty: PagerDutyWire, sink: PagerDuty
) -> None:
    report = gpu_report()
    receipt = await show(sink, order(report), report)
    again = gpu_report(incident={"episode": 2})
    receipt = await show(sink, order(again, receipt=receipt), again)
    await show(sink, order(again, Visible.RESOLVED, receipt=receipt), again)
    assert [incident.status for incident in pagerduty.incidents] == ["resolved"]


async def test_a_page_that_another_incident_took_over_is_resolved_by_it(
    pagerduty: PagerDutyWire, sink: PagerDuty
) -> None:
    child = gpu_report()
    receipt = await show(sink, order(child), child)
    parent = gpu_report(incident={"id": "inc-top"}, title="Rack r12 lost power")
    receipt = await show(sink, order(parent, receipt=receipt, reason="adopted"), parent)
    await show(sink, order(parent, Visible.RESOLVED, receipt=receipt), parent)
    assert [(one.dedup_key, one.status) for one in pagerduty.incidents] == [(KEY, "resolved")]


async def test_a_symptom_is_resolved_with_a_note(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    report = gpu_report()
    receipt = await show(sink, order(report), report)
    joined = gpu_report(parent=IncidentRef(id="inc-top", title="Rack r12 lost power"))
    await show(sink, order(joined, Visible.MERGED, receipt=receipt), joined)
    assert pagerduty.incidents[0].status == "resolved"
    assert pagerduty.calls[-1].args["payload"]["summary"].startswith("Joined to inc-top: Rack r12 lost power.")


async def test_an_owners_key_is_used_and_never_stored(pagerduty: PagerDutyWire) -> None:
    secret = "f" * 32
    owner = Owner(name="training", targets={"pagerduty": secret})
    report = gpu_report()
    before = build(pagerduty, Hands())
    asked = order(report, target=before.target(owner))
    await before.close()
    after_restart = build(pagerduty, Hands())
    after_restart.target(owner)
    receipt = await show(after_restart, asked, report)
    await after_restart.close()
    assert pagerduty.incidents[0].routing_key == secret
    assert secret not in asked.model_dump_json() + receipt.model_dump_json()


async def test_an_owner_without_a_key_pages_the_default(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    report = gpu_report()
    assert sink.target(Owner(name="other")) == {}
    await show(sink, order(report, target={"owner": "gone"}), report)
    assert pagerduty.incidents[0].routing_key == ROUTING_KEY


async def test_429_waits_as_long_as_asked_and_holds_the_others_back(pagerduty: PagerDutyWire) -> None:
    clock = Hands()
    sink = build(pagerduty, clock, rate="60/m", burst=1)
    pagerduty.faults.plan(Fault(status=429, retry_after=20))
    one, other = gpu_report(), gpu_report(incident={"id": "inc-b"})
    for report in (one, other):
        with pytest.raises(Transient) as caught:
            await sink.deliver(order(report), report)
        assert caught.value.retry_after is not None
        assert caught.value.retry_after >= timedelta(seconds=20)
    assert len(pagerduty.calls) == 1
    clock.at += timedelta(seconds=30)
    for report in (one, other):
        await show(sink, order(report), report)
        clock.at += timedelta(seconds=1)
    await sink.close()
    assert len(pagerduty.incidents) == 2


async def test_our_own_pace_keeps_a_storm_below_120_a_minute_for_each_key(pagerduty: PagerDutyWire) -> None:
    clock = Hands()
    sink = build(pagerduty, clock)
    sink.target(Owner(name="other", targets={"pagerduty": "f" * 32}))
    reports = [gpu_report(incident={"id": f"inc-{n}"}) for n in range(200)]
    waiting = [(report, order(report)) for report in reports]
    alone = gpu_report(incident={"id": "inc-alone"})
    times: list[datetime] = []
    while waiting:
        still = []
        for report, asked in waiting:
            try:
                await sink.deliver(asked, report)
                times.append(clock.at)
            except Transient:
                still.append((report, asked))
        if len(still) == len(reports) - 30:
            await show(sink, order(alone, target={"owner": "other"}), alone)
        waiting = still
        clock.at += timedelta(seconds=1)
    await sink.close()
    assert {call.status for call in pagerduty.calls} == {202}, "never told to slow down"
    assert max(sum(since <= at < since + timedelta(minutes=1) for at in times) for since in times) <= 120
    assert times[-1] - times[0] <= timedelta(seconds=120), "and no slower than it must be"
    assert pagerduty.of("inc-alone.1"), "another key does not wait for it"


async def test_a_refused_event_says_what_to_check(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    pagerduty.routing_keys = ("e" * 32,)
    report = gpu_report()
    with pytest.raises(Permanent, match=r"'routing_key' is invalid; check sinks\.pagerduty\.routing_key") as caught:
        await sink.deliver(order(report), report)
    assert ROUTING_KEY not in str(caught.value)
    sink.target(Owner(name="bad", targets={"pagerduty": "short"}))
    with pytest.raises(Permanent, match=r"owners\.bad\.pagerduty is not an integration key"):
        await sink.deliver(order(report, target={"owner": "bad"}), report)


async def test_a_pagerduty_that_is_away_is_transient(pagerduty: PagerDutyWire) -> None:
    report = gpu_report()
    away = build(pagerduty, Hands(), base_url="http://127.0.0.1:9")
    with pytest.raises(Transient) as caught:
        await away.deliver(order(report), report)
    assert not caught.value.outcome_unknown
    assert "cannot be reached" in str(await away.check())
    await away.close()


async def test_doctor_asks_without_paging(pagerduty: PagerDutyWire, sink: PagerDuty) -> None:
    assert await sink.check() is None
    assert pagerduty.incidents == []


async def test_a_literal_name_for_a_key_is_refused_early() -> None:
    with pytest.raises(ValidationError, match="32 letters and digits"):
        Settings.model_validate({"routing_key": "PD_ROUTING_KEY"})
