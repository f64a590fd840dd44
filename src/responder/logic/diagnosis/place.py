"""Where it happens, as a reader wants it: the one node that the diagnosis blames, else what all hit nodes have in common.

A job's event names its nodes in the scheduler's order and a storm in the order of arrival; the first of them says nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from responder.logic.diagnosis.knowledge import Knowledge
from responder.logic.diagnosis.observe import Observed, indications
from responder.logic.diagnosis.scan import Hit
from responder.logic.diagnosis.wrappers import unwrap
from responder.logic.hosts import short
from responder.model.diagnosis import Case
from responder.model.event import Event
from responder.model.skill import Role

MOST_HITS = 2000
"""Hits looked at: the first ones tell."""
MOST_LINES = 400
"""Lines that name the failing rank, looked at for the node it runs on."""
NODE_FIELDS = ("node", "host", "hostname")
SHARED = ("rack", "switch")
"""What ties nodes together in space, the closest first."""
INSTEAD = ("service", "job", "pod", "model", "rack", "switch", "cluster")
"""What to name where no node is known."""


def blamed(leading: str, case: Case, seen: Observed, knowledge: Knowledge) -> str | None:
    """The node where the leading cause began, if what was seen singles one out.

    Where the events name nodes it is one of theirs: what looks like a host's name in a log may be anything.
    """
    known = {short(node): node for event in case.events for node in event.entities.get("node", ())}
    for node in _suspects(leading, case, seen, knowledge):
        if not known:
            return node
        if short(node) in known:
            return known[short(node)]
    return None


def _suspects(leading: str, case: Case, seen: Observed, knowledge: Knowledge) -> Iterator[str]:
    """The surest first: the failing rank's node, the launcher's word, the line of the cause, the only node that is named."""
    root = seen.root
    speaking = [hit for hit in seen.hits[:MOST_HITS] if _speaks(hit, leading, seen, knowledge)]
    written = [hit for hit in speaking if seen.parts[hit.part].source == "log"]
    rank = written[0].rank if written and written[0].rank is not None else (root.rank if root else None)
    if rank is not None:
        yield from _nodes_of_rank(rank, case, seen)
    if root is not None and root.node:
        yield root.node
    yield from (node for hit in written if (node := _node_of(hit)))
    for found in ([_node_of(hit) for hit in speaking], [_node_in_words(event) for event in case.events]):
        named = {node for node in found if node}
        if len(named) == 1:
            yield named.pop()


def _node_in_words(event: Event) -> str | None:
    """The one of an event's several nodes that its title or annotations name."""
    nodes = event.entities.get("node", ())
    said = "\n".join((event.title, *event.annotations.values()))
    named = [node for node in nodes if re.search(rf"(?<![\w.-]){re.escape(node)}(?![\w-])", said)]
    return named[0] if len(named) == 1 else None


def _speaks(hit: Hit, leading: str, seen: Observed, knowledge: Knowledge) -> bool:
    signature = knowledge.signatures.by_id[hit.signature]
    if seen.codes.role(hit, signature.role) is not Role.CAUSE:
        return False
    return any(one.class_ == leading for one in indications(hit, signature, "", seen))


def _node_of(hit: Hit) -> str | None:
    named = (str(hit.fields[name]).strip() for name in NODE_FIELDS if hit.fields.get(name))
    return next(named, "") or hit.node


def _nodes_of_rank(rank: int, case: Case, seen: Observed) -> Iterator[str]:
    """From the launcher's block, a known message, or any line that says both the rank and the node."""
    if seen.root is not None and seen.root.node and seen.root.rank == rank:
        yield seen.root.node
    for hit in seen.hits[:MOST_HITS]:
        if hit.rank == rank and seen.parts[hit.part].source == "log" and (node := _node_of(hit)):
            yield node
    for line in _lines_with(rank, seen):
        said = unwrap(line, case.at)
        if said.node and rank in (said.rank, said.inner_rank):
            yield said.node


def _lines_with(rank: int, seen: Observed) -> Iterator[str]:
    number = re.compile(rf"(?<!\d){rank}(?!\d)")
    left = MOST_LINES
    for part in seen.parts:
        if part.source != "log":
            continue
        for line in part.plain.split("\n"):
            if number.search(line):
                yield line[:400]
                left -= 1
                if left <= 0:
                    return


def locate(found: Mapping[str, Sequence[str]], node: str | None) -> str:
    """The blamed node, the only node, else what they share with their number; '' where nothing is known."""
    nodes = found.get("node", ())
    if node or len(nodes) == 1:
        return node or nodes[0]
    if nodes:
        count = f"{len(nodes)} nodes"
        for kind in SHARED:
            if len(found.get(kind, ())) == 1:
                return f"{kind} {found[kind][0]} ({count})"
        job = found.get("job", ())
        if job and len(nodes) > 2:
            return f"job {job[0]} ({count})"
        return f"{nodes[0]} and {nodes[1]}" if len(nodes) == 2 else f"{nodes[0]} and {len(nodes) - 1} other nodes"
    return next((_named(kind, found[kind][0]) for kind in INSTEAD if found.get(kind)), "")


def _named(kind: str, name: str) -> str:
    return name if kind in ("service", "model", "pod") else f"{kind} {name}"


def ahead(found: Mapping[str, tuple[str, ...]], node: str | None) -> dict[str, tuple[str, ...]]:
    """The entities with the blamed node in front: commands, queries and links name it first."""
    if node is None:
        return dict(found)
    rest = tuple(name for name in found.get("node", ()) if name != node)
    return {**found, "node": (node, *rest)}
