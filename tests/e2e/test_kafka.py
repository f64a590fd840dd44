"""Real Kafka: a 64-rank failure is blamed on its first rank; a broker that goes away in the middle loses and doubles nothing."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.e2e.daemon import running
from tests.servers.kafka import Kafka

pytestmark = [pytest.mark.integration, pytest.mark.asyncio, pytest.mark.timeout(180)]

STORY = Path(__file__).resolve().parents[2] / "src" / "responder" / "wiring" / "story"


def job(number: int, at: datetime, **more: Any) -> dict[str, Any]:
    start = at - timedelta(hours=3)
    return {
        "jobid": number,
        "cluster": "aurora",
        "job_name": f"llama-{number}",
        "username": "mkowalski",
        "user_id": 4711,
        "groupname": "nlp",
        "partition": "h100",
        "nodes": "gpu-a[001-008]",
        "total_nodes": 8,
        "total_cpus": 768,
        "@start": start.strftime("%Y-%m-%dT%H:%M:%S"),
        "@end": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "elapsed": 10800,
        "state": "FAILED",
        "exit_code": "1:0",
        "tres_alloc": "cpu=768,node=8,gres/gpu=64,gres/gpu:h100=64",
        **more,
    }


def kafka_config(kafka: Kafka, topics: dict[str, str], **more: Any) -> dict[str, Any]:
    source = {
        "bootstrap_servers": kafka.address,
        "group_id": f"responder-{'-'.join(topics)}",
        "topics": topics,
        "start": "earliest",
        "retry_backoff_ms": 100,
        "metadata_max_age_ms": 1000,
        "request_timeout_ms": 3000,
        **more,
    }
    return {"sources": {"kafka": source}, "sinks": {}, "prices": {"gpu_hour_usd": {"H100": 2.5}}}


async def send(kafka: Kafka, topic: str, bodies: list[Any]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.address, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for body in bodies:
            await producer.send(topic, body if isinstance(body, bytes) else orjson.dumps(body))
        await producer.flush()
    finally:
        await producer.stop()


async def test_the_first_failing_rank_is_blamed_and_the_timeout_is_its_symptom(kafka: Kafka, tmp_path: Path) -> None:
    topic = await kafka.new_topic(2)
    log = (STORY / "nccl-64-ranks.log").read_text()
    await send(kafka, topic, [job(482131, datetime.now(UTC), log=log)])

    def check() -> None:
        with running(tmp_path / "daemon", kafka_config(kafka, {topic: "slurm"})) as daemon:
            found = daemon.until(lambda: [i for i in daemon.incidents() if i["revision"]], "the report")
            report = daemon.report(found[0]["id"])
            first = report["hypotheses"][0]
            assert first["class"] == "train.cuda_oom"
            assert "net.collective_timeout" in first["symptoms"]
            cited = {one["id"]: one["statement"] for one in report["evidence"]}
            assert any("37" in cited[id] for id in first["because"]), "names the first failing rank"
            assert report["impact"]["gpu_hours_lost"] == pytest.approx(192, abs=1)
            assert daemon.get("/readyz")["ready"] is True

    await asyncio.to_thread(check)


async def test_a_broker_that_stops_and_starts_loses_and_doubles_nothing(kafka: Kafka, tmp_path: Path) -> None:
    topic = await kafka.new_topic(3)
    at = datetime.now(UTC)
    first = [job(1000 + n, at) for n in range(60)]
    second = [job(2000 + n, at) for n in range(60)]
    await send(kafka, topic, first)

    with running(tmp_path / "daemon", kafka_config(kafka, {topic: "slurm"})) as daemon:

        def count() -> int:
            return sum(one["events"] for one in daemon.incidents())

        await asyncio.to_thread(daemon.until, lambda: count() == 60, "the first sixty jobs")
        await asyncio.to_thread(kafka.stop)

        def not_ready() -> bool:
            import httpx

            return httpx.get(f"{daemon.url}/readyz", timeout=10).status_code == 503

        await asyncio.to_thread(daemon.until, not_ready, "/readyz to tell that the broker is away", 40)
        await asyncio.to_thread(kafka.start)
        await send(kafka, topic, second)
        await asyncio.to_thread(daemon.until, lambda: count() >= 120, "the other sixty jobs", 60)
        found = daemon.incidents()
        assert len({one["key"].get("job") for one in found}) == len(found) == 120
        assert all(one["events"] == 1 for one in found)
        await asyncio.to_thread(daemon.kill)
        await asyncio.to_thread(daemon.start)
        await send(kafka, topic, [job(3000, at)])
        await asyncio.to_thread(daemon.until, lambda: count() >= 121, "the job after the crash", 60)
        assert count() == 121


async def test_a_poisoned_message_harms_itself_alone(kafka: Kafka, tmp_path: Path) -> None:
    topic = await kafka.new_topic(1)
    at = datetime.now(UTC)
    await send(kafka, topic, [job(1, at), b"\xff\xfe not json", b'{"jobid": {"a": 1}}', job(2, at)])
    with running(tmp_path / "daemon", kafka_config(kafka, {topic: "slurm"})) as daemon:
        await asyncio.to_thread(daemon.until, lambda: len(daemon.incidents()) == 2, "both good jobs")
        held = daemon.get("/v1/quarantine")["quarantined"]
        assert len(held) == 2
        assert all(one["format"] == "slurm" for one in held)


async def test_a_broker_that_is_not_there_yet_is_waited_for(kafka: Kafka, tmp_path: Path) -> None:
    topic = await kafka.new_topic(1)
    await asyncio.to_thread(kafka.stop)
    with running(tmp_path / "daemon", kafka_config(kafka, {topic: "slurm"})) as daemon:
        await asyncio.to_thread(kafka.start)
        await send(kafka, topic, [job(7, datetime.now(UTC))])
        await asyncio.to_thread(daemon.until, lambda: len(daemon.incidents()) == 1, "the job", 60)
