"""What answers of enrichers say about conditions: yes, no, or cannot tell."""

from datetime import UTC, datetime, timedelta

import pytest

from responder.logic.diagnosis.readings import judge
from responder.model.evidence import Missing, Point, Reading, Series
from responder.model.skill import EvidenceSpec

AT = datetime(2026, 3, 1, tzinfo=UTC)


def reading(value: object = None, *curves: list[float], baseline: float | None = None) -> Reading:
    series = tuple(
        Series(
            labels={"gpu": str(n)},
            points=tuple(Point(at=AT + timedelta(minutes=k), value=v) for k, v in enumerate(curve)),
        )
        for n, curve in enumerate(curves)
    )
    return Reading(need="x", value=value, observed_at=AT, series=series, baseline=baseline)  # type: ignore[arg-type]


def spec(**conditions: object) -> EvidenceSpec:
    return EvidenceSpec.model_validate({"need": "x", **conditions})


@pytest.mark.parametrize(
    ("condition", "answer", "wanted"),
    [
        ({"above": 5}, reading(6), True),
        ({"above": 5}, reading(5), False),
        ({"above": 5, "below": 10}, reading(11), False),
        ({"above": 5}, reading("n/a"), None),
        ({"above": 5}, None, None),
        ({"equals": 16}, reading("16"), True),
        ({"equals": "Active"}, reading("active"), True),
        ({"in": ["a", "b"]}, reading("b"), True),
        ({"equals": "sw_thermal"}, reading(["sw_thermal", "hw_slowdown"]), True),
        ({}, reading(value=True), True),
        ({}, reading(0), False),
        ({"missing": "gpu_is_lost"}, Missing(need="x", reason="gpu_is_lost"), True),
        ({"missing": "any"}, Missing(need="x", reason="timeout"), True),
        ({"missing": "gpu_is_lost"}, Missing(need="x", reason="timeout"), None),
        ({"missing": "gpu_is_lost"}, reading(1), False),
        ({"above": 5}, Missing(need="x", reason="timeout"), None),
        ({"rising": True}, reading(None, [1, 2, 3, 4, 5, 6]), True),
        ({"rising": True}, reading(None, [3, 3, 3, 3, 3, 3]), False),
        ({"rising": False}, reading(None, [3, 3, 3, 3, 3, 3]), True),
        ({"rising": True}, reading(None, [1, 2]), None),
        ({"above": 2, "sustained": "4m"}, reading(None, [1, 3, 3, 3, 3, 3]), True),
        ({"above": 2, "sustained": "4m"}, reading(None, [1, 3, 1, 3, 3, 3]), False),
        ({"above": 2, "sustained": "30m"}, reading(None, [3, 3, 3]), None),
        ({"deviates": {"from": "siblings", "sigma": 3}}, reading(None, [10], [11], [10], [10.5], [30]), True),
        ({"deviates": {"from": "siblings", "sigma": 3}}, reading(None, [10], [11], [10], [10.5], [10.7]), False),
        ({"deviates": {"from": "siblings", "sigma": 3}}, reading(None, [10], [30]), None),
        ({"deviates": {"from": "baseline", "ratio": 2}}, reading(25, baseline=10), True),
        ({"deviates": {"from": "baseline", "ratio": 0.5}}, reading(4, baseline=10), True),
        ({"deviates": {"from": "baseline", "ratio": 2}}, reading(25), None),
    ],
)
def test_three_values(condition: dict, answer: Reading | Missing | None, wanted: bool | None) -> None:
    assert judge(spec(**condition), answer) is wanted
