"""Secrets that stand after a telling name: `password=x`, `"api_key": "x"`, `--token x`, `Authorization: Bearer x`.

The regular expression finds the name and the separator; where the value ends depends on how it is quoted, and whether it is
a secret depends on the name: `eos_token` and `ms/token` are no credentials. Values are never copied back half: what is
redacted goes whole.
"""

from typing import Any

from responder.logic.secret_kinds import SECRET_WORDS, TEXT_TOKENS
from responder.logic.secret_marks import is_marked, looks_random, mark, pattern

_KINDS = tuple(SECRET_WORDS.values())
_NAMES = "|".join(f"({word})" for word in SECRET_WORDS)
_QUOTE = r"""\\*["']"""
# Between a name and its value: `=`, `:`, `=>`, `:=`; or `", "value": "`, as in the environment of a Kubernetes
# container.
_BETWEEN = (
    rf"(?:{_QUOTE})?(?:[ \t]*(?:=>|:=|[:=])|[ \t]*,?\s*(?:{_QUOTE})?value(?:{_QUOTE})?[ \t]*[:=])[ \t]*({_QUOTE})?"
)
_ASSIGNED = pattern(rf"(?i)(?:{_NAMES})(?:[_-]?[0-9]+)?{_BETWEEN}")
_OPTION = pattern(rf"(?i)--[a-z0-9_-]*?(?:{_NAMES})(?:[ \t]+|{_QUOTE}[ \t]*,\s*)({_QUOTE})?")
_QUOTE_GROUP = len(_KINDS) + 1

_WORDS = "|".join(f"(?:{word})" for word in SECRET_WORDS)
_GAP = r"""(?:[\s"',\\]|\\[nrt])*"""
KEY_SUSPECT = rf"(?i:(?:{_WORDS})(?:[_-]?[0-9]+)?{_GAP}(?:[:=]|value)|--[a-z0-9_-]*(?:{_WORDS})[ \t\"'\\])"
"""Finds whatever the patterns above find, in plain and in JSON-escaped text."""

_PLAIN = pattern(r"""(?:\[redacted:[a-z-]+\]|[^\s,;"'&\\])+""")
_DOUBLE = pattern(r"""(?:[^"\\\n]|\\[^\n])*""")
_SINGLE = pattern(r"""[^'\n]*""")
_ESCAPED = pattern(r"""[^"'\\\n]*""")
_LINE = pattern(r"""[^\r\n"'\\]*""")
_SCHEME = pattern(r"(?i)(?:bearer|basic|digest|token|geniekey|apikey|splunk|negotiate|aws4-hmac-sha256)[ \t]+")
_NOTHING = pattern(
    r"(?i:|null|none|nil|true|false|undefined|unset|empty|required|missing|redacted|n/a|x{3,})"
    r"|\*+|<[^<>]*>|\$[A-Z_][A-Z0-9_]*|\$\{.*\}|\$\(.*\)|\{\{.*\}\}|%\([a-z_]+\)s"
)
_PLACE = pattern(r"(?:/|\./|~/|file:|vault:|secretKeyRef).*")
_FIGURE = pattern(r"[0-9.]+(?:[num]?s|%|/[0-9]+)?")
_ROUTING = pattern(r"[0-9A-Za-z]{20,}")
_LONGEST_JUDGED = 64
_LONGEST_HEADER = 1024
"""Longer values are secrets without a further look: what is kept is searched again from its start, and so stays short."""


def redact_keys(body: bytes) -> bytes:
    """The body with the values of telling names replaced; itself when there were none."""
    return _pass(_OPTION, _pass(_ASSIGNED, body))


def _pass(regexp: Any, body: bytes) -> bytes:
    pieces: list[bytes] = []
    end = at = 0
    while (match := regexp.search(body, at)) is not None:
        start, quote = match.end(), match.group(_QUOTE_GROUP)
        index = next(n for n in range(1, _QUOTE_GROUP) if match.start(n) >= 0)
        kind = _KINDS[index - 1]
        start, stop = _extent(body, start, quote, kind)
        value = body[start:stop]
        if _is_secret(body, match.start(index), kind, value, regexp is _OPTION and not quote):
            pieces += (body[end:start], mark(kind))
            end = at = stop
        else:
            at = max(start, match.start() + 1)
    return b"".join((*pieces, body[end:])) if pieces else body


def _extent(body: bytes, start: int, quote: bytes | None, kind: str) -> tuple[int, int]:
    """Where the value is: inside its quotes, else to the next separator; a header's to the end of its line."""
    if kind in ("authorization", "cookie"):
        scheme = _SCHEME.match(body, start)
        if scheme is not None:
            start = scheme.end()
            if body[scheme.start() : scheme.start() + 3].lower() not in (b"dig", b"aws"):
                return start, _end(_PLAIN, body, start)
        return start, _end(_LINE, body, start)
    if quote is None:
        stop = _end(_PLAIN, body, start)
        while stop > start and body[stop - 1] in b")]}" and not is_marked(body[max(start, stop - 64) : stop]):
            stop -= 1
        return start, stop
    if len(quote) > 1:
        return start, _end(_ESCAPED, body, start)
    return start, _end(_DOUBLE if quote == b'"' else _SINGLE, body, start)


def _end(regexp: Any, body: bytes, start: int) -> int:
    match = regexp.match(body, start)
    return start if match is None else int(match.end())


def _is_secret(body: bytes, name_at: int, kind: str, value: bytes, bare_option: bool) -> bool:
    """`name_at`: where the telling word begins; what stands before it belongs to the name."""
    header = kind in ("authorization", "cookie")
    if is_marked(value):
        return False
    if len(value) > (_LONGEST_HEADER if header else _LONGEST_JUDGED):
        return True
    if _NOTHING.fullmatch(value) is not None:
        return False
    if bare_option and value.startswith(b"-"):
        return False
    if kind == "routing-key":
        return _ROUTING.fullmatch(value) is not None
    if kind == "cookie":
        return b"=" in value
    if kind == "authorization":
        return len(value) >= 8 and (b" " not in value)
    if kind == "token":
        return _is_token(body, name_at, value, bare_option)
    if kind == "secret":
        return _PLACE.match(value) is None
    short_name = body[name_at + 1 : name_at + 5].lower()
    if kind == "password" and short_name.startswith(b"pwd"):
        return not value.startswith(b"/")  # a working directory
    if kind == "password" and short_name.startswith(b"pass"):
        return _FIGURE.fullmatch(value) is None  # forward_pass: 12ms
    return True


def _is_token(body: bytes, name_at: int, value: bytes, bare_option: bool) -> bool:
    """A language model's tokens are no credentials: those have a telling prefix, or look random."""
    prefix = body[max(0, name_at - 24) : name_at].rstrip(b"_-").decode("latin-1").lower()
    word = prefix[len(prefix.rstrip("abcdefghijklmnopqrstuvwxyz")) :]
    joined = body[name_at - 1 : name_at] in (b"_", b"-") and name_at > 0
    if bare_option or (joined and word and word not in TEXT_TOKENS):
        return _PLACE.match(value) is None
    return looks_random(value) or (len(value) >= 8 and value.isalnum() and not value.isalpha() and not value.isdigit())
