"""Timers: claims, fencing, and wishes that arrive while the work is going on."""

from datetime import datetime

import pytest

from responder.ports import Claim, Store
from tests.making import T0, minutes

pytestmark = pytest.mark.asyncio
KINDS = ("triage", "deliver")


async def claim(store: Store, now: datetime = T0, *, limit: int = 10, lease: float = 2) -> list[Claim]:
    return await store.write(lambda tx: tx.claim(now, KINDS, limit, now + minutes(lease)))


async def set_timer(store: Store, ref: str, at: datetime = T0, reason: str = "first", kind: str = "triage") -> None:
    await store.write(lambda tx: tx.set_timers([(kind, ref, at, reason)]))


async def due(store: Store, ref: str, kind: str = "triage") -> datetime | None:
    return (await store.read(lambda tx: tx.timers(kind, [ref]))).get(ref)


async def next_due(store: Store) -> datetime | None:
    return await store.read(lambda tx: tx.next_due(KINDS))


async def test_the_earliest_due_are_claimed_first_and_each_once(store: Store) -> None:
    for n in (3, 1, 2, 5):
        await set_timer(store, f"r{n}", T0 + minutes(n), kind=KINDS[n % 2])
    await set_timer(store, "other", T0, kind="purge")
    now = T0 + minutes(4)
    assert [one.ref for one in await claim(store, now, limit=2)] == ["r1", "r2"]
    assert [one.ref for one in await claim(store, now, limit=2)] == ["r3"]
    assert await claim(store, now) == []


async def test_a_claim_says_what_was_set(store: Store) -> None:
    await set_timer(store, "r", T0, "opened")
    (one,) = await claim(store)
    assert (one.kind, one.ref, one.due_at, one.attempts, one.reason) == ("triage", "r", T0, 0, "opened")
    assert await store.read(lambda tx: tx.holds(one))


async def test_completing_deletes_and_only_once(store: Store) -> None:
    await set_timer(store, "r")
    (one,) = await claim(store)
    assert await store.write(lambda tx: tx.complete(one))
    assert not await store.write(lambda tx: tx.complete(one))
    assert await due(store, "r") is None
    assert await next_due(store) is None


async def test_a_lease_that_ran_out_is_claimed_again_and_the_late_worker_is_fenced_off(store: Store) -> None:
    await set_timer(store, "r")
    (late,) = await claim(store, lease=2)
    assert await next_due(store) == T0 + minutes(2)
    assert await claim(store, T0 + minutes(1)) == []
    (new,) = await claim(store, T0 + minutes(2))
    assert not await store.read(lambda tx: tx.holds(late))
    assert not await store.write(lambda tx: tx.complete(late))
    assert not await store.write(lambda tx: tx.release(late, T0, "late"))
    assert await store.read(lambda tx: tx.holds(new))
    assert await store.write(lambda tx: tx.complete(new))


async def test_a_claim_does_not_reach_a_row_that_was_deleted_and_set_anew(store: Store) -> None:
    await set_timer(store, "r")
    (old,) = await claim(store)
    await store.write(lambda tx: tx.cancel_timers([("triage", "r")]))
    assert not await store.read(lambda tx: tx.holds(old))
    await set_timer(store, "r", reason="second")
    assert not await store.write(lambda tx: tx.complete(old))
    (new,) = await claim(store)
    assert new.reason == "second"
    assert not await store.write(lambda tx: tx.complete(old))
    assert await store.write(lambda tx: tx.complete(new))


async def test_what_is_set_during_the_work_survives_its_completion(store: Store) -> None:
    await set_timer(store, "r")
    (one,) = await claim(store)
    await set_timer(store, "r", T0 + minutes(7), "second")
    assert await claim(store, T0 + minutes(1)) == []  # still in work: nobody else gets it
    assert await store.write(lambda tx: tx.complete(one))
    assert await due(store, "r") == T0 + minutes(7)
    assert await next_due(store) == T0 + minutes(7)
    (again,) = await claim(store, T0 + minutes(7))
    assert (again.reason, again.attempts) == ("second", 0)


