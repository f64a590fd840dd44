"""What could not be seen, told by the reason."""

from responder.logic.gaps import by_reason, figures_missing
from responder.logic.impact import NO_HOURS
from responder.model.diagnosis import MissingNeed
from responder.model.report import Impact, UnknownField


def missing(**needs: str) -> list[MissingNeed]:
    return [MissingNeed(need=need, reason=reason) for need, reason in needs.items()]


def test_needs_that_lack_the_same_source_are_one_line() -> None:
    found = by_reason(missing(pcie_width="not_configured", node_ready="not_configured"))
    assert [(gap.why, gap.needs) for gap in found] == [("no source for it is configured", ("pcie width", "node ready"))]


def test_a_source_that_fell_silent_is_told_before_what_was_never_there() -> None:
    found = by_reason(missing(a="not_configured", b="no_variable", c="unreachable", d="timeout", e="not_configured"))
    assert [gap.needs for gap in found] == [("c",), ("d",), ("b",), ("a", "e")]


def test_a_sentence_is_left_as_it_is_and_a_need_is_told_once() -> None:
    what = "skill my_skill: KeyError: 'a_b' failed"
    found = by_reason([*missing(diagnosis=what), *missing(diagnosis=what)])
    assert [(gap.why, gap.needs) for gap in found] == [(what, ("diagnosis",))]


def test_figures_that_lack_one_thing_are_one_line_and_a_lower_bound_is_called_so() -> None:
    lacks = [UnknownField(field=name, reason="no job is known") for name in ("gpu_hours_lost", "gpu_hours_at_risk")]
    nothing = Impact(unknown=(*lacks, UnknownField(field="cost_usd", reason=NO_HOURS)))
    assert figures_missing(nothing) == ["GPU-hours lost and GPU-hours at risk not known: no job is known"]
    part = Impact(gpu_hours_lost=2.0, unknown=(UnknownField(field="gpu_hours_lost", reason="job 2 is not counted"),))
    assert figures_missing(part) == ["GPU-hours lost not complete: job 2 is not counted"]
