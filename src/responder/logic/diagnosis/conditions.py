"""Conditions of a skill's hypotheses, three-valued: met, not met, or unknown because something is missing.

The grammar is closed: signature, need, label, event, entity, all, any, not. Whatever is met cites its evidence.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from responder.logic.diagnosis.book import Book
from responder.logic.diagnosis.fields import meets
from responder.logic.diagnosis.observe import Observed
from responder.logic.diagnosis.patterns import compiled
from responder.logic.diagnosis.readings import deviants, judge
from responder.logic.diagnosis.scan import Hit
from responder.logic.siblings import places
from responder.model.diagnosis import Case
from responder.model.evidence import EvidenceSource, Missing, Need, Plane, Reading
from responder.model.skill import EvidenceSpec


@dataclass(frozen=True, slots=True)
class Outcome:
    """`met` is None where one cannot tell. `hit` is the line behind a signature condition."""

    met: bool | None
    evidence: tuple[str, ...] = ()
    hit: Hit | None = None
    unknown: tuple[str, ...] = ()
    """Needs without which it cannot be told."""


_NO = Outcome(met=False)


@dataclass(frozen=True)
class Judge:
    """Evaluates conditions over one case."""

    case: Case
    seen: Observed
    needs: dict[str, Need]
    book: Book

    def __call__(self, spec: EvidenceSpec) -> Outcome:
        """Whether the condition holds, with the evidence for it."""
        checks: list[tuple[Any, Callable[[EvidenceSpec], Outcome]]] = [
            (spec.signature, self._signature),
            (spec.need, self._need),
            (spec.label, self._label),
            (spec.event, self._event),
            (spec.entity, self._entity),
            (spec.all, self._all),
            (spec.any, self._any),
            (spec.not_, self._not),
        ]
        for given, check in checks:
            if given is not None:
                return self._in_words(spec, check(spec))
        return _NO

    def _in_words(self, spec: EvidenceSpec, found: Outcome) -> Outcome:
        """What a condition `says` stands behind the readings that it was concluded from, and is cited with them."""
        lead = self.book.find(found.evidence[0]) if found.met and spec.says and found.evidence else None
        if lead is None or spec.says is None:
            return found
        said = self.book.fact(f"condition {spec.says}", lead.source, spec.says, lead.observed_at, lead.plane)
        return replace(found, evidence=(*found.evidence, said))

    def _signature(self, spec: EvidenceSpec) -> Outcome:
        hits = [hit for hit in self.seen.hits if hit.signature == spec.signature and meets(spec.where, hit.fields)]
        if spec.on.get("rank") == "first":
            first = self._first_rank()
            hits = [hit for hit in hits if first is None or hit.rank == first]
        elif "rank" in spec.on:
            hits = [hit for hit in hits if hit.rank == spec.on["rank"]]
        if spec.first is not None:
            lead = self.seen.first
            hits = (
                [
                    hit
                    for hit in hits
                    if lead is not None and (hit is lead or (hit.part, hit.line) == (lead.part, lead.line))
                ]
                if spec.first
                else hits
            )
        if not hits:
            return _NO
        total = self.seen.counts.get(str(spec.signature), 0) if not spec.where and not spec.on else len(hits)
        if spec.count is not None and not _counts(spec.count, total):
            return _NO
        lead_hit = min(hits, key=self.seen.order.of)
        part = self.seen.parts[lead_hit.part]
        return Outcome(met=True, evidence=(self.book.hit(lead_hit, total, part.source, lead_hit.at),), hit=lead_hit)

    def _first_rank(self) -> int | None:
        if self.seen.root is not None and self.seen.root.rank is not None:
            return self.seen.root.rank
        return self.seen.first.rank if self.seen.first is not None else None

    def _need(self, spec: EvidenceSpec) -> Outcome:
        name = str(spec.need)
        answer = self.case.readings.get(name)
        met = judge(spec, answer, self._about)
        if met is None:
            return Outcome(met=None, unknown=(name,))
        if not met or answer is None:
            return Outcome(met=met)
        if isinstance(answer, Reading) and (found := deviants(spec, answer, self._about) if spec.deviates else None):
            # What was compared is one series, not the answer's own number: it is cited by itself, with all of them as the chart.
            said = found[0].said(answer)
            compared = {"need": f"{name}: {said}", "value": found[0].value, "statement": said}
            return Outcome(met=True, evidence=(self._cited(name, answer.model_copy(update=compared)),))
        return Outcome(met=True, evidence=(self._cited(name, answer),))

    def _cited(self, name: str, answer: Reading | Missing) -> str:
        need = self.needs.get(name)
        source = need.source if need else EvidenceSource.PROMETHEUS
        return self.book.answer(answer, str(source), need.plane if need else Plane.SYSTEM)

    @cached_property
    def _about(self) -> dict[str, set[str]]:
        """What the events name: the things whose series are the event's own."""
        named: dict[str, set[str]] = defaultdict(set)
        for event in self.case.events:
            for kind, names in event.entities.items():
                named[kind].update(names)
            for kind, place in places(event.labels).items():
                if kind not in event.entities:
                    named[kind].add(place)
        return dict(named)

    def _label(self, spec: EvidenceSpec) -> Outcome:
        name = str(spec.label)
        for value, at in self._values(name).items():
            if _text_meets(spec, value):
                cited = self.book.fact(f"label {name} {value}", EvidenceSource.EVENT, f'{name}="{value}"', at)
                return Outcome(met=True, evidence=(cited,))
        return _NO

    def _values(self, name: str) -> dict[str, datetime]:
        """What the events say under a label, each value once, with the start of the first that says it: many conditions ask for
        one label, and the alerts of a storm say the same."""
        known = self._labels.get(name)
        if known is None:
            known = self._labels[name] = {}
            for event in self.case.events:
                value = event.labels.get(name) or event.annotations.get(name)
                if value is None and name == "status":
                    value = event.status.value
                if value is not None:
                    known.setdefault(value, event.starts_at)
        return known

    @cached_property
    def _labels(self) -> dict[str, dict[str, datetime]]:
        return {}

    def _event(self, spec: EvidenceSpec) -> Outcome:
        for event in self.case.events:
            facts: dict[str, Any] = {
                "kind": event.kind.value,
                "status": event.status.value,
                "severity": event.severity.value,
                "format": event.format,
                "source": event.source,
                "title": event.title,
            }
            if event.job is not None:
                facts |= {name: value for name, value in event.job.model_dump(mode="json").items() if value is not None}
            if meets(spec.event or {}, facts):
                said = event.title or f"{event.kind.value} event ({event.status.value})"
                return Outcome(
                    met=True,
                    evidence=(self.book.fact(f"event {event.id}", EvidenceSource.EVENT, said, event.starts_at),),
                )
        return _NO

    def _entity(self, spec: EvidenceSpec) -> Outcome:
        for kind, wanted in (spec.entity or {}).items():
            names = {name for event in self.case.events for name in event.entities.get(kind, ())}
            if isinstance(wanted, dict):
                if not meets({"count": wanted}, {"count": len(names)}):
                    return _NO
            elif wanted is True:
                if not names:
                    return _NO
            elif not any(meets({"name": wanted}, {"name": name}) for name in names):
                return _NO
        return Outcome(met=True)

    def _all(self, spec: EvidenceSpec) -> Outcome:
        return _combined([self(one) for one in spec.all or ()], everyone=True)

    def _any(self, spec: EvidenceSpec) -> Outcome:
        return _combined([self(one) for one in spec.any or ()], everyone=False)

    def _not(self, spec: EvidenceSpec) -> Outcome:
        inner = self(spec.not_) if spec.not_ is not None else _NO
        evidence: tuple[str, ...] = ()
        if inner.met is False and spec.not_ is not None and spec.not_.need is not None:
            answer = self.case.readings.get(spec.not_.need)
            if isinstance(answer, Reading):
                evidence = (self._cited(spec.not_.need, answer),)
        return Outcome(met=None if inner.met is None else not inner.met, evidence=evidence, unknown=inner.unknown)


def _combined(outcomes: Sequence[Outcome], *, everyone: bool) -> Outcome:
    verdicts = [one.met for one in outcomes]
    decided = all(verdicts) if everyone else any(verdicts)
    if not decided and None in verdicts and not (everyone and False in verdicts):
        return Outcome(met=None, unknown=tuple(name for one in outcomes for name in one.unknown))
    met = [one for one in outcomes if one.met]
    evidence = tuple(dict.fromkeys(id_ for one in met for id_ in one.evidence))
    return Outcome(
        met=decided, evidence=evidence if decided else (), hit=next((one.hit for one in met if one.hit), None)
    )


def _counts(wanted: Any, total: int) -> bool:
    if isinstance(wanted, int):
        return total >= wanted
    return meets({"count": wanted}, {"count": total})


def _text_meets(spec: EvidenceSpec, value: str) -> bool:
    if spec.matches is not None:
        return compiled(spec.matches).search(value[:4096]) is not None
    if spec.in_ is not None:
        return any(str(one) == value for one in spec.in_)
    if spec.equals is not None:
        return str(spec.equals) == value
    try:
        number = float(value)
    except ValueError:
        return spec.above is None and spec.below is None
    return (spec.above is None or number > spec.above) and (spec.below is None or number < spec.below)
