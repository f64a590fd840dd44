"""What an operator sets under `sinks.pagerduty`."""

import re
from datetime import timedelta

from pydantic import Field, SecretStr, field_validator

from responder.duration import Duration
from responder.model.incident import Severity
from responder.model.value import Value
from responder.sinks.pace import Pace, Rate

EVENTS_API = "https://events.pagerduty.com"
KEY = re.compile(r"[0-9A-Za-z]{32}")


class Settings(Value):
    """An integration of type "Events API v2"; owners may have keys of their own (`owners.<name>.pagerduty`)."""

    routing_key: SecretStr
    """Integration key (32 characters) for owners without one of their own."""
    webhook_secrets: tuple[SecretStr, ...] = ()
    """Signing secrets of the v3 webhook subscriptions; opens `/pagerduty/webhooks`. Several while they are being rotated."""
    base_url: str | None = None
    """None: https://events.pagerduty.com. The EU region is https://events.eu.pagerduty.com."""
    rate: Rate = Pace(120, "m")
    """Events per routing key (docs/events-API-v2/05-Rate-Limits)."""
    burst: int = Field(default=30, ge=1)
    """Events that may go at once after a quiet time; part of the same 120 in a sliding minute."""
    timeout: Duration = timedelta(seconds=10)
    """For one call. Sending an event again is harmless: its dedup key makes it the same incident."""
    minimum_severity: Severity | None = Severity.SEV2
    """Incidents below it page nobody. `null`: all of them do."""
    fallback: str | None = None
    """Name of the sink that takes over when this one has failed for long."""

    @field_validator("routing_key")
    @classmethod
    def _a_key(cls, value: SecretStr) -> SecretStr:
        if not KEY.fullmatch(value.get_secret_value()):
            raise ValueError(
                "not an integration key: it has 32 letters and digits (service, Integrations, Events API v2)"
            )
        return value

    @field_validator("base_url")
    @classmethod
    def _a_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError(f"{value!r} is not a URL: write https://events.eu.pagerduty.com or http://host:port")
        return value
