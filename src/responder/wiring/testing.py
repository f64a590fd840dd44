"""`responder test`: rule tests through the live engine on a virtual clock, and the skills' examples."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from responder.config import Loaded, read
from responder.errors import ConfigError
from responder.library.examples import ExampleResult, example_paths, load_examples
from responder.library.paths import resolve
from responder.library.rule_tests import Simulation, TestResult, load_tests
from responder.library.rules import test_paths
from responder.pipeline.playbook import Playbook
from responder.wiring.diagnosing import Diagnosing
from responder.wiring.knowledge import read_playbook, skill_folders
from responder.wiring.progress import progress
from responder.wiring.simulation import Simulation as Engine

Result = TestResult | ExampleResult


@dataclass(slots=True)
class Outcome:
    """All results, file by file."""

    results: list[Result] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(not result.passed for result in self.results)

    def document(self) -> dict[str, Any]:
        return {
            "passed": len(self.results) - self.failed,
            "failed": self.failed,
            "tests": [
                {
                    "file": str(r.file),
                    "line": r.line,
                    "name": r.name,
                    "passed": r.passed,
                    "detail": "" if r.passed else r.render(),
                }
                for r in self.results
            ],
        }

    def print(self, *, verbose: bool) -> None:
        """Like promtool: each file, what failed in it, and a count."""
        for file, group in self._by_file():
            shown = [result for result in group if verbose or not result.passed]
            bad = sum(not result.passed for result in group)
            sys.stdout.write(f"{file}  {'FAILED' if bad else 'SUCCESS'}  ({len(group) - bad} of {len(group)})\n")
            for result in shown:
                sys.stdout.write(result.render() + "\n")
        sys.stdout.write(f"{len(self.results) - self.failed} passed, {self.failed} failed\n")

    def _by_file(self) -> Iterator[tuple[Path, list[Result]]]:
        groups: dict[Path, list[Result]] = {}
        for result in self.results:
            groups.setdefault(result.file, []).append(result)
        yield from groups.items()


async def run_tests(config: Path | None, paths: Sequence[Path], *, watched: bool = False) -> Outcome:
    """Tests of the given files and folders, or of everything configured. Raises ConfigError(s) for files that cannot be read.

    Tests that lie beside rules run against the configured rules; a rule folder that is not configured is put first.
    """
    loaded = read(config)
    rule_files, example_files = _files(loaded, paths)
    if not rule_files and not example_files:
        raise ConfigError(
            "no tests found", hint="rule tests are called *.test.yaml, examples lie in skills/<name>/examples/"
        )
    outcome = Outcome()
    books: dict[tuple[str, ...], Playbook] = {}

    def book_for(file: Path) -> Playbook:
        sources = _sources(loaded, file)
        if sources not in books:
            books[sources] = read_playbook(loaded, rules=sources)
        return books[sources]

    with progress("testing", len(rule_files) + len(example_files), shown=watched) as advance:
        for number, file in enumerate(rule_files):
            advance(number)
            tests = load_tests(file)
            book = book_for(file)
            diagnose = Diagnosing(lambda book=book: book)  # type: ignore[misc]

            def simulate(
                start: datetime, sinks: Sequence[str], book: Playbook = book, diagnose: Diagnosing = diagnose
            ) -> AbstractAsyncContextManager[Simulation]:
                return Engine(book, diagnose, start, sinks=sinks)

            outcome.results += tests.run_routes(book.router)
            outcome.results += await tests.run_tests(simulate)
        if example_files:
            book = read_playbook(loaded)
            for number, file in enumerate(example_files, len(rule_files)):
                advance(number)
                outcome.results += load_examples(file).run(book.skills, book.knowledge)
    return outcome


def _files(loaded: Loaded, paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    if not paths:
        rules = [file for path in resolve(loaded.config.rules, "rules", loaded.path("")) for file in test_paths(path)]
        examples = [file for folder in skill_folders(loaded) for file in example_paths(folder)]
        return rules, examples
    missing = next((path for path in paths if not path.exists()), None)
    if missing is not None:
        raise ConfigError("no such file or folder", file=missing)
    return [f for path in paths for f in test_paths(path)], [f for path in paths for f in example_paths(path)]


def _sources(loaded: Loaded, file: Path) -> tuple[str, ...]:
    """The configured rules; with the tested file's own folder in front where it is not one of them."""
    configured = [path.resolve() for path in resolve(loaded.config.rules, "rules", loaded.path(""))]
    folder = file.resolve().parent
    if any(folder == path or path in folder.parents for path in configured):
        return loaded.config.rules
    return (str(folder), *loaded.config.rules)
