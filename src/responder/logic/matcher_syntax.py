r"""Matchers as people write them, to conditions and back.

A text is Alertmanager's syntax: `alertname=~"(?i).*xid.*", severity=~"critical|page"`, with or without braces, values
with or without quotes, label names of any characters when quoted; a comma means "and". A tree is `{all: [...]}`,
`{any: [...]}` or `{not: ...}` of texts and trees; a plain list means `all`.

Inside quotes `\n`, `\\` and `\"` are escapes and every other backslash stays, so that `"foo\.bar"` is the regular
expression that it looks like: Alertmanager's classic parser reads values so, and that wins there when both
parsers accept a text (prometheus/alertmanager, matcher/compat/parse.go, FallbackMatchersParser). Patterns are RE2.
"""

import re
from collections.abc import Mapping, Sequence

import re2

from responder.errors import ConfigError
from responder.model.rule import All, Any_, Condition, Matcher, MatchOp, Not, One

MAX_TREE_DEPTH = 32  # nested all/any/not; people write two or three

# prometheus/alertmanager matcher/parse/lexer.go: what ends an unquoted label name
_NAME = re.compile(r"""[^\s{}!=~,\\"'`]+""")
_OPERATOR = re.compile(r"=~|!~|!=|==?")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BARE = re.compile(r"[^,\"]*")
_PLAIN_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NEWLINE, _UNESCAPED = "\n", {"n": "\n", "\\": "\\", '"': '"'}


class MatcherError(ConfigError):
    """A matcher that cannot be read: `column` counts from 1 in `text`; `path` leads to the text in a tree."""

    def __init__(self, message: str, text: str, column: int, hint: str = "", path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message, column=column, hint=hint or None)
        self.text = text
        self.path = path

    def __str__(self) -> str:
        lines = [self.message, f"  {self.text}", f"  {' ' * (min(self.column or 1, len(self.text) + 1) - 1)}^"]
        return "\n".join([*lines, f"  to do: {self.hint}"] if self.hint else lines)


def parse_condition(raw: object, path: tuple[str | int, ...] = ()) -> Condition:
    """A text or a tree as a condition. Raises MatcherError."""
    if len(path) > 2 * MAX_TREE_DEPTH:
        raise MatcherError(f"conditions nested deeper than {MAX_TREE_DEPTH}", "", 1, path=path)
    match raw:
        case str():
            parts = tuple(One(matcher=matcher) for matcher in parse_matchers(raw, path))
            return parts[0] if len(parts) == 1 else All(parts=parts)
        case Mapping() if len(raw) == 1:
            ((key, value),) = raw.items()
            if key == "not":
                return Not(part=parse_condition(value, (*path, "not")))
            if key in ("all", "any") and isinstance(value, Sequence) and not isinstance(value, str):
                inner = tuple(parse_condition(part, (*path, key, n)) for n, part in enumerate(value))
                if key == "all":
                    return All(parts=inner)
                if not inner:
                    raise MatcherError('"any" of nothing never matches', "any: []", 1, "give it at least one", path)
                return Any_(parts=inner)
            hint = "write a list under it" if key in ("all", "any") else "the keys are all, any and not"
            raise MatcherError(f'"{key}" cannot stand here', f"{key}: ...", 1, hint, path)
        case Sequence():
            return All(parts=tuple(parse_condition(part, (*path, n)) for n, part in enumerate(raw)))
    shown = "a mapping with several keys" if isinstance(raw, Mapping) else repr(raw)
    hint = "write matchers such as 'severity=\"critical\"', or one of {all: [...]}, {any: [...]}, {not: ...}"
    raise MatcherError("this is no condition", shown, 1, hint, path)


def parse_matchers(text: str, path: tuple[str | int, ...] = ()) -> tuple[Matcher, ...]:
    """All matchers of a text, which may be empty. Raises MatcherError."""
    return tuple(_Reader(text, path).matchers())


def show_matcher(matcher: Matcher) -> str:
    """A matcher in the syntax that `parse_matchers` reads."""
    name = matcher.label if _PLAIN_NAME.fullmatch(matcher.label) else _quote(matcher.label)
    return f"{name}{matcher.op.value}{_quote(matcher.value)}"


def show(condition: Condition) -> str:
    """A condition in one line for people: matchers with commas, `any(...)` and `not(...)` around parts."""
    match condition:
        case One(matcher=matcher):
            return show_matcher(matcher)
        case All(parts=parts):
            return ", ".join(show(part) for part in parts) or "{}"
        case Any_(parts=parts):
            return f"any({' | '.join(show(part) for part in parts)})"
        case Not(part=part):
            return f"not({show(part)})"


