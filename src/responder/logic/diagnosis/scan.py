"""Finds the known messages in any amount of text, in time linear in its length.

One automaton over the required literals of all patterns runs over the whole text; a pattern itself is tried only on the lines
where one of its literals occurred. Lines that repeat but for their digits are tried a bounded number of times and then counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import re2
from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from responder.logic.diagnosis.fields import extract
from responder.logic.diagnosis.literals import demands
from responder.logic.diagnosis.text import LONGEST_LINE, OVERLAP, pieces
from responder.logic.diagnosis.wrappers import Unwrapped, section, unwrap
from responder.model.skill import Signature

SAME_SHAPE = 256
"""How many lines of one shape (equal but for digits) are matched in full; further ones only count."""
MOST_HITS = 4096
"""Hits kept per text; further ones only count."""
MOST_SHAPES = 100_000
"""Shapes remembered per text; lines of further ones are all matched."""
SHORT_TEXT = 16_384
"""Characters of a text whose lines are remembered: the alerts of a storm say the same, and each of their incidents is looked at
several times. The lines of a log seldom come again."""
LONGEST_REMEMBERED = 512
"""Bytes of a line."""
MOST_REMEMBERED = 20_000
"""Lines; all are forgotten when there are more. Some 10 MiB."""
LONGEST_HEADER = 200
SHOWN = 600
"""Characters of a line that a hit keeps."""
_Demands = tuple[tuple[tuple[bytes, ...], ...], ...]
"""`literals.demands` in bytes."""
_DIGITS = b"0123456789"


@dataclass(frozen=True, slots=True)
class Hit:
    """A known message at a line. `order` counts lines over all parts of a case."""

    signature: str
    part: int
    line: int
    order: int
    text: str
    fields: Mapping[str, Any]
    said: Unwrapped
    rank: int | None
    node: str | None

    @property
    def at(self) -> datetime | None:
        return self.said.at


@dataclass(slots=True)
class Found:
    """All hits of one part, how often each signature fired, and how many lines the text has."""

    hits: list[Hit] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Signatures:
    """The compiled set. `literals` comes from the compile cache or from `literals.required`."""

    by_id: Mapping[str, Signature]
    literals: Mapping[str, Sequence[str]]

    @cached_property
    def indexed(self) -> tuple[BytesAhoCorasick, list[tuple[str, ...]]]:
        owners: dict[bytes, list[str]] = {}
        for name, texts in self.literals.items():
            for text in texts:
                owners.setdefault(text.encode("utf-8"), []).append(name)
        patterns = list(owners) or [b"\x00never\x00"]
        automaton = BytesAhoCorasick(
            patterns, matchkind=MatchKind.Standard, implementation=Implementation.ContiguousNFA
        )
        return automaton, [tuple(owners.get(pattern, ())) for pattern in patterns]

    @cached_property
    def _compiled(self) -> dict[str, Any]:
        return {}

    def pattern(self, name: str) -> Any:
        """The compiled pattern, compiled at its first use."""
        known = self._compiled.get(name)
        if known is None:
            options = re2.Options()
            options.log_errors = False
            known = self._compiled[name] = re2.compile(self.by_id[name].match, options)
        return known

    @cached_property
    def _demanded(self) -> dict[str, _Demands]:
        return {}

    def _demands(self, name: str) -> _Demands:
        """Worked out at the first use, as the pattern is compiled."""
        ways = self._demanded.get(name)
        if ways is None:
            found = demands(self.by_id[name].match)
            ways = self._demanded[name] = tuple(tuple(tuple(t.encode() for t in one) for one in way) for way in found)
        return ways

    def possible(self, name: str, lowered: bytes, start: int, end: int) -> bool:
        """Whether the text between has all that the pattern demands: a quick look that spares most patterns with common words."""
        ways = self._demands(name)
        if not ways:
            return True
        line = lowered[start:end]
        for way in ways:
            for texts in way:
                for text in texts:
                    if text in line:
                        break
                else:
                    break
            else:
                return True
        return False

    @cached_property
    def lines_known(self) -> dict[bytes, tuple[str, ...]]:
        """Of lines that were seen before, the signatures that are worth trying: they matched, or could once prefixes are off."""
        return {}

    def remember(self, line: bytes, names: Sequence[str]) -> None:
        if len(self.lines_known) >= MOST_REMEMBERED:
            self.lines_known.clear()
        self.lines_known[line] = tuple(names)

    def warm(self) -> None:
        """Compile all patterns and their index (some 0.4 s and 25 MiB)."""
        _ = self.indexed
        for name in self.by_id:
            self.pattern(name)
            self._demands(name)

    def candidates(self, line: str) -> set[str]:
        """The signatures whose literals occur in the line."""
        automaton, owners = self.indexed
        lowered = line.encode("utf-8", "replace").lower()
        return {
            name
            for index, _, _ in automaton.find_matches_as_indexes(lowered, overlapping=True)
            for name in owners[index]
        }

    def match(self, name: str, line: str) -> dict[str, Any] | None:
        """The typed fields if the signature matches the line, else None."""
        found = self.pattern(name).search(line)
        return extract(self.by_id[name].fields, found.groupdict()) if found else None

    def anchored(self, name: str) -> bool:
        """Whether the pattern begins at the start of the line, which is then the message without its prefixes."""
        return self.by_id[name].match.startswith(("^", "(?i)^", "(?:^"))

    def scan(self, text: str, part: int, first_order: int, near: datetime) -> Found:
        """All hits in a text, in the order of its lines."""
        return _Scan(self, part, first_order, near, remembers=len(text) <= SHORT_TEXT).run(pieces(text))


class _Scan:
    """One pass over one text. Owns the shapes seen so far; everything else is in the hits."""

    def __init__(
        self, signatures: Signatures, part: int, first_order: int, near: datetime, *, remembers: bool = False
    ) -> None:
        self.signatures = signatures
        self.longest = LONGEST_REMEMBERED if remembers else -1
        self.part, self.first_order, self.near = part, first_order, near
        self.found = Found()
        self.shapes: dict[bytes, _Shape] = {}
        self.rank: int | None = None
        self.node: str | None = None
        self.peeled: tuple[int, Unwrapped] | None = None

    def run(self, texts: Iterable[bytes]) -> Found:
        base = 0
        for data in texts:
            self._piece(data, base)
            base += data.count(b"\n") + (0 if data.endswith(b"\n") else 1)
        self.found.lines = base
        self.found.hits.sort(key=lambda hit: hit.line)
        return self.found

    def _piece(self, data: bytes, base: int) -> None:
        automaton, owners = self.signatures.indexed
        sections = self._sections(data, base)
        start = end = -1  # of the line that is looked at
        counted_to, number = 0, base + 1
        tried: set[str] = set()
        worth: list[str] | None = None
        shape = _Shape()
        windows_end = 0
        lowered = data.lower()
        for index, begin, _ in automaton.find_matches_as_indexes(lowered, overlapping=True):
            if begin >= end:
                self._remember(data, start, end, worth)
                start = data.rfind(b"\n", max(end, 0), begin) + 1 or max(end, 0)
                end = data.find(b"\n", begin)
                end = len(data) if end < 0 else end
                number += data.count(b"\n", counted_to, start)
                counted_to = start
                tried.clear()
                windows_end = start
                shape = self._shape(data[start : min(end, start + LONGEST_LINE)])
                worth = None if self._settled(data, start, end, number, sections, shape) else []
            if worth is None or begin < start:
                continue
            for name in owners[index]:
                if name in tried and (end - start <= LONGEST_LINE or begin < windows_end):
                    continue
                tried.add(name)
                low, high = start, end
                if end - start > LONGEST_LINE:
                    low, high = max(start, begin - OVERLAP), min(end, begin + OVERLAP)
                    windows_end = high
                if self.signatures.possible(name, lowered, low, high) and self._try(
                    name, data[low:high], number, sections, shape
                ):
                    worth.append(name)
        self._remember(data, start, end, worth)

    def _settled(
        self, data: bytes, start: int, end: int, number: int, sections: list[tuple[int, str, str]], shape: "_Shape"
    ) -> bool:
        """Whether the line need not be searched: it was seen often enough, or what is worth trying on it is known and was tried."""
        if shape.lines > SAME_SHAPE:
            for name in shape.matched:
                self.found.counts[name] += 1
            return True
        if end - start > self.longest:
            return False
        known = self.signatures.lines_known.get(data[start:end])
        if known is None:
            return False
        for name in known:
            self._try(name, data[start:end], number, sections, shape)
        return True

    def _remember(self, data: bytes, start: int, end: int, worth: list[str] | None) -> None:
        """`worth` is None where the line was not searched."""
        if worth is not None and end - start <= self.longest:
            self.signatures.remember(data[start:end], worth)

    def _shape(self, line: bytes) -> "_Shape":
        key = line.translate(None, _DIGITS)
        shape = self.shapes.get(key)
        if shape is None:
            shape = _Shape()
            if len(self.shapes) < MOST_SHAPES:
                self.shapes[key] = shape
        shape.lines += 1
        return shape

    def _sections(self, data: bytes, base: int) -> list[tuple[int, str, str]]:
        """Headers in this piece under which the lines of one rank or node stand."""
        if b"==>" not in data and b"---" not in data and b"===" not in data:
            return []
        headers = []
        for number, line in enumerate(data.split(b"\n"), base + 1):
            if line and line[:1] in b"=-#" and len(line) < LONGEST_HEADER:
                kind = section(line.decode("utf-8", "replace"))
                if kind:
                    headers.append((number, *kind))
        return headers

    def _try(self, name: str, raw: bytes, number: int, sections: list[tuple[int, str, str]], shape: "_Shape") -> bool:
        """Whether the line is worth trying again where it comes again."""
        line = raw.decode("utf-8", "replace")
        fields = self.signatures.match(name, line)
        said = None
        if fields is None:
            if not self.signatures.anchored(name):
                return False
            said = self._said(line, number)
            fields = self.signatures.match(name, said.unranked)
            fields = self.signatures.match(name, said.body) if fields is None else fields
            if fields is None:
                return True  # it hangs on the prefixes, and those on what is near
        shape.matched.add(name)
        self.found.counts[name] = self.found.counts.get(name, 0) + 1
        if len(self.found.hits) >= MOST_HITS:
            self.found.dropped += 1
            return True
        said = said or self._said(line, number)
        while sections and sections[0][0] <= number:
            _, kind, label = sections.pop(0)
            if kind == "rank" and label.isdigit():
                self.rank = int(label)
            elif kind == "node":
                self.node = label
        rank = said.rank
        if rank is None:
            rank = self.rank if self.rank is not None else said.inner_rank
        order = self.first_order + number
        self.found.hits.append(
            Hit(name, self.part, number, order, line[:SHOWN], fields, said, rank, said.node or self.node)
        )
        return True

    def _said(self, line: str, number: int) -> Unwrapped:
        """The line without its prefixes; several signatures read one line, and windows of a very long one are as many lines."""
        if self.peeled is None or self.peeled[0] != number or len(line) >= OVERLAP:
            self.peeled = number, unwrap(line, self.near)
        return self.peeled[1]


@dataclass(slots=True)
class _Shape:
    """Lines that are equal but for their digits: how many, and what matched them."""

    lines: int = 0
    matched: set[str] = field(default_factory=set)
