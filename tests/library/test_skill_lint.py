"""Each lint of skills and signatures: seen to fire on a small fault, and silent on what is shipped."""

import shutil
from pathlib import Path

import pytest

from responder.document import Problem
from responder.library.skill_lint import HEADINGS, lint_skills

SHIPPED = Path(__file__).parents[2] / "skills"
BULLETS = "- one\n- two\n- three\n- four\n- five\n"
REGISTRY = """schema: responder.registry/v1
skills:
  - {name: my-skill, number: 1, domain: training, mode: diagnoser, use_when: x, status: released}
  - {name: other-skill, number: 2, domain: training, mode: diagnoser, use_when: y}
"""


def skill_md(**changes: str) -> str:
    front = {"name": "my-skill", "description": "Finds faults. Use when something fails."} | changes
    head = "\n".join(f"{key}: {value}" for key, value in front.items())
    return f"---\n{head}\n---\n# Mine\n\n" + "\n".join(f"## {heading}\n{BULLETS}" for heading in HEADINGS)


DIAGNOSIS = """schema: responder.skill/v1
phases: [look, ask, decide]
needs:
  heat: {from: prometheus, query: up}
hypotheses:
  - class: train.code_error
    for:
      - {need: heat, above: 1}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(SHIPPED / "taxonomy.yaml", tmp_path)
    (tmp_path / "registry.yaml").write_text(REGISTRY, encoding="utf-8")
    skill = tmp_path / "my-skill"
    (skill / "examples").mkdir(parents=True)
    (skill / "SKILL.md").write_text(skill_md(), encoding="utf-8")
    (skill / "diagnosis.yaml").write_text(DIAGNOSIS, encoding="utf-8")
    (skill / "examples" / "one.yaml").write_text("given: {}\nexpect: {}\n", encoding="utf-8")
    return tmp_path


def ids(folder: Path) -> set[str]:
    return {problem.id for problem in lint_skills([folder], known=[folder])}


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_what_is_shipped_is_clean() -> None:
    found: list[Problem] = lint_skills([SHIPPED], known=[SHIPPED])
    assert [problem.render() for problem in found if problem.severity == "error"] == []


def test_a_good_skill_is_clean(folder: Path) -> None:
    assert ids(folder) == set()


@pytest.mark.parametrize(
    ("file", "old", "new", "id_"),
    [
        ("SKILL.md", "name: my-skill", "name: your-skill", "S101"),
        ("SKILL.md", "Use when", "Take it if", "S102"),
        ("SKILL.md", "## Common mistakes", "## Mistakes", "S103"),
        ("SKILL.md", f"## Quality checklist\n{BULLETS}", "## Quality checklist\n- one\n", "S104"),
        ("SKILL.md", "# Mine\n", "# Mine\n" + "x\n" * 500, "S105"),
        ("SKILL.md", "## Related skills\n", "## Related skills\nsee `othr-skill`\n", "S106"),
        ("SKILL.md", "## Common mistakes\n", "## Common mistakes\nsee `mistake-foo`\n", "S121"),
        ("SKILL.md", "description: Finds", "descripton: Finds", "S100"),
        ("diagnosis.yaml", "class: train.code_error", "class: train.code_eror", "S110"),
        ("diagnosis.yaml", "{need: heat, above: 1}", "{signature: no.such}", "S111"),
        ("diagnosis.yaml", "{need: heat, above: 1}", "{need: heart, above: 1}", "S112"),
        ("diagnosis.yaml", "{need: heat, above: 1}", "{label: x, matches: '(?<=a)b'}", "S113"),
        ("diagnosis.yaml", "{need: heat, above: 1}", "{label: x, matches: b}", "S114"),
        ("diagnosis.yaml", "phases: [look, ask, decide]", "phases: [look]", "S100"),
        ("diagnosis.yaml", "hypotheses:", "related: [{skill: othr-skill, why: x}]\nhypotheses:", "S106"),
        ("diagnosis.yaml", "hypotheses:", "related: [{skill: my-skill, why: x}]\nhypotheses:", "S108"),
    ],
)
def test_each_fault_of_a_skill_is_found(folder: Path, file: str, old: str, new: str, id_: str) -> None:
    change(folder / "my-skill" / file, old, new)
    assert id_ in ids(folder)


@pytest.mark.parametrize(
    ("need", "deviates", "says"),
    [
        ("query: up, range: true", "{from: siblings, dirction: below}", "knows no dirction"),
        ("query: up, range: true", "{from: siblings, direction: down}", "direction is down"),
        ("query: up, range: true", "{from: neighbours}", "from is neighbours"),
        ("query: up", "{from: siblings}", "brings no series"),
        ("query: up", "{from: baseline, ratio: 2}", "nothing to compare with"),
        ("query: up, range: true", "{from: siblings, direction: below, sigma: 3, floor: 0.1, of: gpu}", ""),
        ("query: up, baseline: true", "{from: baseline, ratio: 2}", ""),
    ],
)
def test_a_comparison_that_cannot_be_made_is_found(folder: Path, need: str, deviates: str, says: str) -> None:
    change(folder / "my-skill" / "diagnosis.yaml", "query: up", need)
    change(folder / "my-skill" / "diagnosis.yaml", "above: 1", f"deviates: {deviates}")
    found = [one.message for one in lint_skills([folder], known=[folder]) if one.id == "S116"]
    assert (says in found[0]) if says else not found


def test_a_skill_that_the_registry_does_not_know(folder: Path) -> None:
    change(folder / "registry.yaml", "name: my-skill", "name: her-skill")
    assert "S107" in ids(folder)


def test_a_skill_without_examples(folder: Path) -> None:
    (folder / "my-skill" / "examples" / "one.yaml").unlink()
    assert "S120" in ids(folder)


GOOD = """signatures:
  - id: own.one
    emitted_by: us
    match: 'frobnicator jammed at (?P<at>\\d+)'
    role: cause
    indicates: [{class: train.code_error, strength: strong}]
    unverified: true
    yes: ['frobnicator jammed at 7']
    no: ['frobnicator fine at 7']
"""


@pytest.mark.parametrize(
    ("old", "new", "id_"),
    [
        ("yes: ['frobnicator jammed at 7']", "yes: ['frobnicator']", "S206"),
        ("no: ['frobnicator fine at 7']", "no: ['frobnicator jammed at 8']", "S207"),
        ("class: train.code_error", "class: train.nothing", "S208"),
        ("indicates: [{class: train.code_error, strength: strong}]", "indicates: []", "S209"),
        ("unverified: true", "unverified: false", "S210"),
        ("    no: ['frobnicator fine at 7']\n", "", "S205"),
        ("signatures:\n", "signatures:\n" + GOOD.split("\n", 1)[1], "S203"),
        (r"(?P<at>\d+)", r"(?P<at>\d+)(?!x)", "S204"),
    ],
)
def test_each_fault_of_a_signature_is_found(folder: Path, old: str, new: str, id_: str) -> None:
    file = folder / "signatures" / "own.yaml"
    file.parent.mkdir()
    file.write_text(GOOD, encoding="utf-8")
    assert ids(folder) == set()
    change(file, old, new)
    assert id_ in ids(folder)


@pytest.mark.parametrize(
    ("old", "new", "id_"),
    [
        ("explains: [gpu.illegal_access,", "explains: [gpu.ilegal_access,", "S220"),
        ("    domain: gpu\n", "    domain: gpus\n", "S221"),
    ],
)
def test_each_fault_of_the_taxonomy_is_found(folder: Path, old: str, new: str, id_: str) -> None:
    change(folder / "taxonomy.yaml", old, new)
    assert id_ in ids(folder)
