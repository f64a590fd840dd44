"""`responder.yaml`: everything an operator sets, read with the place of every mistake.

Adapters keep settings of their own; here their parts stay raw mappings until wiring hands them over. Secrets come from
`${env:NAME}` and `${file:/path}`; a missing one is an error that names it, a literal one is a finding of `responder check`.
"""

import hashlib
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from responder.document import Document, load
from responder.duration import Duration, parse_duration
from responder.errors import ConfigError

_REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")
SECRET_FIELDS = re.compile(
    r"(?i)(^|_)(tokens?|secrets?|password|routing_key|api_key|sasl_plain_password|signing_secret|app_token)$"
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Secret = Annotated[str, Field(min_length=1)]
"""Never empty: an unset variable must not open a door."""


class Hmac(_Part):
    """A signature over the body. Grafana: `X-Grafana-Alerting-Signature`; GitHub's style: prefix `sha256=`."""

    secret: Secret
    header: str = "X-Signature"
    prefix: str = ""
    """What stands before the hex digits."""
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    timestamp_header: str | None = None
    """When set, the signed text is `<timestamp>:<body>` and a timestamp older than `tolerance` is refused."""
    tolerance: Duration = parse_duration("5m")


class Basic(_Part):
    """User and password."""

    username: str
    password: Secret


class Auth(_Part):
    """How senders prove who they are; any one of those configured suffices. `none: true` opens it."""

    bearer: Secret | Annotated[tuple[Secret, ...], Field(min_length=1)] | None = None
    """One token, or several while they are being rotated."""
    basic: Basic | None = None
    hmac: Hmac | None = None
    none: bool = False

    @property
    def configured(self) -> bool:
        return self.none or self.proves

    @property
    def proves(self) -> bool:
        """Whether there is anything to prove oneself with."""
        return any((self.bearer, self.basic, self.hmac))


class Listen(_Part):
    """Where the daemon listens."""

    address: str = "127.0.0.1:8080"
    auth: Auth = Auth()
    """For events, `/v1` and the page; a format may override it under `sources.webhook.formats`."""
    user_header: str | None = None
    """Name of the header in which a trusted proxy puts the user; only believed from `trusted_proxies`."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    base_url: str | None = None
    """Where people reach the page; used for links in messages. Default: http://<address>."""
    tls_cert: str | None = None
    tls_key: str | None = None
    client_ca: str | None = None
    """When set, clients must show a certificate of this authority."""
    insecure: bool = False
    """Listen on other than loopback without authentication. Only ever for a trial."""
    max_body_bytes: int = Field(default=4 * 1024 * 1024, gt=0)

    @field_validator("address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if not colon or not port.isdigit() or not 0 <= int(port) <= 65535:
            raise ValueError("write host:port, for example 127.0.0.1:8080")
        return f"{host or '0.0.0.0'}:{port}"  # noqa: S104  (what ":8080" means everywhere)

    @property
    def host(self) -> str:
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def loopback(self) -> bool:
        return self.host in ("127.0.0.1", "::1", "localhost")


class Escalation(_Part):
    """A step: after how long without an acknowledgement who is next."""

    level: Literal["L1", "L2", "L3"]
    who: str
    after: Duration = parse_duration("15m")


class OwnerPart(_Part):
    """A team; besides `escalation` each key is a sink's name with that sink's address for this team."""

    model_config = ConfigDict(frozen=True, extra="allow")
    escalation: tuple[Escalation, ...] = ()

    @property
    def targets(self) -> dict[str, str]:
        return {name: str(value) for name, value in (self.__pydantic_extra__ or {}).items()}


class SeverityPart(_Part):
    """Overrides of the matrix: sender's words, classes, and thresholds per driver."""

    alert: dict[str, Literal["SEV1", "SEV2", "SEV3", "SEV4"]] = Field(default_factory=dict)
    classes: dict[str, Literal["SEV1", "SEV2", "SEV3", "SEV4"]] = Field(default_factory=dict)
    thresholds: dict[str, dict[Literal["SEV1", "SEV2", "SEV3", "SEV4"], float]] = Field(default_factory=dict)


class Prices(_Part):
    """USD per GPU-hour by GPU model, and `default`."""

    gpu_hour_usd: dict[str, float] = Field(default_factory=dict)


class Retention(_Part):
    """How long raw events, and incidents with their reports, are kept."""

    events: Duration = parse_duration("14d")
    incidents: Duration = parse_duration("400d")


class SilencePart(_Part):
    """A silence or maintenance window written into the configuration."""

    match: str
    start: datetime
    end: datetime
    author: Annotated[str, Field(min_length=1)]
    comment: Annotated[str, Field(min_length=1)]
    maintenance: bool = False

    @field_validator("start", "end")
    @classmethod
    def _utc_when_it_says_nothing(cls, value: datetime) -> datetime:
        return value if value.tzinfo else value.replace(tzinfo=UTC)

    @field_validator("end")
    @classmethod
    def _ends_after_it_starts(cls, value: datetime, info: ValidationInfo) -> datetime:
        start = info.data.get("start")
        if start is not None and value <= start:
            raise ValueError("it ends before it starts")
        return value


Role = Literal["viewer", "operator", "admin"]


class Config(_Part):
    """The whole file; every part has a default, so that no file at all is a working configuration."""

    store: str = "sqlite:responder.db"
    listen: Listen = Listen()
    sources: dict[str, dict[str, Any] | None] = Field(default_factory=dict)
    enrichers: dict[str, dict[str, Any] | None] = {"history": {}}
    sinks: dict[str, dict[str, Any] | None] = {"console": {}}
    rules: tuple[str, ...] = ("builtin:default",)
    skills: tuple[str, ...] = ("builtin:default",)
    owners: dict[str, OwnerPart] = Field(default_factory=dict)
    roles: dict[str, Role] = {"default": "operator"}
    severity: SeverityPart = SeverityPart()
    prices: Prices = Prices()
    topology: str | dict[str, dict[str, str]] | None = None
    node_domains: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Domains that are cut from the names of nodes: `gpu-12.cluster.local` is then gpu-12. Without any, a long name is taken for a
    short one that the topology lists or that the same cluster's other senders use."""
    retention: Retention = Retention()
    silences: tuple[SilencePart, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _empty_parts_are_defaults(cls, value: Any) -> Any:
        """`sources:` with nothing but comments under it is null in YAML, and means nothing special."""
        if isinstance(value, dict):
            return {key: part for key, part in value.items() if part is not None}
        return value


class Loaded(BaseModel):
    """A configuration with where it came from: relative paths in it are relative to its file."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    config: Config
    file: Path | None = None
    version: str = "default"

    def path(self, text: str) -> Path:
        return (self.file.parent / text) if self.file is not None else Path(text)


def read(file: Path | None) -> Loaded:
    """Read and check a configuration; None is the built-in default. Raises ConfigError(s) with file, line and column."""
    if file is None:
        return Loaded(config=Config())
    document = load(file)
    resolved = replace(document, data=_resolve(document.data or {}, document, ()))
    config = resolved.read(Config)
    if not config.listen.loopback and not config.listen.auth.proves and not config.listen.insecure:
        line, column = document.place(("listen",))
        raise ConfigError(
            f"listening on {config.listen.address} without authentication would let anybody send events and act",
            file=file,
            line=line,
            column=column,
            found="no listen.auth",
            expected="listen.auth with bearer, basic or hmac",
            hint="set listen.auth.bearer to ${env:RESPONDER_TOKEN}, listen on 127.0.0.1, or say insecure: true for a trial",
            code="C110",
        )
    return Loaded(config=config, file=file, version=hashlib.blake2b(document.text.encode(), digest_size=6).hexdigest())


def _resolve(value: Any, document: Document, path: tuple[str | int, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _resolve(item, document, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, document, (*path, n)) for n, item in enumerate(value)]
    if isinstance(value, str) and "${" in value:
        return _REFERENCE.sub(lambda found: _lookup(found[1], found[2], document, path), value)
    return value


def _lookup(kind: str, name: str, document: Document, path: tuple[str | int, ...]) -> str:
    line, column = document.place(path)
    if kind == "env":
        if name in os.environ:
            return os.environ[name]
        raise ConfigError(
            f"the environment variable {name} is not set",
            file=document.file,
            line=line,
            column=column,
            found=f"${{env:{name}}}",
            hint=f"export {name}=... before starting, or use ${{file:/path}}",
            code="C120",
        )
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the secret file {name}: {getattr(error, 'strerror', None) or error}",
            file=document.file,
            line=line,
            column=column,
            found=f"${{file:{name}}}",
            hint="mount the file, or make it readable for this user",
            code="C121",
        ) from error


def literal_secrets(document: Document) -> list[tuple[str | int, ...]]:
    """Paths of secret fields whose value is written into the file."""
    found: list[tuple[str | int, ...]] = []

    def walk(value: Any, path: tuple[str | int, ...]) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, (*path, key))
        elif isinstance(value, list):
            for n, item in enumerate(value):
                walk(item, (*path, n))
        elif isinstance(value, str) and value and not _REFERENCE.search(value):
            # Of an entry of a list the list's name.
            last = next((step for step in reversed(path) if isinstance(step, str)), "")
            in_auth = len(path) >= 2 and last == "bearer"
            pager = len(path) >= 3 and path[0] == "owners" and path[-1] == "pagerduty"
            if (
                SECRET_FIELDS.search(last)
                or in_auth
                or pager
                or ("://" in value and re.search(r"://[^/\s:]+:[^@/\s]+@", value))
            ):
                found.append(path)

    walk(document.data, ())
    return found