async def test_a_release_is_due_again_with_one_attempt_more(store: Store) -> None:
    await set_timer(store, "r")
    (one,) = await claim(store)
    assert await store.write(lambda tx: tx.release(one, T0 + minutes(3), "retry"))
    assert not await store.read(lambda tx: tx.holds(one))
    assert await claim(store, T0 + minutes(2)) == []
    (again,) = await claim(store, T0 + minutes(3))
    assert (again.attempts, again.reason) == (1, "retry")


async def test_a_release_gives_way_to_an_earlier_wish(store: Store) -> None:
    await set_timer(store, "r")
    (one,) = await claim(store)
    await set_timer(store, "r", T0 + minutes(1), "sooner")
    await store.write(lambda tx: tx.release(one, T0 + minutes(30), "retry"))
    (again,) = await claim(store, T0 + minutes(1))
    assert (again.reason, again.attempts) == ("sooner", 1)


async def test_setting_overwrites_and_forgets_attempts(store: Store) -> None:
    await set_timer(store, "r")
    (one,) = await claim(store)
    await store.write(lambda tx: tx.release(one, T0 + minutes(30), "retry"))
    await set_timer(store, "r", T0 + minutes(40), "later")
    assert await due(store, "r") == T0 + minutes(40)
    await set_timer(store, "r", T0 + minutes(5), "sooner")
    (again,) = await claim(store, T0 + minutes(5))
    assert (again.attempts, again.reason) == (0, "sooner")


async def test_advancing_only_ever_makes_it_sooner(store: Store) -> None:
    async def advance(at: datetime, reason: str) -> None:
        await store.write(lambda tx: tx.advance_timers([("triage", "r", at, reason)]))

    await advance(T0 + minutes(5), "first")
    await advance(T0 + minutes(9), "later")
    assert await due(store, "r") == T0 + minutes(5)
    await advance(T0 + minutes(3), "sooner")
    (one,) = await claim(store, T0 + minutes(3))
    assert one.reason == "sooner"
    await advance(T0 + minutes(8), "eight")
    await advance(T0 + minutes(6), "six")
    await advance(T0 + minutes(7), "seven")
    assert await store.write(lambda tx: tx.complete(one))
    assert await due(store, "r") == T0 + minutes(6)


async def test_a_wish_from_before_a_second_claim_is_served_by_it(store: Store) -> None:
    await set_timer(store, "r")
    await claim(store, lease=2)
    await set_timer(store, "r", T0 + minutes(1), "during")
    (new,) = await claim(store, T0 + minutes(3))
    assert await store.write(lambda tx: tx.complete(new))
    assert await due(store, "r") is None


async def test_one_statement_sets_many(store: Store) -> None:
    many = [("triage", f"r{n:04d}", T0 + minutes(n / 100), "x") for n in range(1500)]
    await store.write(lambda tx: tx.set_timers(many))
    found = await store.read(lambda tx: tx.timers("triage", [ref for _, ref, _, _ in many]))
    assert found == {ref: at for _, ref, at, _ in many}
    claimed = await claim(store, T0 + minutes(100), limit=1500)
    assert [one.ref for one in claimed] == [ref for _, ref, _, _ in many]
    await store.write(lambda tx: tx.cancel_timers([("triage", ref) for _, ref, _, _ in many]))
    assert await next_due(store) is None


async def test_leases_of_a_worker_that_is_known_to_be_gone_end_at_once(store: Store) -> None:
    await set_timer(store, "r")
    (late,) = await claim(store)
    assert await claim(store) == []
    await store.write(lambda tx: tx.end_leases(T0))
    (again,) = await claim(store)
    assert again.ref == "r"
    assert not await store.read(lambda tx: tx.holds(late))
