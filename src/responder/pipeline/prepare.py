"""PREPARE: messages are decoded, redacted and routed: all of intake that needs no transaction."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from responder.errors import InputError
from responder.logic.batch import Routed
from responder.logic.identity import match_labels
from responder.logic.redact import redact_bytes, redact_event, redact_text, suspicious
from responder.logic.route import group_key, suppressed
from responder.model.event import Event, Status
from responder.model.journal import Quarantined
from responder.model.rule import Outcome
from responder.pipeline.playbook import Playbook
from responder.ports import Decoded, Format, RawMessage
from responder.telemetry import log

_log = log(__name__)
_FIRING = Status.FIRING
LOOKED_AT_TOGETHER = 64
"""Messages that are searched for secrets at once; where there are any, each is looked at by itself."""


class Prepared(NamedTuple):
    """A message after decoding and routing: pure work, done before the transaction."""

    message: RawMessage
    routed: tuple[Routed, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    error: str | None = None


class Preparing:
    """Makes messages ready for the transaction. Used from the store's thread and from others."""

    def __init__(self, formats: Mapping[str, Format], book: Callable[[], Playbook]) -> None:
        self._formats = formats
        self._book = book

    def one(self, message: RawMessage) -> Prepared:
        """Decode, redact and route one message. Never raises: what cannot be used becomes a quarantine entry."""
        return self.all((message,))[0]

    def all(self, messages: Sequence[RawMessage | Prepared]) -> list[Prepared]:
        """What was prepared already stays as it is."""
        out: list[Prepared] = []
        book = self._book()
        for start in range(0, len(messages), LOOKED_AT_TOGETHER):
            some = [self._decoded(one) for one in messages[start : start + LOOKED_AT_TOGETHER]]
            events = [event for _, decoded in some if isinstance(decoded, Decoded) for event in decoded.events]
            try:
                clean = not suspicious(events)
            except TypeError:  # one of them holds what is no text
                clean = False
            out += [
                self._routed(book, message, decoded, clean=clean) if isinstance(decoded, Decoded) else decoded
                for message, decoded in some
            ]
        return out

    def _decoded(self, message: RawMessage | Prepared) -> tuple[RawMessage, Decoded | Prepared]:
        if isinstance(message, Prepared):
            return message.message, message
        format = self._formats.get(message.format)
        if format is None:
            known = ", ".join(sorted(self._formats))
            return message, self._refused(message, f"unknown format {message.format!r}; known: {known}")
        try:
            return message, format.decode(message)
        except InputError as error:
            return message, self._refused(message, str(error))
        except Exception as error:  # noqa: BLE001
            return message, self._failed(message, error)

    def _routed(self, book: Playbook, message: RawMessage, decoded: Decoded, *, clean: bool) -> Prepared:
        try:
            routed = tuple([route_event(book, event if clean else redact_event(event)) for event in decoded.events])
            if not decoded.rejected:
                return Prepared(message, routed)
            parts = [
                held(message, part.error, redact_text(part.body), "decode", n)
                for n, part in enumerate(decoded.rejected)
            ]
        except Exception as error:  # noqa: BLE001
            return self._failed(message, error)
        return Prepared(message, routed, tuple(parts))

    def _failed(self, message: RawMessage, error: Exception) -> Prepared:
        """A bug in decoding or routing must cost one message, not the daemon."""
        _log.error("format_failed", format=message.format, exc_info=error)
        return self._refused(message, f"the {message.format} format failed on it: {type(error).__name__}: {error}")

    def _refused(self, message: RawMessage, error: str) -> Prepared:
        return Prepared(message, (), (held(message, error, redact_bytes(message.body), "decode"),), error)


def route_event(book: Playbook, event: Event) -> Routed:
    """Which rules take the event, under which keys, and whether a rule's own suppression holds it back."""
    event = book.located(event)
    labels = match_labels(event)
    rules = book.router.route(labels)
    if not rules:
        return Routed(event, labels)
    if event.status is not _FIRING:
        return Routed(event, labels, tuple([(rule, {}) for rule in rules]))
    held: tuple[str, str] | None = None
    for rule in rules:
        suppression = suppressed(rule, labels)
        if suppression is not None:
            held = (rule.name, suppression.reason)
            break
    pairs = [(rule, group_key(rule, event) if rule.outcome is Outcome.TRIAGE else {}) for rule in rules]
    return Routed(event, labels, tuple(pairs), held)


def held(message: RawMessage, error: str, body: str, stage: str, part: int | str = 0) -> Quarantined:
    """A quarantine entry. `part` tells those of one message apart: its number among the refused, or the event's id."""
    digest = hashlib.blake2b(digest_size=8)
    for piece in (message.received_at.isoformat(), message.origin, str(part)):
        digest.update(piece.encode())
    digest.update(message.body)
    return Quarantined(
        id=f"q-{digest.hexdigest()}",
        at=message.received_at,
        source=message.source,
        format=message.format,
        stage=stage,
        error=error,
        body=body,
        headers={k: v for k, v in message.headers.items() if k.startswith(("ce-", "ce_")) or k == "content-type"},
    )
