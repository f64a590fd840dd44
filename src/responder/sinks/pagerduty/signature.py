"""Whether a webhook is PagerDuty's: HMAC-SHA256 over the raw body (developer-docs, docs/webhooks/11-Verifying-Signatures).

The signature carries no time; against a replayed delivery the receiver remembers the event's id.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256

from pydantic import SecretStr


def verify(secrets: Iterable[SecretStr | str], header: str, body: bytes) -> str | None:
    """None when any signature of the header fits any secret, else what is wrong. Compares in constant time."""
    given = [part.strip()[3:] for part in header.split(",") if part.strip().startswith("v1=")]
    if not given:
        return "no v1 signature in X-PagerDuty-Signature"
    fits = False
    for secret in secrets:
        key = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
        expected = hmac.new(key.encode(), body, sha256).hexdigest()
        for signature in given:
            fits |= hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
    return None if fits else "the signature does not fit the body"
