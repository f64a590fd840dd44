"""Everything that diagnoses share: classes, compiled signatures, catalogues, the registry and the numbers to weigh with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from responder.logic.diagnosis.scan import Signatures
from responder.logic.diagnosis.words import Words
from responder.model.knowledge import Calibration, Catalogue
from responder.model.skill import SkillEntry, TaxonomyClass


@dataclass(frozen=True)
class Knowledge:
    """One immutable version of the shared knowledge; a reload makes a new one."""

    taxonomy: Mapping[str, TaxonomyClass]
    signatures: Signatures
    catalogues: Mapping[str, Catalogue] = field(default_factory=dict)
    registry: Mapping[str, SkillEntry] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)
    root_blocks: tuple["RootBlock", ...] = ()
    words: Words = field(default_factory=Words)
    version: str = ""

    @cached_property
    def explains(self) -> Mapping[str, frozenset[str]]:
        """Class to the classes that it produces as symptoms."""
        return {name: frozenset(known.explains) for name, known in self.taxonomy.items()}

    def warm(self) -> None:
        """Build now what is else built at first use, so that no case pays for it."""
        self.signatures.warm()
        self.words.mood("")


@dataclass(frozen=True, slots=True)
class RootBlock:
    """A launcher's own summary of which process failed first: how it starts and where its facts stand."""

    start: str
    lines: int
    facts: Mapping[str, str]
    """Fact (rank, node, exit_code, time) to an RE2 pattern with one group."""
