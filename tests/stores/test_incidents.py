"""Incidents: optimistic versions, one unresolved per rule and key, finding them."""

from collections.abc import Sequence
from typing import Any

import pytest

from responder.errors import Conflict
from responder.logic.identity import key_text
from responder.model.incident import Incident, IncidentStatus, Severity
from responder.ports import IncidentFilter, Store
from tests.making import T0, incident, minutes, rule

pytestmark = pytest.mark.asyncio

RESOLVED = {"status": IncidentStatus.RESOLVED, "resolved_at": T0 + minutes(5)}


def on(node: str, id: str, **more: Any) -> Incident:
    return incident(id, key={"node": node}, entities={"node": (node,), **more.pop("entities", {})}, **more)


async def put(store: Store, *incidents: Incident) -> None:
    await store.write(lambda tx: tx.put_incidents(incidents))


def ids(found: Sequence[Incident]) -> list[str]:
    return [one.id for one in found]


async def test_an_incident_is_read_back_as_it_was(store: Store) -> None:
    made = on("n1", "inc-a", title="GPU lost: ü", acknowledged_by="ann", parent="inc-b", entities={"gpu": ("G1", "G2")})
    await put(store, made)
    assert await store.read(lambda tx: tx.incidents(["inc-a", "inc-x"])) == {"inc-a": made}


async def test_an_update_must_follow_the_stored_version(store: Store) -> None:
    first = on("n1", "inc-a")
    await put(store, first)
    second = first.model_copy(update={"version": 2, "title": "two"})
    await put(store, second)
    for stale in (second, first.model_copy(update={"version": 4}), on("n9", "inc-unknown", version=2)):
        with pytest.raises(Conflict):
            await put(store, stale)
    assert (await store.read(lambda tx: tx.incidents(["inc-a"])))["inc-a"] == second


async def test_a_stale_one_among_good_ones_undoes_them_all(store: Store) -> None:
    good, stale = on("n1", "inc-a"), on("n2", "inc-b", version=5)
    with pytest.raises(Conflict):
        await put(store, good, stale)
    assert await store.read(lambda tx: tx.incidents(["inc-a"])) == {}


async def test_at_most_one_unresolved_incident_per_rule_and_key(store: Store) -> None:
    await put(store, on("n1", "inc-a"))
    with pytest.raises(Conflict):
        await put(store, on("n1", "inc-b"))
    await put(store, on("n1", "inc-other-rule", rule=rule("network")), on("n2", "inc-other-key"))
    await put(store, on("n1", "inc-a", version=2, **RESOLVED))
    await put(store, on("n1", "inc-b", opened_at=T0 + minutes(10)))
    with pytest.raises(Conflict):  # the old one cannot reopen beside the new one
        await put(store, on("n1", "inc-a", version=3))


async def test_the_latest_incident_of_a_key_is_the_newest_open_or_resolved(store: Store) -> None:
    await put(store, on("n1", "inc-old", **RESOLVED), on("n1", "inc-new", opened_at=T0 + minutes(9), **RESOLVED))
    await put(store, on("n2", "inc-open"), on("n1", "inc-else", rule=rule("network")))
    text = {node: key_text({"node": node}) for node in ("n1", "n2", "n3")}
    wanted = [("gpu", text["n1"]), ("gpu", text["n2"]), ("gpu", text["n3"])]
    found = await store.read(lambda tx: tx.latest_incidents(wanted))
    assert {key: one.id for key, one in found.items()} == {wanted[0]: "inc-new", wanted[1]: "inc-open"}


