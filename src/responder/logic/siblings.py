"""Series of one answer side by side: what each is called, which of them an event speaks of, which to keep of many.

Labels are read as entities (`logic/entities`), so that `hostname`, `Hostname` and `instance` name one node and `UUID` and
`gpu_uuid` one card. What it deliberately does not do: judge a value; that is for conditions.
"""

from collections.abc import Collection, Mapping, Sequence

from responder.logic.entities import entities_of

About = Mapping[str, Collection[str]]
"""What an event speaks of: entity kind to names."""

SHOWN_LABELS = 4
LONGEST_VALUE = 80
"""Characters of a label's value that a sentence bears."""
_SAY_NOTHING = frozenset(
    {"__name__", "job", "endpoint", "prometheus", "prometheus_replica", "metrics_path", "scheme", "container", "uid",
     "pod_uid", "id", "image", "modelName", "DCGM_FI_DRIVER_VERSION", "driver_version", "service", "monitor"}
)  # fmt: skip
"""Labels that tell where a sample was scraped or what all have in common; shown only where the series differ in them."""
_RANK_LABELS = ("rank", "global_rank")
_FINEST_FIRST = (
    "gpu",
    "gpu_index",
    "rank",
    "pod",
    "volume",
    "job",
    "model",
    "service",
    "queue",
    "node",
    "rack",
    "cluster",
)


def places(labels: Mapping[str, str]) -> dict[str, str]:
    """Entity kind to the one name that a series has, comparable: a node without its domain, in lower case."""
    found = {kind: names[0] for kind, names in entities_of(labels).items()}
    rank = next((labels[name] for name in _RANK_LABELS if labels.get(name)), None)
    if rank is not None:
        found["rank"] = rank
    return {kind: same_name(kind, name) for kind, name in found.items()}


def same_name(kind: str, name: str) -> str:
    """`n17` and `N17.cluster.local` are one node; an address is not cut."""
    if kind != "node":
        return name
    short = name.partition(".")[0]
    return (name if short.isdecimal() else short).lower()


def label_text(labels: Mapping[str, str], among: Sequence[Mapping[str, str]] = ()) -> str:
    """The labels that name a series, as Prometheus writes them: first those that tell it from the others, one per entity."""
    differing = {name for name in labels if len({other.get(name) for other in among}) > 1}
    chosen: dict[str, str] = {}
    said: set[str] = set()
    for name in sorted(labels, key=lambda name: _place(name, labels[name], differing)):
        value = labels[name]
        kinds = [kind for kind in _kinds(name, value) if kind not in said]
        if not value or (name in _SAY_NOTHING and name not in differing) or (_kinds(name, value) and not kinds):
            continue
        if name == "pci_bus_id" and said & {"gpu", "gpu_index"}:
            continue
        said.update(kinds)
        chosen[name] = value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
        if len(chosen) == SHOWN_LABELS:
            break
    return "{" + ", ".join(f'{name}="{value}"' for name, value in chosen.items()) + "}" if chosen else ""


def _kinds(name: str, value: str) -> list[str]:
    return list(places({name: value}))


def _place(name: str, value: str, differing: Collection[str]) -> tuple[bool, bool, int, str]:
    kinds = _kinds(name, value)
    rank = min((_FINEST_FIRST.index(kind) for kind in kinds if kind in _FINEST_FIRST), default=len(_FINEST_FIRST))
    return name not in differing, not kinds, rank, name


def own_of(series: Sequence[Mapping[str, str]], about: About, of: str | None = None) -> frozenset[int] | None:
    """Which of these (by their labels) are of what the event names; None where that cannot be told.

    Only labels in which the series differ tell them apart. An event that names none of what differs (a node, of which the cards
    are compared) owns all; one that names a card owns that card alone, and nothing where the series do not say which card it is.
    `of` asks for one kind and no other.
    """
    named = [places(labels) for labels in series]
    told = [kind for kind in _FINEST_FIRST if len({place.get(kind) for place in named}) > 1]
    wanted = {kind: {same_name(kind, name) for name in names} for kind, names in about.items() if names}
    if of is not None:
        told = [kind for kind in told if kind == of]
        if not told:
            return None
    asked = [kind for kind in told if kind in wanted]
    if "gpu" in asked:
        asked = ["gpu"]  # a UUID needs no node, and an index may have changed since
    elif "gpu" in wanted and "gpu_index" in told and "gpu_index" not in asked:
        return None
    if not asked:
        return frozenset(range(len(series))) if of is None else None
    found = [
        n for n, place in enumerate(named) if all(place.get(kind) in wanted[kind] for kind in asked if kind in place)
    ]
    return frozenset(found) or None


def sample(series: Sequence[Mapping[str, str]], levels: Sequence[float], about: About, most: int) -> list[int]:
    """At most `most` of many series that tell what all of them tell: the highest and lowest, those of the event, and between these
    evenly by level, so that median and spread stay what they are. Those that matter come first."""
    if len(series) <= most:
        return list(range(len(series)))
    order = sorted(range(len(series)), key=levels.__getitem__)
    own = own_of(series, about) or frozenset()
    mine = [n for n in order if n in own] if len(own) < len(series) else []
    kept = dict.fromkeys([order[-1], order[0], *mine[: most // 3], order[-2], order[1]])
    left = most - len(kept)
    rest = [n for n in order if n not in kept]
    kept |= dict.fromkeys(rest[(2 * step + 1) * len(rest) // (2 * left)] for step in range(left))
    return list(kept)
