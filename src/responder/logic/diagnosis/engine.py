"""How a diagnosis is made: read, judge, weigh, conclude. Pure: the same case, skill and knowledge give the same diagnosis.

The phases of the skill are reported in its own order; each of the four stages here fills the phases it stands for.
"""

from collections.abc import Callable, Mapping, Sequence, Set

from responder.logic.diagnosis import conclude
from responder.logic.diagnosis.book import Book
from responder.logic.diagnosis.conditions import Judge
from responder.logic.diagnosis.knowledge import Knowledge
from responder.logic.diagnosis.observe import Observed, observe
from responder.logic.diagnosis.parts import parts
from responder.logic.diagnosis.place import ahead, blamed, locate
from responder.logic.diagnosis.structure import Sort
from responder.logic.diagnosis.weigh import Account, Finding, weigh
from responder.logic.diagnosis.words import READ, Words
from responder.model.diagnosis import BENIGN, UNKNOWN, Case, Diagnosis, Hypothesis, MissingNeed, Phase, Verdict
from responder.model.evidence import Evidence, EvidenceSource, Missing, Need
from responder.model.knowledge import Calibration
from responder.model.skill import EvidenceSpec, Role, Skill, Strength

STAGES = 4
MOST_PARTS = 8
"""Texts whose words are read."""
MOST_CITED = 60
"""Evidence kept in a report: all that hypotheses cite, then the earliest."""


def needs_for(skill: Skill, case: Case) -> list[Need]:
    """What to ask for this case: all needs of the skill. Those whose variables are not known answer Missing(no_variable)."""
    del case  # a skill's needs are few and bounded by their deadlines; what does not apply answers Missing
    return list(skill.needs)


def _unwatched() -> float:
    return 0.0


def diagnose(case: Case, skill: Skill, knowledge: Knowledge, *, watch: Callable[[], float] = _unwatched) -> Diagnosis:
    """Rank the causes. `watch` (seconds) only times the phases for the report; nothing else depends on it."""
    book = Book()
    laps = [watch()]
    marks = [0]
    texts = parts(case)
    seen = observe(texts, case.kind, knowledge, book, case.at)
    _lap(laps, marks, watch, book)
    judged, unmet = _judge(case, skill, seen, book)
    _lap(laps, marks, watch, book)
    ranked = rank(
        case,
        skill,
        knowledge,
        seen,
        [*seen.findings, *judged, *_history(case, book), *_authorities(seen, knowledge, book)],
    )
    _lap(laps, marks, watch, book)
    found = conclude.entities(case, seen)
    node = blamed(ranked[0].name, case, seen, knowledge)
    found, where = ahead(found, node), locate(found, node)
    values = conclude.variables(case, found)
    shown = conclude.hypotheses(ranked, skill, knowledge, seen, values, conclude.in_words(values, where))
    out = conclude.ruled_out(ranked)
    evidence = _kept(
        book,
        [id_ for one in shown for id_ in (*one.because, *one.against)] + [id_ for one in out for id_ in one.because],
    )
    kept = {entry.id for entry in evidence}
    verdict = _verdict(shown[0], ranked, knowledge.calibration)
    _lap(laps, marks, watch, book)
    return Diagnosis(
        verdict=verdict,
        hypotheses=shown,
        ruled_out=out,
        missing=_missing(case, skill, unmet),
        evidence=evidence,
        phases=_phases(skill, laps, marks, book, kept),
        timeline=conclude.timeline(case, seen, seen.cited),
        entities=found,
        facts=conclude.facts(seen, ranked, knowledge),
        title=conclude.title(verdict, shown[0], where),
        summary=conclude.summary(verdict, shown, seen),
    )


def _lap(laps: list[float], marks: list[int], watch: Callable[[], float], book: Book) -> None:
    laps.append(watch())
    marks.append(len(book.entries()))


def _judge(case: Case, skill: Skill, seen: Observed, book: Book) -> tuple[list[Finding], set[str]]:
    """The skill's own conditions as findings, and the needs without which some could not be told."""
    judge = Judge(case, seen, {need.name: need for need in skill.needs}, book)
    findings: list[Finding] = []
    unmet: set[str] = set()
    for hypothesis in skill.hypotheses:
        for place, (spec, speaks_for) in enumerate(
            [(s, True) for s in hypothesis.for_] + [(s, False) for s in hypothesis.against]
        ):
            outcome = judge(spec)
            unmet |= set(outcome.unknown)
            if not outcome.met:
                continue
            side = {hypothesis.class_: spec.strength or Strength.MODERATE}
            hit = outcome.hit
            group = f"line {hit.part} {hit.line}" if hit else f"{hypothesis.class_} {place}"
            evidence = outcome.evidence[0] if outcome.evidence else _stated(spec, book)
            order = seen.order.of(hit) if hit else -1
            supports, opposes = (side, {}) if speaks_for else ({}, side)
            findings.append(Finding(evidence, group, Role.CAUSE, supports, opposes, order, more=outcome.evidence[1:]))
    return findings, unmet


def _stated(spec: EvidenceSpec, book: Book) -> str:
    """A condition that is met by absence still needs words to cite."""
    said = spec.says or spec.model_dump_json(by_alias=True, exclude_defaults=True)
    return book.fact(f"condition {said}", EvidenceSource.EVENT, said)


