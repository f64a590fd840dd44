"""The launcher's own word on which process failed first, where a log holds one.

How such a block starts and where its facts stand is data (`skills/logs.yaml`); this only reads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from responder.logic.diagnosis.knowledge import RootBlock
from responder.logic.diagnosis.parts import Part
from responder.logic.diagnosis.patterns import compiled
from responder.logic.diagnosis.text import plain


@dataclass(frozen=True, slots=True)
class Root:
    """What the block says; the launcher sees exits in their order, but not why."""

    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def rank(self) -> int | None:
        value = self.facts.get("rank", "")
        return int(value) if value.isdigit() else None

    @property
    def node(self) -> str | None:
        return self.facts.get("node") or None


def find_root(parts: Sequence[Part], blocks: Sequence[RootBlock]) -> Root | None:
    """Facts of the first block found in any part (searched from its start text, bounded in lines)."""
    for part in parts:
        if part.source != "log":
            continue
        for block in blocks:
            at = part.text.find(block.start)
            if at < 0:
                continue
            piece = plain(part.text[at : at + 400 * block.lines].encode("utf-8", "replace")).decode("utf-8", "replace")
            text = "\n".join(piece.split("\n")[: block.lines])
            facts = {}
            for name, pattern in block.facts.items():
                found = compiled(pattern).search(text)
                if found:
                    facts[name] = str(found.group(1))
            if facts:
                return Root(facts)
    return None
