"""The causal graph of the failure classes as SVG: which class produces which as a symptom. No script; every class is a link.

`whole` draws all classes in columns, causes to the left; `around` one class between what may be behind it and what it brings about.
Colours and sizes are the style sheet's; layout follows from the graph alone, so that a new class needs nothing here.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from responder.model.report import Report
from responder.model.skill import TaxonomyClass

BOX, ROW, GAP, HEAD, PAD = 232, 30, 58, 26, 8
"""Width of a class, height of a row, space between columns, height of a heading, margin; in pixels at full size."""
STEP = 22
"""How far an outline is indented."""
DEPTH = 9
"""Rows below which the class itself never stands, however many causes it has: it is what the eye looks for."""
COLUMNS = 5
SHOWN = 30
"""Characters of a title that fit a box; the whole of it is its tooltip."""

Taxonomy = Mapping[str, TaxonomyClass]


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a class stands: column, and the middle of its left side."""

    column: int
    x: float
    y: float


def causes_of(taxonomy: Taxonomy, name: str) -> list[str]:
    """The classes that produce it, the most frequent first."""
    return _frequent_first(taxonomy, [other for other, one in taxonomy.items() if name in one.explains])


def effects_of(taxonomy: Taxonomy, name: str) -> list[str]:
    """The classes that it produces, the most frequent first."""
    return _frequent_first(taxonomy, [other for other in taxonomy[name].explains if other in taxonomy])


def _frequent_first(taxonomy: Taxonomy, names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (-taxonomy[name].prior.value, name))


def of_report(taxonomy: Taxonomy, report: Report) -> str:
    """The leading class between the causes that were weighed for it and the symptoms that were seen; empty where it stands alone."""
    first = report.hypotheses[0].class_ if report.hypotheses else ""
    if first not in taxonomy:
        return ""
    weighed = [*(one.class_ for one in report.hypotheses[1:]), *(one.class_ for one in report.ruled_out)]
    above = [report.parent.class_] if report.parent is not None and report.parent.class_ else []
    below = [child.class_ for child in report.children if child.class_]
    behind = causes_of(taxonomy, first)
    causes = dict.fromkeys([*above, *(name for name in weighed if name in behind)])
    effects = dict.fromkeys([*report.hypotheses[0].symptoms, *below])
    left, right = ([name for name in names if name in taxonomy and name != first] for names in (causes, effects))
    return around(taxonomy, first, left, right) if left or right else ""


def whole(taxonomy: Taxonomy, chosen: str | None = None) -> str:
    """All classes and edges; those of the chosen one stand out."""
    columns = _columns(taxonomy)
    spots: dict[str, _Spot] = {}
    heads: list[str] = []
    height = 0.0
    for number, domains in enumerate(columns):
        x, y = PAD + number * (BOX + GAP), float(PAD)
        for domain, names in domains:
            heads.append(f'<text class="head" x="{x}" y="{y + HEAD - 9}">{escape(domain.replace("_", " "))}</text>')
            y += HEAD
            for name in names:
                spots[name] = _Spot(number, x, y + ROW / 2)
                y += ROW
            y += PAD
        height = max(height, y)
    near = {name for name, one in taxonomy.items() if chosen in one.explains} if chosen else set()
    far = set(taxonomy[chosen].explains) if chosen and chosen in taxonomy else set()
    edges = [
        _edge(spots[name], spots[effect], _edge_mark(name, effect, chosen))
        for name, one in taxonomy.items()
        for effect in one.explains
        if effect in spots
    ]
    edges.sort(key=lambda edge: 'class="edge"' not in edge)  # what stands out is drawn last, on top
    marks = {**dict.fromkeys(far, "effect"), **dict.fromkeys(near, "cause"), **({chosen: "chosen"} if chosen else {})}
    boxes = [_box(taxonomy[name], spot, marks.get(name, "")) for name, spot in spots.items()]
    width = PAD * 2 + len(columns) * (BOX + GAP) - GAP + GAP // 2
    kind = "graph picked" if chosen else "graph"
    return _svg(kind, width, height, "Which failure produces which as a symptom", [*heads, *edges, *boxes])


def around(taxonomy: Taxonomy, name: str, causes: Sequence[str], effects: Sequence[str]) -> str:
    """The class between the causes and the effects given, which must be in the taxonomy: side by side, and as an outline for a
    narrow screen; the style sheet shows one of them."""
    label = f"{taxonomy[name].title}: what may be behind it and what follows from it"
    return _side_by_side(taxonomy, name, causes, effects, label) + _outline(taxonomy, name, causes, effects, label)


def _side_by_side(taxonomy: Taxonomy, name: str, causes: Sequence[str], effects: Sequence[str], label: str) -> str:
    height = max(len(causes), len(effects), 1) * ROW + HEAD + PAD * 2
    middle = HEAD + PAD + min((height - HEAD - 2 * PAD) / 2, DEPTH * ROW)
    place = 1 if causes else 0
    own = _Spot(place, PAD + place * (BOX + GAP), middle)
    parts: list[str] = []
    boxes = [_box(taxonomy[name], own, "chosen")]
    for column, names, mark, head in ((0, causes, "cause", BEHIND), (place + 1, effects, "effect", FOLLOWS)):
        x, top = PAD + column * (BOX + GAP), max(HEAD + PAD, middle - len(names) * ROW / 2)
        if names:
            parts.append(f'<text class="head" x="{x}" y="{top - 9:g}">{head}</text>')
        for row, other in enumerate(names):
            spot = _Spot(column, x, top + row * ROW + ROW / 2)
            parts.append(_edge(spot, own, mark) if mark == "cause" else _edge(own, spot, mark))
            boxes.append(_box(taxonomy[other], spot, mark))
    columns = place + 1 + bool(effects)
    return _svg("graph near side", PAD * 2 + columns * BOX + (columns - 1) * GAP, height, label, [*parts, *boxes])


