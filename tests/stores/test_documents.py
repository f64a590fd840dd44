"""Stored documents and the way of old ones into the present."""

from typing import Any

import pytest

from responder.errors import Permanent
from responder.model.event import Event
from responder.model.value import Value
from responder.stores.sql import documents
from responder.stores.sql.documents import EVENT, INCIDENT, REPORT, DocumentType
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
