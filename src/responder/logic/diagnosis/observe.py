"""From lines to findings: which known messages a case holds, where they stand, and what each says for which class."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from responder.logic.diagnosis.book import Book
from responder.logic.diagnosis.catalogue import Codes, read_codes
from responder.logic.diagnosis.fields import meets
from responder.logic.diagnosis.knowledge import Knowledge
from responder.logic.diagnosis.parts import Part
from responder.logic.diagnosis.rootblock import Root, find_root
from responder.logic.diagnosis.scan import Hit
from responder.logic.diagnosis.story import Order, arrange
from responder.logic.diagnosis.structure import Sort
from responder.logic.diagnosis.weigh import Finding
from responder.model.skill import Indication, Role, Signature, Strength

MOST_ENDED = 64
"""Of the lines of one saying, how many (the last ones) are compared with the lines that say that it is over."""


@dataclass(slots=True)
class Observed:
    """What the texts of a case hold."""

    parts: list[Part]
    hits: list[Hit]
    counts: dict[str, int]
    order: Order
    findings: list[Finding] = field(default_factory=list)
    cited: dict[str, str] = field(default_factory=dict)
    """Evidence id of the first hit of each signature."""
    root: Root | None = None
    first: Hit | None = None
    """The first cause of the story."""
    codes: Codes = field(default_factory=Codes)
    lines: int = 0
    understood: set[tuple[int, int]] = field(default_factory=set)
    """Lines (part, number) that a signature reads as a cause or symptom of some class."""


def observe(parts: Sequence[Part], kind: str, knowledge: Knowledge, book: Book, near: datetime) -> Observed:
    """Scan all parts, put the hits in order, and turn them into findings with evidence."""
    hits: list[Hit] = []
    counts: dict[str, int] = defaultdict(int)
    lines = 0
    for number, part in enumerate(parts):
        found = knowledge.signatures.scan(part.text, number, lines, near)
        lines += found.lines
        for name, count in found.counts.items():
            counts[name] += count
        if part.rank is None and part.node is None:
            hits += found.hits
            continue
        hits += [
            replace(hit, rank=hit.rank if hit.rank is not None else part.rank, node=hit.node or part.node)
            for hit in found.hits
        ]
    order = arrange(hits, parts, near)
    hits.sort(key=order.of)
    seen = Observed(list(parts), hits, dict(counts), order, lines=lines)
    seen.root = find_root(parts, knowledge.root_blocks)
    seen.codes = read_codes(hits, knowledge)
    _first_cause(seen, knowledge)
    _cite(seen, kind, knowledge, book)
    return seen


def share(hit: Hit, seen: Observed, knowledge: Knowledge) -> float:
    """What is left of a line's strength after its place was considered."""
    numbers = knowledge.calibration
    left = 1.0
    structure = seen.parts[hit.part].structure
    sort = structure.sort(hit.line)
    if sort in (Sort.CODE, Sort.COMMAND):
        left *= numbers.code if sort is Sort.CODE else numbers.context
    elif structure.wrapped(hit.line):
        left *= numbers.wrapped
    return left


def _first_cause(seen: Observed, knowledge: Knowledge) -> None:
    for hit in seen.hits:
        signature = knowledge.signatures.by_id[hit.signature]
        if signature.role is Role.CAUSE and share(hit, seen, knowledge) > 0.5 and indications(hit, signature, "", seen):
            seen.first = hit
            return


def indications(hit: Hit, signature: Signature, kind: str, seen: Observed) -> tuple[Indication, ...]:
    """What the line speaks for, after its conditions on fields and kinds; codes are looked up in their catalogue."""
    if signature.catalogue is not None:
        return seen.codes.indications(hit) + _met(signature.indicates, hit.fields, kind)
    return _met(signature.indicates, hit.fields, kind)


def _met(indications_: Iterable[Indication], fields: Mapping[str, Any], kind: str) -> tuple[Indication, ...]:
    return tuple(
        one for one in indications_ if (not one.kinds or not kind or kind in one.kinds) and meets(one.where, fields)
    )


def _cite(seen: Observed, kind: str, knowledge: Knowledge, book: Book) -> None:
    """One finding per distinct saying of a signature, at its first and best place."""
    sayings: dict[tuple[str, str], list[Hit]] = defaultdict(list)
    for hit in seen.hits:
        signature = knowledge.signatures.by_id[hit.signature]
        keys = {name for one in (*signature.indicates, *signature.against) for name in one.where}
        if signature.catalogue is not None:
            keys |= {"code"}
        sayings[hit.signature, repr([(key, hit.fields.get(key)) for key in sorted(keys)])].append(hit)
    first_rank = (
        seen.root.rank if seen.root and seen.root.rank is not None else (seen.first.rank if seen.first else None)
    )
    ends = _ends(seen, knowledge)
    seen.understood = {(hit.part, hit.line) for hit in seen.hits if _speaks(hit, knowledge, kind, seen)}
    shown: list[tuple[str, list[Hit]]] = []
    trouble = -1  # where in the story the last trouble stands that is not over
    for (name, _), hits in sayings.items():
        signature = knowledge.signatures.by_id[name]
        if signature.role is Role.BENIGN:
            shown.append((name, hits))
            continue
        best = max(hits, key=lambda hit: (share(hit, seen, knowledge), hit.rank == first_rank, -seen.order.of(hit)))
        role = seen.codes.role(best, signature.role)
        supports = _strongest(indications(best, signature, kind, seen))
        opposes = _strongest(_met(signature.against, best.fields, kind))
        left = share(best, seen, knowledge)
        over = _over(supports, hits, ends, seen)
        supports = {name: strength for name, strength in supports.items() if name not in over}
        if supports and role is not Role.ADVICE:
            trouble = max(trouble, *map(seen.order.of, hits))
        if role is Role.CAUSE and first_rank is not None and best.rank is not None and best.rank != first_rank:
            left *= knowledge.calibration.elsewhere
        count = len(hits) if len(sayings) > 1 and len(hits) < seen.counts[name] else seen.counts[name]
        evidence = book.hit(best, count, seen.parts[best.part].source, best.at)
        seen.cited.setdefault(name, evidence)
        group = f"line {best.part} {best.line}"
        seen.findings.append(Finding(evidence, group, role, supports, opposes, seen.order.of(best), left))
    for name, hits in shown:
        _cite_health(name, hits, trouble, kind, seen, knowledge, book)


