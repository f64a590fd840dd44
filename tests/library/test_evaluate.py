"""The measures, computed by hand, and cases on disk."""

import json
from pathlib import Path

import pytest

from responder.errors import ConfigError
from responder.library.cases import LabelledCase, read_cases
from responder.library.evaluate import Result, evaluate, hit, score, skill_for
from responder.library.skills import load_skills
from responder.model.diagnosis import Verdict

SHIPPED = Path(__file__).parents[2] / "skills"


def case(id_: str, class_: str, *acceptable: str, hard: bool = False) -> LabelledCase:
    return LabelledCase(id=id_, kind="node", text="x", class_=class_, acceptable=acceptable, hard=hard)


def result(id_: str, *ranking: tuple[str, float], verdict: Verdict = Verdict.DIAGNOSED) -> Result:
    rows = [{"class": name, "probability": chance} for name, chance in ranking]
    return Result.model_validate({"id": id_, "ranking": rows, "verdict": verdict, "elapsed_ms": 1.0})


def test_the_measures() -> None:
    cases = [case("a", "x"), case("b", "x", "y", hard=True), case("c", "y", hard=True), case("d", "z")]
    results = [
        result("a", ("x", 0.9), ("y", 0.1)),
        result("b", ("y", 0.7), ("x", 0.2)),
        result("c", ("unknown", 0.5), ("x", 0.2), ("z", 0.1), ("y", 0.05), verdict=Verdict.INSUFFICIENT_EVIDENCE),
        result("d", ("x", 0.6), ("y", 0.2), ("w", 0.1), ("z", 0.05)),
    ]
    found = score(cases, results)
    assert (found.n, found.top1, found.top3, found.hard_top1, found.unknown_ratio) == (4, 0.5, 0.75, 0.5, 0.25)
    assert found.brier == pytest.approx((0.1**2 + 0.3**2 + 0.5**2 + 0.6**2) / 4, abs=1e-4)
    assert found.ece == pytest.approx((0.1 + 0.3 + 0.5 + 0.6) / 4, abs=1e-4)
    assert found.per_class["x"].f1 == pytest.approx(4 / 5, abs=1e-4)
    assert found.macro_f1 == pytest.approx((0.8 + 0 + 0) / 3, abs=1e-4)
    assert found.wrong == (("c", "y", "unknown"), ("d", "z", "x"))


@pytest.mark.parametrize(
    ("first", "verdict", "right"),
    [
        ("unknown", Verdict.INSUFFICIENT_EVIDENCE, True),
        ("benign", Verdict.BENIGN, True),
        ("x", Verdict.INSUFFICIENT_EVIDENCE, True),
        ("x", Verdict.DIAGNOSED, False),
    ],
)
def test_nothing_to_say_is_right_for_a_case_without_a_class(first: str, verdict: Verdict, right: bool) -> None:
    assert hit(case("a", "unknown"), result("a", (first, 0.6), verdict=verdict)) is right


def test_cases_of_both_kinds_of_file(tmp_path: Path) -> None:
    row = {"id": "a", "kind": "node", "text": "boom", "class": "x", "acceptable": ["y"], "hard": True, "url": "ignored"}
    (tmp_path / "one.jsonl").write_text(json.dumps(row) + "\n\n", encoding="utf-8")
    (tmp_path / "two.yaml").write_text("examples:\n  - {id: b, kind: node, text: boom, class: z}\n", encoding="utf-8")
    found = read_cases([tmp_path])
    assert [(one.id, one.class_, one.hard, one.right) for one in found] == [
        ("a", "x", True, {"x", "y"}),
        ("b", "z", False, {"z"}),
    ]


@pytest.mark.parametrize(("text", "place"), [("{", 1), ('{"id": "a"}', 1), ("[]", 1), ("", None)])
def test_what_is_no_case_is_named_with_its_place(tmp_path: Path, text: str, place: int | None) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_cases([file])
    assert (caught.value.file, caught.value.line) == (file, place)


def test_only_kind_and_text_reach_the_engine(tmp_path: Path) -> None:
    library = load_skills([SHIPPED])
    row = {"kind": "node", "text": "NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.", "title": "NVLink"}
    rows = [{"id": name, "class": name, **row} for name in ("gpu.fallen_off_bus", "gpu.nvlink_error")]
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    told: list[tuple[int, int]] = []
    found = evaluate([file], library.knowledge, library.skills, lambda done, n: told.append((done, n)))
    assert told == [(1, 2), (2, 2)]
    assert found.top1 == 0.5
    assert found.results[0].ranking == found.results[1].ranking


def test_a_kind_that_no_skill_takes_is_decided_by_the_shared_knowledge() -> None:
    assert skill_for("registry", {}).name == "any"
