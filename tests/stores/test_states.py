"""Alert states: read and written by many keys at once."""

import pytest

from responder.model.journal import AlertState
from responder.ports import Store
from tests.making import T0, minutes

pytestmark = pytest.mark.asyncio


def state(number: int, **more: object) -> AlertState:
    fields: dict[str, object] = {
        "source": f"am{number % 3}",
        "fingerprint": f"{number:016x}",
        "status": "firing",
        "first_seen_at": T0,
        "last_seen_at": T0,
        "starts_at": T0,
        "event_id": f"evt-{number}",
    }
    return AlertState.model_validate(fields | more)


async def test_states_are_found_by_source_and_fingerprint(store: Store) -> None:
    states = [
        state(n, ends_at=T0 + minutes(n) if n % 2 else None, incident_ids=("inc-a",) * (n % 3)) for n in range(2000)
    ]
    await store.write(lambda tx: tx.put_alert_states(states))
    keys = [(one.source, one.fingerprint) for one in states]
    found = await store.read(lambda tx: tx.alert_states([*keys, ("am0", "unknown"), ("unknown", keys[0][1])]))
    assert found == dict(zip(keys, states, strict=True))


async def test_a_state_is_overwritten_whole(store: Store) -> None:
    old = state(1, ends_at=T0, incident_ids=("inc-a",))
    new = state(1, status="resolved", count=7, last_seen_at=T0 + minutes(1))
    await store.write(lambda tx: tx.put_alert_states([old]))
    await store.write(lambda tx: tx.put_alert_states([new]))
    key = (new.source, new.fingerprint)
    assert await store.read(lambda tx: tx.alert_states([key])) == {key: new}


async def test_keys_of_strangers_come_back_as_they_were_given(store: Store) -> None:
    strange = [state(0, source="s\0", fingerprint="f" * 5000), state(0, source="s\0", fingerprint="f" * 4999)]
    await store.write(lambda tx: tx.put_alert_states(strange))
    keys = [(one.source, one.fingerprint) for one in strange]
    assert await store.read(lambda tx: tx.alert_states(keys)) == dict(zip(keys, strange, strict=True))


async def test_nothing_asked_is_nothing_found(store: Store) -> None:
    await store.write(lambda tx: tx.put_alert_states([]))
    assert await store.read(lambda tx: tx.alert_states([])) == {}
