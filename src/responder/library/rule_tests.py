"""Runs `*.test.yaml` against rules and says, as promtool does, what was expected and what came instead.

`routes` need the rules alone. `tests` need the engine on a virtual clock, which is handed in as a `Simulation`: the
pipeline that runs live is the one that is tested.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from responder.document import ConfigErrors, Document, load
from responder.library.rule_test_files import ExpectEntry, IncidentEntry, TestEntry, TestFile
from responder.logic.identity import match_labels
from responder.logic.route import Router
from responder.model.delivery import Send
from responder.model.event import Event
from responder.model.incident import Incident
from responder.model.journal import Disposition, JournalEntry

START = datetime(2026, 1, 1, tzinfo=UTC)
CODE = "R200"


class Simulation(Protocol):
    """The engine with the time in our hand."""

    async def feed(self, events: Sequence[Event], at: datetime) -> object: ...
    async def advance(self, to: datetime) -> None: ...
    async def incidents(self) -> list[Incident]: ...
    async def sends(self, incident_id: str) -> list[Send]: ...
    async def journal(self) -> list[JournalEntry]: ...


Simulate = Callable[[datetime, Sequence[str]], AbstractAsyncContextManager[Simulation]]
"""From the start time and the names of the sinks."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What was expected and what came, at a time of a test."""

    when: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class TestResult:
    """The outcome of one test."""

    __test__ = False

    file: Path
    line: int
    name: str
    differences: tuple[Difference, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.differences

    def render(self) -> str:
        """One line for a success; for a failure what was expected and what came."""
        if self.passed:
            return f"  ok      {self.name}"
        lines = [f"  FAILED  {self.name}", f"          {self.file}:{self.line}"]
        for one in self.differences:
            lines += [f"          at {one.when}:" if one.when else "          routing:"]
            lines += ["            expected:", *(f"              {line}" for line in one.expected.splitlines())]
            lines += ["            got:", *(f"              {line}" for line in one.got.splitlines())]
        return "\n".join(lines)


@dataclass(frozen=True)
class RuleTests:
    """A test file that was read."""

    document: Document
    content: TestFile

    @property
    def file(self) -> Path:
        return self.document.file

    def run_routes(self, router: Router) -> list[TestResult]:
        """The routing checks; no engine needed."""
        results = []
        for position, entry in enumerate(self.content.routes):
            got = [rule.name for rule in router.route(match_labels(entry.event(START)))]
            labels = ", ".join(f'{name}="{value}"' for name, value in entry.labels.items())
            difference = Difference("", _names(entry.rules), _names(got))
            results.append(
                TestResult(
                    self.file,
                    self.document.place(("routes", position))[0],
                    f"{{{labels}}} goes to {_names(entry.rules)}",
                    () if got == entry.rules else (difference,),
                )
            )
        return results

    async def run_tests(self, simulate: Simulate) -> list[TestResult]:
        """The stories, one engine each."""
        results = []
        for position, entry in enumerate(self.content.tests):
            async with simulate(START, entry.sinks) as simulation:
                differences = await _play(entry, simulation)
            line = self.document.place(("tests", position))[0]
            results.append(TestResult(self.file, line, entry.name, tuple(differences)))
        return results


def load_tests(file: Path) -> RuleTests:
    """Read a test file. Raises ConfigErrors."""
    document = load(file, code=CODE)
    content = document.read(TestFile)
    problems = [
        document.problem(CODE, f'a test called "{entry.name}" exists already', ("tests", position, "name"))
        for position, entry in enumerate(content.tests)
        if entry.name in [earlier.name for earlier in content.tests[:position]]
    ]
    if not content.tests and not content.routes:
        problems.append(document.problem(CODE, "no tests in this file", hint="write them under `tests:` or `routes:`"))
    if problems:
        raise ConfigErrors(problems)
    return RuleTests(document, content)


def untested(tests: Sequence[RuleTests], rules: Sequence[str]) -> list[str]:
    """Rules that no expectation names."""
    named = {name for one in tests for entry in one.content.routes for name in entry.rules}
    named |= {
        incident.rule
        for one in tests
        for entry in one.content.tests
        for expect in entry.expect
        for incident in expect.incidents or []
    }
    return [name for name in rules if name not in named]


async def _play(entry: TestEntry, simulation: Simulation) -> list[Difference]:
    steps: dict[datetime, list[Event]] = {}
    for event in (event for one in entry.events for event in one.events(START)):
        steps.setdefault(event.received_at, []).append(event)
    expects: dict[datetime, list[ExpectEntry]] = {}
    for expect in entry.expect:
        expects.setdefault(START + expect.at, []).append(expect)
    differences: list[Difference] = []
    for at in sorted({*steps, *expects}):
        if at in steps:
            await simulation.feed(steps[at], at)
        await simulation.advance(at)
        for expect in expects.get(at, ()):
            differences += await _compare(expect, simulation)
    return differences


async def _compare(expect: ExpectEntry, simulation: Simulation) -> list[Difference]:
    differences: list[Difference] = []
    if expect.incidents is not None:
        views = await _views(simulation)
        missing, extra = _unmatched(expect.incidents, views)
        if missing or extra:
            expected = "\n".join(_show_entry(entry) for entry in expect.incidents) or "no incident"
            got = "\n".join(_show_view(view) for view in views) or "no incident"
            differences.append(Difference(expect.when, expected, got))
    counts = Counter(entry.trail.disposition for entry in await simulation.journal())
    for disposition in Disposition:
        wanted = getattr(expect, disposition.value, None)
        if wanted is not None and counts[disposition] != wanted:
            word = disposition.value
            differences.append(Difference(expect.when, f"{wanted} {word}", f"{counts[disposition]} {word}"))
    return differences


async def _views(simulation: Simulation) -> list[Mapping[str, object]]:
    incidents = await simulation.incidents()
    rules = {incident.id: incident.rule.name for incident in incidents}
    views: list[Mapping[str, object]] = []
    for incident in sorted(incidents, key=lambda one: (one.opened_at, one.rule.name, sorted(one.key.items()))):
        sends = await simulation.sends(incident.id)
        views.append(
            {
                "rule": incident.rule.name,
                "key": incident.key,
                "events": incident.events,
                "sent": sorted({send.sink for send in sends if send.sent}),
                "severity": incident.severity,
                "status": incident.status,
                "episode": incident.episode,
                "parent": rules.get(incident.parent) if incident.parent else None,
            }
        )
    return views


def _unmatched(
    entries: Sequence[IncidentEntry], views: Sequence[Mapping[str, object]]
) -> tuple[list[IncidentEntry], list[Mapping[str, object]]]:
    """Entries without an incident and incidents without an entry; each incident serves one entry."""
    left = list(views)
    missing = []
    for entry in sorted(entries, key=lambda one: -len(one.model_fields_set)):
        found = next((view for view in left if _fits(entry, view)), None)
        if found is None:
            missing.append(entry)
        else:
            left.remove(found)
    return missing, left


def _fits(entry: IncidentEntry, view: Mapping[str, object]) -> bool:
    wanted = {name: getattr(entry, name) for name in entry.model_fields_set}
    if "sent" in wanted:
        wanted["sent"] = sorted(wanted["sent"] or ())
    return all(view[name] == value for name, value in wanted.items())


def _show_entry(entry: IncidentEntry) -> str:
    return _show_view(
        {name: getattr(entry, name) for name in IncidentEntry.model_fields if name in entry.model_fields_set}
    )


def _show_view(view: Mapping[str, object]) -> str:
    parts = [str(view["rule"])]
    for name, value in view.items():
        if name == "rule" or (name == "parent" and value is None):
            continue
        if isinstance(value, dict):
            parts.append("{" + ", ".join(f'{key}="{text}"' for key, text in value.items()) + "}")
        elif isinstance(value, list):
            parts.append(f"{name}=[{', '.join(sorted(value))}]")
        else:
            parts.append(f"{name}={value}")
    return " ".join(parts)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "no rule"
