"""YAML that an operator wrote, with the place of everything in it, so that an error can point at its line and column.

Reads the YAML 1.2 core schema (only `true` and `false` are flags: `yes`, `no`, `on` and `12:30` stay text), refuses
duplicate keys, tags, several documents in one file, and documents that are too deep, too long or that explode through
aliases. Places are computed only when an error needs them: the text is composed a second time then.

Does not know what the documents mean: rules, skills and the configuration bring their own models.
"""

import difflib
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from responder.errors import ConfigError
from responder.yaml_tree import BadNodeError, Builder, Step, child, compose, uncollected

MAX_BYTES = 16 * 1024 * 1024  # bytes of one file; the biggest knowledge file that we ship is far below 1 MiB

M = TypeVar("M", bound=BaseModel)
_SECRET_KEY = re.compile(r"(?i)token|secret|password|passwd|api_?key|routing_key|credential|bearer")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that must (error) or should (warning) be changed; `id` is stable over releases."""

    id: str
    severity: Literal["error", "warning"]
    file: Path
    line: int
    column: int
    message: str
    quoted: str = ""
    """The line as it stands in the file."""
    hint: str = ""
    """What to do."""
    found: str | None = None
    expected: str | None = None

    def render(self) -> str:
        """The problem as compilers print one: place, quoted line with a caret, what to do."""
        lines = [f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.id}]: {self.message}"]
        if self.quoted.strip():
            number = str(self.line)
            margin, shift = " " * len(number), max(self.column - 1, 0)
            if shift > 80:  # keep the caret on the screen in a very long line
                shown, shift = "…" + self.quoted[shift - 20 : shift + 60], 21
            else:
                shown = self.quoted[:120]
            lead = "".join("\t" if char == "\t" else " " for char in shown[:shift])
            lines += [f"{margin} |", f"{number} | {shown.rstrip()}", f"{margin} | {lead}^"]
        facts = (("found", self.found), ("expected", self.expected), ("to do", self.hint or None))
        lines += [f"  {name + ':':<9} {textwrap.shorten(value, 400)}" for name, value in facts if value is not None]
        return "\n".join(lines)


class ConfigErrors(ConfigError):
    """Everything that is wrong with a file (or several), at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(
            first.message, first.file, first.line, first.column, first.found, first.expected, first.hint, first.id
        )

    def __str__(self) -> str:
        return "\n".join(problem.render() for problem in self.problems)


@dataclass(frozen=True)
class Document:
    """A parsed file: `data` is plain dicts, lists and scalars."""

    file: Path
    data: Any
    text: str
    code: str = "C100"
    """Id of the problems that `read` finds: each kind of file has its own."""

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def _root(self) -> "yaml.Node | None":
        with uncollected():
            return compose(self.text)

    def at(self, path: Sequence[Step]) -> Any:
        """The value at a path that exists."""
        value = self.data
        for step in path:
            value = value[step]
        return value

    def place(self, path: Sequence[Step] = (), *, key: bool = False) -> tuple[int, int]:
        """Line and column (from 1) of the value at `path`, or of its key; what is around it where it is absent."""
        node, mark = self._root, None
        for step in path:
            pair = child(node, step)
            if pair is None:
                mark = None if node is None else node.start_mark
                break
            name, node = pair
            mark = name.start_mark if key and name is not None else node.start_mark
        if mark is None:
            mark = node.start_mark if node is not None else None
        return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)

    def problem(
        self,
        id: str,
        message: str,
        path: Sequence[Step] = (),
        *,
        severity: Literal["error", "warning"] = "error",
        key: bool = False,
        shift: int = 0,
        hint: str = "",
        found: str | None = None,
        expected: str | None = None,
    ) -> Problem:
        """A problem at the value (or key) at `path`; `shift` moves the caret right, into a text value."""
        line, column = self.place(path, key=key)
        quoted = self.lines[line - 1] if line <= len(self.lines) else ""
        if shift and quoted[column - 1 : column] in ("'", '"'):
            shift += 1
        if shift and column + shift > len(quoted) + 1:
            shift = 0  # the text goes on over several lines
        if any(isinstance(step, str) and _SECRET_KEY.search(step) for step in path):
            quoted, found = "", None
        return Problem(id, severity, self.file, line, column + shift, message, quoted, hint, found, expected)

    def read(self, model: type[M], path: Sequence[Step] = ()) -> M:
        """The part at `path` as a model instance. Raises ConfigErrors with everything that does not fit."""
        value = self.at(path)
        try:
            return model.model_validate({} if value is None else value)
        except ValidationError as invalid:
            raise ConfigErrors(list(self._problems(invalid, model, tuple(path)))) from invalid

    def _problems(self, invalid: ValidationError, model: type[BaseModel], path: tuple[Step, ...]) -> Iterator[Problem]:
        seen: dict[tuple[tuple[Step, ...], str], list[Any]] = {}
        for error in invalid.errors(include_url=False, include_context=False):
            at = path + _existing(self.at(path), error["loc"])
            kind = error["type"] if error["type"] in ("missing", "extra_forbidden") else "value"
            missing = str(error["loc"][-1]) if kind == "missing" else ""
            seen.setdefault((at, kind + missing), []).append(error)
        for (at, _), errors in seen.items():
            yield self._problem(errors, model, at)

    def _problem(self, errors: Sequence[Any], model: type[BaseModel], at: tuple[Step, ...]) -> Problem:
        first = errors[0]
        if first["type"] == "extra_forbidden":
            name = str(first["loc"][-1])
            known = sorted(set(_known_keys(model, first["loc"][:-1])))
            hint = nearest(name, known) or (f"known keys here: {', '.join(known)}" if known else "")
            return self.problem(self.code, f'unknown key "{name}"', at, key=True, hint=hint)
        if first["type"] == "missing":
            name = str(first["loc"][-1])
            return self.problem(self.code, f'"{name}" is missing', at, key=True, hint=f"add {name}: ...")
        messages = list(dict.fromkeys(str(error["msg"]).removeprefix("Value error, ") for error in errors))
        wanted = [m.removeprefix("Input should be ") for m in messages if m.startswith("Input should be ")]
        told = [m for m in messages if not m.startswith("Input should be ")]
        what = f'"{at[-1]}"' if at and isinstance(at[-1], str) else "this entry"
        return self.problem(
            self.code,
            f"{what}: {'; '.join(told)}" if told else f"{what} has a wrong value",
            at,
            found=_shown(first["input"]),
            expected=" or ".join(wanted) or None,
        )


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`did you mean "..."?`, or nothing when no known name is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f'did you mean "{close[0]}"?' if close else ""


