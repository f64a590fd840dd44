"""What Slack sends to an app: signed slash commands and button presses.

Source: docs.slack.dev/authentication/verifying-requests-from-slack, /interactivity/implementing-slash-commands.
"""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

from tests.wire.slack.workspace import CHANNEL, Workspace


class Sender(Workspace):
    """A workspace whose people type commands and press buttons."""

    def sign(self, body: bytes, at: float | None = None, secret: str | None = None) -> dict[str, str]:
        """The headers of a signed request, as Slack sends them."""
        stamp = str(int(self.clock() if at is None else at))
        basis = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new((secret or self.signing_secret).encode(), basis, hashlib.sha256).hexdigest()
        return {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }

    def response_url(self, kind: str = "commands") -> str:
        path = f"/{kind}/T0WIRE/{self.next_serial()}/wire"
        self.answers[path] = []
        return f"{self.base_url}{path}"

    def command_payload(
        self, text: str, user: str = "U0SRE", channel: str = CHANNEL, command: str = "/responder"
    ) -> dict[str, str]:
        return {
            "token": "deprecated",
            "team_id": "T0WIRE",
            "team_domain": "wire",
            "channel_id": channel,
            "channel_name": self.channels[channel].name if channel in self.channels else "directmessage",
            "user_id": user,
            "user_name": "sre",
            "command": command,
            "text": text,
            "api_app_id": "A0WIRE",
            "is_enterprise_install": "false",
            "response_url": self.response_url(),
            "trigger_id": "1.2.3",
        }

    def interaction_payload(
        self, action_id: str, value: str, ts: str, user: str = "U0SRE", channel: str = CHANNEL
    ) -> dict[str, Any]:
        with self.lock:
            message = self.messages.get(channel, {}).get(ts, {"ts": ts})
        return {
            "type": "block_actions",
            "user": {"id": user, "username": "sre", "name": "sre", "team_id": "T0WIRE"},
            "api_app_id": "A0WIRE",
            "token": "deprecated",
            "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False},
            "trigger_id": "1.2.3",
            "team": {"id": "T0WIRE", "domain": "wire"},
            "channel": {"id": channel, "name": "gpu-alerts"},
            "message": message,
            "state": {"values": {}},
            "response_url": self.response_url("actions"),
            "actions": [
                {
                    "action_id": action_id,
                    "block_id": "b",
                    "text": {"type": "plain_text", "text": action_id},
                    "value": value,
                    "type": "button",
                    "action_ts": f"{self.clock():.6f}",
                }
            ],
        }

    def command(self, text: str, **who: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of a signed slash command."""
        body = urlencode(self.command_payload(text, **who)).encode()
        return self.sign(body), body

    def interaction(self, action_id: str, value: str, ts: str, **who: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of a signed button press."""
        body = urlencode({"payload": json.dumps(self.interaction_payload(action_id, value, ts, **who))}).encode()
        return self.sign(body), body
