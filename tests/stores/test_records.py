"""Silences, the audit, quarantine."""

from typing import cast

import pytest
from sqlalchemy import text

from responder.errors import Conflict, Permanent
from responder.model.journal import Action, Quarantined
from responder.model.rule import All, Any_, Matcher, MatchOp, Not, One
from responder.model.silence import Silence
from responder.ports import Store
from responder.stores.sql.tx import SqlTx
from tests.making import T0, minutes

pytestmark = pytest.mark.asyncio


def silence(id: str, start: float, end: float) -> Silence:
    one = One(matcher=Matcher(label="node", op=MatchOp.RE, value="n[12]"))
    return Silence(
        id=id,
        match=All(parts=(Any_(parts=(one,)), Not(part=one))),
        text='{node=~"n[12]"}',
        starts_at=T0 + minutes(start),
        ends_at=T0 + minutes(end),
        created_by="ann",
        comment="maintenance",
        created_at=T0,
    )


def action(n: int, incident_id: str | None = None) -> Action:
    detail = {"from": ["a", 1, None], "why": {"x": True}}
    return Action(
        id=f"act-{n}", at=T0 + minutes(n), who="ann", via="cli", what="ack", incident_id=incident_id, detail=detail
    )


def held(n: int, state: str = "held") -> Quarantined:
    return Quarantined(
        id=f"q{n}", at=T0 + minutes(n), source="s", format="f", stage="decode", error="bad", body="{", state=state
    )


async def test_silences_in_force_at_a_time(store: Store) -> None:
    rows = [silence("s1", 0, 10), silence("s2", 5, 15), silence("s3", 20, 30)]
    await store.write(lambda tx: tx.put_silences(rows))
    assert await store.read(lambda tx: tx.silences(None)) == rows
    assert await store.read(lambda tx: tx.silences(T0 + minutes(5))) == rows[:2]
    assert await store.read(lambda tx: tx.silences(T0 + minutes(10))) == rows[1:2]  # the end is not part of it
    ended = rows[1].model_copy(update={"ends_at": T0 + minutes(6)})
    await store.write(lambda tx: tx.put_silences([ended]))
    assert await store.read(lambda tx: tx.silences(T0 + minutes(10))) == []


async def test_actions_by_time_and_incident(store: Store) -> None:
    rows = [action(3), action(1, "inc-a"), action(2, "inc-a"), action(9, "inc-b")]
    await store.write(lambda tx: tx.append_actions(rows))
    assert await store.read(lambda tx: tx.actions(None, None, None)) == rows
    assert await store.read(lambda tx: tx.actions(None, None, "inc-a")) == rows[1:3]
    assert await store.read(lambda tx: tx.actions(T0 + minutes(2), T0 + minutes(9), None)) == [rows[0], rows[2]]
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.append_actions([action(3)]))


@pytest.mark.parametrize("sql", ["UPDATE actions SET doc = 'x'", "DELETE FROM actions"])
async def test_the_audit_refuses_to_be_changed(store: Store, sql: str) -> None:
    await store.write(lambda tx: tx.append_actions([action(1)]))
    with pytest.raises(Permanent, match="append-only"):
        await store.write(lambda tx: cast("SqlTx", tx).execute(text(sql)))
    assert await store.read(lambda tx: tx.actions(None, None, None)) == [action(1)]


async def test_quarantine_by_state_the_newest_first(store: Store) -> None:
    await store.write(lambda tx: tx.put_quarantine([held(1), held(3), held(2, "dropped")]))
    assert await store.read(lambda tx: tx.quarantine(None, 2)) == [held(3), held(2, "dropped")]
    assert await store.read(lambda tx: tx.quarantine("held", 10)) == [held(3), held(1)]
    await store.write(lambda tx: tx.put_quarantine([held(3, "retried")]))
    assert await store.read(lambda tx: tx.quarantine("held", 10)) == [held(1)]
    assert await store.read(lambda tx: tx.quarantined("q3")) == held(3, "retried")
    assert await store.read(lambda tx: tx.quarantined("q9")) is None
