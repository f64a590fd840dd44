"""What an operator sets under `sinks.slack`."""

import re
from datetime import timedelta

from pydantic import Field, SecretStr, field_validator

from responder.duration import Duration
from responder.model.incident import Severity
from responder.model.value import Value
from responder.sinks.pace import Pace, Rate

CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{2,}")
API = "https://slack.com/api/"


class Settings(Value):
    """Slack app: see deploy/slack/manifest.yaml for the scopes."""

    token: SecretStr
    """The Bot User OAuth Token (`xoxb-...`)."""
    channel: str
    """Id of the channel for owners without one of their own (`owners.<name>.slack`). An id, not a name: names
    change, and Slack takes a name for posting only, not for updating or finding a message again."""
    signing_secret: SecretStr | None = None
    """Signing Secret of the app; opens `/slack/commands` and `/slack/interactions`."""
    app_token: SecretStr | None = None
    """App-level token (`xapp-...`, scope connections:write); commands and buttons then come by Socket Mode, without any
    inbound traffic."""
    base_url: str | None = None
    """Where Slack is, with or without the trailing `/api/`. None: https://slack.com/api/."""
    proxy: str | None = None
    """HTTP proxy; None: HTTPS_PROXY of the environment, which is ignored where `base_url` is set."""
    rate: Rate = Pace(1, "s")
    """New messages per channel; Slack allows about one a second (docs.slack.dev/apis/web-api/rate-limits)."""
    burst: int = Field(default=3, ge=1)
    """Messages that may go at once after a quiet time; Slack tolerates short bursts."""
    update_rate: Rate = Pace(50, "m")
    """Updates of messages, all channels together: chat.update is tier 3, 50 a minute."""
    history: bool = True
    """Look for our own message in the channel before sending again when an earlier send got no answer. Needs
    channels:history (public) or groups:history (private). false: such a message says that it may be a repeat."""
    timeout: Duration = timedelta(seconds=10)
    """For one call. What is over without an answer may have taken effect."""
    minimum_severity: Severity | None = None
    """Incidents below it are not shown here, SEV4 being the lowest. None: all."""
    fallback: str | None = None
    """Name of the sink that takes over when this one has failed for long."""

    @field_validator("channel")
    @classmethod
    def _an_id(cls, value: str) -> str:
        if not CHANNEL_ID.fullmatch(value):
            raise ValueError(
                f"{value!r} is not a channel id: open the channel's details in Slack, the id (C...) is at the bottom"
            )
        return value

    @field_validator("base_url")
    @classmethod
    def _a_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError(f"{value!r} is not a URL: write https://host or http://host:port")
        return value

    @property
    def interactive(self) -> bool:
        """Whether a press on a button would reach us; without that, no button is shown."""
        return self.signing_secret is not None or self.app_token is not None


def api_url(base_url: str | None) -> str:
    """The root of the methods: `http://host` and `http://host/api/` mean the same."""
    if base_url is None:
        return API
    root = base_url.rstrip("/")
    return f"{root}/" if root.endswith("/api") else f"{root}/api/"
