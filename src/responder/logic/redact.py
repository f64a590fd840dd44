"""Takes secrets out of text before anything is stored or sent: `password=hunter2` becomes `password=[redacted:password]`.

One loose RE2 pattern decides whether text needs a closer look; clean text costs that one linear pass and nothing else.
What may be a secret then goes through the exact kinds of `secret_kinds`, each pass linear, in a fixed order. Redacting twice
changes nothing. It finds what has a known shape or stands after a telling name; a password in free prose it cannot know.
GPU UUIDs, commit hashes, pod names, addresses and rank ids have none of these shapes.
"""

import base64
from collections.abc import Callable, Mapping, Sequence

import orjson
import re2

from responder.logic.redact_keys import KEY_SUSPECT, redact_keys
from responder.logic.secret_kinds import E_MAIL, FRAMES, NO_MAIL_DOMAINS, SHAPES
from responder.logic.secret_marks import OPENING, is_marked, looks_random, mark, mixes, pattern
from responder.model.event import Event

_SHAPES = pattern("|".join(f"({shape.pattern})" for shape in SHAPES))
_FRAMES = pattern("|".join(frame.pattern for frame in FRAMES))
_MAIL = pattern(E_MAIL)
_KEY_BEGIN = pattern(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----")
_KEY_END = pattern(r"-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----")
_KEY_BODY = pattern(r"(?:[A-Za-z0-9+/=\r\n\\]|Proc-Type: 4,ENCRYPTED|DEK-Info: [A-Z0-9,-]+)*")

# Loose on purpose, and good for JSON-escaped text as well: whatever an exact pattern finds, this finds.
_SUSPECT = pattern(
    "|".join(
        (
            *(f"(?:{shape.pattern})" for shape in SHAPES),
            r"PRIVATE KEY",
            r"""://[^\s/:@"'<>\\]*:[^\s/"'<>]+@""",
            r"hooks\.slack|pagerduty\.com/|/api/webhooks/|webhookb2",
            r"(?i:[?&]sig=|[?&]x-(?:amz|goog)-)",
            r"(?i:(?:bearer|basic|geniekey)(?:[ \t]|\\t)+[A-Za-z0-9+/=._~-]{8})",
            r"(?i:password(?:[ \t]|\\t)|identified(?:[ \t]|\\t)+by)",
            r"curl|wandb:?(?:[ \t]|\\t)+login",
            KEY_SUSPECT,
            r"[A-Za-z0-9._%+-]@[A-Za-z0-9-]+\.",
        )
    )
)


def redact_text(text: str) -> str:
    """The text without secrets; the same object when there were none."""
    body = text.encode("utf-8", "surrogatepass")
    if _SUSPECT.search(body) is None:
        return text
    changed = _redact(body)
    return text if changed == body else changed.decode("utf-8", "surrogatepass")


def redact_bytes(body: bytes) -> str:
    """A body for quarantine. What is no UTF-8 is redacted as bytes and shown in base64 behind `base64:`."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return redact_text(body.decode("utf-16", "replace"))
    changed = _redact(body) if _SUSPECT.search(body) is not None else body
    try:
        return changed.decode("utf-8")
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(changed).decode("ascii")


def redact_event(event: Event) -> Event:
    """The event without secrets in anything that a sender wrote; the same object when there were none."""
    if not suspicious((event,)):
        return event
    update = _redacted_fields(event)
    return event.model_copy(update=update) if update else event


def suspicious(events: Sequence[Event]) -> bool:
    """Whether any of them needs a closer look. One search for all of them: each search gives up the interpreter's lock, and on a
    busy daemon somebody else takes it."""
    if _SUSPECT.search(orjson.dumps([_facts(event) for event in events])) is not None:
        return True
    texts = (part.text for event in events for part in event.logs)
    return any(_SUSPECT.search(text.encode("utf-8", "surrogatepass")) is not None for text in texts)


def _facts(event: Event) -> tuple[object, ...]:
    """What a sender wrote, but for logs."""
    said: tuple[object, ...] = (event.title, event.labels, event.annotations, event.entities)
    if event.links:
        said += tuple([(link.href, link.text) for link in event.links])
    job = event.job
    if job is not None:
        said += (job.id, job.name, job.user, job.owner, job.queue, job.reason)
    change = event.change
    if change is not None:
        said += (change.what, change.entity, change.link)
    return said


def _redacted_fields(event: Event) -> dict[str, object]:
    """Only the fields that change."""
    after: dict[str, object] = {
        "title": redact_text(event.title),
        "labels": _redact_mapping(event.labels),
        "annotations": _redact_mapping(event.annotations),
        "entities": {kind: tuple(redact_text(name) for name in names) for kind, names in event.entities.items()},
        "logs": tuple(part.model_copy(update={"text": redact_text(part.text)}) for part in event.logs),
        "links": tuple(
            link.model_copy(update={"href": redact_text(link.href), "text": redact_text(link.text)})
            for link in event.links
        ),
    }
    if event.job is not None:
        after["job"] = event.job.model_copy(update=_redact_facts(event.job.model_dump(exclude_none=True)))
    if event.change is not None:
        after["change"] = event.change.model_copy(update=_redact_facts(event.change.model_dump(exclude_none=True)))
    return {name: value for name, value in after.items() if value != getattr(event, name)}


def _redact_facts(fields: Mapping[str, object]) -> dict[str, object]:
    out: dict[str, object] = {}
    for name, value in fields.items():
        if type(value) is str:
            out[name] = redact_text(value)
        elif isinstance(value, tuple):
            out[name] = tuple(redact_text(item) if isinstance(item, str) else item for item in value)
    return out


def _redact_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """A value is judged with its name in front: `{"password": "x"}` has its telling word in the name."""
    out: dict[str, str] = {}
    for name, value in mapping.items():
        alone = redact_text(value)
        named = redact_text(f'"{name}": {_quoted(alone)}')
        if named != f'"{name}": {_quoted(alone)}':
            _, _, shown = named.partition('": "')
            alone = shown[:-1].replace('\\"', '"').replace("\\\\", "\\") if shown.endswith('"') else shown
        out[redact_text(name)] = alone
    return out


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


ROUNDS = 4
"""More than any text of ours or of the tests has needed."""


def _redact(body: bytes) -> bytes:
    """Until nothing changes: what one pass takes out may be what hid another secret (`://&sig=KEY:password@host`). Text that
    holds a secret costs one round more; text without any costs none."""
    for _ in range(ROUNDS):
        changed = _passes(body)
        if changed == body:
            break
        body = changed
    return body


def _passes(body: bytes) -> bytes:
    """All passes, in the order: key blocks, shapes, frames, telling names, e-mail addresses."""
    if b"PRIVATE KEY" in body:
        body = _redact_key_blocks(body)
    body = _replace(_SHAPES, body, _shape)
    body = _replace(_FRAMES, body, _frame)
    body = redact_keys(body)
    if b"@" in body:
        body = _replace(_MAIL, body, _mail)
    return body


def _replace(regexp: "re2._Regexp", body: bytes, replacement: "Callable[[re2._Match], bytes | None]") -> bytes:
    """Like sub, but the body itself comes back when nothing was replaced."""
    pieces: list[bytes] = []
    end = 0
    for match in regexp.finditer(body):
        new = replacement(match)
        if new is not None:
            pieces += (body[end : match.start()], new)
            end = match.end()
    return b"".join((*pieces, body[end:])) if pieces else body


def _shape(match: "re2._Match") -> bytes | None:
    shape = SHAPES[match.lastindex - 1]
    return mark(shape.kind) if not shape.mixed or mixes(match.group()) else None


def _frame(match: "re2._Match") -> bytes | None:
    value_group = match.lastindex
    frame = FRAMES[value_group // 2 - 1]
    value: bytes = match.group(value_group)
    whole: bytes = match.group()
    start = match.start(value_group) - match.start()
    if whole[:start].endswith(OPENING):
        # The colon that seems to begin a password is a mark's own; the password, if there is one, follows the mark.
        _, _, value = value.partition(b"]")[2].partition(b":")
        start = match.end(value_group) - match.start() - len(value)
    if not value or is_marked(value) or (frame.dense and not looks_random(value)):
        return None
    return whole[:start] + mark(frame.kind) + whole[start + len(value) :]


def _mail(match: "re2._Match") -> bytes | None:
    user, _, domain = match.group().rpartition(b"@")
    if user == b"git" or domain.rpartition(b".")[2].lower() in NO_MAIL_DOMAINS:
        return None
    return mark("email")


def _redact_key_blocks(body: bytes) -> bytes:
    """A PEM block to its end, or, where a log was cut, as far as its text goes. Each byte is looked at once."""
    pieces: list[bytes] = []
    end = 0
    no_more_ends = False
    while (begin := _KEY_BEGIN.search(body, end)) is not None:
        close = None if no_more_ends else _KEY_END.search(body, begin.end())
        no_more_ends = close is None
        stop = close.end() if close is not None else _KEY_BODY.match(body, begin.end()).end()
        pieces += (body[end : begin.start()], mark("private-key"))
        end = stop
    return b"".join((*pieces, body[end:]))
