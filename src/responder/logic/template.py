"""Fills `{node}`-like variables into queries, commands and links, escaped for the language they land in.

Only `{lower_case}` is a variable, so that the braces of PromQL selectors and shell stay what they are. A variable without a value is
an error with a name, never an empty string: a query for `node=""` would answer something else than was asked.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import quote

Escape = Literal["promql", "shell", "url", "plain"]
_VARIABLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_REGEX_BEFORE = re.compile(r'[=!]~\s*"[^"]*$')
_REGEX_SPECIAL = re.compile(r"([.\\+*?()|\[\]{}^$])")


class UnfilledError(ValueError):
    """A template names a variable that has no value."""

    reason = "no_variable"

    def __init__(self, variable: str) -> None:
        super().__init__(f"nothing is known for {{{variable}}}")
        self.variable = variable


def fill(template: str, variables: Mapping[str, str | Sequence[str]], escape: Escape = "plain") -> str:
    """The text with all variables filled in. Raises UnfilledError for the first that has no value.

    A variable with several values gives the first, but all of them as alternatives behind a PromQL regular-expression matcher.
    """
    out: list[str] = []
    end = 0
    for found in _VARIABLE.finditer(template):
        given = variables.get(found.group(1))
        values = [given] if isinstance(given, str) else list(given or ())
        values = [value for value in values if value]
        if not values:
            raise UnfilledError(found.group(1))
        out.append(template[end : found.start()])
        out.append(_escaped(values, escape, "".join(out)))
        end = found.end()
    return "".join(out) + template[end:]


def variables_in(template: str) -> list[str]:
    """Names of the variables, in order."""
    return [found.group(1) for found in _VARIABLE.finditer(template)]


def _escaped(values: list[str], escape: Escape, before: str) -> str:
    match escape:
        case "promql":
            if _REGEX_BEFORE.search(before):
                return "|".join(_promql(_REGEX_SPECIAL.sub(r"\\\1", value)) for value in values)
            return _promql(values[0])
        case "shell":
            return shlex.quote(values[0])
        case "url":
            return quote(values[0], safe="")
        case "plain":
            return values[0]


def _promql(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
