"""The evidence of one diagnosis: every claim gets an id here, and nothing is cited that is not in the book."""

from datetime import datetime

from pydantic import JsonValue

from responder.logic.diagnosis.scan import Hit
from responder.model.evidence import Evidence, EvidenceSource, Missing, Plane, Reading

QUOTED = 300
"""Characters of a log line that a report quotes."""


class Book:
    """Hands out ids `e1`, `e2`... in the order of citing; the same thing cited twice keeps its id."""

    def __init__(self) -> None:
        self._known: dict[str, Evidence] = {}

    def entries(self) -> tuple[Evidence, ...]:
        return tuple(self._known.values())

    def find(self, id_: str) -> Evidence | None:
        return next((entry for entry in self._known.values() if entry.id == id_), None)

    def hit(self, hit: Hit, count: int, source: str, at: datetime | None) -> str:
        """Cite a log line; `count` is how often lines of its kind occurred."""
        key = f"hit {hit.part} {hit.line}"
        known = self._known.get(key)
        if known is not None:
            return known.id
        who = [f"rank {hit.rank}"] if hit.rank is not None else []
        who += [hit.node] if hit.node else []
        place = f"[{', '.join(who)}] " if who else ""
        line = hit.said.body.strip() or hit.text.strip()
        quoted = line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"
        times = f" (×{count})" if count > 1 else ""
        kind = EvidenceSource.LOG if source == "log" else EvidenceSource.EVENT
        return self._add(key, kind, f"{place}{quoted}{times}", at=at, value=hit.line)

    def answer(self, answer: Reading | Missing, source: str, plane: Plane) -> str:
        """Cite what an enricher said, or that it could not."""
        key = f"need {answer.need}"
        known = self._known.get(key)
        if known is not None:
            return known.id
        if isinstance(answer, Missing):
            return self._add(key, source, f"{answer.need}: no answer ({answer.reason})", plane=plane)
        said = answer.statement or f"{answer.need} is {answer.value}{' ' + answer.unit if answer.unit else ''}"
        entry = self._make(source, said, plane, answer.observed_at, answer.value)
        more = {"unit": answer.unit or None, "query": answer.query, "link": answer.link, "series": answer.series}
        self._known[key] = entry.model_copy(update=more)
        return entry.id

    def fact(
        self, key: str, source: str, statement: str, at: datetime | None = None, plane: Plane = Plane.SYSTEM
    ) -> str:
        """Cite a label, a past incident, a job's state."""
        known = self._known.get(key)
        return known.id if known is not None else self._add(key, source, statement, at=at, plane=plane)

    def _add(
        self,
        key: str,
        source: str,
        said: str,
        *,
        at: datetime | None = None,
        plane: Plane = Plane.SYSTEM,
        value: JsonValue = None,
    ) -> str:
        self._known[key] = entry = self._make(source, said, plane, at, value)
        return entry.id

    def _make(self, source: str, said: str, plane: Plane, at: datetime | None, value: JsonValue) -> Evidence:
        number = len(self._known) + 1
        return Evidence(id=f"e{number}", plane=plane, source=str(source), statement=said, observed_at=at, value=value)