def tree(condition: Condition) -> object:
    """A condition as the text or tree that `parse_condition` reads back to the same condition."""
    match condition:
        case One(matcher=matcher):
            return show_matcher(matcher)
        case All(parts=parts):
            return {"all": [tree(part) for part in parts]}
        case Any_(parts=parts):
            return {"any": [tree(part) for part in parts]}
        case Not(part=part):
            return {"not": tree(part)}


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace(_NEWLINE, "\\n")
    return f'"{escaped}"'


class _Reader:
    """One text, read from left to right."""

    def __init__(self, text: str, path: tuple[str | int, ...]) -> None:
        self.text = text
        self.path = path
        self.at = 0
        self.braces = False

    def matchers(self) -> list[Matcher]:
        self._skip()
        self.braces = self._take("{")
        found: list[Matcher] = []
        self._skip()
        while not self._at_end():
            found.append(self._matcher())
            self._skip()
            if self._at_end():
                break
            if not self._take(","):
                raise self._error(
                    "expected a comma or the end", hint="separate matchers with commas; they all must hold"
                )
            self._skip()
        if self.braces and not self._take("}"):
            raise self._error("the opening { is never closed", hint="add } or leave the braces out")
        self._skip()
        if self.at < len(self.text):
            raise self._error("nothing may follow the closing }")
        return found

    def _at_end(self) -> bool:
        return self.at >= len(self.text) or (self.braces and self.text[self.at] == "}")

    def _skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _take(self, char: str) -> bool:
        if self.text.startswith(char, self.at):
            self.at += 1
            return True
        return False

    def _matcher(self) -> Matcher:
        name = self._name()
        self._skip()
        found = _OPERATOR.match(self.text, self.at)
        if found is None or found.group() == "==":
            hint = 'write label="value"; != is "is not", =~ and !~ take a regular expression'
            raise self._error("expected one of = != =~ !~", hint=hint)
        self.at = found.end()
        self._skip()
        start = self.at
        op, value = MatchOp(found.group()), self._value()
        if op in (MatchOp.RE, MatchOp.NRE):
            self._check(value, start)
        return Matcher(label=name, op=op, value=value)

    def _name(self) -> str:
        quoted = _QUOTED.match(self.text, self.at)
        if quoted:
            name = _unescape(quoted.group(1))
            if not name:
                raise self._error("a label name cannot be empty")
            self.at = quoted.end()
            return name
        found = _NAME.match(self.text, self.at)
        if found is None:
            quote = self.text.startswith('"', self.at)
            raise self._error("the opening quote is never closed" if quote else "expected a label name")
        self.at = found.end()
        return found.group()

    def _value(self) -> str:
        quoted = _QUOTED.match(self.text, self.at)
        if quoted:
            self.at = quoted.end()
            return _unescape(quoted.group(1))
        if self.text.startswith('"', self.at):
            raise self._error("the opening quote is never closed", hint='write \\" for a quote inside the value')
        if self.text.startswith("'", self.at):
            raise self._error("values take double quotes", hint="single quotes belong to YAML: 'label=\"value\"'")
        found = _BARE.match(self.text, self.at)
        value = found.group() if found else ""
        if self.braces and value.rstrip().endswith("}") and self.at + len(value) == len(self.text):
            value = value.rstrip()[:-1]
        self.at += len(value)
        if self.text.startswith('"', self.at):
            raise self._error("a quote inside an unquoted value", hint="put the whole value in double quotes")
        value = value.rstrip()
        if re.search(r"\s(and|or)\s", value) and "=" in value:
            raise self._error("expected a comma or the end", hint="a comma means and; for or use {any: [...]}")
        return _unescape(value)

    def _check(self, pattern: str, start: int) -> None:
        try:
            compile_pattern(pattern)
        except ValueError as error:
            self.at = start
            hint = "regular expressions are RE2 (no look-around, no back-references): github.com/google/re2/wiki/Syntax"
            raise self._error(f"not a regular expression: {error}", hint=hint) from None

    def _error(self, message: str, hint: str = "") -> MatcherError:
        return MatcherError(message, self.text, self.at + 1, hint, self.path)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: _UNESCAPED.get(found.group(1), found.group()), text)


OPTIONS = re2.Options()
"""Of every pattern in a matcher."""
OPTIONS.log_errors = False
OPTIONS.dot_nl = True  # as in Prometheus 3: a label value with a line break is still one value
OPTIONS.never_capture = True


def compile_pattern(pattern: str) -> "re2._Regexp":
    """An RE2 over UTF-8 bytes; anchoring is up to the caller. Raises ValueError."""
    try:
        return re2.compile(pattern.encode(), OPTIONS)
    except re2.error as error:
        told = error.args[0]
        raise ValueError(told.decode(errors="replace") if isinstance(told, bytes) else str(told)) from None
    except UnicodeEncodeError:
        raise ValueError("it is not Unicode text") from None
