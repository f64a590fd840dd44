"""Host lists as Slurm prints them, and hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.logic.hostlist import HostlistError, expand


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gpu[001-003,7],login1", "gpu001 gpu002 gpu003 gpu7 login1"),
        ("n1", "n1"),
        ("n1,n1,n2", "n1 n2"),
        ("r[1-2]n[09-10]", "r1n09 r1n10 r2n09 r2n10"),
        ("gpu[1-2]-ib", "gpu1-ib gpu2-ib"),
        ("[1-2]", "1 2"),
        ("n[8-11]", "n8 n9 n10 n11"),
        ("(null)", ""),
        ("", ""),
        ("None assigned", ""),
        (" n1 , n2 ", "n1 n2"),
    ],
)
def test_expansion(text: str, names: str) -> None:
    assert expand(text) == tuple(names.split())


@pytest.mark.parametrize(
    "text",
    [
        "n[1-999999999]",
        "a[1-300]b[1-300]",
        "n[1-9999999999999999999999]",
        "n[",
        "n]",
        "n[1-2",
        "n[[1]]",
        "n[a-b]",
        "n[2-1]",
        "n[]",
    ],
)
def test_what_is_hostile_or_broken_is_refused(text: str) -> None:
    with pytest.raises(HostlistError):
        expand(text)


def test_the_bound_is_over_the_whole_list() -> None:
    assert len(expand("n[1-5],m[1-5]", limit=10)) == 10
    with pytest.raises(HostlistError, match="more than 9 hosts"):
        expand("n[1-5],m[1-5]", limit=9)


@given(
    prefix=st.text(alphabet="abcxyz-", min_size=1, max_size=6),
    ranges=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)), min_size=1, max_size=5),
    width=st.integers(1, 4),
    suffix=st.text(alphabet="ab-", max_size=4),
)
def test_what_is_folded_unfolds(prefix: str, ranges: list[tuple[int, int]], width: int, suffix: str) -> None:
    expected = dict.fromkeys(
        f"{prefix}{number:0{width}d}{suffix}" for low, more in ranges for number in range(low, low + more + 1)
    )
    inner = ",".join(f"{low:0{width}d}-{low + more:0{width}d}" for low, more in ranges)
    assert expand(f"{prefix}[{inner}]{suffix}") == tuple(expected)


@given(st.text(alphabet="n0123456789[]-, ", max_size=40))
def test_any_text_is_a_bounded_list_or_an_error(text: str) -> None:
    try:
        names = expand(text, limit=1000)
    except HostlistError:
        return
    assert len(names) <= 1000
    assert len(set(names)) == len(names)
