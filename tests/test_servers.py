"""The servers of the tests are the real ones, and stop when they should."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.servers import alertmanager as alertmanagers
from tests.servers import prometheus as prometheuses
from tests.servers.chromium import Chromium
from tests.servers.kafka import Kafka
from tests.servers.machine import find_program, require_program
from tests.servers.postgres import Postgres
from tests.servers.process import Process, ServerError, port_answers, wait_until_ready

ROOT = Path(__file__).parents[1]
PNG = b"\x89PNG\r\n\x1a\n"


async def send(kafka: Kafka, topic: str, *values: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.address, compression_type="zstd") as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)


async def receive(kafka: Kafka, topic: str, count: int) -> list[tuple[int, bytes]]:
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.address, group_id=f"of-{topic}", auto_offset_reset="earliest"
    ) as consumer:
        messages = [await consumer.getone() for _ in range(count)]
        return [(message.offset, message.value) for message in messages]


@pytest.mark.integration
@pytest.mark.asyncio
async def test_kafka_takes_and_gives_back_messages_in_order(kafka: Kafka) -> None:
    topic = await kafka.new_topic(partitions=2)
    await send(kafka, topic, b"one", b"two")
    assert await receive(kafka, topic, 2) == [(0, b"one"), (1, b"two")]


@pytest.mark.integration
@pytest.mark.asyncio
async def test_kafka_keeps_its_messages_and_address_over_a_stop(kafka: Kafka) -> None:
    topic = await kafka.new_topic()
    await send(kafka, topic, b"before")
    port = int(kafka.address.rpartition(":")[2])
    await asyncio.to_thread(kafka.stop)
    assert not port_answers(port)
    await asyncio.to_thread(kafka.start)
    await send(kafka, topic, b"after")
    assert [value for _, value in await receive(kafka, topic, 2)] == [b"before", b"after"]


@pytest.mark.integration
def test_each_postgres_database_is_empty_and_gone_afterwards(postgres: Postgres) -> None:
    with postgres.new_database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE t (n int)")
            connection.execute("INSERT INTO t VALUES (7)")
            assert connection.execute("SELECT n FROM t FOR UPDATE SKIP LOCKED").fetchone() == (7,)
        with postgres.new_database() as other, psycopg.connect(other) as connection:
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


@pytest.mark.integration
def test_prometheus_evaluates_the_rules_it_was_given_and_remembers_the_history(prometheus: prometheuses.Start) -> None:
    then = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    server = prometheus(
        {"global": {"evaluation_interval": "1s"}, "rule_files": ["*.rules"]},
        files={"own.rules": '{"groups": [{"name": "g", "rules": [{"alert": "Always", "expr": "vector(1)"}]}]}'},
        history=f'# TYPE temp gauge\ntemp{{gpu="0"}} 91 {then.timestamp():.0f}\n# EOF\n',
    )
    answer = httpx.get(f"{server.url}/api/v1/query", params={"query": "temp", "time": then.isoformat()}).json()
    assert answer["data"]["result"][0]["metric"] == {"__name__": "temp", "gpu": "0"}
    assert answer["data"]["result"][0]["value"][1] == "91"
    rules = httpx.get(f"{server.url}/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert [rule["name"] for rule in rules] == ["Always"]


@pytest.mark.integration
def test_alertmanager_takes_alerts_and_amtool_reads_them(alertmanager: alertmanagers.Start) -> None:
    server = alertmanager()
    alert = {"labels": {"alertname": "Gpu Fell Off", "node": "n17"}}
    assert httpx.post(f"{server.url}/api/v2/alerts", json=[alert]).is_success
    amtool = require_program(("amtool",), "prometheus-alertmanager")
    listed = subprocess.run(
        [amtool, f"--alertmanager.url={server.url}", "alert", "query", "node=n17", "-o", "simple"],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert "Gpu Fell Off" in listed.stdout


@pytest.mark.integration
@pytest.mark.asyncio
async def test_chromium_draws_a_page(chromium: Chromium) -> None:
    async with chromium.browser() as browser:
        page = await browser.new_page(viewport={"width": 320, "height": 200})
        await page.goto("data:text/html,<title>drawn</title><h1>incident</h1>")
        assert (await page.title(), await page.inner_text("h1")) == ("drawn", "incident")
        assert (await page.screenshot()).startswith(PNG)


def test_a_server_that_ends_before_it_is_ready_is_an_error_with_its_log(tmp_path: Path) -> None:
    with (
        started("echo no space left >&2; exit 3", tmp_path) as server,
        pytest.raises(ServerError, match="(?s)Broken ended before it was ready.*no space left"),
    ):
        wait_until_ready("Broken", server, lambda: False, within_s=20)


def test_a_server_that_is_never_ready_is_an_error_in_bounded_time(tmp_path: Path) -> None:
    with started("exec tail -f /dev/null", tmp_path) as server:
        with pytest.raises(ServerError, match="Slow was not ready within 0 s"):
            wait_until_ready("Slow", server, lambda: False, within_s=0.1)
        assert not server.exited()
    assert server.exited()


def test_a_server_is_ended_when_its_starter_is_killed(tmp_path: Path) -> None:
    # Killed with no chance to clean up, as `timeout -s KILL pytest` would.
    script = (
        "import pathlib, sys; from tests.servers.process import Process;"
        "Process('echo $$ > pid; exec tail -f /dev/null', pathlib.Path(sys.argv[1])).start(); input()"
    )
    pid = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], cwd=ROOT, stdin=subprocess.PIPE) as starter:
        until(lambda: pid.exists() and pid.read_text() != "")
        server = Path("/proc") / pid.read_text().strip()
        assert server.exists()
        starter.kill()
    until(lambda: not server.exists())


def test_a_missing_program_is_an_error_that_says_what_to_install() -> None:
    assert find_program(("no-such-program",), "/opt/*/bin") is None
    with pytest.raises(ServerError, match=r"no-such-program is not installed\. Run `make servers`.*package: nothing"):
        require_program(("no-such-program",), "nothing")


@contextlib.contextmanager
def started(line: str, directory: Path) -> Iterator[Process]:
    server = Process(line, directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
