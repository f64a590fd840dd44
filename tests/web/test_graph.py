"""The causal graph as a drawing: whole, around one class, and of one report."""

import re
from xml.etree import ElementTree as ET

import pytest

from responder.model.diagnosis import Hypothesis
from responder.model.report import IncidentRef, Report
from responder.model.skill import Prior, TaxonomyClass
from responder.web.graph import around, causes_of, effects_of, of_report, whole
from tests.strategies import gpu_report


def cls(name: str, *explains: str, prior: float = 0.1, title: str = "") -> TaxonomyClass:
    return TaxonomyClass(
        id=name,
        title=title or name.title(),
        domain=name.partition(".")[0],
        culprit="hardware",
        definition="d",
        prior=Prior(value=prior, source="s"),
        explains=explains,
    )


CLASSES = {
    one.id: one
    for one in (
        cls("gpu.lost", "train.rank", "net.timeout"),
        cls("train.rank", "net.timeout", "train.loop"),
        cls("train.loop", "train.rank"),
        cls("net.timeout", prior=0.3),
        cls("net.hostile", title='<script>alert("x")</script> & a title that is much too long to fit'),
    )
}


def drawings(text: str) -> list[ET.Element]:
    """Well-formed, or it does not parse; the text around is ours."""
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def test_every_class_is_a_link_and_every_edge_a_line_even_in_circles() -> None:
    (svg,) = drawings(whole(CLASSES))
    assert {a.get("href") for a in svg.iter("a")} == {f"/taxonomy/{name}" for name in CLASSES}
    assert sum("edge" in (p.get("class") or "") for p in svg.iter("path")) == 5
    width, height = (float(svg.get(side) or 0) for side in ("width", "height"))
    for rect in svg.iter("rect"):
        assert 0 <= float(rect.get("x") or -1) <= width
        assert 0 <= float(rect.get("y") or -1) <= height


def test_causes_stand_left_of_what_they_bring_about() -> None:
    (svg,) = drawings(whole(CLASSES))
    x = {a.get("href"): float(a.findall("rect")[0].get("x") or 0) for a in svg.iter("a")}
    assert x["/taxonomy/gpu.lost"] < x["/taxonomy/net.timeout"]


def test_the_chosen_class_and_its_neighbours_stand_out() -> None:
    (svg,) = drawings(whole(CLASSES, "train.rank"))
    kinds = {a.get("href"): a.get("class") or "" for a in svg.iter("a")}
    assert kinds["/taxonomy/train.rank"].endswith("chosen")
    assert kinds["/taxonomy/net.timeout"].endswith("effect")
    assert kinds["/taxonomy/gpu.lost"].endswith("cause")
    assert kinds["/taxonomy/net.hostile"].endswith("sev3")


def test_neighbours_are_the_most_frequent_first() -> None:
    assert causes_of(CLASSES, "net.timeout") == ["gpu.lost", "train.rank"]
    assert effects_of(CLASSES, "gpu.lost") == ["net.timeout", "train.rank"]


def test_titles_are_text_and_cut_to_their_box() -> None:
    for svg in drawings(around(CLASSES, "net.hostile", ["gpu.lost"], [])):
        assert not list(svg.iter("script"))
        shown = [text.text or "" for text in svg.iter("text")]
        assert any(text.startswith("<script>") and text.endswith("…") for text in shown)


@pytest.mark.parametrize(
    ("causes", "effects"), [([], []), (["gpu.lost"], []), ([], ["train.loop"]), (["gpu.lost"], ["train.loop"])]
)
def test_a_class_without_neighbours_on_a_side_leaves_no_hole_there(causes: list[str], effects: list[str]) -> None:
    side, outline = drawings(around(CLASSES, "train.rank", causes, effects))
    for svg in (side, outline):
        assert len(list(svg.iter("a"))) == 1 + len(causes) + len(effects)
        assert len(list(svg.iter("path"))) == len(causes) + len(effects)
        assert min(float(rect.get("x") or 0) for rect in svg.iter("rect")) < 40
    assert float(outline.get("width") or 0) <= 300, "it fits a phone"


def report(first: str, symptoms: tuple[str, ...] = (), others: tuple[str, ...] = (), **more: object) -> Report:
    ranked = [Hypothesis.model_validate({"class": first, "title": "t", "probability": 0.9, "symptoms": symptoms})]
    ranked += [Hypothesis.model_validate({"class": name, "title": "t", "probability": 0.02}) for name in others]
    return gpu_report(hypotheses=tuple(ranked), ruled_out=(), children=(), **more)


def test_a_report_shows_what_was_weighed_above_and_seen_below() -> None:
    parent = IncidentRef.model_validate({"id": "inc-p", "class": "gpu.lost"})
    svg = drawings(
        of_report(
            CLASSES, report("train.rank", ("net.timeout", "gone.class"), ("train.loop", "net.hostile"), parent=parent)
        )
    )[0]
    kinds = {(a.get("href") or "").rpartition("/")[2]: (a.get("class") or "").split()[-1] for a in svg.iter("a")}
    assert kinds == {"train.rank": "chosen", "gpu.lost": "cause", "train.loop": "cause", "net.timeout": "effect"}


def test_a_class_that_stands_alone_or_is_not_known_is_not_drawn() -> None:
    assert of_report(CLASSES, report("net.timeout")) == ""
    assert of_report(CLASSES, report("unknown")) == ""
    assert of_report(CLASSES, gpu_report(hypotheses=())) == ""
