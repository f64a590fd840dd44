"""Evidence and reports of an incident."""

from math import isnan

import pytest

from responder.errors import Conflict, Permanent
from responder.model.evidence import Missing, Point, Reading, RecordedAnswer, Series
from responder.ports import Store
from tests.making import T0, incident, minutes
from tests.strategies import gpu_report

pytestmark = pytest.mark.asyncio


def asked(key: str, at: float = 0, value: float | None = 1.0) -> RecordedAnswer:
    answer = (
        Missing(need="temperature", reason="timeout")
        if value is None
        else Reading(need="temperature", value=value, unit="C", observed_at=T0, baseline=0.5)
    )
    return RecordedAnswer(incident_id="inc-a", enricher="prometheus", key=key, asked_at=T0 + minutes(at), answer=answer)


async def with_incidents(store: Store) -> None:
    both = [incident("inc-a"), incident("inc-b", key={"node": "n2"})]
    await store.write(lambda tx: tx.put_incidents(both))


async def test_evidence_is_kept_per_question_and_time(store: Store) -> None:
    await with_incidents(store)
    long = "rate(" * 2000
    rows = [asked("up"), asked("up", 1, None), asked(long, 0.5), asked(long + ")", 0.5)]
    await store.write(lambda tx: tx.put_evidence(rows))
    await store.write(lambda tx: tx.put_evidence([asked("up", 0, 2.0)]))
    found = await store.read(lambda tx: tx.evidence("inc-a"))
    assert len(found) == 4
    assert found[0] == asked("up", 0, 2.0)
    assert found[-1] == asked("up", 1, None)
    assert {one.key for one in found} == {"up", long, long + ")"}
    assert await store.read(lambda tx: tx.evidence("inc-b")) == []


async def test_a_sample_that_is_no_number_can_be_read_back(store: Store) -> None:
    await with_incidents(store)
    reading = Reading(
        need="loss", value="NaN", observed_at=T0, series=(Series(points=(Point(at=T0, value=float("nan")),)),)
    )
    row = asked("loss").model_copy(update={"answer": reading})
    await store.write(lambda tx: tx.put_evidence([row]))
    (found,) = await store.read(lambda tx: tx.evidence("inc-a"))
    assert isinstance(found.answer, Reading)
    assert isnan(found.answer.series[0].points[0].value)


async def test_reports_by_revision_and_the_latest_of_several_incidents(store: Store) -> None:
    await with_incidents(store)
    made = [gpu_report(revision=n, id=f"rep-{n}", incident={"id": "inc-a"}) for n in (1, 2, 3)]
    other = gpu_report(revision=1, id="rep-b", incident={"id": "inc-b"})
    for report in (made[1], made[0], made[2], other):
        await store.write(lambda tx, report=report: tx.put_report(report))
    assert await store.read(lambda tx: tx.reports("inc-a")) == made
    latest = await store.read(lambda tx: tx.latest_reports(["inc-a", "inc-b", "inc-c"]))
    assert latest == {"inc-a": made[2], "inc-b": other}


async def test_a_revision_is_written_once(store: Store) -> None:
    await with_incidents(store)
    await store.write(lambda tx: tx.put_report(gpu_report(incident={"id": "inc-a"})))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.put_report(gpu_report(title="another", incident={"id": "inc-a"})))


async def test_nothing_can_hang_on_an_incident_that_is_not_there(store: Store) -> None:
    with pytest.raises(Permanent):
        await store.write(lambda tx: tx.put_evidence([asked("up")]))
