"""What is told once per period: the key holds the period, and what comes again under it is journalled."""

from datetime import timedelta

from responder.logic.route import group_key
from responder.model.event import Status
from responder.model.incident import IncidentStatus
from responder.model.journal import Disposition
from responder.model.rule import Rule
from tests.logic.test_correlate import Memory
from tests.making import T0, event, routed, rule

DAY = timedelta(days=1)
BUDGET = {"alertname": "Budget", "budget": "nlp"}
KEY = {"budget": "nlp", "month": "2026-11"}


def level(told_once: bool = True) -> Rule:
    return rule("level", group_by=("budget", "period|month"), once=told_once)


def story(memory: Memory, by: Rule) -> list[tuple[Disposition, str]]:
    """Crossed, back again, crossed again, said again."""
    seen = []
    for days, status in ((0, Status.FIRING), (1, Status.RESOLVED), (2, Status.FIRING), (3, Status.FIRING)):
        at = T0 + days * DAY
        one = event(status, at, labels=BUDGET, start=T0 + min(days, 2) * DAY)
        changes = memory.feed(routed(one, by, key=KEY), at=at)
        entry = changes.journal[0].trail if changes.journal else None
        seen.append((changes.dispositions[0][1], entry.reason if entry else ""))
    return seen


def test_what_comes_again_is_journalled_and_not_told() -> None:
    memory = Memory()
    assert story(memory, level()) == [
        (Disposition.TRIAGED, "routed"),
        (Disposition.RESOLVED, "resolved"),
        (Disposition.OBSERVED, "told_already"),
        (Disposition.DUPLICATE, ""),
    ]
    assert (memory.only.status, memory.only.episode, memory.only.events) == (IncidentStatus.RESOLVED, 1, 1)
    end = memory.feed(routed(event(Status.RESOLVED, T0 + 4 * DAY, labels=BUDGET), level(), key=KEY), at=T0 + 4 * DAY)
    assert not end.incidents


def test_without_it_a_recurrence_is_an_incident_of_its_own() -> None:
    memory = Memory()
    assert story(memory, level(told_once=False))[2] == (Disposition.TRIAGED, "routed")
    assert len(memory.incidents) == 2


def test_another_rule_that_takes_the_event_still_tells() -> None:
    memory = Memory()
    story(memory, level())
    again = event(at=T0 + 5 * DAY, labels=BUDGET | {"x": "1"})
    both = routed(again, level(), rule("other"), key=KEY)
    memory.feed(both, at=T0 + 5 * DAY)
    assert {one.rule.name for one in memory.incidents.values() if one.status is IncidentStatus.OPEN} == {"other"}


def test_the_month_stands_in_for_a_period_that_nobody_named() -> None:
    assert group_key(level(), event(labels=BUDGET)) == KEY
    assert group_key(level(), event(at=T0 + 20 * DAY, labels=BUDGET))["month"] == "2026-12"
    assert group_key(level(), event(labels=BUDGET | {"period": "2026-Q4"})) == {"budget": "nlp", "period": "2026-Q4"}
    assert group_key(level(), event(labels=BUDGET | {"month": "November"}))["month"] == "November"
