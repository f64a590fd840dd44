"""The arithmetic of a diagnosis: log-odds per class from what was found, and what explains what.

Each finding speaks for or against classes with a likelihood ratio. Findings of one line or one cause are not independent, so
the strongest counts in full and each further one less. A class that is well supported by lines that can be causes takes support
away from the classes that it produces as symptoms, and gains a little for each symptom that it explains. What it deliberately
does not do: read text, know any class by name.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from responder.model.diagnosis import BENIGN, UNKNOWN
from responder.model.knowledge import Calibration
from responder.model.skill import Role, Strength

TYPICAL_PRIOR = 0.015
"""About one over the number of classes: what an average class starts from."""
BENIGN_PRIOR = 0.03


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation. `group` ties findings that are not independent (those of one line); `order` is -1 beside the log's time."""

    evidence: str
    group: str
    role: Role
    supports: Mapping[str, Strength]
    opposes: Mapping[str, Strength] = field(default_factory=dict)
    order: int = -1
    share: float = 1.0
    """What is left of its strength after its place in the log was considered (context, wrapped, elsewhere)."""
    more: tuple[str, ...] = ()
    """Further evidence that it rests on: a condition of several parts cites them all."""


@dataclass(slots=True)
class Account:
    """What speaks for and against one class."""

    name: str
    prior: float = 0.0
    cause: float = 0.0
    symptom: float = 0.0
    against: float = 0.0
    words: float = 0.0
    taken: float = 0.0
    credit: float = 0.0
    first: int = 1 << 40
    because: list[str] = field(default_factory=list)
    opposed: list[str] = field(default_factory=list)
    symptoms: dict[str, float] = field(default_factory=dict)
    explained_by: dict[str, float] = field(default_factory=dict)
    probability: float = 0.0

    @property
    def support(self) -> float:
        return self.cause + self.symptom

    @property
    def score(self) -> float:
        return self.prior + self.support + self.words - self.against - self.taken + self.credit


def weigh(
    findings: Iterable[Finding],
    priors: Mapping[str, float],
    explains: Mapping[str, Iterable[str]],
    words: Mapping[str, float],
    numbers: Calibration,
) -> list[Account]:
    """Accounts of all classes in `priors`, of `unknown` and of `benign`, most probable first; probabilities sum to 1."""
    found = list(findings)
    accounts = {
        name: Account(name, prior=numbers.prior * math.log(prior / TYPICAL_PRIOR)) for name, prior in priors.items()
    }
    _support(found, accounts, numbers)
    unknown = Account(UNKNOWN, prior=numbers.unknown)
    benign = _benign(found, numbers)
    mood = words.get(BENIGN, 0.0)
    _speak(words, accounts, numbers)
    calm = numbers.calm * (mood - numbers.calm_from)
    if any(account.support >= numbers.cited for account in accounts.values()):
        calm = min(calm, numbers.calm_beside)
    (benign if benign.because else unknown).words = min(numbers.calm_most, max(-numbers.worry_most, calm))
    if benign.because and not any(account.because for account in accounts.values()):
        for account in accounts.values():
            account.words *= numbers.quiet
    _explain(accounts, explains, numbers)
    ranked = [*accounts.values(), unknown, benign]
    highest = max(account.score for account in ranked)
    heat = [
        math.exp((account.score - highest) / numbers.temperature) * (numbers.idle if _idle(account) else 1.0)
        for account in ranked
    ]
    total = sum(heat)
    for account, weight in zip(ranked, heat, strict=True):
        account.probability = (1 - numbers.slip) * weight / total + (numbers.slip if account is unknown else 0.0)
    return sorted(ranked, key=lambda account: (-account.probability, account.first, account.name))


def _idle(account: Account) -> bool:
    """Whether nothing at all speaks for the class; what is left of it is then the cause that nobody thought of."""
    return account.name != UNKNOWN and not account.because and account.words <= 0