def _cite_health(
    name: str, hits: list[Hit], trouble: int, kind: str, seen: Observed, knowledge: Knowledge, book: Book
) -> None:
    """A line that shows health. Noise within an error is none; what was well before the trouble says little about after it, and so
    does an end that is not the end of it."""
    signature = knowledge.signatures.by_id[name]
    if not signature.resolves and not signature.excuses:
        hits = [hit for hit in hits if (hit.part, hit.line) not in seen.understood]
        if not hits:
            return
    last = max(hits, key=seen.order.of)
    speaks_of_it = seen.order.of(last) > trouble and not signature.resolves and not signature.excuses
    left = 1.0 if trouble < 0 or speaks_of_it else knowledge.calibration.before
    evidence = book.hit(last, len(hits), seen.parts[last.part].source, last.at)
    seen.cited.setdefault(name, evidence)
    opposes = _strongest(_met(signature.against, last.fields, kind))
    group = f"line {last.part} {last.line}"
    seen.findings.append(Finding(evidence, group, Role.BENIGN, {}, opposes, seen.order.of(last), left))


def _speaks(hit: Hit, knowledge: Knowledge, kind: str, seen: Observed) -> bool:
    signature = knowledge.signatures.by_id[hit.signature]
    return signature.role in (Role.CAUSE, Role.SYMPTOM) and bool(indications(hit, signature, kind, seen))


@dataclass(frozen=True, slots=True)
class _End:
    """A line that says that trouble of some classes is over, or, where it is an excuse, that there was none."""

    hit: Hit
    order: int
    classes: tuple[str, ...]
    excuse: bool = False
    own_line: bool = False

    def covers(self, name: str) -> bool:
        return any(one in ("*", name) or (one.endswith(".*") and name.startswith(one[:-1])) for one in self.classes)

    def ends(self, hit: Hit, order: int) -> bool:
        """Whether it can speak of that line: it comes after it or stands on it, and is about no other rank or thing."""
        here = (hit.part, hit.line) == (self.hit.part, self.hit.line)
        if not (here or self.excuse or (order < self.order and not self.own_line)):
            return False
        if None not in (hit.rank, self.hit.rank) and hit.rank != self.hit.rank:
            return False
        both = [name for name in _THINGS if hit.fields.get(name) and self.hit.fields.get(name)]
        return all(hit.fields[name] == self.hit.fields[name] for name in both)


_THINGS = ("node", "host", "pod", "job", "job_id", "gpu", "uuid", "pci", "device", "port", "service")


@dataclass(slots=True)
class _Ends:
    """The ends of a case: those that count for earlier lines, of each sort the last, and those of one line."""

    lasting: dict[tuple[object, ...], _End] = field(default_factory=dict)
    here: dict[tuple[int, int], list[_End]] = field(default_factory=lambda: defaultdict(list))

    def add(self, end: _End) -> None:
        self.here[end.hit.part, end.hit.line].append(end)
        if not end.own_line:
            things = (end.hit.fields.get(name) for name in _THINGS)
            self.lasting[end.hit.signature, end.excuse, end.hit.rank, *things] = end


def _ends(seen: Observed, knowledge: Knowledge) -> _Ends:
    ends = _Ends()
    for hit in seen.hits:
        signature = knowledge.signatures.by_id[hit.signature]
        if not (signature.resolves or signature.excuses) or seen.parts[hit.part].structure.sort(hit.line) is Sort.CODE:
            continue
        order = seen.order.of(hit)
        if signature.resolves:
            ends.add(_End(hit, order, signature.resolves, own_line=signature.own_line))
        if signature.excuses:
            ends.add(_End(hit, order, signature.excuses, excuse=True))
    return ends


def _over(supports: Mapping[str, Strength], hits: Sequence[Hit], ends: _Ends, seen: Observed) -> set[str]:
    """The classes whose trouble is over: some end speaks of every one of these hits."""
    if not ends.here:
        return set()
    placed = [(hit, seen.order.of(hit)) for hit in hits[-MOST_ENDED:]]
    over = set()
    for name in supports:
        lasting = [end for end in ends.lasting.values() if end.covers(name)]
        if all(
            any(end.covers(name) and end.ends(hit, order) for end in ends.here.get((hit.part, hit.line), ()))
            or any(end.ends(hit, order) for end in lasting)
            for hit, order in placed
        ):
            over.add(name)
    return over


def _strongest(found: Iterable[Indication]) -> dict[str, Strength]:
    best: dict[str, Strength] = {}
    ranking = list(Strength)
    for one in found:
        known = best.get(one.class_)
        if known is None or ranking.index(one.strength) < ranking.index(known):
            best[one.class_] = one.strength
    return best
