"""Skills folders on disk: what is read, what overrides what, and errors that name the place."""

import shutil
from pathlib import Path

import pytest

from responder.document import ConfigErrors
from responder.errors import ConfigError
from responder.library.skills import Library, load_skills

SHIPPED = Path(__file__).parents[2] / "skills"


@pytest.fixture(scope="module")
def shipped() -> Library:
    return load_skills([SHIPPED])


def test_the_shipped_knowledge_is_complete(shipped: Library) -> None:
    assert len(shipped.knowledge.taxonomy) == 70
    assert len(shipped.knowledge.signatures.by_id) >= 600
    assert len(shipped.knowledge.catalogues["xid"].codes) > 150
    assert len(shipped.knowledge.catalogues["sxid"].codes) > 90
    assert len(shipped.knowledge.registry) == 65
    assert shipped.knowledge.root_blocks


def test_released_skills_are_those_with_a_folder(shipped: Library) -> None:
    assert {name for name, entry in shipped.knowledge.registry.items() if entry.status == "released"} == set(
        shipped.skills
    )


def test_every_signature_finds_its_lines_and_no_near_miss(shipped: Library) -> None:
    signatures = shipped.knowledge.signatures
    for name, signature in signatures.by_id.items():
        for line in signature.yes:
            assert name in signatures.candidates(line), (name, line)
            assert signatures.match(name, line) is not None, (name, line)
        for line in signature.no:
            assert signatures.match(name, line) is None, (name, line)


def test_codes_outside_the_list_are_read_by_their_range(shipped: Library) -> None:
    catalogue = shipped.knowledge.catalogues["sxid"]
    unlisted = next(code for code in range(20000, 20999) if code not in catalogue.codes)
    found = catalogue.code(unlisted)
    assert found is not None
    assert found.class_ == "gpu.nvlink_error"
    assert catalogue.code(1) is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "signatures").mkdir()
    shutil.copy(SHIPPED / "taxonomy.yaml", tmp_path)
    return tmp_path


def write(folder: Path, match: str, more: str = "") -> Path:
    file = folder / "signatures" / "own.yaml"
    file.write_text(
        f"signatures:\n  - id: own.one\n    emitted_by: us\n    match: '{match}'\n    role: cause\n{more}",
        encoding="utf-8",
    )
    return file


def test_an_operators_folder_adds_to_the_built_in_one(folder: Path, shipped: Library) -> None:
    write(folder, "frobnicator jammed", "    indicates: [{class: train.code_error, strength: strong}]\n")
    both = load_skills([folder, SHIPPED])
    assert "own.one" in both.knowledge.signatures.by_id
    assert set(shipped.skills) == set(both.skills)
    assert both.version != shipped.version


def test_the_version_follows_the_content(folder: Path) -> None:
    write(folder, "frobnicator jammed")
    before = load_skills([folder]).version
    assert load_skills([folder]).version == before
    write(folder, "frobnicator stuck")
    assert load_skills([folder]).version != before


@pytest.mark.parametrize(("match", "code"), [(r"\d+ nodes?", "S202"), ("(unclosed", "S201"), (".*", "S202")])
def test_a_pattern_that_cannot_be_indexed_is_refused_with_its_place(folder: Path, match: str, code: str) -> None:
    if match == r"\d+ nodes?":
        match = r"\d+ [a-z]+"
    file = write(folder, match)
    with pytest.raises(ConfigErrors) as caught:
        load_skills([folder])
    problem = caught.value.problems[0]
    assert (problem.id, problem.file, problem.line) == (code, file, 4)


def test_an_unknown_key_is_refused_with_the_nearest_known(folder: Path) -> None:
    write(folder, "frobnicator jammed", "    indcates: []\n")
    with pytest.raises(ConfigErrors, match="indicates"):
        load_skills([folder])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such skills folder"):
        load_skills([tmp_path / "nowhere"])


def test_a_skill_without_front_matter(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "SKILL.md").write_text("# Mine\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="front matter"):
        load_skills([folder])
