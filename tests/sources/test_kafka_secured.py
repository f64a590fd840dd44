"""A broker that wants TLS and a password: the options for both reach the client, and what is wrong with them is said."""

from pathlib import Path
from typing import Any

import pytest

from responder.errors import ConfigError, ResponderError
from responder.sources.kafka import Settings, check
from tests.servers.kafka import Kafka as Broker
from tests.servers.kafka import Secure
from tests.sources.test_kafka import place, reading, send

pytestmark = [pytest.mark.integration, pytest.mark.asyncio, pytest.mark.timeout(90)]


@pytest.fixture
def secure(kafka: Broker) -> Secure:
    if kafka.secure is None:
        pytest.skip("the broker that the environment names has no secured listener that we know")
    return kafka.secure


def by_password(secure: Secure, topic: str, **change: Any) -> Settings:
    options = {
        "bootstrap_servers": secure.address,
        "group_id": f"g-{topic}",
        "topics": {topic: "native"},
        "start": "earliest",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": secure.user,
        "sasl_plain_password": secure.password,
        "ssl_cafile": str(secure.authority),
    }
    return Settings.model_validate(options | change)


async def test_messages_come_over_tls_with_a_password(kafka: Broker, secure: Secure) -> None:
    topic = await kafka.new_topic(1)
    await send(kafka, topic, range(5))
    assert await check(by_password(secure, topic)) is None
    async with place() as here, reading(here, by_password(secure, topic)):
        await here.has(5)


@pytest.mark.parametrize("change", [{"sasl_plain_password": "wrong"}, {"ssl_cafile": None}])
async def test_a_wrong_password_or_an_unknown_authority_is_told_apart_from_success(
    kafka: Broker, secure: Secure, change: dict[str, Any]
) -> None:
    topic = await kafka.new_topic(1)
    with pytest.raises(ResponderError) as raised:
        assert await check(by_password(secure, topic, **change)) is None
    assert "wrong" not in str(raised.value), "the password is no one's business"


async def test_certificates_that_cannot_be_used_are_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    for options in ({"ssl_cafile": str(tmp_path / "none.pem")}, {"ssl_cafile": str(tmp_path / "no.pem")}):
        with pytest.raises(ConfigError, match="ssl_cafile"):
            await check(
                Settings.model_validate({"bootstrap_servers": "127.0.0.1:1", "topics": {"t": "native"}, **options})
            )
