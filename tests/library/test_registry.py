"""The registry of skills: complete, counted, and without a name that leads nowhere."""

from collections import Counter
from pathlib import Path

import pytest

from responder.document import load
from responder.library.skill_files import RegistryFile, TaxonomyFile
from responder.model.skill import Mode, SkillEntry

FILE = Path(__file__).parents[2] / "skills" / "registry.yaml"


@pytest.fixture(scope="module")
def entries() -> tuple[SkillEntry, ...]:
    return load(FILE).read(RegistryFile).skills


def test_it_has_65_skills_numbered_in_order(entries: tuple[SkillEntry, ...]) -> None:
    assert [one.number for one in entries] == list(range(1, 66))
    assert len({one.name for one in entries}) == 65


def test_it_has_the_twelve_domains_and_says_what_each_is(entries: tuple[SkillEntry, ...]) -> None:
    titles = load(FILE).data["domains"]
    assert len(titles) == 12
    assert {one.domain for one in entries} == set(titles)


def test_modes_are_the_six_of_the_taxonomy_and_classifier(entries: tuple[SkillEntry, ...]) -> None:
    assert Counter(one.mode for one in entries) == {
        Mode.DIAGNOSER: 23,
        Mode.CHECKER: 12,
        Mode.PLANNER: 7,
        Mode.REPORTER: 7,
        Mode.REVIEWER: 6,
        Mode.OPTIMIZER: 5,
        Mode.CLASSIFIER: 5,
    }


def test_phases_and_kinds_of_start_are_as_planned(entries: tuple[SkillEntry, ...]) -> None:
    assert Counter(one.phase for one in entries) == {1: 12, 2: 13, 3: 40}
    assert Counter(one.run for one in entries) == {"A1": 20, "A2": 6, "S": 6, "D": 33}


def test_what_events_start_can_be_routed_to(entries: tuple[SkillEntry, ...]) -> None:
    started = {one.mode for one in entries if one.run in ("A1", "A2")}
    assert started == {Mode.DIAGNOSER, Mode.CLASSIFIER}


def test_every_domain_has_a_skill_of_the_first_phase(entries: tuple[SkillEntry, ...]) -> None:
    assert len({one.domain for one in entries if one.phase == 1}) == 12


def test_related_skills_exist_and_are_others(entries: tuple[SkillEntry, ...]) -> None:
    names = {one.name for one in entries}
    for one in entries:
        assert one.related, f"{one.name} leads nowhere"
        assert set(one.related) <= names, one.name
        assert one.name not in one.related
        assert len(set(one.related)) == len(one.related), one.name


def test_its_subjects_are_classes_of_the_taxonomy(entries: tuple[SkillEntry, ...]) -> None:
    classes = set(load(FILE.parent / "taxonomy.yaml").read(TaxonomyFile).classes)
    for one in entries:
        assert set(one.about) <= classes, one.name
        assert not one.about or one.output, one.name


def test_released_is_exactly_what_has_a_folder(entries: tuple[SkillEntry, ...]) -> None:
    folders = {file.parent.name for file in FILE.parent.glob("*/SKILL.md")}
    assert {one.name for one in entries if one.status == "released"} == folders


def test_each_says_when_to_use_it_and_what_it_gives(entries: tuple[SkillEntry, ...]) -> None:
    for one in entries:
        assert all((one.use_when, one.output, one.data)), one.name
        assert not one.use_when.lower().startswith("use when"), "the words `use when` are put in front of it"