def _history(case: Case, book: Book) -> list[Finding]:
    """Earlier incidents of the same entities: a confirmed cause speaks weakly for the same cause again."""
    findings = []
    for past in case.past:
        if past.class_ and past.confirmed:
            said = f"{past.title or past.id}: cause was {past.class_} (confirmed)"
            cited = book.fact(f"past {past.id}", EvidenceSource.HISTORY, said, past.at)
            findings.append(Finding(cited, f"past {past.class_}", Role.SYMPTOM, {past.class_: Strength.MODERATE}))
    return findings


def _authorities(seen: Observed, knowledge: Knowledge, book: Book) -> list[Finding]:
    """Where published catalogues differ on the root code the report says so: it weighs nothing and is cited."""
    findings = []
    for device in seen.codes.devices:
        known = knowledge.catalogues[device.catalogue].code(device.root) if device.root is not None else None
        if device.disagreement and known is not None and known.class_ is not None:
            name = f"{device.catalogue} {device.root}"
            said = f"Published catalogues differ on {name}: {'; '.join(device.disagreement)}"
            cited = book.fact(f"authorities {name}", EvidenceSource.LOG, said)
            findings.append(
                Finding(cited, f"authorities {name}", Role.ADVICE, {known.class_: Strength.WEAK}, share=0.0)
            )
    return findings


def rank(case: Case, skill: Skill, knowledge: Knowledge, seen: Observed, findings: Sequence[Finding]) -> list[Account]:
    """Accounts of all classes that the skill weighs, most probable first."""
    own = {one.class_: one for one in skill.hypotheses}
    names = (
        list(knowledge.taxonomy)
        if skill.whole_taxonomy or not own
        else [name for name in knowledge.taxonomy if name in own]
    )
    priors = {}
    for name in names:
        known, spec = knowledge.taxonomy[name], own.get(name)
        value = spec.prior.value if spec and spec.prior else known.prior.value
        priors[name] = max(1e-6, value * known.kinds.get(case.kind, 1.0))
    explains: dict[str, frozenset[str]] = dict(knowledge.explains)
    for name, spec in own.items():
        if spec.explains is not None:
            explains[name] = frozenset(spec.explains) | explains.get(name, frozenset())
    words = spoken(seen, knowledge.words)
    return weigh(findings, priors, explains, words, knowledge.calibration)


def spoken(seen: Observed, words: Words) -> dict[str, float]:
    """What the words say for classes, and under `benign` how healthy they read. Those of lines that a signature understands
    already count half for classes: they are not independent of it."""
    text = worded(seen, frozenset())
    everything, mood = words.score(text), {BENIGN: words.mood(text)}
    if not seen.understood:
        return everything | mood
    rest = words.score(worded(seen, seen.understood))
    names = {*everything, *rest}
    return {name: (everything.get(name, 0.0) + rest.get(name, 0.0)) / 2 for name in names} | mood


def worded(seen: Observed, without: Set[tuple[int, int]]) -> str:
    """Head and tail of what there is to read, bounded; without source code that a traceback quotes, and some lines."""
    pieces = []
    for number, part in enumerate(seen.parts[:MOST_PARTS]):
        if len(part.text) > READ:
            pieces.append(part.text[: READ // 2] + "\n" + part.text[-READ // 2 :])
            continue
        sorts = part.structure.sorts
        lines = enumerate(part.plain.split("\n"), 1)
        pieces += [line for at, line in lines if sorts.get(at) is not Sort.CODE and (number, at) not in without]
    return "\n".join(pieces)


def _verdict(first: Hypothesis, ranked: Sequence[Account], numbers: Calibration) -> Verdict:
    """A diagnosis rests on what it cites: a class that little but the words of a text points to stays a hint, however probable."""
    if first.class_ == BENIGN:
        return Verdict.BENIGN
    cited = next((account.support for account in ranked if account.name == first.class_), 0.0)
    if first.class_ == UNKNOWN or cited < numbers.cited or first.probability < numbers.sure_enough:
        return Verdict.INSUFFICIENT_EVIDENCE
    return Verdict.DIAGNOSED


def _kept(book: Book, cited: Sequence[str]) -> tuple[Evidence, ...]:
    wanted = set(cited)
    entries = book.entries()
    room = max(0, MOST_CITED - len(wanted))
    spare = [entry for entry in entries if entry.id not in wanted][:room]
    keep = wanted | {entry.id for entry in spare}
    return tuple(entry for entry in entries if entry.id in keep)


def _missing(case: Case, skill: Skill, unmet: set[str]) -> tuple[MissingNeed, ...]:
    out = [
        MissingNeed(need=name, reason=answer.reason)
        for name, answer in case.readings.items()
        if isinstance(answer, Missing)
    ]
    asked: Mapping[str, object] = case.readings
    out += [
        MissingNeed(need=need.name, reason="not_asked")
        for need in skill.needs
        if need.name not in asked and need.name in unmet
    ]
    return tuple(out)


def _phases(skill: Skill, laps: Sequence[float], marks: Sequence[int], book: Book, kept: set[str]) -> tuple[Phase, ...]:
    """Each stage's time and evidence under the phase of the skill that it stands for."""
    names = skill.phases or ("read", "judge", "weigh", "conclude")
    entries = book.entries()
    durations = [0.0] * len(names)
    evidence: list[list[str]] = [[] for _ in names]
    for stage in range(STAGES):
        place = min(len(names) - 1, stage * len(names) // STAGES)
        durations[place] += (laps[stage + 1] - laps[stage]) * 1000
        evidence[place] += [entry.id for entry in entries[marks[stage] : marks[stage + 1]] if entry.id in kept]
    return tuple(
        Phase(name=name, duration_ms=round(durations[place], 3), evidence=tuple(evidence[place]))
        for place, name in enumerate(names)
    )