def _support(findings: list[Finding], accounts: Mapping[str, Account], numbers: Calibration) -> None:
    causes = [f.order for f in findings if f.role is Role.CAUSE and f.order >= 0 and f.share > 0.5 and f.supports]
    earliest = min(causes, default=-1)
    pieces: dict[str, dict[str, tuple[float, Finding]]] = defaultdict(dict)
    opposing: dict[str, dict[str, tuple[float, Finding]]] = defaultdict(dict)
    for finding in findings:
        if finding.role is Role.BENIGN:
            continue
        share = finding.share * (numbers.symptom if finding.role is Role.SYMPTOM else 1.0)
        if finding.role is Role.ADVICE:
            share *= 0.25
        if finding.role is Role.CAUSE and finding.order > earliest >= 0:
            share *= numbers.later
        for into, sides in ((pieces, finding.supports), (opposing, finding.opposes)):
            for name, strength in sides.items():
                if name in accounts:
                    weight = share * math.log(numbers.strengths[strength])
                    into[name][finding.group] = _together(into[name].get(finding.group), weight, finding)
    for name, groups in pieces.items():
        account = accounts[name]
        for rank, (weight, finding) in enumerate(
            sorted(groups.values(), key=lambda piece: (-piece[0], piece[1].order))
        ):
            counted = weight * numbers.diminish**rank
            if finding.role is Role.CAUSE:
                account.cause += counted
                account.first = min(account.first, finding.order)
            else:
                account.symptom += counted
            account.because += [finding.evidence, *finding.more]
    for name, groups in opposing.items():
        for rank, (weight, finding) in enumerate(sorted(groups.values(), key=lambda piece: -piece[0])):
            accounts[name].against += numbers.against * weight * numbers.diminish**rank
            accounts[name].opposed += [finding.evidence, *finding.more]


def _together(known: tuple[float, Finding] | None, weight: float, finding: Finding) -> tuple[float, Finding]:
    """Of findings that are not independent the strongest counts, and all are cited."""
    if known is None:
        return weight, finding
    best, other = (finding, known[1]) if weight > known[0] else (known[1], finding)
    return max(weight, known[0]), replace(best, more=tuple(dict.fromkeys((*best.more, other.evidence, *other.more))))


def _speak(words: Mapping[str, float], accounts: Mapping[str, Account], numbers: Calibration) -> None:
    """What words say, bounded, and in full only for the class they fit best."""
    told = {name: score for name, score in words.items() if name in accounts}
    best = max(told.values(), default=0.0)
    for name, score in told.items():
        if score > 0:
            most = min(numbers.words_most, numbers.words * max(0.0, best - numbers.words_floor))
            accounts[name].words = max(0.0, most - numbers.words * (best - score))


def _explain(accounts: Mapping[str, Account], explains: Mapping[str, Iterable[str]], numbers: Calibration) -> None:
    """Support moves from symptoms to causes; each pair once, from the best supported explainer down, so loops end."""
    order = sorted(accounts.values(), key=lambda account: (-account.cause, account.first, account.name))
    shifts: list[tuple[Account, Account, float]] = []
    for cause in order:
        power = min(1.0, max(0.0, (cause.cause - cause.against) / numbers.explainer - 0.5))
        if power <= 0:
            continue
        for name in explains.get(cause.name, ()):
            effect = accounts.get(name)
            if effect is None or effect.support <= 0:
                continue
            mutual = cause.name in set(explains.get(name, ()))
            if mutual and _leads(effect, cause, numbers):
                continue
            strength = power
            if effect.cause > 0 and effect.first < cause.first:
                strength *= 0.6  # an effect that was printed before its cause is a weaker effect
            if effect.cause > cause.cause:
                strength *= math.exp((cause.cause - effect.cause) / numbers.overshadow)
            shifts.append((cause, effect, strength))
    for cause, effect, strength in shifts:
        taken = strength * (numbers.explains * effect.symptom + numbers.explains_cause * (effect.cause + effect.words))
        if taken <= 0.01:
            continue
        effect.taken = max(effect.taken, taken)
        effect.explained_by[cause.name] = strength
        cause.symptoms[effect.name] = strength
    for account in accounts.values():
        gained = sum(accounts[name].support * share for name, share in account.symptoms.items())
        account.credit = min(1.0, numbers.credit * gained)


def _leads(one: Account, other: Account, numbers: Calibration) -> bool:
    """Of two classes that could each produce the other: the one that was printed first, unless the other is much surer."""
    head_start = (
        numbers.head_start if one.first < other.first else -numbers.head_start if one.first > other.first else 0.0
    )
    return (one.cause + head_start, one.name) > (other.cause, other.name)


def _benign(findings: list[Finding], numbers: Calibration) -> Account:
    """Lines that show that all is well, each kind counted once, against what would be needed to worry."""
    account = Account(BENIGN, prior=numbers.prior * math.log(BENIGN_PRIOR / TYPICAL_PRIOR))
    kinds: dict[str, Finding] = {}
    for finding in findings:
        if finding.role is Role.BENIGN:
            kinds.setdefault(finding.group, finding)
    for rank, finding in enumerate(sorted(kinds.values(), key=lambda one: -one.share)):
        worth = numbers.benign * math.log(numbers.strengths[Strength.STRONG])
        account.cause += finding.share * worth * numbers.diminish**rank
        account.because.append(finding.evidence)
    return account
