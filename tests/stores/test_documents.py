"""Stored documents and the way of old ones into the present."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.errors import Permanent
from responder.model.event import Change, Event, JobFact, JobState, Link, LogPart
from responder.model.value import Value
from responder.stores.sql import documents
from responder.stores.sql.documents import EVENT, INCIDENT, JOB, REPORT, DocumentType
from tests.making import event, incident
from tests.strategies import gpu_report


class Thing(Value):
    """Version 3 of a thing: version 1 had `label`, version 2 had `name` alone."""

    name: str
    size: int


def to_v2(tree: dict[str, Any]) -> dict[str, Any]:
    return {"name": tree["label"]}


def to_v3(tree: dict[str, Any]) -> dict[str, Any]:
    return {**tree, "size": len(tree["name"])}


THING = DocumentType("responder.thing/v3", Thing, {1: to_v2, 2: to_v3})


def test_a_document_says_its_version_first() -> None:
    assert THING.dump(Thing(name="a", size=1)) == '{"schema":"responder.thing/v3","name":"a","size":1}'


@pytest.mark.parametrize(
    "text",
    [
        '{"schema":"responder.thing/v3","name":"abc","size":3}',
        '{"name":"abc", "size":3, "schema":"responder.thing/v3"}',
        '{"schema":"responder.thing/v2","name":"abc"}',
        '{"schema":"responder.thing/v1","label":"abc"}',
    ],
)
def test_every_version_is_read_as_the_present_one(text: str) -> None:
    assert THING.load(text) == Thing(name="abc", size=3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"schema":"responder.thing/v4","name":"abc"}', "run the version that wrote it"),
        ('{"schema":"responder.thing/v0","name":"abc"}', "older than can be read"),
        ('{"schema":"responder.other/v3","name":"abc"}', "was expected"),
        ('{"name":"abc","size":3}', "was expected"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, says: str) -> None:
    with pytest.raises(Permanent, match=says):
        THING.load(text)


def test_models_with_a_schema_of_their_own_keep_it_once() -> None:
    for kind, value in ((INCIDENT, incident()), (REPORT, gpu_report())):
        text = kind.dump(value)  # type: ignore[arg-type]
        assert text.startswith(kind.prefix)
        assert text.count('"schema":"responder.') == 1
        assert kind.load(text) == value


def test_an_event_gains_the_schema_only_in_the_store() -> None:
    one = event()
    assert '"schema"' not in one.model_dump_json()
    assert EVENT.load(EVENT.dump(one)) == one
    assert isinstance(EVENT.load(EVENT.dump(one)), Event)


def test_every_type_has_all_steps_up_to_its_version() -> None:
    types = [one for one in vars(documents).values() if isinstance(one, DocumentType)]
    assert len({one.name for one in types}) == len(types) > 10
    for one in types:
        assert sorted(one.upcasters) == list(range(1, one.version))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIMES = st.integers(10**14, 7 * 10**15).map(
    lambda count: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=count)
)
NUMBERS = st.integers(-(2**70), 2**70)


@given(texts=st.lists(TEXTS, min_size=9, max_size=9), at=TIMES, seen=st.none() | TIMES, number=NUMBERS)
def test_an_event_and_a_job_are_written_as_pydantic_writes_them(
    texts: list[str], at: datetime, seen: datetime | None, number: int
) -> None:
    a, b, c, d, e, f, g, h, i = texts
    job = JobFact(id=a, state=JobState.FAILED, nodes=(b, c), gpus=number, user=d, ended_at=at, seen_at=seen)
    one = event(
        at=at,
        title=e,
        annotations={f: g},
        entities={"node": (h, i), "rack": ()},
        ends_at=seen,
        logs=(LogPart(text=a, rank=3), LogPart(text=b)),
        links=(Link(href=c, text=d),),
        change=Change(at=at, what=e, link=None),
        job=job,
    )
    assert EVENT.dump(one) == EVENT.prefix + one.model_dump_json()[1:]
    assert JOB.dump(job) == JOB.prefix + job.model_dump_json()[1:]
    assert EVENT.load(EVENT.dump(one)) == one
