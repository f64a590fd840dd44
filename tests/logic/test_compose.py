"""A report is put together the same way every time, and says each thing once."""

from datetime import timedelta
from typing import Any

from responder.logic.compose import Findings, compose, same_content
from responder.model.delivery import Owner
from responder.model.diagnosis import Diagnosis, MissingNeed, TimelineEntry, Verdict
from responder.model.event import Event
from responder.model.evidence import Need
from responder.model.report import Impact, Provenance, Report
from responder.model.skill import Mode, Skill
from tests.making import T0, event, incident

SKILL = Skill(
    name="s",
    description="d",
    domain="gpu",
    mode=Mode.DIAGNOSER,
    version="1",
    needs=tuple(Need(name=name, source="prometheus", query="q") for name in ("first", "second", "third")),
)


def made(*events: Event, **diagnosis: Any) -> Report:
    found = Findings(
        incident=incident(),
        skill=SKILL,
        rules_version="r",
        diagnosis=Diagnosis(verdict=Verdict.INSUFFICIENT_EVIDENCE, hypotheses=(), **diagnosis),
        impact=Impact(),
        changes=(),
        related=(),
        parent=None,
        children=(),
        provenance=Provenance(responder="1", config="c", rules="r", skills="s"),
        events=events or [event()],
        actions=(),
        owner=Owner(name="o"),
        runbook_url=None,
    )
    return compose(found, T0)


def missing(*names: str) -> tuple[MissingNeed, ...]:
    return tuple(MissingNeed(need=name, reason="timeout") for name in names)


def test_answers_that_come_back_in_another_order_are_no_news() -> None:
    one, other = made(missing=missing("third", "x", "first")), made(missing=missing("first", "third", "x"))
    assert [gap.need for gap in one.missing] == ["first", "third", "x"]
    assert same_content(one, other)


def test_a_storm_of_one_second_is_one_line_of_the_timeline() -> None:
    storm = [event(at=T0 + timedelta(milliseconds=n), labels={"node": f"n{n}"}) for n in range(40)]
    said = [entry.what for entry in made(*storm, event(at=T0 + timedelta(seconds=5))).timeline]
    assert "Firing: GPUFellOffBus on n0, and 39 more at that moment" in said
    assert "Firing: GPUFellOffBus on n1" in said, "a moment of few is told in full"
    assert len(said) == 3


def test_an_events_start_stands_in_the_timeline_once() -> None:
    one = event()
    report = made(timeline=(TimelineEntry(at=one.starts_at, what=one.title), TimelineEntry(at=T0, what="rank 3: boom")))
    said = [entry.what for entry in report.timeline]
    assert said.count(one.title) == 0
    assert f"Firing: {one.title}" in said
    assert "rank 3: boom" in said
