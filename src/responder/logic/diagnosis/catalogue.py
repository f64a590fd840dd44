"""Codes of a vendor's catalogue as an expert reads them: which one is the root, what combinations mean, what the device itself asks for.

The catalogue is data; here is only how such catalogues are read. On one device within the window the earliest code that does not
yield to others is the root; the rest follow from it. A code that carries the device's own verdict outranks the tables.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from responder.logic.diagnosis.scan import Hit
from responder.model.knowledge import Action, Catalogue, Code, Combination, Decode, Verdict
from responder.model.skill import Indication, Role, Strength

if TYPE_CHECKING:
    from responder.logic.diagnosis.knowledge import Knowledge


@dataclass(frozen=True, slots=True)
class Device:
    """The codes of one device: which is the root, what they mean together, what is to be done."""

    catalogue: str
    name: str
    codes: tuple[int, ...]
    root: int | None
    says: tuple[str, ...] = ()
    steps: tuple[Action, ...] = ()
    verdict: str | None = None
    disagreement: tuple[str, ...] = ()
    severity: str = ""


@dataclass(slots=True)
class Codes:
    """What the codes of a case say. Empty where no line carries a catalogued code."""

    devices: list[Device] = field(default_factory=list)
    said: dict[int, tuple[Indication, ...]] = field(default_factory=dict)
    roles: dict[int, Role] = field(default_factory=dict)
    fields: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)

    def indications(self, hit: Hit) -> tuple[Indication, ...]:
        return self.said.get(id(hit), ())

    def role(self, hit: Hit, otherwise: Role) -> Role:
        return self.roles.get(id(hit), otherwise)


@dataclass(frozen=True, slots=True)
class _Around:
    """What else the case tells, beyond the one device."""

    said: Mapping[str, Sequence[Hit]]
    """Hits by signature, and by catalogue where they carry a code."""
    devices: Mapping[int, frozenset[str]]
    """Which devices had a code."""
    nodes: Mapping[int, frozenset[str]]


def read_codes(hits: Iterable[Hit], knowledge: "Knowledge") -> Codes:
    """Read all catalogued codes among the hits, which come in the order of the story."""
    reading = Codes()
    groups: dict[tuple[str, str], list[tuple[Hit, int]]] = defaultdict(list)
    listed = list(hits)
    for hit in listed:  # several signatures may read one line: what one of them extracts holds for the line
        reading.fields.setdefault((hit.part, hit.line), {}).update(hit.fields)
    for hit in listed:
        name = knowledge.signatures.by_id[hit.signature].catalogue
        code = hit.fields.get("code")
        if name is not None and name in knowledge.catalogues and isinstance(code, int):
            device = str(hit.fields.get("pci") or hit.fields.get("gpu") or hit.fields.get("uuid") or hit.node or "")
            groups[name, normal(device)].append((hit, code))
    around = {name: _around(name, groups, listed, knowledge) for name in dict.fromkeys(name for name, _ in groups)}
    for (name, device), coded in groups.items():
        catalogue = knowledge.catalogues[name]
        # The newest spell first: what the device said last week is not the root of what it says now.
        for spell in reversed(_spells(coded, catalogue.window_s)):
            reading.devices.append(_read_device(catalogue, device, spell, reading, around[name]))
    return reading


def _around(
    name: str,
    groups: Mapping[tuple[str, str], Sequence[tuple[Hit, int]]],
    hits: Iterable[Hit],
    knowledge: "Knowledge",
) -> _Around:
    said: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        said[hit.signature].append(hit)
        catalogue = knowledge.signatures.by_id[hit.signature].catalogue
        if catalogue is not None:
            said[catalogue].append(hit)
    devices: dict[int, set[str]] = defaultdict(set)
    nodes: dict[int, set[str]] = defaultdict(set)
    for (other, device), coded in groups.items():
        for hit, code in coded if other == name else ():
            devices[code].add(device)
            if hit.node is not None:
                nodes[code].add(hit.node)
    return _Around(said, {c: frozenset(d) for c, d in devices.items()}, {c: frozenset(n) for c, n in nodes.items()})


def _spells(coded: list[tuple[Hit, int]], window_s: float) -> list[list[tuple[Hit, int]]]:
    """Codes that belong together: no gap between them is longer than the window. Lines without a time stay with those before."""
    spells: list[list[tuple[Hit, int]]] = []
    last: datetime | None = None
    for hit, code in coded:
        if not spells or (last is not None and hit.at is not None and (hit.at - last).total_seconds() > window_s):
            spells.append([])
        spells[-1].append((hit, code))
        last = hit.at or last
    return spells


def normal(pci: str) -> str:
    """A PCI address without function and with a four-digit domain, so that kernel, driver and tools agree on it."""
    parts = pci.lower().removeprefix("pci:").split(".")[0].split(":")
    if len(parts) == 3:
        return ":".join([parts[0][-4:].rjust(4, "0"), *parts[1:]])
    return ":".join(parts)


def _read_device(
    catalogue: Catalogue, device: str, coded: list[tuple[Hit, int]], reading: Codes, around: _Around
) -> Device:
    codes = tuple(dict.fromkeys(code for _, code in coded))
    root = _root(catalogue, coded)
    for hit, code in coded:
        known = catalogue.code(code)
        if known is None:
            continue
        decoded = _decoded(catalogue, hit, code, reading)
        reading.said[id(hit)] = _indicated(known, decoded.strength if decoded else known.strength)
        if (known.class_ is None and not known.also) or (
            root is not None
            and code != root
            and (known.secondary or code in catalogue.yields or code == catalogue.verdict_code)
        ):
            reading.roles[id(hit)] = Role.SYMPTOM
    monitored = any(any(name in str(hit.fields.get("process", "")) for name in catalogue.monitors) for hit, _ in coded)
    met = [
        one
        for one in catalogue.combinations
        if _stand_there(one, codes, monitored=monitored) and _hold_around(one, coded, catalogue.window_s, around)
    ]
    for one in met:
        if one.class_ is not None:
            lead = next(hit for hit, code in coded if code in one.codes)
            extra = Indication.model_validate({"class": one.class_, "strength": one.strength})
            reading.said[id(lead)] = (*reading.indications(lead), extra)
    verdict = _verdict(catalogue, coded, reading)
    rooted = catalogue.code(root) if root is not None else None
    actions = [verdict.action] if verdict else [one.action for one in met[:1]]
    if rooted is not None:
        words = next(
            (found for hit, code in coded if code == root and (found := _decoded(catalogue, hit, code, reading))), None
        )
        actions += [words.immediate, words.investigatory] if words else [rooted.immediate, rooted.investigatory]
    steps = [
        catalogue.actions[name]
        for name in dict.fromkeys(actions)
        if name in catalogue.actions and name not in ("none", "unspecified")
    ]
    return Device(
        catalogue.name,
        device,
        codes,
        root,
        tuple(one.says for one in met if one.says),
        tuple(steps),
        verdict.do if verdict else None,
        tuple(f"{one.get('who')}: {one.get('says')}" for one in (rooted.authorities if rooted else ())),
        rooted.severity if rooted else "",
    )


def _root(catalogue: Catalogue, coded: list[tuple[Hit, int]]) -> int | None:
    """The earliest code that does not yield to another one within the window."""
    own = [(hit, code) for hit, code in coded if code != catalogue.verdict_code and not _yields(catalogue, code)]
    if own:
        return own[0][1]
    return next((code for _, code in coded if code != catalogue.verdict_code), None)


def _yields(catalogue: Catalogue, code: int) -> bool:
    known = catalogue.code(code)
    return code in catalogue.yields or bool(known and known.secondary)


def _indicated(code: Code, strength: Strength) -> tuple[Indication, ...]:
    own = (Indication.model_validate({"class": code.class_, "strength": strength}),) if code.class_ else ()
    return own + code.also


def _stand_there(one: Combination, codes: tuple[int, ...], *, monitored: bool) -> bool:
    """Whether the device itself shows the combination."""
    if one.monitor_named and not monitored:
        return False
    if one.alone:
        return set(codes) == set(one.codes)
    says_more = len(one.codes) > 1 or one.monitor_named or one.beside or one.scope
    return bool(says_more) and set(one.codes) <= set(codes)


def _hold_around(one: Combination, coded: Sequence[tuple[Hit, int]], window_s: float, around: _Around) -> bool:
    """Whether the rest of the case shows what the combination asks of it; earlier jobs on the card are the history's matter."""
    if one.beside:
        own = [hit for hit, code in coded if code in one.codes]
        if not _together(own, [other for name in one.beside for other in around.said.get(name, ())], window_s):
            return False
    match one.scope:
        case None:
            return True
        case "both_ends_of_link":
            return all(len(around.devices.get(code, ())) == BOTH_ENDS for code in one.codes)
        case "many_nodes":
            return all(len(around.nodes.get(code, ())) >= MANY_NODES for code in one.codes)
        case _:
            return False


