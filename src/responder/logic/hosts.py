"""One machine under two names: `gpu-12` to the scheduler, `gpu-12.cluster.local` to the exporter.

Two names are one host only where one of them is the other's first label. Two domains are two hosts, and an address is never cut.
"""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address


def is_address(name: str) -> bool:
    """An IPv4 or IPv6 address, with or without brackets."""
    if not (name[:1].isdigit() or ":" in name):
        return False
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def short(name: str) -> str:
    """The host's own name, without its domain; an address has none."""
    first, dot, _ = name.partition(".")
    return first if dot and first and not is_address(name) else name


def unify(names: Iterable[str]) -> tuple[str, ...]:
    """Each host once, in the order of its first mention, by its short name where that stands among them."""
    listed = tuple(dict.fromkeys(names))
    known = frozenset(listed)
    return tuple(dict.fromkeys(own if (own := short(name)) in known else name for name in listed))


def both(one: Sequence[str], other: Sequence[str]) -> set[str]:
    """Hosts that both lists name, by the names of the first."""
    theirs = set(other)
    plain = {short(name) for name in theirs}
    return {name for name in one if name in theirs or short(name) in theirs or name in plain}
