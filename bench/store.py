"""How many events a second the store takes: batches through `Store.write`, each durable before the next begins.

    python bench/store.py [URL] [--events 50000] [--batch 256]

A batch is what intake commits: journal entries, alert states (read, then written), timers of their expiry, one checkpoint.
Without a URL an SQLite file in a temporary folder is used. Reads and group commit are measured besides.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from responder.logic.identity import event_id, fingerprint
from responder.model.event import AlertSeverity, Event, Kind, Link, Status
from responder.model.journal import AlertState, Checkpoint, Disposition, JournalEntry, Trail
from responder.ports import Store, Tx
from responder.runtime.clock import SystemClock
from responder.stores.sql import create

NOW = datetime.now(UTC)


def alert(number: int, status: Status) -> Event:
    """About 1.3 KB as JSON, as an alert of dcgm-exporter through Alertmanager is."""
    node, gpu = f"gpu-node-{number % 4096:04d}", f"GPU-{number % 32768:08x}-1b2c-4d3e-8f90-a1b2c3d4e5f6"
    labels = {
        "alertname": "DCGMXidError",
        "severity": "critical",
        "cluster": "prod-a",
        "Hostname": node,
        "UUID": gpu,
        "gpu": str(number % 8),
        "modelName": "NVIDIA H100 80GB HBM3",
        "namespace": "ml-research",
        "pod": f"llm-pretrain-worker-{number % 4096}",
        "instance": f"10.0.{number % 250}.17:9400",
        "job": "dcgm-exporter",
        "prometheus": "monitoring/k8s",
    }
    prints = fingerprint(labels)
    return Event(
        id=event_id("alertmanager", "am", prints, status.value, NOW, NOW + timedelta(seconds=number)),
        format="alertmanager",
        source="am",
        fingerprint=prints,
        kind=Kind.NODE,
        status=status,
        severity=AlertSeverity.CRITICAL,
        title=f"Xid 79 on {node}: GPU has fallen off the bus",
        labels=labels,
        annotations={"summary": f"Xid 79 on {node}", "description": "GPU has fallen off the bus. " * 5},
        entities={
            "cluster": ("prod-a",),
            "node": (node,),
            "gpu": (gpu,),
            "pod": (labels["pod"],),
            "namespace": ("ml-research",),
        },
        starts_at=NOW,
        ends_at=NOW + timedelta(minutes=5),
        received_at=NOW,
        links=(Link(href="https://prometheus.example.com/graph?g0.expr=DCGM_FI_DEV_XID_ERRORS", text="Prometheus"),),
    )


def state(event: Event) -> AlertState:
    return AlertState(
        source=event.source,
        fingerprint=event.fingerprint,
        status=event.status.value,
        first_seen_at=NOW,
        last_seen_at=NOW,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        event_id=event.id,
    )


@dataclass(frozen=True)
class Batch:
    """What intake commits at once."""

    entries: list[JournalEntry]
    states: list[AlertState]
    checkpoint: Checkpoint


def batches(first: int, count: int, size: int, status: Status) -> list[Batch]:
    trail = Trail(disposition=Disposition.TRIAGED, reason="routed", rules=("gpu-xid",), rules_version="0123456789ab")
    out = []
    for at in range(first, first + count, size):
        events = [alert(number, status) for number in range(at, min(at + size, first + count))]
        out.append(
            Batch(
                [JournalEntry(event=event, trail=trail) for event in events],
                [state(event) for event in events],
                Checkpoint(cluster="c", group="g", topic="t", partition=0, expected=at or None, next=at + len(events)),
            )
        )
    return out


def append(tx: Tx, batch: Batch) -> None:
    """The bare writes of one batch."""
    tx.append_journal(batch.entries)
    tx.put_alert_states(batch.states)
    tx.advance([batch.checkpoint])


def intake(tx: Tx, batch: Batch) -> None:
    """The same with what intake reads before and the timers that firing alerts need."""
    tx.alert_states([(one.source, one.fingerprint) for one in batch.states])
    tx.journal_entries([entry.event.id for entry in batch.entries])
    append(tx, batch)
    tx.set_timers([("expire", f"{one.source}|{one.fingerprint}", one.ends_at or NOW, "lapses") for one in batch.states])


async def measure(store: Store, count: int, batch: int) -> None:
    offset = 0
    for name, status, work in (
        ("firing: journal, states, offset", Status.FIRING, append),
        ("info: journal, states, offset", Status.INFO, append),
        ("firing, with reads and timers", Status.FIRING, intake),
    ):
        made = batches(offset, count, batch, status)
        offset += count
        started, used = time.perf_counter(), time.process_time()
        for one in made:
            await store.write(lambda tx, one=one, work=work: work(tx, one))
        _say(f"{name}, by {batch}", count, time.perf_counter() - started, time.process_time() - used)
        del made

    events = [alert(number, Status.FIRING) for number in range(count)]
    started = time.perf_counter()
    for at in range(0, count, batch):
        part = events[at : at + batch]

        def duplicates(tx: Tx, part: Sequence[Event] = part) -> None:
            known = tx.alert_states([(event.source, event.fingerprint) for event in part])
            tx.put_alert_states(
                [one.model_copy(update={"last_seen_at": NOW, "count": one.count + 1}) for one in known.values()]
            )

        await store.write(duplicates)
    _say(f"duplicates, batches of {batch}", count, time.perf_counter() - started)

    fresh = [alert(offset + number, Status.FIRING) for number in range(4000)]
    trail = Trail(disposition=Disposition.TRIAGED, reason="routed")
    waiting = asyncio.Semaphore(64)

    async def one(event: Event) -> None:
        async with waiting:
            await store.write(lambda tx: tx.append_journal([JournalEntry(event=event, trail=trail)]))

    started = time.perf_counter()
    await asyncio.gather(*(one(event) for event in fresh))
    _say("single events, 64 senders at once", len(fresh), time.perf_counter() - started)

    started = time.perf_counter()
    for event in fresh[:300]:
        await store.write(lambda tx, event=event: tx.put_meta("last", event.id))
    _say("single writes, one sender (one sync each)", 300, time.perf_counter() - started)

    started = time.perf_counter()
    for event in fresh[:2000]:
        await store.read(lambda tx, event=event: tx.journal_entries([event.id]))
    _say("single reads", 2000, time.perf_counter() - started)


def _say(what: str, count: int, seconds: float, cpu: float | None = None) -> None:
    used = "" if cpu is None else f", {cpu / count * 1e6:.0f} us of processor each"
    print(f"{what:48} {count / seconds:10,.0f} /s   ({count} in {seconds:.2f} s{used})", flush=True)


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url", nargs="?")
    arguments.add_argument("--events", type=int, default=50_000)
    arguments.add_argument("--batch", type=int, default=256)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        store = create(given.url or f"sqlite:{Path(folder) / 'bench.db'}", clock=SystemClock())
        await store.open()
        try:
            await measure(store, given.events, given.batch)
        finally:
            await store.close()


if __name__ == "__main__":
    asyncio.run(main())
