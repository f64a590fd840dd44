"""What is wrong, or could be better, with skills and the knowledge that they share. Each finding has a stable id and a place.

S1xx are about a skill's folder; the shared knowledge (S2xx) is `knowledge_lint`'s. S100 (cannot be read) comes from reading.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from responder.document import ConfigErrors, Problem, load, nearest
from responder.errors import ConfigError
from responder.library.knowledge_lint import compiles, lint_shared
from responder.library.skill_files import FrontMatter, SkillFile
from responder.library.skills import CODE, Library, front_matter, load_skills
from responder.model.skill import EvidenceSpec

HEADINGS = (
    "When to use",
    "When not to use",
    "Inputs",
    "Workflow",
    "Output",
    "Example",
    "Related skills",
    "Common mistakes",
    "Quality checklist",
)
"""The nine quality items of a skill, one heading each."""
MOST_LINES = 500
"""Of a SKILL.md, as the Agent Skills convention has it."""
_CODE_SPAN = re.compile(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`")
_BULLET = re.compile(r"^\s*(?:[-*]|\d+\.) ", re.MULTILINE)
_ROW = re.compile(r"^\|", re.MULTILINE)

COMPARISON: dict[str, tuple[str, ...]] = {
    "from": ("siblings", "baseline"),
    "direction": ("above", "below", "either"),
    "of": (),
    "sigma": (),
    "ratio": (),
    "floor": (),
}
"""Keys of `deviates`, and the values of those that are words."""
Check = Callable[["_Folder"], Iterator[Problem]]


class _Folder:
    """A skill's folder as the checks see it."""

    def __init__(self, path: Path, library: Library | None) -> None:
        self.path, self.library = path, library
        self.head, self.body = front_matter(path / "SKILL.md")
        self.front = self.head.read(FrontMatter)
        self.diagnosis = load(path / "diagnosis.yaml", code=CODE)
        self.spec = self.diagnosis.read(SkillFile)
        self.text = (path / "SKILL.md").read_text(encoding="utf-8")

    def section(self, heading: str) -> str | None:
        """The text under a heading of level two."""
        found = re.search(rf"^## {re.escape(heading)}[ \t]*$(.*?)(?=^## |\Z)", self.body, re.MULTILINE | re.DOTALL)
        return found.group(1) if found else None

    def at(
        self, id_: str, message: str, needle: str, *, hint: str = "", severity: Literal["error", "warning"] = "error"
    ) -> Problem:
        """A finding in SKILL.md at the first line that holds `needle`."""
        lines = self.text.splitlines()
        number = next((n for n, line in enumerate(lines, 1) if needle and needle in line), 1)
        quoted = lines[number - 1] if lines else ""
        return Problem(id_, severity, self.path / "SKILL.md", number, 1, message, quoted, hint)

    def in_diagnosis(self, id_: str, message: str, path: Sequence[str | int], hint: str = "") -> Problem:
        return self.diagnosis.problem(id_, message, path, hint=hint)


def lint_skills(paths: Sequence[Path], *, known: Sequence[Path] = ()) -> list[Problem]:
    """Everything there is to say about skills folders or single skills; `known` are the folders whose knowledge they build on."""
    shared = [path for path in paths if not (path / "SKILL.md").exists()]
    problems: list[Problem] = []
    for folder in shared:
        problems += lint_shared(folder)
    try:
        library = load_skills(list(known) or shared)
    except ConfigErrors as errors:
        seen = {(one.id, one.file, one.line, one.message) for one in problems}
        problems += [one for one in errors.problems if (one.id, one.file, one.line, one.message) not in seen]
        library = None
    except ConfigError as error:
        problems.append(_plain(error, shared[0] if shared else Path()))
        library = None
    for path in paths:
        for file in [path / "SKILL.md"] if (path / "SKILL.md").exists() else sorted(path.glob("*/SKILL.md")):
            problems += _lint_folder(file.parent, library)
    return problems