async def test_open_incidents_that_share_an_entity(store: Store) -> None:
    await put(
        store,
        on("n1", "inc-node", entities={"gpu": ("G1",)}),
        on("n2", "inc-gpu", opened_at=T0 + minutes(1), entities={"gpu": ("G1", "G2")}),
        on("n3", "inc-name-of-other-kind", entities={"pod": ("G1",)}),
        on("n4", "inc-resolved", entities={"gpu": ("G1",)}, **RESOLVED),
        on("n5", "inc-long-ago", entities={"gpu": ("G1",)}, last_event_at=T0 - minutes(60)),
    )
    wanted = [("gpu", "G1"), ("node", "n2"), ("node", "n7")]
    assert ids(await store.read(lambda tx: tx.open_incidents_sharing(wanted, T0 - minutes(5)))) == [
        "inc-node",
        "inc-gpu",
    ]
    assert await store.read(lambda tx: tx.open_incidents_sharing([], T0)) == []


async def test_entities_follow_the_incident(store: Store) -> None:
    first = on("n1", "inc-a", entities={"gpu": ("G1",)})
    await put(store, first)
    await put(store, first.model_copy(update={"version": 2, "entities": {"gpu": ("G1", "G2")}}))

    async def sharing(kind: str, name: str) -> list[str]:
        return ids(await store.read(lambda tx: tx.open_incidents_sharing([(kind, name)], T0)))

    assert [await sharing("gpu", name) for name in ("G1", "G2")] == [["inc-a"], ["inc-a"]]
    assert await sharing("node", "n1") == []


async def test_children_in_the_order_of_opening(store: Store) -> None:
    await put(store, on("n1", "inc-p"), on("n2", "inc-c2", parent="inc-p", opened_at=T0 + minutes(2)))
    await put(store, on("n3", "inc-c1", parent="inc-p"))
    assert ids(await store.read(lambda tx: tx.children("inc-p"))) == ["inc-c1", "inc-c2"]


async def test_past_incidents_of_an_entity_the_newest_first(store: Store) -> None:
    for n in range(4):
        await put(store, on("n1", f"inc-{n}", opened_at=T0 + minutes(n), **RESOLVED))
    await put(store, on("n2", "inc-elsewhere"))
    past = await store.read(
        lambda tx: tx.past_incidents([("node", "n1"), ("node", "n1")], T0, T0 + minutes(3), "inc-1")
    )
    assert ids(past) == ["inc-2", "inc-0"]


@pytest.mark.parametrize(
    ("what", "wanted"),
    [
        (IncidentFilter(), ["inc-c", "inc-b", "inc-a"]),
        (IncidentFilter(limit=1), ["inc-c"]),
        (IncidentFilter(limit=1, offset=1), ["inc-b"]),
        (IncidentFilter(status=("open", "acknowledged")), ["inc-b", "inc-a"]),
        (IncidentFilter(severity=("SEV1",)), ["inc-b"]),
        (IncidentFilter(owner="net"), ["inc-c"]),
        (IncidentFilter(since=T0 + minutes(1)), ["inc-c", "inc-b"]),
        (IncidentFilter(top_level=True), ["inc-c", "inc-a"]),
        (IncidentFilter(text="INC-A"), ["inc-a"]),
        (IncidentFilter(text="100%"), ["inc-b"]),
        (IncidentFilter(text="gpu-7"), ["inc-c"]),
        (IncidentFilter(text='"node":"n1"'), ["inc-a"]),
        (IncidentFilter(text="_"), []),
        (IncidentFilter(status=("open",), text="nothing has this"), []),
    ],
)
async def test_finding_incidents(store: Store, what: IncidentFilter, wanted: list[str]) -> None:
    b = {"opened_at": T0 + minutes(1), "last_event_at": T0 + minutes(1), "severity": Severity.SEV1}
    c = {"opened_at": T0 + minutes(2), "last_event_at": T0 + minutes(2), "owner": "net", **RESOLVED}
    await put(
        store,
        on("n1", "inc-a"),
        on("n2", "inc-b", title="Disk 100% full", parent="inc-a", **b),
        on("n3", "inc-c", entities={"gpu": ("GPU-77",)}, **c),
    )
    assert ids(await store.read(lambda tx: tx.find_incidents(what))) == wanted
