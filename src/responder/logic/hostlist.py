"""Slurm's host lists: `gpu[001-003,7],login1` is gpu001, gpu002, gpu003, gpu7 and login1.

The grammar is that of slurm's src/common/hostlist.c as its commands print it: names separated by commas, each with any
number of `[...]` parts of numbers and ranges; a range keeps the width of its first number. A list is bounded: a hostile
`n[1-999999999]` is refused before anything is made of it.
"""

from itertools import product

LIMIT = 65_533
"""Most names in one list: slurm's own MAX_SLURM_NODES (slurm/slurm.h)."""
_EMPTY = frozenset({"", "(null)", "none assigned", "n/a", "none", "unknown"})


class HostlistError(ValueError):
    """No host list, or one with too many hosts."""


def expand(text: str, limit: int = LIMIT) -> tuple[str, ...]:
    """The names in their order, each once; () where Slurm says that there are none."""
    text = text.strip()
    if text.lower() in _EMPTY:
        return ()
    if "," not in text and "[" not in text and "]" not in text:
        return (text,)
    names: dict[str, None] = {}
    room = limit
    for item in _split(text):
        parts = _parts(item, limit)
        size = 1
        for part in parts:
            size *= len(part)
            if size > room:
                raise HostlistError(f"more than {limit} hosts in {_short(text)}")
        room -= size
        for pieces in product(*parts):
            names["".join(pieces)] = None
    return tuple(names)


def _split(text: str) -> list[str]:
    """At commas outside brackets."""
    items, start, inside = [], 0, False
    for position, character in enumerate(text):
        if character == "[":
            if inside:
                raise HostlistError(f"a bracket inside a bracket in {_short(text)}")
            inside = True
        elif character == "]":
            if not inside:
                raise HostlistError(f"a bracket closes that was not opened in {_short(text)}")
            inside = False
        elif character == "," and not inside:
            items.append(text[start:position])
            start = position + 1
    if inside:
        raise HostlistError(f"a bracket is not closed in {_short(text)}")
    items.append(text[start:])
    return [item for item in (item.strip() for item in items) if item]


def _parts(item: str, limit: int) -> list[list[str]]:
    """`n[1-2]-ib` as [["n"], ["1", "2"], ["-ib"]]."""
    parts: list[list[str]] = []
    rest = item
    while rest:
        before, bracket, rest = rest.partition("[")
        if any(character.isspace() for character in before):
            raise HostlistError(f"a space in a host name: {_short(item)}")
        if before:
            parts.append([before])
        if bracket:
            inner, _, rest = rest.partition("]")
            parts.append(_numbers(inner, limit))
    return parts


def _numbers(inner: str, limit: int) -> list[str]:
    """`001-003,7` as 001 002 003 7."""
    out: list[str] = []
    for piece in inner.split(","):
        low, dash, high = piece.strip().partition("-")
        high = high if dash else low
        if not (_is_number(low) and _is_number(high)):
            raise HostlistError(f"not a range of numbers: {_short(piece)}")
        first, last = int(low), int(high)
        if last < first:
            raise HostlistError(f"a range that runs backwards: {piece}")
        if len(out) + last - first + 1 > limit:
            raise HostlistError(f"more than {limit} hosts in [{_short(inner)}]")
        width = len(low)
        out.extend(f"{number:0{width}d}" for number in range(first, last + 1))
    return out


def _is_number(text: str) -> bool:
    return 0 < len(text) <= 18 and text.isascii() and text.isdigit()


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
