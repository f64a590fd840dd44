"""Events per second through Kafka in one process: as a fleet sends them, 99 % of which need nobody; and where nobody is needed."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaProducer

from bench.measuring import loop_s, rss_mib, say
from tests.e2e.daemon import Daemon
from tests.servers import kafka as brokers

COUNT = 200_000
EVERY = 100
"""Of so many jobs one fails, and is triaged while the others come in."""


def job(n: int, at: datetime, *, fails: bool = True) -> dict[str, Any]:
    failed = fails and n % EVERY == 0
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "jobid": n, "cluster": "aurora", "job_name": f"job-{n % 500}", "username": f"user{n % 40}", "user_id": n % 40,
        "groupname": "g", "partition": "h100", "nodes": f"gpu-{n % 288:03d}", "total_nodes": 1, "total_cpus": 96,
        "@start": (at - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"), "@end": stamp, "elapsed": 3600,
        "state": "FAILED" if failed else "COMPLETED", "exit_code": "1:0" if failed else "0:0",
        "tres_alloc": "cpu=96,mem=900G,node=1,gres/gpu=8,gres/gpu:h100=8",
    }  # fmt: skip


async def fill(address: str, topic: str, *, fails: bool) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, linger_ms=20, max_batch_size=262144)
    await producer.start()
    at = datetime.now(UTC)
    for n in range(1, COUNT + 1):
        await producer.send(topic, orjson.dumps(job(n, at, fails=fails)))
    await producer.flush()
    await producer.stop()


def main() -> None:
    with brokers.running() as kafka:
        for fails in (True, False):
            topic = asyncio.run(kafka.new_topic(4))
            asyncio.run(fill(kafka.address, topic, fails=fails))
            with tempfile.TemporaryDirectory() as folder:
                _measure(Path(folder), kafka.address, topic, fails=fails)


def _measure(folder: Path, address: str, topic: str, *, fails: bool) -> None:
    source = {"bootstrap_servers": address, "topics": {topic: "slurm"}, "start": "earliest"}
    daemon = Daemon(folder, {"sources": {"kafka": source}, "sinks": {}})
    before = loop_s()
    daemon.start()
    began = first = None
    while True:
        done = _taken(daemon.url)
        now = time.perf_counter()
        if began is None and done:
            began, first = now, done
        if done >= COUNT:
            break
        time.sleep(0.25)
    assert began is not None
    assert first is not None
    assert daemon.process is not None
    rate = (COUNT - first) / (now - began)
    failing = 1 / EVERY if fails else 0.0
    say(bench="kafka", events=COUNT, failing=failing, events_per_s=rate, rss_mib=rss_mib(daemon.process.pid),
        loop_s=[round(before, 2), round(loop_s(), 2)])  # fmt: skip
    daemon.stop()


def _taken(url: str) -> int:
    text = httpx.get(f"{url}/metrics", timeout=10).text
    lines = [line for line in text.splitlines() if line.startswith("responder_events_total{")]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines))


if __name__ == "__main__":
    main()
