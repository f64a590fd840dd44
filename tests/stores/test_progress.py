"""Offsets by compare-and-set, counts, settings."""

import pytest

from responder.errors import Conflict
from responder.model.incident import IncidentStatus, Severity
from responder.model.journal import Checkpoint
from responder.ports import Store, Tx
from tests.making import T0, incident, minutes

pytestmark = pytest.mark.asyncio


def move(expected: int | None, to: int, partition: int = 0) -> Checkpoint:
    return Checkpoint(cluster="c", group="g", topic="t", partition=partition, expected=expected, next=to)


async def stored(store: Store, partition: int = 0) -> int | None:
    return await store.read(lambda tx: tx.checkpoint("c", "g", "t", partition))


async def test_offsets_move_only_from_where_they_are_expected(store: Store) -> None:
    assert await stored(store) is None
    await store.write(lambda tx: tx.advance([move(None, 10), move(None, 7, 1)]))
    await store.write(lambda tx: tx.advance([move(10, 25)]))
    assert (await stored(store), await stored(store, 1)) == (25, 7)
    for stale in (move(None, 5), move(10, 30), move(24, 30)):
        with pytest.raises(Conflict):
            await store.write(lambda tx, stale=stale: tx.advance([stale]))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.advance([move(3, 4, 2)]))
    assert await stored(store) == 25


async def test_a_stale_offset_drops_the_whole_batch(store: Store) -> None:
    def batch(tx: Tx) -> None:
        tx.put_incidents([incident()])
        tx.advance([move(None, 1), move(99, 100, 1)])

    with pytest.raises(Conflict, match="stands at None, not at 99"):
        await store.write(batch)
    assert await stored(store) is None
    assert await store.read(lambda tx: tx.incidents(["inc-a"])) == {}


async def test_counts_of_rows_and_of_open_incidents_by_severity(store: Store) -> None:
    rows = [
        incident("a", key={"node": "1"}, severity=Severity.SEV1),
        incident("b", key={"node": "2"}, severity=Severity.SEV1, status=IncidentStatus.ACKNOWLEDGED),
        incident("c", key={"node": "3"}, severity=Severity.SEV4),
        incident("d", key={"node": "4"}, status=IncidentStatus.RESOLVED, resolved_at=T0 + minutes(1)),
    ]
    await store.write(lambda tx: tx.put_incidents(rows))
    counts = await store.read(lambda tx: tx.counts())
    assert (counts["incidents"], counts["journal"], counts["quarantine"]) == (4, 0, 0)
    assert {name: count for name, count in counts.items() if name.startswith("open_")} == {
        "open_SEV1": 2,
        "open_SEV4": 1,
    }


async def test_settings_are_overwritten(store: Store) -> None:
    assert await store.read(lambda tx: tx.meta("session_key")) is None
    await store.write(lambda tx: tx.put_meta("session_key", "one"))
    await store.write(lambda tx: tx.put_meta("session_key", "two"))
    assert await store.read(lambda tx: tx.meta("session_key")) == "two"