def _together(some: Sequence[Hit], others: Sequence[Hit], window_s: float) -> bool:
    """Whether one of these and one of those are in one story and, where both have times, within the window of each other."""
    timed = sorted(other.at.timestamp() for other in others if other.at is not None)
    if len(timed) < len(others):
        return bool(some)
    for one in some:
        if one.at is None:
            if timed:
                return True
            continue
        first = bisect_left(timed, one.at.timestamp() - window_s)
        if first < len(timed) and timed[first] <= one.at.timestamp() + window_s:
            return True
    return False


BOTH_ENDS = 2
"""A link has two; the same code on more devices is a switch's or a node's affair."""
MANY_NODES = 3
"""Two may be chance, or a pair that shares a job."""


def _verdict(catalogue: Catalogue, coded: list[tuple[Hit, int]], reading: Codes) -> Verdict | None:
    for hit, code in reversed(coded):
        to = reading.fields[hit.part, hit.line].get("to")
        if code == catalogue.verdict_code and isinstance(to, int):
            return catalogue.verdicts.get(to)
    return None


def _decoded(catalogue: Catalogue, hit: Hit, code: int, reading: Codes) -> Decode | None:
    """What unit and fatality in the line itself make of the code; they outrank what the table says of the code alone."""
    fields = reading.fields[hit.part, hit.line]
    unit, fatality = str(fields.get("unit", "")), str(fields.get("severity", ""))
    return next(
        (
            rule
            for rule in catalogue.decodes
            if rule.code == code and unit in rule.units and rule.fatality.casefold() == fatality.casefold()
        ),
        None,
    )
