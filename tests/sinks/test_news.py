"""What a person would want to hear again, and what not."""

from typing import Any

import pytest

from responder.model.delivery import Visible
from responder.model.diagnosis import Hypothesis, Verdict
from responder.model.incident import Severity
from responder.model.report import GpuRef, Impact, IncidentRef
from responder.sinks.news import gist, news
from tests.strategies import gpu_report

BEFORE = gist(gpu_report(), Visible.OPEN)


def cause(
    probability: float, title: str = "The GPU fell off the PCIe bus", name: str = "gpu_fell_off_bus"
) -> Hypothesis:
    return Hypothesis.model_validate({"class": name, "title": title, "probability": probability})


@pytest.mark.parametrize(
    "change",
    [{}, {"revision": 9}, {"incident": {"events": 4000}}, {"summary": "other words"}, {"hypotheses": (cause(0.88),)}],
)
def test_noise_is_no_news(change: dict[str, Any]) -> None:
    assert news(BEFORE, gpu_report(**change), Visible.OPEN) == []


@pytest.mark.parametrize(
    ("change", "visible", "told"),
    [
        (
            {"incident": {"severity": Severity.SEV1, "severity_reason": "8 jobs"}},
            Visible.OPEN,
            ["severity SEV2 → SEV1 (8 jobs)"],
        ),
        (
            {"hypotheses": (cause(0.5),)},
            Visible.OPEN,
            ["The GPU fell off the PCIe bus now 50 % (was 93 %)"],
        ),
        (
            {"hypotheses": (cause(0.9, "A bad riser", "riser"),)},
            Visible.OPEN,
            ["first cause now A bad riser, 90 %, was The GPU fell off the PCIe bus"],
        ),
        ({"verdict": Verdict.INSUFFICIENT_EVIDENCE}, Visible.OPEN, ["not enough evidence for a cause any more"]),
        ({"incident": {"acknowledged_by": "mara"}}, Visible.ACKNOWLEDGED, ["acknowledged by mara"]),
        ({"incident": {"episode": 2}}, Visible.OPEN, ["open again (episode 2)"]),
        ({"parent": IncidentRef(id="inc-top")}, Visible.MERGED, ["part of inc-top"]),
        (
            {"impact": Impact(nodes=("a", "b"), gpus=(GpuRef(), GpuRef()), jobs=("x", "y"))},
            Visible.OPEN,
            ["2 nodes hit (was 1)", "2 GPUs hit (was 1)"],
        ),
        ({"children": (IncidentRef(id="a"), IncidentRef(id="b"))}, Visible.OPEN, ["explains 2 other incidents"]),
    ],
)
def test_what_changes_what_a_person_would_do_is_news(change: dict[str, Any], visible: Visible, told: list[str]) -> None:
    assert news(BEFORE, gpu_report(**change), visible) == told
