"""Names that follow from content: the same event sent twice has the same id, the same labels the same fingerprint.

Nothing here is random and nothing depends on the time of arrival, so that a replay names things as the live run did. A
sender's own fingerprint is kept (see `fingerprint`). Ids are short enough to be typed and are not secrets: they hide
nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b

import orjson

from responder.model.event import Event

_SORTED = orjson.OPT_SORT_KEYS
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 section 6, lower case
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_HEX = frozenset("0123456789abcdef")
FINGERPRINT_LENGTH = 16
"""Alertmanager's fingerprint is a 64-bit hash in hex (prometheus/common model/fingerprinting.go); ours has its
shape."""


def _base32(digest: bytes, characters: int) -> str:
    """The first `characters` (even) of a digest in base32; ten bits at a time beat base64.b32encode threefold."""
    bits = int.from_bytes(digest, "big") >> (len(digest) * 8 - characters * 5)
    return "".join([_PAIRS[(bits >> shift) & 1023] for shift in range(characters * 5 - 10, -1, -10)])


def _base32_of_100_bits(bits: int) -> str:
    """As `_base32` for 20 characters, in half of the time: every event has such a name."""
    pairs, high, low = _PAIRS, bits >> 50, bits & 0x3FFFFFFFFFFFF
    return (
        f"{pairs[high >> 40]}{pairs[high >> 30 & 1023]}{pairs[high >> 20 & 1023]}{pairs[high >> 10 & 1023]}"
        f"{pairs[high & 1023]}{pairs[low >> 40]}{pairs[low >> 30 & 1023]}{pairs[low >> 20 & 1023]}"
        f"{pairs[low >> 10 & 1023]}{pairs[low & 1023]}"
    )


def _canonical(mapping: Mapping[str, str]) -> bytes:
    """Sorted JSON. Lone surrogates (from odd headers) are replaced: orjson refuses them."""
    try:
        return orjson.dumps(mapping if type(mapping) is dict else dict(mapping), option=_SORTED)
    except TypeError:
        clean = {_utf8(name): _utf8(value) for name, value in mapping.items()}
        return orjson.dumps(clean, option=_SORTED)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def fingerprint(labels: Mapping[str, str], given: object = None) -> str:
    """16 hex digits that stand for a label set; `given` is the sender's own and wins when it has that shape."""
    if type(given) is str and len(given) == FINGERPRINT_LENGTH and _HEX.issuperset(given):
        return given
    return blake2b(_canonical(labels), digest_size=8).hexdigest()


def event_id(
    wire: str,
    source: str,
    fingerprint: str,
    status: str,
    starts_at: datetime | None,
    ends_at: datetime | None = None,
    content: str = "",
) -> str:
    """`ev_` and 20 base32 characters (100 bits).

    An alert passes its start alone: annotations change from one evaluation to the next, and two Alertmanagers of a pair
    see the end at different moments. A job passes its end. `content` tells apart what these cannot (a job's state, a
    sequence number).
    """
    parts = (wire, source, fingerprint, status, starts_at, ends_at, content)
    try:
        said = orjson.dumps(parts)  # times included, in a sixth of the time that isoformat takes for them
    except TypeError:
        said = orjson.dumps([_utf8(part) if isinstance(part, str) else part for part in parts])
    return "ev_" + _base32_of_100_bits(int.from_bytes(blake2b(said, digest_size=13).digest(), "big") >> 4)


def incident_id(rule: str, key: Mapping[str, str], first_event_id: str) -> str:
    """`inc-` and 8 base32 characters (40 bits): an incident is named after what opened it."""
    content = b"\x00".join([_utf8(rule).encode(), _canonical(key), first_event_id.encode()])
    return "inc-" + _base32(blake2b(content, digest_size=8).digest(), 8)


def key_text(key: Mapping[str, str]) -> str:
    """An incident key as canonical JSON: equal keys have equal texts."""
    return _canonical(key).decode()


def content_hash(*parts: bytes) -> str:
    """12 hex digits over byte strings; each is preceded by its length, so that moving a boundary changes the hash."""
    digest = blake2b(digest_size=6)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def match_labels(event: Event) -> dict[str, str]:
    """What matchers see: the event's labels, its entities, and the reserved names.

    `format`, `source`, `kind`, `status` and `alert_severity` are always ours. `severity` is the sender's own word where
    there is one, else the normalised one. An entity kind appears under its name (first value) unless a label has that
    name.
    """
    labels = dict(event.labels)
    for kind, names in event.entities.items():
        if names and kind not in labels:
            labels[kind] = names[0]
    severity = event.severity._value_  # as `value`, in an eighth of the time
    labels.setdefault("severity", severity)
    labels["alert_severity"] = severity
    labels["format"] = event.format
    labels["source"] = event.source
    labels["kind"] = event.kind._value_
    labels["status"] = event.status._value_
    return labels
