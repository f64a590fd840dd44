"""Deliveries and the record of sends."""

import pytest

from responder.model.delivery import Delivery, Receipt, Send, Visible
from responder.ports import Store, Tx
from tests.making import T0, incident, minutes

pytestmark = pytest.mark.asyncio


def delivery(sink: str, incident_id: str = "inc-a", message_id: str | None = None) -> Delivery:
    receipt = Receipt(message_id=message_id, data={"ts": message_id, "blocks": [1, 2]}, at=T0, visible=Visible.OPEN)
    return Delivery(
        incident_id=incident_id,
        sink=sink,
        target={"channel": "C1"},
        desired_version=2,
        receipt=receipt if message_id else None,
        attempt_started_at=T0,
    )


async def put(store: Store, *rows: Delivery) -> None:
    def work(tx: Tx) -> None:
        known = tx.incidents(["inc-a", "inc-b"])
        fresh = [incident("inc-a"), incident("inc-b", key={"node": "n2"})]
        tx.put_incidents([one for one in fresh if one.id not in known])
        tx.put_deliveries(rows)

    await store.write(work)


async def test_one_row_per_incident_and_sink(store: Store) -> None:
    await put(store, delivery("slack"), delivery("pagerduty"), delivery("slack", "inc-b"))
    await put(store, delivery("slack", message_id="1.2"))
    found = await store.read(lambda tx: tx.deliveries("inc-a"))
    assert found == {"pagerduty": delivery("pagerduty"), "slack": delivery("slack", message_id="1.2")}
    assert await store.read(lambda tx: tx.deliveries("inc-none")) == {}


async def test_a_delivery_is_found_by_its_message(store: Store) -> None:
    await put(store, delivery("slack", message_id="1.2"), delivery("slack", "inc-b", message_id="1.3"))
    found = await store.read(lambda tx: tx.find_delivery("slack", "1.3"))
    assert found == delivery("slack", "inc-b", message_id="1.3")
    assert await store.read(lambda tx: tx.find_delivery("pagerduty", "1.3")) is None
    assert await store.read(lambda tx: tx.find_delivery("slack", "9")) is None


async def test_sends_are_kept_in_the_order_of_writing(store: Store) -> None:
    await put(store)
    sends = [
        Send(incident_id="inc-a", sink="slack", at=T0 + minutes(n % 2), sent=bool(n % 2), reason=f"r{n}")
        for n in range(5)
    ]
    await store.write(lambda tx: tx.append_sends(sends[:3]))
    await store.write(lambda tx: tx.append_sends(sends[3:]))
    await store.write(lambda tx: tx.append_sends([]))
    assert await store.read(lambda tx: tx.sends("inc-a")) == sends
    assert await store.read(lambda tx: tx.sends("inc-b")) == []
