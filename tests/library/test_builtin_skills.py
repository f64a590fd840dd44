"""The shipped skills hold what the skill taxonomy asks of each: triggers, boundaries, input, phases, output, example, related, mistakes,
checklist; and what they say can be followed: names resolve, mistakes have their regression example."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from responder.document import load
from responder.library.examples import Given, case_of, example_paths, load_examples
from responder.library.skill_files import FrontMatter, SkillFile
from responder.library.skill_lint import lint_skills
from responder.library.skills import Library, front_matter, load_skills
from responder.logic.diagnosis import diagnose
from responder.model.report import Report

FOLDER = Path(__file__).parents[2] / "skills"
NAMES = sorted(file.parent.name for file in FOLDER.glob("*/SKILL.md"))
HEADINGS = [
    "When to use",
    "When not to use",
    "Inputs",
    "Workflow",
    "Output",
    "Example",
    "Related skills",
    "Common mistakes",
    "Quality checklist",
]
KINDS = {
    "training_job",
    "inference_service",
    "node",
    "scheduler",
    "data_pipeline",
    "registry",
    "agent",
    "monitoring",
}
MOST_NEEDS = 22
"""They are asked side by side, eight of Prometheus at a time, and must all be back within seconds; what is missing for one reason is
told in one line."""


@pytest.fixture(scope="module")
def library() -> Library:
    return load_skills([FOLDER])


def sections(name: str) -> dict[str, str]:
    _, body = front_matter(FOLDER / name / "SKILL.md")
    pieces = re.split(r"^## (.+)$", body, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def diagnosis(name: str) -> SkillFile:
    return load(FOLDER / name / "diagnosis.yaml").read(SkillFile)


def quoted_skills(text: str) -> set[str]:
    return {found for found in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", text) if not found.startswith("mistake-")}


def test_every_kind_of_event_has_exactly_one_skill(library: Library) -> None:
    taken = [kind for skill in library.skills.values() for kind in skill.kinds]
    assert sorted(taken) == sorted(KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_front_matter_says_when_to_use_it(name: str) -> None:
    head, _ = front_matter(FOLDER / name / "SKILL.md")
    front = head.read(FrontMatter)
    assert front.name == name
    assert "Use when" in front.description


@pytest.mark.parametrize("name", NAMES)
def test_metadata_agrees_with_the_registry(name: str, library: Library) -> None:
    entry, skill = library.knowledge.registry[name], library.skills[name]
    head, _ = front_matter(FOLDER / name / "SKILL.md")
    assert (skill.domain, skill.mode) == (entry.domain, entry.mode)
    assert head.read(FrontMatter).metadata["responder-phase"] == str(entry.phase)


@pytest.mark.parametrize("name", NAMES)
def test_body_has_the_nine_headings_in_order_and_is_short(name: str) -> None:
    assert list(sections(name)) == HEADINGS
    assert len((FOLDER / name / "SKILL.md").read_text().splitlines()) < 500


@pytest.mark.parametrize("name", NAMES)
def test_triggers_and_boundaries_are_unambiguous(name: str, library: Library) -> None:
    parts = sections(name)
    uses = [line for line in parts["When to use"].splitlines() if line.startswith("- ")]
    assert len(uses) >= 3
    assert all(line.startswith("- Use when") for line in uses)
    nots = [line for line in parts["When not to use"].splitlines() if line.startswith("- ")]
    assert nots
    for line in nots:
        assert quoted_skills(line) & set(library.knowledge.registry), f"names no other skill: {line}"


@pytest.mark.parametrize("name", NAMES)
def test_all_skills_named_in_the_text_exist(name: str, library: Library) -> None:
    parts = sections(name)
    for heading in ("When not to use", "Related skills"):
        named = quoted_skills(parts[heading])
        assert named <= set(library.knowledge.registry), named - set(library.knowledge.registry)
        assert name not in named


@pytest.mark.parametrize("name", NAMES)
def test_phases_of_the_text_are_those_of_the_diagnosis(name: str) -> None:
    written = re.findall(r"^\d+\. \*\*(.+?)\.\*\*", sections(name)["Workflow"], flags=re.MULTILINE)
    assert [phase.lower() for phase in written] == [phase.lower() for phase in diagnosis(name).phases]


@pytest.mark.parametrize("name", NAMES)
def test_each_common_mistake_has_its_regression_example(name: str) -> None:
    named = set(re.findall(r"`(mistake-[a-z0-9-]+)`", sections(name)["Common mistakes"]))
    files = {file.stem for file in (FOLDER / name / "examples").glob("mistake-*.yaml")}
    assert len(named) >= 3
    assert named == files


@pytest.mark.parametrize("name", NAMES)
def test_checklist_names_checks_and_examples_that_exist(name: str) -> None:
    boxes = [line for line in sections(name)["Quality checklist"].splitlines() if line.startswith("- [ ]")]
    assert len(boxes) >= 5
    made = set(re.findall(r'_result\("([a-z-]+)"', (FOLDER.parent / "src/responder/logic/quality.py").read_text()))
    for box in boxes:
        how = re.search(r"\((machine|example|person)(?:: ([a-z0-9, -]+))?\)$", box)
        assert how is not None, box
        ids = set((how.group(2) or "").split(", ")) - {""}
        if how.group(1) == "machine":
            assert ids <= made, ids - made
        if how.group(1) == "example":
            assert all((FOLDER / name / "examples" / f"{one}.yaml").is_file() for one in ids), box


@pytest.mark.parametrize("name", NAMES)
def test_hypotheses_and_suggestions_resolve_and_cite(name: str, library: Library) -> None:
    spec = diagnosis(name)
    needs = set(spec.needs)
    assert len(needs) <= MOST_NEEDS
    for hypothesis in spec.hypotheses:
        assert hypothesis.class_ in library.knowledge.taxonomy
        assert hypothesis.because is not None or hypothesis.against, f"{hypothesis.class_} cites nothing"
    text = (FOLDER / name / "diagnosis.yaml").read_text()
    asked = set(re.findall(r"\bneed: ([a-z0-9_]+)", text))
    assert asked <= needs, f"conditions on needs that are not asked: {asked - needs}"
    signatures = set(re.findall(r"\bsignature: ([a-z0-9_.]+)", text))
    assert signatures <= set(library.knowledge.signatures.by_id), signatures - set(library.knowledge.signatures.by_id)
    for one in spec.related:
        assert one.skill in library.knowledge.registry
        assert one.skill != name
        classes = one.when.get("class", [])
        for class_ in classes if isinstance(classes, list) else [classes]:
            assert class_ in {*library.knowledge.taxonomy, "unknown", "benign"}


@pytest.mark.parametrize("name", NAMES)
def test_the_first_step_can_be_undone(name: str) -> None:
    for hypothesis in diagnosis(name).hypotheses:
        if hypothesis.next_steps:
            assert hypothesis.next_steps[0].reversible, hypothesis.class_
            assert hypothesis.next_steps[0].risk in ("none", "low"), hypothesis.class_


@pytest.mark.parametrize("name", NAMES)
def test_there_are_enough_examples_and_they_ask_only_known_needs(name: str, library: Library) -> None:
    files = sorted((FOLDER / name / "examples").glob("*.yaml"))
    assert len(files) >= 8
    needs = set(diagnosis(name).needs)
    for file in files:
        given = yaml.safe_load(file.read_text())
        assert set(given) == {"given", "expect"}, file.name
        assert set(given["given"].get("evidence", {})) <= needs, file.name
        first = given["expect"].get("first")
        assert first is None or first in {*library.knowledge.taxonomy, "unknown", "benign"}, file.name


@pytest.mark.parametrize(
    "file", example_paths(FOLDER), ids=lambda file: f"{file.parent.parent.name}-{file.stem}".removesuffix(".yaml")
)
def test_examples_come_out_as_expected(file: Path, library: Library) -> None:
    for result in load_examples(file).run(library.skills, library.knowledge):
        assert result.passed, result.render()


def test_nothing_is_left_to_say_about_them() -> None:
    ours = [one for name in NAMES for one in lint_skills([FOLDER / name], known=[FOLDER])]
    assert [str(one) for one in ours] == []


def asset(name: str, file: str) -> Any:
    return json.loads((FOLDER / name / "assets" / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_the_example_event_is_of_the_input_schema(name: str) -> None:
    schema, event = asset(name, "input.schema.json"), asset(name, "example-event.json")
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(event)
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate({**event, "kind": "no such kind"})


@pytest.mark.parametrize("name", NAMES)
def test_the_example_report_is_of_the_output_schema(name: str) -> None:
    published = Resource.from_contents(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **Report.model_json_schema(by_alias=True)}
    )
    schema = asset(name, "output.schema.json") | {"$id": "http://localhost/skill"}
    registry = Registry().with_resource("http://localhost/v1/schemas/report", published)
    report = asset(name, "example-report.json")
    validator = Draft202012Validator(schema, registry=registry)
    validator.validate(report)
    with pytest.raises(ValidationError):
        validator.validate({**report, "skill": {**report["skill"], "name": "another"}})
    with pytest.raises(ValidationError):
        validator.validate({**report, "revision": "first"})


@pytest.mark.parametrize("name", NAMES)
def test_the_example_event_still_gives_the_example_report(name: str, library: Library) -> None:
    given = {key: value for key, value in asset(name, "example-event.json").items() if key != "starts_at"}
    found = diagnose(case_of(Given.model_validate({"event": given})), library.skills[name], library.knowledge)
    report = Report.model_validate(asset(name, "example-report.json"))
    assert found.first is not None
    assert (found.verdict, found.first.class_) == (report.verdict, report.hypotheses[0].class_)
    assert [phase.name for phase in report.phases] == list(diagnosis(name).phases)
    assert {one.need for one in report.missing} == set(diagnosis(name).needs)
