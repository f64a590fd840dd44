"""What answers of enrichers say about conditions: yes, no, or cannot tell."""

from datetime import UTC, datetime, timedelta

import pytest

from responder.logic.diagnosis.readings import deviants, judge
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


CARDS = ("GPU-0", "GPU-1", "GPU-2", "GPU-3", "GPU-4", "GPU-5")


def cards(*curves: list[float]) -> Reading:
    """A series per card of one node."""
    made = reading(None, *curves)
    named = tuple(
        one.model_copy(update={"labels": {"hostname": "n17", "UUID": card}})
        for one, card in zip(made.series, CARDS, strict=False)
    )
    return made.model_copy(update={"series": named, "unit": "MHz", "need": "sm_clock"})


SLOW = cards([1980], [1975], [1980], [1980], [1095], [1985])


@pytest.mark.parametrize(
    ("wanted", "card", "met"),
    [
        ({}, "GPU-4", True),
        ({}, "GPU-0", False),  # a sibling stands out, the event's own card does not
        ({}, "GPU-9", None),
        ({"direction": "below"}, "GPU-4", True),
        ({"direction": "above"}, "GPU-4", False),
        ({"ratio": 0.7}, "GPU-4", True),
        ({"ratio": 0.5}, "GPU-4", False),
        ({"ratio": 1.1}, "GPU-4", False),
        ({"floor": 0.2}, "GPU-4", False),  # 45 % lower, and 60 % would be needed
        ({"of": "gpu"}, "GPU-4", True),
        ({"of": "rank"}, "GPU-4", None),
    ],
)
def test_the_events_own_card_is_compared_with_its_siblings(wanted: dict, card: str, met: bool | None) -> None:
    condition = spec(deviates={"from": "siblings", "sigma": 3, **wanted})
    assert judge(condition, SLOW, {"node": ["n17"], "gpu": [card]}) is met


def test_an_event_of_the_node_owns_all_its_cards_and_the_farthest_is_named() -> None:
    found = deviants(spec(deviates={"from": "siblings", "direction": "below"}), SLOW, {"node": ["n17"]})
    assert found is not None
    assert [one.value for one in found] == [1095]
    said = found[0].said(SLOW)
    assert 'sm clock of {UUID="GPU-4", hostname="n17"} is 1095 MHz' in said
    assert said.endswith("below the 1980 MHz of its 5 siblings")


def test_noise_of_the_last_digit_is_no_deviation() -> None:
    steady = cards([1980], [1980], [1980], [1979], [1980], [1980])
    assert judge(spec(deviates={"from": "siblings"}), steady, {"gpu": ["GPU-3"]}) is False


def test_a_dip_of_one_sample_is_no_sustained_deviation() -> None:
    calm, dip = [1980.0] * 11, [1980.0] * 10 + [1095.0]
    curves = cards(calm, calm, calm, calm, dip, calm)
    assert judge(spec(deviates={"from": "siblings"}), curves, {"gpu": ["GPU-4"]}) is True
    assert judge(spec(deviates={"from": "siblings"}, sustained="5m"), curves, {"gpu": ["GPU-4"]}) is False
    assert judge(spec(deviates={"from": "siblings"}, sustained="30m"), curves, {"gpu": ["GPU-4"]}) is None


def test_two_slow_cards_do_not_hide_each_other() -> None:
    two = cards([1980], [1975], [1980], [1095], [1100], [1985])
    found = deviants(spec(deviates={"from": "siblings", "direction": "below"}), two, {"gpu": CARDS})
    assert found is not None
    assert [one.value for one in found] == [1095, 1100]


def test_a_comparison_with_before_is_none_with_siblings() -> None:
    assert deviants(spec(deviates={"from": "baseline", "ratio": 2}), SLOW, {}) is None
    assert (
        judge(spec(deviates={"from": "baseline", "sigma": 3, "direction": "below"}), reading(25, baseline=10)) is False
    )
