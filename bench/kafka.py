"""Events per second through Kafka in one process: as a fleet sends them, 99 % of which need nobody."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaProducer

from bench.measuring import rss_mib, say
from tests.e2e.daemon import Daemon
from tests.servers import kafka as brokers

COUNT = 100_000


def job(n: int, at: datetime) -> dict[str, Any]:
    failed = n % 100 == 0
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "jobid": n, "cluster": "aurora", "job_name": f"job-{n % 500}", "username": f"user{n % 40}", "user_id": n % 40,
        "groupname": "g", "partition": "h100", "nodes": f"gpu-{n % 288:03d}", "total_nodes": 1, "total_cpus": 96,
        "@start": (at - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"), "@end": stamp, "elapsed": 3600,
        "state": "FAILED" if failed else "COMPLETED", "exit_code": "1:0" if failed else "0:0",
        "tres_alloc": "cpu=96,mem=900G,node=1,gres/gpu=8,gres/gpu:h100=8",
    }  # fmt: skip


async def fill(address: str, topic: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, linger_ms=20, max_batch_size=262144)
    await producer.start()
    at = datetime.now(UTC)
    for n in range(1, COUNT + 1):
        await producer.send(topic, orjson.dumps(job(n, at)))
    await producer.flush()
    await producer.stop()


def main() -> None:
    with brokers.running() as kafka, tempfile.TemporaryDirectory() as folder:
        topic = asyncio.run(kafka.new_topic(4))
        asyncio.run(fill(kafka.address, topic))
        source = {
            "bootstrap_servers": kafka.address,
            "topics": {topic: "slurm"},
            "start": "earliest",
            "max_records": 1000,
        }
        daemon = Daemon(Path(folder), {"sources": {"kafka": source}, "sinks": {}})
        daemon.start()
        began = first = None
        while True:
            done = _taken(daemon.url)
            now = time.perf_counter()
            if began is None and done:
                began, first = now, done
            if done >= COUNT:
                break
            time.sleep(0.05)
        assert began is not None
        assert first is not None
        assert daemon.process is not None
        seconds = time.perf_counter() - began
        say(bench="kafka", events=COUNT, events_per_s=(COUNT - first) / seconds, rss_mib=rss_mib(daemon.process.pid))
        daemon.stop()


def _taken(url: str) -> int:
    text = httpx.get(f"{url}/metrics", timeout=10).text
    lines = [line for line in text.splitlines() if line.startswith("responder_events_total{")]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines))


if __name__ == "__main__":
    main()
