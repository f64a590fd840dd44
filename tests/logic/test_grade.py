"""The worst driver wins, with its reason; a doubtful class does not page."""

import pytest

from responder.logic.grade import Driver, Matrix, at_intake, grade
from responder.model.incident import Severity
from responder.model.report import Impact, Slo
from tests.making import event, rule

INTAKE = Driver(Severity.SEV3, "the sender says warning")
CLASSES = {"ai.cross_tenant_leak": "SEV1", "cost.budget_exceeded": "SEV3", "gpu.lost": "SEV2"}


@pytest.mark.parametrize(
    ("cause", "probability", "severity"),
    [
        ("ai.cross_tenant_leak", 0.8, Severity.SEV1),
        ("ai.cross_tenant_leak", 0.4, Severity.SEV3),
        ("cost.budget_exceeded", 0.9, Severity.SEV3),
        ("gpu.lost", 0.95, Severity.SEV2),
        (None, 0.0, Severity.SEV3),
    ],
)
def test_the_class_counts_from_even_odds_on(cause: str | None, probability: float, severity: Severity) -> None:
    assert grade(Matrix(), INTAKE, cause, probability, CLASSES, Impact(), 0).severity is severity


@pytest.mark.parametrize(
    ("impact", "gpus", "severity", "why"),
    [
        (Impact(gpu_hours_lost=2500), 0, Severity.SEV2, "gpu hours lost"),
        (Impact(), 512, Severity.SEV2, "gpus hit"),
        (Impact(), 4096, Severity.SEV1, "gpus hit"),
        (Impact(slo=Slo(objective="o", burn_rate=14.4)), 0, Severity.SEV2, "burn rate"),
        (Impact(nodes=tuple(f"n{n}" for n in range(64))), 0, Severity.SEV1, "nodes hit"),
    ],
)
def test_impact_raises_the_severity_and_says_why(impact: Impact, gpus: int, severity: Severity, why: str) -> None:
    found = grade(Matrix(), INTAKE, None, 0, {}, impact, gpus)
    assert found.severity is severity
    assert why in found.why


def test_the_matrix_can_be_overridden_per_class() -> None:
    matrix = Matrix(classes={"gpu.lost": Severity.SEV1})
    assert grade(matrix, INTAKE, "gpu.lost", 0.9, CLASSES, Impact(), 0).severity is Severity.SEV1


def test_the_rule_grades_the_senders_word() -> None:
    severity, why = at_intake(Matrix(), rule(severity={"critical": "SEV1", "default": "SEV4"}), event())
    assert (severity, "rule gpu" in why) == (Severity.SEV1, True)


def test_a_word_alone_never_makes_a_sev1() -> None:
    assert at_intake(Matrix(), rule(), event())[0] is Severity.SEV2


def test_a_cause_is_no_less_urgent_than_the_symptoms_that_it_stands_for() -> None:
    found = grade(
        Matrix(), INTAKE, None, 0, {}, Impact(), 0, symptoms=[("inc-a", Severity.SEV4), ("inc-b", Severity.SEV2)]
    )
    assert (found.severity, found.why) == (Severity.SEV2, "its symptom inc-b is SEV2")


def test_nodes_on_which_a_job_merely_ran_are_not_nodes_at_fault() -> None:
    impact = Impact(nodes=tuple(f"n{n}" for n in range(16)))
    assert grade(Matrix(), INTAKE, None, 0, {}, impact, 0, nodes_at_fault=1).severity is Severity.SEV3
    assert grade(Matrix(), INTAKE, None, 0, {}, impact, 0).severity is Severity.SEV2