def _lint_folder(path: Path, library: Library | None) -> list[Problem]:
    try:
        folder = _Folder(path, library)
    except ConfigErrors as errors:
        return list(errors.problems)
    except ConfigError as error:
        return [_plain(error, path)]
    return [problem for check in CHECKS for problem in check(folder)]


def _plain(error: ConfigError, file: Path) -> Problem:
    return Problem(
        error.code, "error", error.file or file, error.line or 1, error.column or 1, error.message, "", error.hint or ""
    )


def names(folder: _Folder) -> Iterator[Problem]:
    """S101 name differs from folder, S102 the description does not say when."""
    if folder.front.name != folder.path.name:
        yield folder.at(
            "S101",
            f'name "{folder.front.name}" differs from the folder "{folder.path.name}"',
            "name:",
            hint="rename one of them",
        )
    if "Use when" not in folder.front.description:
        yield folder.at(
            "S102",
            'the description lacks "Use when ..."',
            "description:",
            hint='say what it does, then "Use when ..." with the words of the alert',
        )


def headings(folder: _Folder) -> Iterator[Problem]:
    """S103 a quality item is missing, S104 one is too thin, S105 too long."""
    least = {"When to use": 1, "When not to use": 1, "Workflow": 3, "Common mistakes": 3, "Quality checklist": 5}
    for heading in HEADINGS:
        section = folder.section(heading)
        if section is None or not section.strip():
            yield folder.at(
                "S103",
                f'the section "## {heading}" is missing or empty',
                "# ",
                hint="every skill has the nine quality items as headings",
            )
        elif len(_BULLET.findall(section)) + max(0, len(_ROW.findall(section)) - 2) < least.get(heading, 0):
            yield folder.at(
                "S104",
                f'"## {heading}" has fewer than {least[heading]} points',
                f"## {heading}",
                hint="add what an expert would say",
                severity="warning",
            )
    if len(folder.text.splitlines()) > MOST_LINES:
        yield folder.at(
            "S105",
            f"SKILL.md has more than {MOST_LINES} lines",
            "",
            hint="move details to references/",
            severity="warning",
        )


def routes(folder: _Folder) -> Iterator[Problem]:
    """S106 a skill that is named is not in the registry, S107 the skill itself is not, S108 it names itself."""
    if folder.library is None or not folder.library.knowledge.registry:
        return
    registry = folder.library.knowledge.registry
    if folder.front.name not in registry:
        yield folder.at("S107", "the registry does not list this skill", "name:", hint="add it to registry.yaml")
    elif registry[folder.front.name].status != "released":
        yield folder.at(
            "S107", "the registry still has it as planned", "name:", hint="set `status: released` in registry.yaml"
        )
    for number, one in enumerate(folder.spec.related):
        if one.skill not in registry:
            yield folder.in_diagnosis(
                "S106",
                f"related skill {one.skill} is not in the registry",
                ("related", number, "skill"),
                nearest(one.skill, registry),
            )
        elif one.skill == folder.front.name:
            yield folder.in_diagnosis(
                "S108",
                "the skill names itself as related",
                ("related", number, "skill"),
                "name another one, or leave it out",
            )
    for heading in ("When not to use", "Related skills"):
        for name in _CODE_SPAN.findall(folder.section(heading) or ""):
            if name not in registry and nearest(name, registry):
                yield folder.at(
                    "S106",
                    f'"## {heading}" names {name}, which is not in the registry',
                    f"`{name}`",
                    hint=nearest(name, registry),
                )


