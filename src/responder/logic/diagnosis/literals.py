"""The texts that a line must contain for an RE2 pattern to match: what makes hundreds of patterns searchable in one pass.

`required(pattern)` gives a set of lower-case literals of which at least one occurs in every match (None where the pattern demands
no text); `demands(pattern)` tells more, for a second look: for each way to match, several such sets. The same idea as RE2's own
Prefilter; ours because it must yield the literals themselves, for one automaton over all of them. It deliberately knows no more
syntax than RE2 has, and errs on the side of fewer literals, never of wrong ones.
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
MOST_DEMANDS = 4
"""Sets of `demands`, the longest texts first: more would cost more than they spare."""
MOST_WAYS = 64
_ODD = frozenset("\"'\\/<>&")
"""Characters that a line may hold in an escaped form (JSON in a log; Go writes `<` as an escape), where the pattern sees the plain
one."""
LONGEST_CLASS = 4
"""Character classes up to this size are spelled out; larger ones count as "any character"."""


@dataclass(frozen=True, slots=True)
class _Info:
    """`exact`: all texts that the piece can match, where they are few; `needs`: one of these must occur."""

    exact: frozenset[str] | None
    needs: "_Needs" = ()
    """Of each set one must occur."""
    ways: "tuple[_Needs, ...]" = ()
    """The same for each of the ways in which the piece can match, where there are several."""


_Needs = tuple[frozenset[str], ...]
_EMPTY = _Info(frozenset([""]))
_ANY = _Info(None)


def required(pattern: str) -> frozenset[str] | None:
    """Literals (lower case) of which one must occur in any match, or None. Raises ValueError for a pattern it cannot read."""
    needs = _needs(_Parser(pattern).parse())
    return _shortest(_best(needs)) if needs else None


def demands(pattern: str) -> tuple[tuple[frozenset[str], ...], ...]:
    """For each way to match, sets of literals (lower case, printable ASCII without quotes): every match has, for one of the ways,
    at least one of each of its sets. Nothing where one way demands nothing. Raises ValueError."""
    ways = {_plain(needs) for needs in _ways(_Parser(pattern).parse())}
    return tuple(sorted(ways, key=len)) if all(ways) else ()


def _plain(needs: "_Needs") -> "_Needs":
    texts = dict.fromkeys(_shortest(one) for one in needs)
    plain = [
        one for one in texts if all(text.isascii() and text.isprintable() and not _ODD & set(text) for text in one)
    ]
    return tuple(sorted(plain, key=_worth, reverse=True)[:MOST_DEMANDS])


def _ways(info: _Info) -> "tuple[_Needs, ...]":
    return info.ways or (_needs(info),)


def _needs(info: _Info) -> _Needs:
    """What the piece demands, whether it is known exactly or not."""
    return (*info.needs, info.exact) if info.exact and all(info.exact) else info.needs


def _shortest(needs: frozenset[str]) -> frozenset[str]:
    return frozenset(text for text in needs if not any(other in text for other in needs if other != text))


def _worth(needs: frozenset[str]) -> tuple[int, int]:
    return min(len(text) for text in needs), -len(needs)


def _best(needs: _Needs) -> frozenset[str]:
    return max(needs, key=_worth)


def _concat(left: _Info, right: _Info) -> _Info:
    if left.exact is not None and right.exact is not None and len(left.exact) * len(right.exact) <= MOST:
        joined = frozenset(a + b for a, b in product(left.exact, right.exact))
        return _Info(joined, (*left.needs, *right.needs))
    return _Info(None, (*_needs(left), *_needs(right)))


def _either(branches: list[_Info]) -> _Info:
    if all(branch.exact is not None for branch in branches):
        joined = frozenset(text for branch in branches for text in branch.exact or ())
        if len(joined) <= MOST:
            return _Info(joined)
    of_each = [_needs(branch) for branch in branches]
    if not all(of_each):
        return _ANY
    ways = tuple(way for branch in branches for way in _ways(branch))
    together = frozenset[str]().union(*map(_best, of_each))
    return _Info(None, (together,), ways if len(ways) <= MOST_WAYS else ())


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
        run, whole = _EMPTY, True
        needs: _Needs = ()
        ways: tuple[_Needs, ...] = ((),)
        while self._peek() not in ("", "|", ")"):
            piece = self._repeated()
            joined = _concat(run, piece)
            if joined.exact is None:
                whole = False
                needs += joined.needs
                several = len(ways) == 1 and piece.ways
                more = [(*_needs(run), *way) for way in piece.ways] if several else [joined.needs]
                ways = tuple((*way, *one) for way in ways for one in more)
                run = _EMPTY if piece.exact is None else piece
            else:
                run = joined
        if whole:
            return run
        end = _needs(run)
        return _Info(None, (*needs, *end), tuple((*way, *end) for way in ways) if len(ways) > 1 else ())

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
            return _Info(exact | {""}) if exact is not None and len(exact) < MOST else _ANY
        if low == 0:
            return _ANY
        return _Info(None, _needs(piece), piece.ways)

    def _atom(self) -> _Info:
        plain = _PLAIN.match(self.text, self.at)
        if plain:  # all of the run, less the last character where a repetition may bind to that
            self.at = plain.end() - (self.text[plain.end() : plain.end() + 1] in ("*", "+", "?", "{"))
            return _Info(frozenset([self.text[plain.start() : self.at].lower()]))
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
        return _Info(frozenset([char.lower()]))

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
            return _Info(frozenset([chr(int(found.group(1) or found.group(2), 16)).lower()]))
        if char == "Q":
            end = self.text.find("\\E", self.at)
            end = len(self.text) if end < 0 else end
            quoted, self.at = self.text[self.at : end], min(end + 2, len(self.text))
            return _Info(frozenset([quoted.lower()]))
        if char in "pP":
            found = _PROPERTY.match(self.text, self.at)
            self.at = found.end() if found else self.at
            return _ANY
        if char.isalnum():
            return _Info(frozenset(["\t"])) if char == "t" else _ANY
        return _Info(frozenset([char.lower()]))

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
        return _Info(frozenset(members))
