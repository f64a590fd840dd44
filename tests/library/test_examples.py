"""A skill's examples run as its tests: the shipped ones pass, and each expectation is seen to fail."""

from pathlib import Path

import pytest

from responder.document import ConfigErrors
from responder.library.examples import example_paths, load_examples
from responder.library.skills import Library, load_skills

SHIPPED = Path(__file__).parents[2] / "skills"


@pytest.fixture(scope="module")
def library() -> Library:
    return load_skills([SHIPPED])


@pytest.mark.parametrize("file", example_paths(SHIPPED), ids=lambda file: f"{file.parent.parent.name}/{file.stem}")
def test_shipped_examples(library: Library, file: Path) -> None:
    for result in load_examples(file).run(library.skills, library.knowledge):
        assert result.passed, result.render()


GIVEN = """given:
  event:
    kind: node
    labels: {alertname: XidError, node: n17, severity: warning}
    log: "NVRM: Xid (PCI:0000:3b:00): 79, pid=1203, name=python, GPU has fallen off the bus."
  evidence: {pcie_width: {missing: gpu_is_lost}}
expect:
"""


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ("first: gpu.nvlink_error", "first gpu.nvlink_error"),
        ("first: gpu.fallen_off_bus\n  probability_above: 1.0", "probability above 1.0"),
        ("first: gpu.fallen_off_bus\n  probability_below: 0.1", "probability below 0.1"),
        ("verdict: benign", "verdict benign"),
        ("ruled_out: [data.drift]", "ruled out: data.drift"),
        ("severity: SEV4", "severity SEV4"),
        ("related: [nobody]", "related: nobody"),
        ("next_step_first: dance", "first step says: dance"),
        ("missing: [sleep]", "missing: sleep"),
        ("facts: {root_code: 74}", "fact root_code: 74"),
        ("cites: [fallen off the bus, a dog]", "evidence for gpu.fallen_off_bus says: a dog"),
        ("cites_against: {gpu.nvlink_error: a dog}", "evidence against gpu.nvlink_error says: a dog"),
        ("says: [a riddle]", "it says: a riddle"),
        ("steps: [inspected, cordon]", "steps that say, in order: inspected; cordon"),
        ("escalation: legal", "escalation at once to legal"),
    ],
)
def test_what_does_not_come_out_is_told(library: Library, tmp_path: Path, expect: str, told: str) -> None:
    file = example(tmp_path, GIVEN + f"  {expect}\n")
    results = load_examples(file).run(library.skills, library.knowledge)
    assert [wanted for wanted, _ in results[0].differences] == [told]
    assert "FAILED" in results[0].render()


def test_what_comes_out_passes(library: Library, tmp_path: Path) -> None:
    text = GIVEN + "  first: gpu.fallen_off_bus\n  severity: SEV2\n  next_step_first: cordon\n  missing: [pcie_width]\n"
    assert load_examples(example(tmp_path, text)).run(library.skills, library.knowledge)[0].passed


def test_siblings_may_have_labels(library: Library, tmp_path: Path) -> None:
    cards = "{UUID=GPU-0: 1980, UUID=GPU-1: 1980, UUID=GPU-2: 1980, 'UUID=GPU-3,gpu=3': 1000}"
    evidence = f"clocks_of_busy_gpus: {{value: 1980, unit: MHz, siblings: {cards}}}"
    given = "given:\n  event: {kind: node, labels: {alertname: GPUThrottling, UUID: GPU-3}}\n"
    wanted = 'expect: {first: gpu.thermal_power, cites: [\'UUID="GPU-3", gpu="3"} is 1000 MHz\'], escalation: ""}\n'
    file = example(tmp_path, f"{given}  evidence: {{{evidence}}}\n{wanted}")
    result = load_examples(file).run(library.skills, library.knowledge)[0]
    assert result.passed, result.render()


def test_a_misspelt_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="probability_above"):
        load_examples(example(tmp_path, GIVEN + "  probabilty_above: 0.5\n"))


def example(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / "gpu-node-health-diagnoser"
    (folder / "examples").mkdir(parents=True)
    (folder / "SKILL.md").write_text("", encoding="utf-8")
    file = folder / "examples" / "one.yaml"
    file.write_text(text, encoding="utf-8")
    return file
