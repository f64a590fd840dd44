"""The texts that a line must contain for an RE2 pattern to match: what makes hundreds of patterns searchable in one pass.

`required(pattern)` gives a set of lower-case literals of which at least one occurs in every match (None where the pattern demands
no text). The same idea as RE2's own Prefilter; ours because it must yield the literals themselves, for one automaton over all of
them. It deliberately knows no more syntax than RE2 has, and errs on the side of fewer literals, never of wrong ones.
"""

import re
from dataclasses import dataclass
from itertools import product

_REPEAT = re.compile(r"[*+?]\??|\{(\d+)(?:,(\d*))?\}\??")
_GROUP = re.compile(r"\?P?<\w+>|\?[imsU-]*:|\?[imsU-]+\)")
_HEX = re.compile(r"([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\}")
_PLAIN = re.compile(r"[\w \-:,'\"=/<>@!&%~`;#]{2,}")
_PROPERTY = re.compile(r"\{[^}]*\}|\w")

MOST = 16
"""Alternatives kept exactly before they are cut into shorter required pieces (RE2's Prefilter uses the same bound)."""
LONGEST_CLASS = 4
"""Character classes up to this size are spelled out; larger ones count as "any character"."""


@dataclass(frozen=True, slots=True)
class _Info:
    """`exact`: all texts that the piece can match, where they are few; `needs`: one of these must occur."""

    exact: frozenset[str] | None
    needs: frozenset[str] | None


_EMPTY = _Info(frozenset([""]), None)
_ANY = _Info(None, None)


def required(pattern: str) -> frozenset[str] | None:
    """Literals (lower case) of which one must occur in any match, or None. Raises ValueError for a pattern it cannot read."""
    info = _Parser(pattern).parse()
    best = _best(info.needs, _as_needs(info.exact))
    if best is None:
        return None
    return frozenset(text for text in best if not any(other in text for other in best if other != text))


def _as_needs(exact: frozenset[str] | None) -> frozenset[str] | None:
    return exact if exact and all(exact) else None


def _worth(needs: frozenset[str]) -> tuple[int, int]:
    return min(len(text) for text in needs), -len(needs)


def _best(*candidates: frozenset[str] | None) -> frozenset[str] | None:
    known = [needs for needs in candidates if needs]
    return max(known, key=_worth) if known else None


def _concat(left: _Info, right: _Info) -> _Info:
    if left.exact is not None and right.exact is not None and len(left.exact) * len(right.exact) <= MOST:
        joined = frozenset(a + b for a, b in product(left.exact, right.exact))
        return _Info(joined, _best(left.needs, right.needs))
    needs = _best(left.needs, right.needs, _as_needs(left.exact), _as_needs(right.exact))
    return _Info(None, needs)


def _either(branches: list[_Info]) -> _Info:
    if all(branch.exact is not None for branch in branches):
        joined = frozenset(text for branch in branches for text in branch.exact or ())
        if len(joined) <= MOST:
            return _Info(joined, None)
    needs: set[str] = set()
    for branch in branches:
        one = _best(branch.needs, _as_needs(branch.exact))
        if one is None:
            return _ANY
        needs |= one
    return _Info(None, frozenset(needs))


class _Parser:
    """Recursive descent over RE2 syntax; a run of exact pieces is kept together so that literals stay long."""

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0

    def parse(self) -> _Info:
        info = self._alternation()
        if self.at != len(self.text):
            raise ValueError(f"unbalanced ) at {self.at}")
        return info

    def _peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def _alternation(self) -> _Info:
        branches = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else _either(branches)

    def _sequence(self) -> _Info:
        run, needs, whole = _EMPTY, None, True
        while self._peek() not in ("", "|", ")"):
            piece = self._repeated()
            joined = _concat(run, piece)
            if joined.exact is None:
                whole = False
                needs = _best(needs, joined.needs)
                run = _EMPTY if piece.exact is None else piece
            else:
                run = joined
        return run if whole else _Info(None, _best(needs, run.needs, _as_needs(run.exact)))

    def _repeated(self) -> _Info:
        piece = self._atom()
        low: int | None = None
        while True:
            found = _REPEAT.match(self.text, self.at)
            if not found:
                break
            self.at = found.end()
            mark = found.group()
            low = int(found.group(1)) if mark[0] == "{" else (1 if mark[0] == "+" else 0)
            if mark[0] == "?":
                low = -1
        if low is None:
            return piece
        if low == -1:
            exact = piece.exact
            return _Info(exact | {""}, None) if exact is not None and len(exact) < MOST else _ANY
        if low == 0:
            return _ANY
        return _Info(None, _best(piece.needs, _as_needs(piece.exact)))

    def _atom(self) -> _Info:
        plain = _PLAIN.match(self.text, self.at)
        if plain:  # all of the run, less the last character where a repetition may bind to that
            self.at = plain.end() - (self.text[plain.end() : plain.end() + 1] in ("*", "+", "?", "{"))
            return _Info(frozenset([self.text[plain.start() : self.at].lower()]), None)
        char = self._peek()
        self.at += 1
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "^$":
            return _EMPTY
        if char == ".":
            return _ANY
        return _Info(frozenset([char.lower()]), None)

    def _group(self) -> _Info:
        found = _GROUP.match(self.text, self.at)
        if found:
            self.at = found.end()
            if found.group().endswith(")"):
                return _EMPTY
        info = self._alternation()
        if self._peek() != ")":
            raise ValueError(f"missing ) at {self.at}")
        self.at += 1
        return info

    def _escape(self) -> _Info:
        char = self._peek()
        self.at += 1
        if char in "bBAz":
            return _EMPTY
        if char == "x":
            found = _HEX.match(self.text, self.at)
            if not found:
                raise ValueError(f"bad \\x at {self.at}")
            self.at = found.end()
            return _Info(frozenset([chr(int(found.group(1) or found.group(2), 16)).lower()]), None)
        if char == "Q":
            end = self.text.find("\\E", self.at)
            end = len(self.text) if end < 0 else end
            quoted, self.at = self.text[self.at : end], min(end + 2, len(self.text))
            return _Info(frozenset([quoted.lower()]), None)
        if char in "pP":
            found = _PROPERTY.match(self.text, self.at)
            self.at = found.end() if found else self.at
            return _ANY
        if char.isalnum():
            return _Info(frozenset(["\t"]), None) if char == "t" else _ANY
        return _Info(frozenset([char.lower()]), None)

    def _class(self) -> _Info:
        start = self.at
        negated = self._peek() == "^"
        self.at += negated
        members: set[str] | None = set()
        first = True
        while self._peek() and (self._peek() != "]" or first):
            first = False
            char = self._peek()
            if char == "[" and self.text.startswith("[:", self.at):
                self.at = self.text.index(":]", self.at) + 2
                members = None
                continue
            self.at += 1
            if char == "\\":
                info = self._escape()
                members = members | info.exact if members is not None and info.exact else None
                continue
            if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 2
                if self.text[self.at - 1] == "\\":
                    self.at += 1
                members = None
                continue
            if members is not None:
                members = members | {char.lower()}
        if not self._peek():
            raise ValueError(f"missing ] after {start}")
        self.at += 1
        if negated or members is None or len(members) > LONGEST_CLASS:
            return _ANY
        return _Info(frozenset(members), None)
