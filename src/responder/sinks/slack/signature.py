"""Whether a request is Slack's (docs.slack.dev/authentication/verifying-requests-from-slack)."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from pydantic import SecretStr

WINDOW_SECONDS = 300
"""An older request may be a replayed one; Slack's own figure."""


def verify(secret: SecretStr | str, headers: Mapping[str, str], body: bytes, now: datetime) -> str | None:
    """None when it is, else what is wrong. `headers` in any case, `body` as it came. Compares in constant time."""
    by_name = {name.lower(): value for name, value in headers.items()}
    stamp = by_name.get("x-slack-request-timestamp", "")
    signature = by_name.get("x-slack-signature", "")
    if not stamp or not signature:
        return "no Slack signature"
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return "the timestamp is no number"
    if abs(now.timestamp() - int(stamp)) > WINDOW_SECONDS:
        return f"the request is not from the last {WINDOW_SECONDS} s; is this host's clock right?"
    key = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    expected = "v0=" + hmac.new(key.encode(), b"v0:" + stamp.encode() + b":" + body, sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        return "the signature does not fit the body"
    return None
