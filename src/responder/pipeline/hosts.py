"""Which names are one machine, as far as the configuration says and the stream itself shows.

A name with a domain becomes the short one when the domain is configured, when the topology lists the short name, or when the short
name was heard of in the same cluster and no other domain claims it. What was heard is kept in memory, bounded, and forgotten at a
restart: the journal holds the names as they were decided, so a replay decides nothing anew.
"""

from collections.abc import Collection, Mapping, Sequence

from responder.logic.hosts import is_address, short, unify

MOST = 65_536
"""Short names remembered: more machines than one installation has; past it the oldest is forgotten."""
MOST_OF_ONE = 64
"""Clusters and domains remembered of one short name; a name with more of them is nobody's in particular."""

Heard = dict[str, dict[tuple[str, str], None]]


class Hosts:
    """One for the life of a playbook. Used from the loop and from threads: every step on its memory is atomic."""

    def __init__(self, domains: Sequence[str] = (), listed: Collection[str] = ()) -> None:
        self._domains = tuple("." + domain.strip(".").lower() for domain in domains if domain.strip("."))
        self._listed = listed
        self._heard: Heard = {}
        """Short name to the (cluster, domain) pairs under which it was heard; the domain of a short name is ""."""

    def unified(self, entities: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
        """The nodes' names as they are to be known; None where nothing changes."""
        nodes = entities.get("node")
        if not nodes:
            return None
        clusters = entities.get("cluster")
        cluster = clusters[0] if clusters else ""
        names = tuple([self._named(cluster, node) for node in nodes])
        if len(names) > 1:
            names = unify(names)
        return None if names == nodes else names

    def _named(self, cluster: str, name: str) -> str:
        if "." not in name:
            known = self._heard.get(name)
            if known is None or (cluster, "") not in known:
                self._hear(name, (cluster, ""))
            return name
        if is_address(name):
            return name
        own = short(name)
        if own in self._listed or (self._domains and name.lower().endswith(self._domains)):
            return own
        domain = name[len(own) :].lower()
        heard = self._hear(own, (cluster, domain))
        near = [(where, under) for where, under in heard if where in (cluster, "") or not cluster]
        clusters = {where for where, under in near if not under}
        claimed = {under for _, under in near if under} - {domain}
        return own if clusters and not claimed and (cluster or len(clusters) == 1) else name

    def _hear(self, own: str, as_what: tuple[str, str]) -> list[tuple[str, str]]:
        known = self._heard.get(own)
        if known is None:
            if len(self._heard) >= MOST:
                self._heard.pop(next(iter(self._heard)), None)
            known = self._heard.setdefault(own, {})
        if as_what not in known and len(known) < MOST_OF_ONE:
            known[as_what] = None
        return list(known)
