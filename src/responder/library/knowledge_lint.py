"""What is wrong, or could be better, with the knowledge that skills share: the taxonomy and the signatures.

S2xx. A signature must match its own lines and none of its near misses, name classes that exist, and say where its wording is from.
"""

from collections.abc import Iterator
from pathlib import Path

import re2

from responder.document import ConfigErrors, Document, Problem, load, nearest
from responder.library.skill_files import SignatureFile, TaxonomyFile
from responder.model.skill import Signature

CODE = "S100"


def compiles(pattern: str) -> bool:
    """Whether RE2 accepts the pattern."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True


def lint_shared(folder: Path) -> Iterator[Problem]:
    """All findings of one folder's taxonomy and signatures."""
    classes: set[str] = set()
    try:
        if (folder / "taxonomy.yaml").exists():
            document = load(folder / "taxonomy.yaml", code=CODE)
            taxonomy = document.read(TaxonomyFile)
            classes = set(taxonomy.classes)
            yield from _lint_taxonomy(document, taxonomy)
    except ConfigErrors as errors:
        yield from errors.problems
    seen: dict[str, Path] = {}
    for file in sorted((folder / "signatures").glob("*.yaml")):
        try:
            document = load(file, code=CODE)
            found = document.read(SignatureFile).signatures
        except ConfigErrors as errors:
            yield from errors.problems
            continue
        for number, signature in enumerate(found):
            yield from _lint_signature(document, number, signature, seen, classes)


def _lint_taxonomy(document: Document, taxonomy: TaxonomyFile) -> Iterator[Problem]:
    """S220 unknown class in `explains`, S221 unknown domain, S222 no first action."""
    for name, spec in taxonomy.classes.items():
        for place, other in enumerate(spec.explains):
            if other not in taxonomy.classes or other == name:
                yield document.problem(
                    "S220",
                    f"{name} cannot explain {other}",
                    ("classes", name, "explains", place),
                    hint=nearest(other, taxonomy.classes),
                )
        if spec.domain not in taxonomy.domains:
            yield document.problem(
                "S221",
                f"no domain {spec.domain}",
                ("classes", name, "domain"),
                hint=nearest(spec.domain, taxonomy.domains),
            )
        if not spec.first_actions:
            yield document.problem(
                "S222",
                f"{name} has no first action",
                ("classes", name),
                severity="warning",
                key=True,
                hint="containment before cause",
            )


def _lint_signature(
    document: Document, number: int, one: Signature, seen: dict[str, Path], classes: set[str]
) -> Iterator[Problem]:
    """S203 id used twice, S204 not RE2, S205 no example line, S206 a `yes` that does not match, S207 a `no` that does, S208 unknown
    class, S209 nothing said, S210 no source."""
    base: tuple[str | int, ...] = ("signatures", number)
    if one.id in seen:
        yield document.problem(
            "S203", f"{one.id} is already in {seen[one.id].name}", (*base, "id"), hint="ids are unique over all files"
        )
    seen.setdefault(one.id, document.file)
    if not compiles(one.match):
        yield document.problem(
            "S204",
            f"{one.id}: not an RE2 pattern",
            (*base, "match"),
            hint="RE2 has no look-around and no back-references",
        )
        return
    if not one.yes or not one.no:
        yield document.problem(
            "S205",
            f"{one.id}: give a line that matches and a near miss that does not",
            base,
            severity="warning",
            hint="add yes: [...] and no: [...]",
        )
    pattern = re2.compile(one.match)
    for place, line in enumerate(one.yes):
        if not pattern.search(line):
            yield document.problem(
                "S206",
                f"{one.id}: this line should match",
                (*base, "yes", place),
                hint="correct the pattern or the line",
            )
    for place, line in enumerate(one.no):
        if pattern.search(line):
            yield document.problem(
                "S207", f"{one.id}: this near miss matches", (*base, "no", place), hint="make the pattern more specific"
            )
    for side, indications in (("indicates", one.indicates), ("against", one.against)):
        for place, indication in enumerate(indications):
            if classes and indication.class_ not in classes:
                yield document.problem(
                    "S208",
                    f"{one.id}: no class {indication.class_}",
                    (*base, side, place),
                    hint=nearest(indication.class_, classes),
                )
    if one.role in ("cause", "symptom") and not (one.indicates or one.against or one.catalogue):
        yield document.problem(
            "S209",
            f"{one.id}: a {one.role.value} that says nothing about any class",
            base,
            severity="warning",
            hint="add indicates, or make it advice or benign",
        )
    if one.source is None and not one.unverified:
        yield document.problem(
            "S210",
            f"{one.id}: say where the wording comes from",
            base,
            severity="warning",
            hint="add source: {...} or unverified: true",
        )
