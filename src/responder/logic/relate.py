"""Joins incidents of one fault: the dead GPU's alert, the failed pod, the job's NODE_FAIL and the timeout on the other ranks.

Two open incidents are related when they share an entity inside a window and the cause of one explains the cause of the other
(the taxonomy's `explains`), or both name the same cause. The explained one becomes the child: shown with its parent, not paged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.logic.hosts import both, short
from responder.model.diagnosis import BENIGN, UNKNOWN
from responder.model.incident import Incident, IncidentStatus

WINDOW = timedelta(minutes=15)
"""Alert rules commonly wait 1 to 10 minutes (`for:`), schedulers mark a node down after about 5: all signals of one fault are in
within a quarter of an hour."""

TIGHT = ("gpu", "job", "pod", "volume", "service", "node", "rack", "switch")
"""Entities that tie signals together; a shared cluster, namespace, model or user says nothing."""

REACH = 3
"""How many steps of `explains` are followed: GPU lost -> rank failed -> collective timeout."""


@dataclass(frozen=True, slots=True)
class Relation:
    """How an incident stands to the other open ones."""

    parent: Incident | None = None
    children: tuple[Incident, ...] = ()
    why: str = ""


Explains = Mapping[str, Sequence[str]]


def reach(explains: Explains, cause: str) -> frozenset[str]:
    """The classes that `cause` produces, directly or over `REACH` steps."""
    seen: set[str] = set()
    edge = {cause}
    for _ in range(REACH):
        edge = {effect for one in edge for effect in explains.get(one, ())} - seen
        seen |= edge
    return frozenset(seen - {cause})


def tight_entities(entities: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """The (kind, name) pairs to look for in other incidents."""
    pairs = [(kind, name) for kind in TIGHT for name in entities.get(kind, ())]
    return list(dict.fromkeys([*pairs, *(("node", short(name)) for name in entities.get("node", ()))]))


def shared(one: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]]) -> tuple[str, str] | None:
    """The tightest entity that both name."""
    for kind in TIGHT:
        mine, theirs = one.get(kind, ()), other.get(kind, ())
        common = both(mine, theirs) if kind == "node" else set(mine) & set(theirs)
        if common:
            return kind, min(common)
    return None


def relate(
    incident: Incident,
    cause: str | None,
    others: Sequence[Incident],
    explains: Explains,
    now: datetime,
    *,
    absorbing: frozenset[str] = frozenset(),
    root: Callable[[Incident], Incident] = lambda incident: incident,
) -> Relation:
    """Where `incident`, just diagnosed as `cause`, belongs among the open `others`.

    `absorbing`: classes that take whatever runs there down with them, so that a failure without a cause of its own is theirs.
    `root` finds the top of an incident's own parents. Deterministic: of several possible parents the one opened first wins.
    """
    near = [
        (other, tie)
        for other in sorted(others, key=lambda one: (one.opened_at, one.id))
        if other.id != incident.id
        and other.status is not IncidentStatus.RESOLVED
        and abs(other.last_event_at - incident.last_event_at) <= WINDOW
        and (tie := shared(incident.entities, other.entities)) is not None
    ]
    for other, tie in near:
        top = root(other)
        if top.id == incident.id or top.status is IncidentStatus.RESOLVED:
            continue
        why = _explained(
            top.first_class, cause, explains, absorbing, same_counts=_older(top, incident) and _one_place(top, incident)
        )
        if why:
            return Relation(parent=top, why=f"{why}; both name {tie[0]} {tie[1]}")
    children = tuple(
        other
        for other, _ in near
        if other.parent is None
        and _explained(
            cause,
            other.first_class,
            explains,
            absorbing,
            same_counts=_older(incident, other) and _one_place(incident, other),
        )
    )
    return Relation(children=children, why=f"{cause} explains them" if children else "")


def _older(one: Incident, other: Incident) -> bool:
    return (one.opened_at, one.id) < (other.opened_at, other.id)


def _one_place(one: Incident, other: Incident) -> bool:
    """Whether they may be the same fault: two nodes of one job that lose a GPU each have a fault of their own."""
    mine, theirs = one.entities.get("node", ()), other.entities.get("node", ())
    return not mine or not theirs or bool(both(mine, theirs))


def _explained(
    cause: str | None, effect: str | None, explains: Explains, absorbing: frozenset[str], *, same_counts: bool
) -> str:
    """A reason when `cause` accounts for `effect`, else ''."""
    if cause is None or cause in (UNKNOWN, BENIGN):
        return ""
    if effect == cause:
        return f"same cause {cause}" if same_counts else ""
    if effect is None:
        return ""  # not diagnosed yet: it will look for its cause itself
    if effect == UNKNOWN:
        return f"{cause} takes down what runs there" if cause in absorbing else ""
    effects = reach(explains, cause)
    if effect in effects and cause not in reach(explains, effect):
        return f"{cause} explains {effect}"
    return ""
