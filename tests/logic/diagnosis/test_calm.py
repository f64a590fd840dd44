"""How healthy a text reads: by company and end, from examples, in bounded time."""

import time

from hypothesis import given
from hypothesis import strategies as st

from responder.logic.diagnosis.calm import MARK, calm, fit_calm, said, signs
from responder.logic.diagnosis.words import Words

HEALTHY = ["step 10 loss 2.1\n0 failed, all ok", "retry 1 failed\nretry 2 ok", "upload done, 0 failed"]
TROUBLE = ["step 10 loss 2.1\nFATAL: 3 failed", "retry 1 failed\ngiving up, failed", "FATAL: cannot go on"]


def weights() -> dict[str, float]:
    return fit_calm([(text, True) for text in HEALTHY] + [(text, False) for text in TROUBLE])


def test_zero_is_a_word_of_its_own_and_other_numbers_are_alike() -> None:
    assert said("0 failed of 41, HTTP 503 then 200") == ["0", "failed", "of", "#", "http", "503", "then", "200"]


def test_the_end_counts_for_itself() -> None:
    assert f"{MARK}$ok" in signs("error\nerror\nall ok\n")
    assert f"{MARK}$ok" not in signs("all ok\nerror one\nerror two\n")


def test_the_same_words_with_another_end_read_differently() -> None:
    good = calm("retry 1 failed\nretry 2 failed\nretry 3 ok", weights(), 6)
    bad = calm("retry 3 ok\nretry 1 failed\nFATAL: giving up", weights(), 6)
    assert good > 0 > bad


def test_nothing_known_reads_neither_way() -> None:
    assert calm("zzz qqq", weights(), 6) == 0
    assert calm("", weights(), 6) == 0


def test_it_stands_under_benign_beside_the_classes() -> None:
    words = Words({sign: {"benign": weight} for sign, weight in weights().items()} | {"fatal": {"oom": 1.0}})
    assert words.mood("FATAL: 3 failed") < 0
    assert words.mood("all done, 0 failed") > 0
    assert set(words.score("FATAL: 3 failed")) == {"oom"}


@given(st.text(max_size=400))
def test_any_text_has_a_finite_score(text: str) -> None:
    assert abs(calm(text, weights(), 6)) < 1000


def test_a_long_line_is_read_in_linear_time() -> None:
    def seconds(size: int) -> float:
        start = time.perf_counter()
        signs("Aa1_" * size)
        return time.perf_counter() - start

    small = max(seconds(20_000), 0.005)
    assert seconds(80_000) < 12 * small
