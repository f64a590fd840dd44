"""Who may send: bearer tokens, basic auth and signatures over the body, compared in constant time."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from responder.config import Auth


def header_ok(auth: Auth, headers: Mapping[str, str]) -> bool:
    """Whether the Authorization header alone proves the sender. `headers` have lower-case names."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and auth.bearer:
        tokens = (auth.bearer,) if isinstance(auth.bearer, str) else auth.bearer
        # All are compared, so that the time does not tell which one came close.
        return any([same(token, value.strip()) for token in tokens])  # noqa: C419
    if scheme.lower() == "basic" and auth.basic:
        try:
            user, _, password = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
        except ValueError:  # no base64, no ASCII, no UTF-8
            return False
        return all([same(auth.basic.username, user), same(auth.basic.password, password)])
    return False


def signature_ok(auth: Auth, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether the body is signed: hex HMAC, optionally behind a prefix and over `<timestamp>:<body>` (Grafana's style)."""
    if auth.hmac is None:
        return False
    given = headers.get(auth.hmac.header.lower(), "").strip()
    if not given.startswith(auth.hmac.prefix):
        return False
    signed = body
    if auth.hmac.timestamp_header is not None:
        stamp = headers.get(auth.hmac.timestamp_header.lower(), "")
        if (
            not (stamp.isascii() and stamp.isdigit())
            or len(stamp) > 12
            or abs(now.timestamp() - int(stamp)) > auth.hmac.tolerance.total_seconds()
        ):
            return False
        signed = stamp.encode() + b":" + body
    expected = hmac.new(auth.hmac.secret.encode(), signed, getattr(hashlib, auth.hmac.algorithm)).hexdigest()
    return same(expected, given[len(auth.hmac.prefix) :].lower())


def same(one: str, other: str) -> bool:
    """Equality in constant time; any text."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
