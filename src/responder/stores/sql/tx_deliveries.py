"""Deliveries: what each sink should show and shows of an incident, and the record of every send and silence."""

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select

from responder.model.delivery import Delivery, Send
from responder.stores.sql.documents import DELIVERY, SEND
from responder.stores.sql.schema import deliveries, sends
from responder.stores.sql.session import Session, bounded, replacing

_PUT = replacing(deliveries)
_OF_INCIDENT = (
    select(deliveries.c.doc).where(deliveries.c.incident_id == bindparam("incident_id")).order_by(deliveries.c.sink)
)
_BY_MESSAGE = (
    select(deliveries.c.doc)
    .where(deliveries.c.sink == bindparam("sink"), deliveries.c.message_id == bindparam("message_id"))
    .limit(1)
)
_ADD_SENDS = insert(sends)
_SENDS = select(sends.c.doc).where(sends.c.incident_id == bindparam("incident_id")).order_by(sends.c.seq)


class DeliveryTx(Session):
    """See `ports.Tx`."""

    def deliveries(self, incident_id: str) -> dict[str, Delivery]:
        found = (DELIVERY.load(row.doc) for row in self.ask(_OF_INCIDENT, {"incident_id": incident_id}))
        return {delivery.sink: delivery for delivery in found}

    def put_deliveries(self, rows: Sequence[Delivery]) -> None:
        if rows:
            self.execute_many(
                _PUT,
                [
                    {
                        "incident_id": row.incident_id,
                        "sink": bounded(row.sink),
                        "message_id": _message_id(row),
                        "doc": DELIVERY.dump(row),
                    }
                    for row in rows
                ],
            )

    def append_sends(self, rows: Sequence[Send]) -> None:
        if rows:
            self.execute_many(_ADD_SENDS, [{"incident_id": row.incident_id, "doc": SEND.dump(row)} for row in rows])

    def sends(self, incident_id: str) -> list[Send]:
        """In the order of writing."""
        return [SEND.load(row.doc) for row in self.ask(_SENDS, {"incident_id": incident_id})]

    def find_delivery(self, sink: str, message_id: str) -> Delivery | None:
        doc = self.ask(_BY_MESSAGE, {"sink": bounded(sink), "message_id": bounded(message_id)}).scalar()
        return None if doc is None else DELIVERY.load(doc)


def _message_id(row: Delivery) -> str | None:
    return bounded(row.receipt.message_id) if row.receipt is not None and row.receipt.message_id is not None else None
