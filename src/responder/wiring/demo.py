"""`responder demo`: a recorded night, told as bytes over real HTTP to a real daemon on a throw-away store.

Nothing here makes events or reports: the story is posted to the daemon's own address, and what comes back is what anybody would
get. The page stays up for browsing where there is a terminal; elsewhere it ends when all reports are out.
"""

import asyncio
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import orjson

from responder.config import Config, Listen, Loaded, Prices
from responder.document import load
from responder.duration import parse_duration
from responder.ports import IncidentFilter
from responder.wiring.daemon import Daemon, running

LONGEST = timedelta(seconds=90)
"""The demo's own limit: everything is out well before."""
_TIME = re.compile(r"^\{t(?:([+-])([0-9a-z]+))?(?::(slurm))?\}$")
_FILE = re.compile(r"^\{file:([a-z0-9.-]+)\}$")
STORM_NAMES = (
    ("KubeNodeNotReady", "critical", "has been unready for more than 1 minute"),
    ("NodeExporterDown", "warning", "is not answering scrapes"),
    ("InfiniBandDown", "critical", "lost its port"),
    ("KubeletDown", "critical", "has stopped posting status"),
    ("NodeNetworkInterfaceDown", "warning", "lost carrier"),
)


@dataclass(frozen=True, slots=True)
class Post:
    """One request of the story."""

    note: str | None
    wait: timedelta
    path: str
    body: bytes


def story(at: datetime) -> Iterator[Post]:
    """The posts in order, with times relative to `at`."""
    folder = Path(str(files("responder.wiring"))) / "story"
    for step in load(folder / "story.yaml").data["steps"]:
        wait = parse_duration(step["wait"]) if "wait" in step else timedelta()
        if "raw" in step:
            body = step["raw"].encode()
        elif "storm" in step:
            body = orjson.dumps(_storm(at, **step["storm"]))
        else:
            body = orjson.dumps(_filled(step["body"], at, folder))
        yield Post(step.get("note"), wait, step["path"], body)


def _filled(value: Any, at: datetime, folder: Path) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, at, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, at, folder) for item in value]
    if isinstance(value, str):
        if found := _TIME.match(value):
            sign, span, style = found.groups()
            shift = parse_duration(span) if span else timedelta()
            moment = at - shift if sign == "-" else at + shift
            return moment.strftime("%Y-%m-%dT%H:%M:%S") + ("" if style else "Z")
        if found := _FILE.match(value):
            return (folder / found[1]).read_text(encoding="utf-8")
    return value


def _storm(at: datetime, *, nodes: int, per_node: int, rack: str) -> dict[str, Any]:
    """One webhook of Alertmanager with everything that a dead rack switch sets off."""
    alerts = []
    for n in range(nodes):
        for k in range(per_node):
            name, severity, what = STORM_NAMES[k % len(STORM_NAMES)]
            node = f"gpu-e{n + 1:03d}"
            alerts.append(
                {
                    "status": "firing",
                    "labels": {"alertname": name, "severity": severity, "cluster": "aurora", "rack": rack, "node": node,
                               "device": f"port{k // len(STORM_NAMES)}"},
                    "annotations": {"summary": f"{node} {what}"},
                    "startsAt": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "endsAt": "0001-01-01T00:00:00Z",
                    "generatorURL": "http://prometheus.monitoring:9090/graph",
                    "fingerprint": f"{n:08x}{k:08x}",
                }
            )  # fmt: skip
    return {"version": "4", "groupKey": '{}:{rack="r12"}', "truncatedAlerts": 0, "status": "firing", "receiver": "responder",
            "groupLabels": {"rack": rack}, "commonLabels": {"rack": rack}, "commonAnnotations": {},
            "externalURL": "http://alertmanager.monitoring:9093", "alerts": alerts}  # fmt: skip


async def run_demo(*, port: int, stay: bool) -> int:
    """0 when every incident of the story got its report."""
    say = sys.stderr.write
    with tempfile.TemporaryDirectory(prefix="responder-demo-") as folder:
        config = Config(
            store=f"sqlite:{folder}/demo.db",
            listen=Listen(address=f"127.0.0.1:{_free(port)}"),
            enrichers={"history": {}},
            sinks={"console": {}},
            prices=Prices(gpu_hour_usd={"H100": 2.5, "default": 2.0}),
        )
        async with running(Loaded(config=config, version="demo"), watch=False) as daemon:
            say(f"The page: http://{daemon.address}/\n\n")
            at = datetime.now(UTC)
            async with httpx.AsyncClient(base_url=f"http://{daemon.address}", timeout=30) as client:
                for post in story(at):
                    await asyncio.sleep(post.wait.total_seconds())
                    if post.note:
                        say(f"\n▸ {post.note}\n")
                    answer = await client.post(
                        post.path, content=post.body, headers={"content-type": "application/json"}
                    )
                    say(f"  POST {post.path} ({len(post.body):,} bytes) → {answer.status_code} {answer.text[:160]}\n")
            waiting = await _until_quiet(daemon)
            await _closing_words(daemon, say)
            if stay:
                _stop_when_interrupted(daemon)
                say(f"\nThe page stays up: http://{daemon.address}/  (Ctrl-C ends)\n")
                await daemon.stopping.wait()
            return 1 if waiting else 0


def _free(port: int) -> int:
    """The wanted port, or another one where it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _until_quiet(daemon: Daemon) -> list[str]:
    """Wait until no report is due any more; the ids of incidents still without one when the demo's time is up."""
    deadline = datetime.now(UTC) + LONGEST
    while True:
        now = datetime.now(UTC)
        found = await daemon.store.read(lambda tx: tx.find_incidents(IncidentFilter(limit=1000)))
        waiting = [one.id for one in found if not one.revision]
        soon = await daemon.store.read(lambda tx: tx.next_due(("gather", "triage", "deliver")))
        if (not waiting and (soon is None or soon > now + timedelta(seconds=20))) or now > deadline:
            return waiting
        await asyncio.sleep(0.2)


async def _closing_words(daemon: Daemon, say: Any) -> None:
    counts = await daemon.store.read(lambda tx: tx.counts())
    found = await daemon.store.read(lambda tx: tx.find_incidents(IncidentFilter(limit=1000)))
    top = [one for one in found if one.parent is None]
    events = sum(one.events for one in found)
    say(
        f"\n{counts.get('journal', 0):,} events journalled; {events:,} of them in {len(top)} incidents "
        f"(and {len(found) - len(top)} symptoms of these); {counts.get('quarantine', 0)} bodies in quarantine; "
        f"the rest needed nobody.\n"
    )


def _stop_when_interrupted(daemon: Daemon) -> None:
    import signal

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, daemon.stop)
