"""Series side by side: what each is called, which are the event's own, which few of many tell what all tell."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.logic.siblings import label_text, own_of, sample

CARDS = [{"hostname": "n17", "gpu": str(n), "UUID": f"GPU-{n}", "job": "dcgm", "modelName": "H100"} for n in range(8)]
RANKS = [{"rank": str(n), "node": f"n{n // 8:02}", "job": "trainer"} for n in range(16)]


def test_a_series_is_called_by_what_tells_it_from_the_others() -> None:
    assert label_text(CARDS[3], CARDS) == '{UUID="GPU-3", gpu="3", hostname="n17"}'
    assert label_text({"__name__": "up", "instance": "n17:9100", "job": "node"}) == '{instance="n17:9100"}'
    assert label_text({"mountpoint": "/scratch", "fstype": "xfs", "instance": "n5:9100"}).startswith(
        '{mountpoint="/scr'
    )
    assert label_text({"job": "dcgm", "__name__": "up"}) == ""
    assert label_text({"code": "503", "job": "a"}, [{"code": "503", "job": "a"}, {"code": "200", "job": "a"}]) == (
        '{code="503"}'
    )


def test_one_thing_is_named_once_and_a_long_value_is_cut() -> None:
    said = label_text({"hostname": "n1", "Hostname": "n1", "instance": "n1:9400", "gpu": "0", "device": "nvidia0"})
    assert said.count("n1") == 1
    assert said.count("0") == 1
    assert len(label_text({"pod": "p" * 500})) < 120


@pytest.mark.parametrize(
    ("series", "about", "own"),
    [
        (CARDS, {"gpu": ["GPU-4"]}, {4}),
        (CARDS, {"gpu": ["GPU-4"], "gpu_index": ["2"]}, {4}),  # an index changes with a reboot
        (CARDS, {"node": ["n17"]}, set(range(8))),
        (CARDS, {"node": ["n17"], "gpu": ["GPU-9"]}, None),  # its card is not among them
        ([{"hostname": "n17", "gpu": str(n)} for n in range(4)], {"gpu": ["GPU-4"], "node": ["n17"]}, None),
        ([{"hostname": "n17", "gpu": str(n)} for n in range(4)], {"gpu_index": ["3"], "node": ["n17"]}, {3}),
        (RANKS, {"rank": ["9"]}, {9}),
        (RANKS, {"node": ["n01"]}, set(range(8, 16))),
        (RANKS, {"node": ["n00", "n01"], "job": ["88"]}, set(range(16))),
        (RANKS, {"service": ["chat"]}, set(range(16))),
        ([{"hostname": f"n{n}.cluster.local"} for n in range(4)], {"node": ["N2"]}, {2}),
        ([{"instance": f"10.0.0.{n}:9100"} for n in range(4)], {"node": ["10.0.0.2"]}, {2}),
        ([{"pod": f"chat-{n}", "service": "chat"} for n in range(4)], {"pod": ["chat-1"], "service": ["chat"]}, {1}),
    ],
)
def test_the_events_own_are_those_of_the_finest_thing_that_it_names(
    series: list[dict[str, str]], about: dict[str, list[str]], own: set[int] | None
) -> None:
    assert own_of(series, about) == own


def test_one_kind_may_be_asked_for() -> None:
    assert own_of(RANKS, {"node": ["n00"], "rank": ["3"]}, "node") == set(range(8))
    assert own_of(RANKS, {"node": ["n00"]}, "rank") is None
    assert own_of(CARDS, {"gpu": ["GPU-4"]}, "rank") is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(0, 299))
def test_a_sample_has_the_extremes_and_the_events_own(levels: list[float], place: int) -> None:
    place %= len(levels)
    series = [{"UUID": f"GPU-{n}"} for n in range(len(levels))]
    kept = sample(series, levels, {"gpu": [f"GPU-{place}"]}, 20)
    assert len(kept) == len(set(kept)) == min(20, len(levels))
    assert {max(levels), min(levels)} <= {levels[n] for n in kept}
    assert place in kept


def test_a_sample_keeps_the_middle_of_all() -> None:
    levels = [1980.0] * 500 + [345.0] * 12
    kept = sample([{"UUID": f"GPU-{n}"} for n in range(512)], levels, {}, 20)
    assert median(levels[n] for n in kept) == 1980
    assert 345 in [levels[n] for n in kept]
