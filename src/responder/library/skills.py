"""Skills folders on disk -> skills and shared knowledge, one immutable version of both.

Folders are searched in order: the first one that has a skill, a class or a signature of a name wins, so that an operator's folder
adds to and overrides the built-in one. Raises ConfigErrors for what cannot be used at all; what could be better is `lint`'s.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import orjson

from responder.document import ConfigErrors, Document, parse
from responder.errors import ConfigError
from responder.library.catalogues import read_catalogues
from responder.library.document_cache import DocumentCache
from responder.library.literal_cache import LiteralCache
from responder.library.skill_files import FrontMatter, LogsFile, RegistryFile, SignatureFile, SkillFile, TaxonomyFile
from responder.logic.diagnosis import Knowledge, RootBlock, Signatures, Words
from responder.model.knowledge import Calibration, Catalogue
from responder.model.skill import Mode, Signature, Skill, SkillEntry, TaxonomyClass

__all__ = ["Library", "SkillFile", "front_matter", "load_skills"]

CODE = "S100"
SHORTEST_LITERAL = 3
"""Characters of the text that a signature must demand, so that it can be indexed."""


@dataclass(frozen=True)
class Library:
    """All released skills and what they share."""

    skills: Mapping[str, Skill]
    knowledge: Knowledge
    version: str
    """Content hash of everything, 12 hex digits."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Skill name to its folder."""


@dataclass
class _Reading:
    """What has been read so far."""

    taxonomy: dict[str, TaxonomyClass] = field(default_factory=dict)
    signatures: dict[str, Signature] = field(default_factory=dict)
    literals: dict[str, tuple[str, ...]] = field(default_factory=dict)
    catalogues: dict[str, Catalogue] = field(default_factory=dict)
    registry: dict[str, SkillEntry] = field(default_factory=dict)
    root_blocks: list[RootBlock] = field(default_factory=list)
    calibration: Calibration | None = None
    words: Words | None = None
    shared: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    cache: LiteralCache = field(default_factory=LiteralCache)
    files: DocumentCache = field(default_factory=DocumentCache)


def load_skills(folders: Sequence[Path]) -> Library:
    """Read all folders. Raises ConfigErrors naming file and line."""
    reading = _Reading()
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(
                f"no such skills folder: {folder}", file=folder, hint="correct `skills:` or make the folder"
            )
        _read_shared(folder, reading)
    knowledge = Knowledge(
        taxonomy=reading.taxonomy,
        signatures=Signatures(reading.signatures, reading.literals),
        catalogues=reading.catalogues,
        registry=reading.registry,
        calibration=reading.calibration or Calibration(),
        root_blocks=tuple(reading.root_blocks),
        words=reading.words or Words(),
        version=reading.shared.hexdigest()[:12],
    )
    skills: dict[str, Skill] = {}
    places: dict[str, Path] = {}
    for folder in folders:
        for file in sorted(folder.glob("*/SKILL.md")):
            if file.parent.name not in skills:
                skill = _read_skill(file.parent, reading)
                skills[skill.name], places[skill.name] = skill, file.parent
    reading.cache.save()
    reading.files.save()
    digest = hashlib.sha256(knowledge.version.encode())
    for skill in skills.values():
        digest.update(f"{skill.name} {skill.version}\n".encode())
    return Library(skills, knowledge, digest.hexdigest()[:12], places)


def front_matter(file: Path) -> tuple[Document, str]:
    """The head of a SKILL.md as a document with places, and its body. Raises ConfigErrors."""
    text = file.read_text(encoding="utf-8")
    head, _, body = text.removeprefix("---\n").partition("\n---")
    if not text.startswith("---\n") or not body:
        raise ConfigError("SKILL.md needs front matter between two lines of ---", file=file, line=1, code=CODE)
    return parse("#\n" + head, file, code=CODE), body.lstrip("-").lstrip("\n")


def _read_shared(folder: Path, reading: _Reading) -> None:
    files = sorted(folder.glob("*.yaml")) + sorted((folder / "signatures").glob("*.yaml"))
    for file in files:
        document = reading.files.load(file, code=CODE)
        reading.shared.update(document.text.encode())
        if file.parent.name == "signatures":
            _read_signatures(document, reading)
        elif file.name == "taxonomy.yaml":
            for name, known in document.read(TaxonomyFile).taxonomy().items():
                reading.taxonomy.setdefault(name, known)
        elif file.name == "registry.yaml":
            for entry in document.read(RegistryFile).skills:
                reading.registry.setdefault(entry.name, entry)
        elif file.name == "logs.yaml":
            for block in document.read(LogsFile).root_blocks:
                reading.root_blocks.append(RootBlock(block.start, block.lines, block.facts))
        elif file.name == "calibration.yaml":
            reading.calibration = reading.calibration or document.read(Calibration)
        elif isinstance(document.data, dict) and "triage" in document.data:
            for name, catalogue in read_catalogues(document).items():
                reading.catalogues.setdefault(name, catalogue)
    words = folder / "words.json"
    if words.is_file() and reading.words is None:
        raw = words.read_bytes()
        reading.shared.update(raw)
        reading.words = Words(partial(_weights, words, raw))


def _weights(file: Path, raw: bytes) -> dict[str, dict[str, float]]:
    try:
        weights: dict[str, dict[str, float]] = orjson.loads(raw)["weights"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"no words of the fallback: {error}", file=file, code=CODE) from error
    return weights


def _read_signatures(document: Document, reading: _Reading) -> None:
    problems = []
    for place, signature in enumerate(document.read(SignatureFile).signatures):
        if signature.id in reading.signatures:
            continue
        try:
            needs = reading.cache.required(signature.match)
        except ValueError as error:
            problems.append(
                document.problem(
                    "S201", f"{signature.id}: the pattern cannot be read: {error}", ("signatures", place, "match")
                )
            )
            continue
        if needs is None or min(map(len, needs)) < SHORTEST_LITERAL:
            problems.append(
                document.problem(
                    "S202",
                    f"{signature.id}: the pattern demands no text of {SHORTEST_LITERAL} characters or more",
                    ("signatures", place, "match"),
                    hint="add words that every such line contains, so that it can be indexed",
                )
            )
            continue
        reading.signatures[signature.id] = signature
        reading.literals[signature.id] = needs
    if problems:
        raise ConfigErrors(problems)


def _read_skill(folder: Path, reading: _Reading) -> Skill:
    digest = reading.shared.copy()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    head, _ = front_matter(folder / "SKILL.md")
    front = head.read(FrontMatter)
    file = folder / "diagnosis.yaml"
    spec = reading.files.load(file, code=CODE).read(SkillFile)
    entry = reading.registry.get(front.name)
    mode = front.metadata.get("responder-mode") or (entry.mode.value if entry else Mode.DIAGNOSER.value)
    return Skill(
        name=front.name,
        description=front.description,
        domain=front.metadata.get("responder-domain") or (entry.domain if entry else ""),
        mode=Mode(mode),
        version=digest.hexdigest()[:12],
        phases=spec.phases,
        needs=tuple(need.need(name) for name, need in spec.needs.items()),
        hypotheses=spec.hypotheses,
        whole_taxonomy=spec.whole_taxonomy,
        related=spec.related,
        kinds=spec.kinds,
    )
