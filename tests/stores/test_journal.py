"""The journal: order of arrival, resent events, members of an incident."""

from datetime import timedelta

import pytest

from responder.model.event import Event, Status
from responder.model.journal import Disposition, JournalEntry, Trail
from responder.ports import Store, Tx
from tests.making import T0, event, incident, minutes

pytestmark = pytest.mark.asyncio


def entry(one: Event, reason: str = "routed") -> JournalEntry:
    return JournalEntry(event=one, trail=Trail(disposition=Disposition.TRIAGED, reason=reason, rules=("gpu",)))


def numbered(count: int) -> list[Event]:
    return [event(at=T0 + minutes(n), labels={"node": f"n{n}"}) for n in range(count)]


async def test_what_was_appended_is_read_back_as_it_was(store: Store) -> None:
    one = event(
        annotations={"summary": "Zeichen: ü € 🙂", "nul": "a\0b"},
        ends_at=T0 + timedelta(microseconds=1),
        entities={"gpu": ("GPU-1", "GPU-2")},
    )
    await store.write(lambda tx: tx.append_journal([entry(one)]))
    found = await store.read(lambda tx: tx.journal_entries([one.id, "unknown"]))
    assert found == {one.id: entry(one)._replace(seq=1)}


async def test_half_a_surrogate_pair_is_replaced_and_costs_no_event(store: Store) -> None:
    one = event(annotations={"summary": "broken \ud83d here"}, entities={"node": ("n\ud83d",)})
    await store.write(lambda tx: tx.append_journal([entry(one)]))
    found = await store.read(lambda tx: tx.journal_entries([one.id]))
    assert found[one.id].event.annotations["summary"] == "broken ? here"


async def test_an_event_that_is_sent_again_keeps_its_first_entry(store: Store) -> None:
    first, second = event(labels={"node": "n1"}), event(labels={"node": "n2"})
    await store.write(lambda tx: tx.append_journal([entry(first, "first")]))
    await store.write(lambda tx: tx.append_journal([entry(first, "again"), entry(second)]))
    found = await store.read(lambda tx: tx.journal_range(None, None, 0, 10))
    assert [(one.event.id, one.trail.reason) for one in found] == [(first.id, "first"), (second.id, "routed")]
    assert await store.read(lambda tx: tx.count_events("node", "n1", T0, T0 + minutes(1), {})) == 1


async def test_the_journal_is_read_in_order_of_arrival_and_in_pages(store: Store) -> None:
    events = numbered(7)
    shuffled = [events[n] for n in (3, 0, 6, 1, 2, 5, 4)]
    for one in shuffled:
        await store.write(lambda tx, one=one: tx.append_journal([entry(one)]))
    pages: list[JournalEntry] = []
    while page := await store.read(lambda tx: tx.journal_range(None, None, pages[-1].seq if pages else 0, 3)):
        pages.extend(page)
    assert [one.event.id for one in pages] == [one.id for one in shuffled]
    assert [one.seq for one in pages] == sorted(one.seq for one in pages)


async def test_a_range_includes_its_start_and_not_its_end(store: Store) -> None:
    events = numbered(4)
    await store.write(lambda tx: tx.append_journal([entry(one) for one in events]))
    found = await store.read(lambda tx: tx.journal_range(T0 + minutes(1), T0 + minutes(3), 0, 10))
    assert [one.event.id for one in found] == [events[1].id, events[2].id]


async def test_members_are_the_newest_and_the_very_first_oldest_first(store: Store) -> None:
    events = numbered(10)

    def work(tx: Tx) -> None:
        tx.append_journal([entry(one) for one in events])
        tx.put_incidents([incident("inc-a")])
        tx.link_events([("inc-a", one.id) for one in events])
        tx.link_events([("inc-a", events[0].id), ("inc-a", "never journalled")])

    await store.write(work)
    found = await store.read(lambda tx: tx.members("inc-a", 3))
    assert [one.id for one in found] == [events[n].id for n in (0, 7, 8, 9)]
    assert await store.read(lambda tx: tx.members("inc-a", 100)) == events
    assert await store.read(lambda tx: tx.members("inc-b", 3)) == []


async def test_events_of_an_earlier_transaction_can_be_linked(store: Store) -> None:
    one = event()
    await store.write(lambda tx: tx.append_journal([entry(one)]))

    def link(tx: Tx) -> None:
        tx.put_incidents([incident("inc-a")])
        tx.link_events([("inc-a", one.id)])

    await store.write(link)
    assert [found.id for found in await store.read(lambda tx: tx.members("inc-a", 3))] == [one.id]


async def test_only_firing_events_are_counted_and_by_label(store: Store) -> None:
    events = [
        event(labels={"xid": "79"}),
        event(labels={"xid": "48"}, entities={"gpu": ("GPU-1",)}),
        event(Status.RESOLVED, labels={"xid": "79"}),
        event(at=T0 + timedelta(days=2), labels={"xid": "79"}),
    ]
    await store.write(lambda tx: tx.append_journal([entry(one) for one in events]))

    async def count(kind: str, name: str, days: int, **labels: str) -> int:
        return await store.read(lambda tx: tx.count_events(kind, name, T0, T0 + timedelta(days=days), labels))

    assert await count("node", "n1", 1) == 2
    assert await count("node", "n1", 3) == 3
    assert await count("node", "n1", 3, xid="79") == 2
    assert await count("gpu", "GPU-1", 3) == 1
    assert await count("gpu", "GPU-2", 3) == 0


async def test_very_long_and_strange_entity_names_are_no_obstacle(store: Store) -> None:
    name = "x" * 10_000 + "\0é"
    one = event(entities={"service": (name, name + "other")})
    await store.write(lambda tx: tx.append_journal([entry(one)]))
    assert await store.read(lambda tx: tx.count_events("service", name, T0, T0 + minutes(1), {})) == 1
