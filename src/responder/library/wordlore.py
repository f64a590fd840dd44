"""The texts that the weak fallback learns its words from: the shipped knowledge and examples, nothing else."""

from collections.abc import Iterable, Iterator, Sequence

from responder.library.cases import HEALTHY, LabelledCase
from responder.logic.diagnosis import Knowledge
from responder.logic.diagnosis.calm import fit_calm
from responder.logic.diagnosis.words import fit
from responder.model.diagnosis import BENIGN
from responder.model.skill import Role, Strength

_SHARES = {Strength.DECISIVE: 0.7, Strength.STRONG: 0.4, Strength.MODERATE: 0.18, Strength.WEAK: 0.05}
"""How much of a text a signature's example line is for a class, by what the line says for it."""
_VOCABULARY = 1.5


def learn(knowledge: Knowledge, cases: Sequence[LabelledCase]) -> dict[str, dict[str, float]]:
    """All weights: what words say for classes, and what speaks for calm."""
    moods = fit_calm((case.text, case.class_ in (BENIGN, HEALTHY)) for case in cases)
    return fit(texts(knowledge, cases)) | {sign: {BENIGN: weight} for sign, weight in moods.items()}


def texts(knowledge: Knowledge, cases: Iterable[LabelledCase]) -> Iterator[tuple[str, str, float]]:
    """(text, class, weight) of example lines, definitions, vocabularies and labelled cases."""
    for signature in knowledge.signatures.by_id.values():
        for line in signature.yes:
            if signature.role is Role.BENIGN:
                yield line, BENIGN, 0.7
            elif signature.role is not Role.ADVICE:
                for one in signature.indicates:
                    yield line, one.class_, _SHARES[one.strength] * (1.0 if signature.role is Role.CAUSE else 0.5)
    for known in knowledge.taxonomy.values():
        yield f"{known.title}. {known.definition}", known.id, 1.0
        yield " ; ".join(known.vocabulary), known.id, _VOCABULARY
    for case in cases:
        if case.class_ in knowledge.taxonomy or case.class_ == BENIGN:
            yield case.text, case.class_, 1.0