def load(file: Path, *, code: str = "C100") -> Document:
    """Read a file. Raises ConfigErrors when it cannot be read or is no acceptable YAML."""
    return parse(read_text(file, code=code), file, code=code)


def read_text(file: Path, *, code: str = "C100") -> str:
    """The text of a file. Raises ConfigErrors when it cannot be read, is too large or no UTF-8."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise _refused(file, f"the file is larger than {MAX_BYTES // 1024**2} MiB", code)
        raw = file.read_bytes()
    except OSError as error:
        raise _refused(file, f"cannot be read: {error.strerror or error}", code) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _refused(file, f"byte {error.start + 1} is not UTF-8; save the file as UTF-8", code, line) from error


def parse(text: str, file: Path, *, code: str = "C100") -> Document:
    """Read a text; `file` is only named in errors. Raises ConfigErrors."""
    try:
        with uncollected():
            root = compose(text)
            return Document(file, None if root is None else Builder().build(root), text, code)
    except BadNodeError as bad:
        mark = bad.node.start_mark
        raise _refused(file, str(bad), code, mark.line + 1, mark.column + 1, text) from None
    except yaml.MarkedYAMLError as error:
        found = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        line, column = (found.line + 1, found.column + 1) if found else (1, 1)
        raise _refused(file, f"not YAML: {message}", code, line, column, text) from error
    except yaml.YAMLError as error:
        raise _refused(file, f"not YAML: {str(error).splitlines()[0]}", code) from error


def _refused(file: Path, message: str, code: str, line: int = 1, column: int = 1, text: str = "") -> ConfigErrors:
    lines = text.splitlines()
    quoted = lines[line - 1] if line <= len(lines) else ""
    return ConfigErrors([Problem(code, "error", file, line, column, message, quoted)])


def _existing(data: Any, loc: Sequence[Step]) -> tuple[Step, ...]:
    """The steps of a pydantic location that exist in the data (it also names union members and validators)."""
    out: list[Step] = []
    for step in loc:
        if (isinstance(data, dict) and step in data) or (isinstance(step, int) and _reaches(data, step)):
            data = data[step]
            out.append(step)
    return tuple(out)


def _reaches(data: Any, index: int) -> bool:
    return isinstance(data, list) and index < len(data)


def _known_keys(annotation: Any, loc: Sequence[Step]) -> Iterator[str]:
    """Keys that are allowed at a pydantic location."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not loc:
            for name, field in annotation.model_fields.items():
                yield field.alias or name
            return
        for name, field in annotation.model_fields.items():
            if loc[0] in (name, field.alias):
                yield from _known_keys(field.annotation, loc[1:])
        if loc[0] not in {field.alias or name for name, field in annotation.model_fields.items()}:
            yield from _known_keys(annotation, loc[1:])  # the name of a union's member
        return
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _known_keys(args[0], loc)
    elif origin in (dict, list, tuple, set, frozenset) and loc:
        for arg in args[1:] if origin is dict else args:
            yield from _known_keys(arg, loc[1:])
    else:
        for arg in args:
            yield from _known_keys(arg, loc)


def _shown(value: Any) -> str:
    match value:
        case dict():
            return "a mapping" if value else "an empty mapping"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return textwrap.shorten(f'"{value}"', 120)
        case _:
            return str(value)
