"""One Apache Kafka broker (KRaft, a single node) for the test run; tests may stop and start it.

Topics are not created by themselves: a test names what it needs with `new_topic`.
"""

import contextlib
import os
import secrets
import shlex
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.servers import certificates
from tests.servers.container import Container, engine_answers
from tests.servers.kafka import jars
from tests.servers.machine import require_program, server_directory
from tests.servers.process import Process, Runnable, ServerError, free_ports, port_answers, wait_until_ready

PACKAGE = "default-jre-headless"  # 17 or newer
IMAGE = f"apache/kafka:{jars.VERSION}"
IMAGE_CLASS_PATH = "/opt/kafka/libs/*"
READY_WITHIN_S = 60.0

# One short-lived node: a small heap, and the first compiler tier alone, which starts faster than it runs.
JAVA_OPTIONS = "-Xms256m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto"
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker},SECURE://127.0.0.1:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
listener.name.secure.sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
  user_{user}="{password}";
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={directory}/broker-with-key.pem
log.dirs={directory}/data
auto.create.topics.enable=false
delete.topic.enable=true
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.enable=false
num.network.threads=2
num.io.threads=2
"""


@dataclass(frozen=True)
class Secure:
    """The same broker by SASL_SSL: its address, the authority behind its certificate, and who may."""

    address: str
    authority: Path
    user: str = "responder"
    password: str = "s3cret"


@dataclass(frozen=True)
class Kafka:
    """`address` is `host:port`, as `bootstrap_servers` wants it."""

    address: str
    secure: Secure | None = None
    """None where the environment names the broker."""
    _server: Runnable | None = field(default=None, repr=False)

    def stop(self) -> None:
        """Ends the broker; its data and its port stay."""
        if self._server is None:
            raise ServerError("a broker named by RESPONDER_TEST_KAFKA cannot be stopped: unset it for this test")
        self._server.stop()

    def start(self) -> None:
        """Starts it again, on the same port and data; returns when it takes connections."""
        if self._server is not None:
            self._server.start()
            port = int(self.address.rpartition(":")[2])
            wait_until_ready("Kafka", self._server, lambda: port_answers(port), READY_WITHIN_S)

    async def new_topic(self, partitions: int = 1, name: str | None = None) -> str:
        """Creates a topic (with a name of its own where none is given) and returns its name."""
        topic = name or f"t-{secrets.token_hex(6)}"
        async with self._admin() as admin:
            await admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)])
        return topic

    async def delete_topic(self, name: str) -> None:
        async with self._admin() as admin:
            await admin.delete_topics([name])

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()


@contextlib.contextmanager
def running() -> Iterator[Kafka]:
    """Kafka from the environment (`RESPONDER_TEST_KAFKA=host:port`), Docker, or this machine's Java."""
    if address := os.environ.get("RESPONDER_TEST_KAFKA"):
        yield Kafka(address)
        return
    broker, encrypted, controller = free_ports(3)
    with server_directory("kafka") as directory:
        root = certificates.authority(directory)
        own = certificates.signed(directory, root, "broker")
        (directory / "broker-with-key.pem").write_text(own.key.read_text() + own.certificate.read_text())
        secure = Secure(f"127.0.0.1:{encrypted}", root.certificate)
        properties = PROPERTIES.format(
            broker=broker,
            secure=encrypted,
            controller=controller,
            directory=directory,
            user=secure.user,
            password=secure.password,
        )
        (directory / "server.properties").write_text(properties)
        server: Runnable
        if engine_answers():
            server = Container(IMAGE, _line("java", IMAGE_CLASS_PATH, directory), directory)
        else:
            java = require_program(("java",), PACKAGE)
            server = Process(_line(str(java), jars.class_path(), directory), directory)
        kafka = Kafka(f"127.0.0.1:{broker}", secure, server)
        try:
            kafka.start()
            yield kafka
        finally:
            server.stop()


def _line(java: str, classes: str, directory: Path) -> str:
    run = f"{shlex.quote(java)} {JAVA_OPTIONS} -cp {shlex.quote(classes)}"
    cluster_id = "cmVzcG9uZGVyLXRlc3RzIQ"  # any 16 bytes in base64; one per broker directory
    return (
        f"{{ test -e data/meta.properties || {run} kafka.tools.StorageTool format --config server.properties "
        f"--cluster-id {cluster_id}; }} && exec {run} kafka.Kafka {directory}/server.properties"
    )
