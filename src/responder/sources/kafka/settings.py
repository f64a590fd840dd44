"""What can be said of the Kafka source in the configuration, and how it becomes the client's options."""

import inspect
import ssl
from typing import Any, Literal

from pydantic import ConfigDict, Field

from responder.document import nearest
from responder.duration import Duration, parse_duration
from responder.errors import ConfigError
from responder.model.value import Value

OURS = frozenset(
    ("self", "topics", "loop", "ssl_context", "enable_auto_commit", "auto_offset_reset", "max_partition_fetch_bytes")
)
"""Parameters of the client that are not an operator's to set."""


class Settings(Value):
    """`sources.kafka`. Further keys (`security_protocol`, `sasl_*`, `ssl_*`, `client_id`...) are passed to aiokafka as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")

    bootstrap_servers: str | tuple[str, ...]
    """host:port, or several."""
    group_id: str = "responder"
    """Consumer group; replicas share it."""
    topics: dict[str, str] = Field(min_length=1)
    """Topic to the format of its messages."""
    start: Literal["earliest", "latest"] = "latest"
    """Where a partition that was never read begins: old events of a long topic would page people for what is over."""
    max_records: int = Field(default=2000, gt=0, le=5000)
    """Messages per transaction at most."""
    poll_timeout: Duration = parse_duration("1s")
    """How long a poll waits when there is nothing."""
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    base_url: None = None
    """Unused: the address of a stand-in goes into `bootstrap_servers`."""

    @property
    def servers(self) -> str:
        """host:port, several separated by commas."""
        servers = self.bootstrap_servers
        return servers if isinstance(servers, str) else ",".join(servers)


def client_options(settings: Settings) -> dict[str, Any]:
    """What aiokafka is given; the certificates are read here."""
    more = dict(settings.__pydantic_extra__ or {})
    secure = settings.ssl_cafile or settings.ssl_certfile or more.get("security_protocol") in ("SSL", "SASL_SSL")
    if secure:
        more["ssl_context"] = _certificates(settings)
    return {"bootstrap_servers": settings.servers.split(","), "group_id": settings.group_id, **more}


def refuse_unknown(settings: Settings) -> None:
    """Raises ConfigError for an option that aiokafka does not know; it is asked, so that none of its options is listed here."""
    from aiokafka import AIOKafkaConsumer

    known = set(inspect.signature(AIOKafkaConsumer.__init__).parameters) - OURS
    for name in settings.__pydantic_extra__ or ():
        if name not in known:
            raise ConfigError(
                f"sources.kafka has an option that aiokafka does not know: {name}",
                hint=nearest(name, known) or "its options are those of AIOKafkaConsumer",
            )


def _certificates(settings: Settings) -> ssl.SSLContext:
    try:
        made = ssl.create_default_context(cafile=settings.ssl_cafile)
        if settings.ssl_certfile:
            made.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(
            f"sources.kafka.ssl_cafile, ssl_certfile or ssl_keyfile cannot be used: {error.strerror or error}",
            hint="PEM files that this user can read; the key must belong to the certificate",
        ) from error
    return made
