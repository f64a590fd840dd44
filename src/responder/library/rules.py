"""Rule files on disk -> a rule set, in the order of search.

Files and folders are read in the order given; within a folder by file name, within a file by position. `*.test.yaml`
are tests, not rules. What cannot be used at all raises ConfigErrors, all of it at once; the rest is for `lint`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from responder.document import ConfigErrors, Document, Problem, load
from responder.library.rule_files import RuleEntry, RuleFile
from responder.logic.matcher_syntax import MatcherError, parse_condition
from responder.model.rule import Condition, Rule, RuleSet, SourcePlace, Suppression
from responder.yaml_tree import uncollected

__all__ = ["RuleBook", "RuleFile", "Written", "load_rules", "read_rules", "rule_paths", "test_paths"]

CODE = "R100"
_SAME = tuple(RuleEntry.model_fields.keys() - {"match", "suppress", "severity", "group_by", "sinks"})


@dataclass(frozen=True, slots=True)
class Written:
    """A rule with the place where it stands."""

    rule: Rule
    document: Document
    path: tuple[str | int, ...]


@dataclass
class RuleBook:
    """What was read, and what is wrong with it."""

    rules: list[Written] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    version: str = ""

    @property
    def ruleset(self) -> RuleSet:
        return RuleSet(rules=tuple(written.rule for written in self.rules), version=self.version)


def load_rules(paths: Sequence[Path]) -> RuleSet:
    """All rules under these files and folders. Raises ConfigErrors."""
    book = read_rules(paths)
    errors = [problem for problem in book.problems if problem.severity == "error"]
    if errors:
        raise ConfigErrors(errors)
    return book.ruleset


def read_rules(paths: Sequence[Path]) -> RuleBook:
    """Like `load_rules`, but reads what it can and collects the problems."""
    with uncollected():
        return _read(paths)


def _read(paths: Sequence[Path]) -> RuleBook:
    book = RuleBook()
    digest = hashlib.sha256()
    first: dict[str, Written] = {}
    for path in paths:
        try:
            files = rule_paths(path)
        except ConfigErrors as errors:
            book.problems += errors.problems
            continue
        for file in files:
            try:
                document = load(file, code=CODE)
                digest.update(b"\0" + document.text.encode())
                entries = document.read(RuleFile).rules
            except ConfigErrors as errors:
                book.problems += errors.problems
                continue
            for position, entry in enumerate(entries):
                place = ("rules", position)
                try:
                    written = Written(_rule(document, place, entry), document, place)
                except ConfigErrors as errors:
                    book.problems += errors.problems
                    continue
                other = first.setdefault(entry.name, written)
                if other is not written:
                    book.problems.append(_twice(written, other))
                    continue
                book.rules.append(written)
    book.version = digest.hexdigest()[:12]
    return book


def rule_paths(path: Path) -> list[Path]:
    """The rule files of a folder (or the file itself), in order. Raises ConfigErrors when there is no such thing."""
    return [file for file in _yaml_files(path) if not _is_test(file)]


def test_paths(path: Path) -> list[Path]:
    """The test files beside the rules of a folder (or the file itself)."""
    return [file for file in _yaml_files(path) if _is_test(file)]


def _yaml_files(path: Path) -> Iterator[Path]:
    try:
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml") and file.is_file())
            return
        if path.is_file():
            yield path
            return
        message, hint = "no such file or folder", "correct its name, here or under `rules:` in the configuration"
    except OSError as error:
        message, hint = f"cannot be read: {error.strerror}", "let the user that runs responder read it"
    raise ConfigErrors([Problem(CODE, "error", path, 1, 1, message, hint=hint)])


def _is_test(file: Path) -> bool:
    return file.stem.endswith(".test")


def _rule(document: Document, place: tuple[str | int, ...], entry: RuleEntry) -> Rule:
    problems: list[Problem] = []
    match = _condition(document, (*place, "match"), entry.match, problems)
    suppress = [
        (_condition(document, (*place, "suppress", n, "when"), one.when, problems), one.reason)
        for n, one in enumerate(entry.suppress)
    ]
    if problems or match is None:
        raise ConfigErrors(problems)
    return Rule(
        **{name: getattr(entry, name) for name in _SAME},
        match=match,
        group_by=tuple(entry.group_by),
        sinks=None if entry.sinks is None else tuple(entry.sinks),
        severity={word: level.value for word, level in entry.severity.items()},
        suppress=tuple(Suppression(when=when, reason=reason) for when, reason in suppress if when is not None),
        place=SourcePlace(file=str(document.file), line=document.place((*place, "name"))[0]),
    )


def _condition(
    document: Document, path: tuple[str | int, ...], raw: object, problems: list[Problem]
) -> Condition | None:
    try:
        return parse_condition(raw)
    except MatcherError as error:
        shift = (error.column or 1) - 1
        at = (*path, *error.path)
        problems.append(document.problem(CODE, error.message, at, shift=shift, hint=error.hint or ""))
        return None


def _twice(written: Written, other: Written) -> Problem:
    place = other.rule.place
    where = f"{place.file}:{place.line}" if place else ""
    return written.document.problem(
        "R101",
        f'a rule called "{written.rule.name}" exists already',
        (*written.path, "name"),
        hint=f"the first one is at {where}; names are unique over all files",
    )