def _outline(taxonomy: Taxonomy, name: str, causes: Sequence[str], effects: Sequence[str], label: str) -> str:
    """One column: causes, the class, its effects; trunk lines on the left instead of curves."""
    parts: list[str] = []
    boxes: list[str] = []
    y = float(PAD)
    above: list[float] = []
    if causes:
        parts.append(f'<text class="head" x="{PAD + STEP}" y="{y + HEAD - 9:g}">{BEHIND}</text>')
        y += HEAD
    for other in causes:
        boxes.append(_box(taxonomy[other], _Spot(0, PAD + STEP, y + ROW / 2), "cause"))
        above.append(y + ROW / 2)
        y += ROW
    middle = y + ROW / 2 + (PAD if causes else 0)
    boxes.append(_box(taxonomy[name], _Spot(0, PAD + STEP, middle), "chosen"))
    trunk = PAD + 4
    for at in above:
        line = f"M{PAD + STEP} {at:g}H{trunk}V{middle:g}H{PAD + STEP}"
        parts.append(f'<path class="edge cause" d="{line}"/>')
    y = middle + ROW / 2 + PAD
    if effects:
        parts.append(f'<text class="head" x="{PAD + 2 * STEP}" y="{y + HEAD - 9:g}">{FOLLOWS}</text>')
        y += HEAD
    for other in effects:
        at = y + ROW / 2
        boxes.append(_box(taxonomy[other], _Spot(0, PAD + 2 * STEP, at), "effect"))
        line = f"M{PAD + STEP + 10} {middle + ROW / 2 - 2:g}V{at:g}H{PAD + 2 * STEP}"
        parts.append(f'<path class="edge effect" d="{line}"/>')
        y += ROW
    return _svg("graph near outline", PAD * 2 + 2 * STEP + BOX, y + PAD, label, [*parts, *boxes])


BEHIND, FOLLOWS = "may be behind it", "follows from it"


def _columns(taxonomy: Taxonomy) -> list[list[tuple[str, list[str]]]]:
    """Domains in columns of about equal height: the more a domain causes than it suffers, the further left."""
    suffered: dict[str, int] = defaultdict(int)
    for one in taxonomy.values():
        for effect in one.explains:
            suffered[effect] += 1

    def lead(names: Iterable[str]) -> float:
        listed = list(names)
        out, into = sum(len(taxonomy[name].explains) for name in listed), sum(suffered[name] for name in listed)
        return (out - into) / max(1, out + into)

    domains: dict[str, list[str]] = defaultdict(list)
    for name, one in taxonomy.items():
        domains[one.domain].append(name)
    ordered = sorted(domains, key=lambda domain: (-lead(domains[domain]), domain))
    size = sum(len(names) + 1 for names in domains.values()) / COLUMNS
    columns: list[list[tuple[str, list[str]]]] = [[]]
    used, room = 0.0, size
    for domain in ordered:
        names = sorted(domains[domain], key=lambda name: (-lead([name]), name))
        rows = len(names) + 1
        if columns[-1] and used + rows / 2 > room and len(columns) < COLUMNS:
            columns.append([])
            room += size
        columns[-1].append((domain, names))
        used += rows
    return columns


def _edge_mark(name: str, effect: str, chosen: str | None) -> str:
    return "effect" if name == chosen else "cause" if effect == chosen else ""


def _edge(one: _Spot, other: _Spot, mark: str) -> str:
    """From the right side to the left one; within a column or back to the left it bends around."""
    x1, x2, bend = one.x + BOX, other.x, GAP * 0.55
    if other.column == one.column:
        x2, c1, c2 = other.x + BOX, one.x + BOX + bend, other.x + BOX + bend
    elif other.column < one.column:
        x1, x2 = one.x, other.x + BOX
        c1, c2 = x1 - bend, x2 + bend
    else:
        c1, c2 = x1 + bend, x2 - bend
    kind = f"edge {mark}".rstrip()
    return f'<path class="{kind}" d="M{x1:g} {one.y:g}C{c1:g} {one.y:g} {c2:g} {other.y:g} {x2:g} {other.y:g}"/>'


def _box(one: TaxonomyClass, spot: _Spot, mark: str) -> str:
    title = one.title if len(one.title) <= SHOWN else f"{one.title[: SHOWN - 1].rstrip(' ,')}…"
    kind = f"class {one.severity.lower()} {mark}".rstrip()
    top = spot.y - ROW / 2 + 2
    return (
        f'<a class="{kind}" href="/taxonomy/{quote(one.id)}"><title>{escape(one.title)} ({escape(one.id)})</title>'
        f'<rect x="{spot.x:g}" y="{top:g}" width="{BOX}" height="{ROW - 4}" rx="6"/>'
        f'<rect class="stripe" x="{spot.x:g}" y="{top:g}" width="4" height="{ROW - 4}" rx="2"/>'
        f'<text x="{spot.x + 11:g}" y="{spot.y + 4:g}">{escape(title)}</text></a>'
    )


def _svg(kind: str, width: float, height: float, label: str, parts: Collection[str]) -> str:
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(label)}">'
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">{"".join(parts)}</svg></div>'
    )