def hypotheses(folder: _Folder) -> Iterator[Problem]:
    """S110 unknown class, S111 unknown signature, S112 unknown need, S113 bad pattern, S114 a need nobody reads, S115 no next step,
    S116 a comparison that cannot be made."""
    if folder.library is None:
        return
    taxonomy, signatures = folder.library.knowledge.taxonomy, folder.library.knowledge.signatures.by_id
    used: set[str] = set()
    for number, one in enumerate(folder.spec.hypotheses):
        base = ("hypotheses", number)
        if one.class_ not in taxonomy:
            yield folder.in_diagnosis("S110", f"no class {one.class_}", (*base, "class"), nearest(one.class_, taxonomy))
        for name in one.explains or ():
            if name not in taxonomy:
                yield folder.in_diagnosis("S110", f"no class {name}", (*base, "explains"), nearest(name, taxonomy))
        if not one.next_steps and one.class_ in taxonomy and not taxonomy[one.class_].first_actions:
            yield folder.in_diagnosis(
                "S115", f"{one.class_} has no next step", base, "say what a person should do first"
            )
        for side, specs in (("for", one.for_), ("against", one.against)):
            for place, spec in enumerate(specs):
                for inner in _all(spec):
                    path = (*base, side, place)
                    if inner.need is not None:
                        used.add(inner.need)
                        if inner.need not in folder.spec.needs:
                            yield folder.in_diagnosis(
                                "S112", f"no need {inner.need}", path, nearest(inner.need, folder.spec.needs)
                            )
                    if inner.deviates is not None:
                        for problem in _comparison(inner, folder):
                            yield folder.in_diagnosis("S116", problem[0], path, problem[1])
                    if inner.signature is not None and inner.signature not in signatures:
                        yield folder.in_diagnosis(
                            "S111", f"no signature {inner.signature}", path, nearest(inner.signature, signatures)
                        )
                    if inner.matches is not None and not compiles(inner.matches):
                        yield folder.in_diagnosis(
                            "S113",
                            f"not an RE2 pattern: {inner.matches}",
                            path,
                            "RE2 has no look-around and no back-references",
                        )
    for need in folder.spec.needs:
        if need not in used:
            yield folder.diagnosis.problem(
                "S114",
                f"no hypothesis reads {need}",
                ("needs", need),
                severity="warning",
                key=True,
                hint="use it or do not ask for it",
            )


def _comparison(spec: EvidenceSpec, folder: _Folder) -> Iterator[tuple[str, str]]:
    """What is wrong with a `deviates`, and what to do."""
    wanted = spec.deviates or {}
    for key in wanted:
        if key not in COMPARISON:
            yield f"deviates knows no {key}", nearest(key, COMPARISON) or f"the keys are {', '.join(COMPARISON)}"
    for key, values in COMPARISON.items():
        if values and key in wanted and wanted[key] not in values:
            yield f"deviates: {key} is {wanted[key]}", f"write one of {', '.join(values)}"
    need = folder.spec.needs.get(str(spec.need))
    if need is None or need.from_ != "prometheus":
        return
    if wanted.get("from") == "siblings" and not need.range:
        yield f"{spec.need} brings no series to compare", "give the need `range: true`: an instant answer is one value"
    if wanted.get("from") == "baseline" and not need.baseline:
        yield f"{spec.need} brings nothing to compare with", "give the need `baseline: true`"


def examples(folder: _Folder) -> Iterator[Problem]:
    """S120 no example, S121 a common mistake without its regression example."""
    files = {file.stem for file in (folder.path / "examples").glob("*.yaml")}
    if not files:
        yield folder.at(
            "S120",
            "there is no example",
            "## Example",
            hint="add examples/NAME.yaml: the examples are the skill's tests",
        )
    for name in re.findall(r"`(mistake-[a-z0-9-]+)`", folder.section("Common mistakes") or ""):
        if name not in files:
            yield folder.at(
                "S121",
                f"there is no examples/{name}.yaml",
                f"`{name}`",
                hint="each listed mistake has a regression example",
            )


CHECKS: tuple[Check, ...] = (names, headings, routes, hypotheses, examples)


def _all(spec: EvidenceSpec) -> Iterator[EvidenceSpec]:
    yield spec
    for inner in (*(spec.all or ()), *(spec.any or ()), *([spec.not_] if spec.not_ else [])):
        yield from _all(inner)
