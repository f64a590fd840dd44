"""The arithmetic: strengths, repetition, what explains what, and what nothing speaks for."""

import math

from hypothesis import given
from hypothesis import strategies as st

from responder.logic.diagnosis.weigh import Account, Finding, weigh
from responder.model.diagnosis import BENIGN, UNKNOWN
from responder.model.knowledge import Calibration
from responder.model.skill import Role, Strength

CLASSES = ("oom", "timeout", "crash", "full")
PRIORS = dict.fromkeys(CLASSES, 0.015)
EXPLAINS = {"oom": ("timeout", "crash"), "crash": ("timeout", "oom"), "full": ("crash",)}
NUMBERS = Calibration()


def finding(
    number: int, class_: str, strength: Strength = Strength.STRONG, role: Role = Role.CAUSE, **more: object
) -> Finding:
    given_ = {"order": number, "group": f"line {number}"} | more
    return Finding(f"e{number}", given_.pop("group"), role, {class_: strength}, **given_)  # type: ignore[arg-type]


def ranking(*findings: Finding, words: dict[str, float] | None = None) -> list[Account]:
    return weigh(findings, PRIORS, EXPLAINS, words or {}, NUMBERS)


def chance(accounts: list[Account], name: str) -> float:
    return next(account.probability for account in accounts if account.name == name)


def test_nothing_found_leaves_unknown_ahead() -> None:
    assert ranking()[0].name == UNKNOWN


def test_findings_that_are_not_independent_count_once_and_are_all_cited() -> None:
    strong = finding(1, "oom", Strength.DECISIVE, group="line 0 1")
    weak = finding(2, "oom", Strength.WEAK, group="line 0 1", more=("e7", "e8"))
    both, alone = ranking(weak, strong)[0], ranking(strong)[0]
    assert both.probability == alone.probability
    assert both.because == ["e1", "e2", "e7", "e8"]
    against = Finding("e3", "line 0 1", Role.CAUSE, {}, {"oom": Strength.WEAK}, more=("e9",))
    assert next(one for one in ranking(strong, against) if one.name == "oom").opposed == ["e3", "e9"]


def test_a_stronger_line_makes_surer() -> None:
    chances = [chance(ranking(finding(1, "oom", strength)), "oom") for strength in reversed(Strength)]
    assert chances == sorted(chances)
    assert chances[-1] > 0.7


def test_lines_of_one_place_count_once() -> None:
    once = ranking(finding(1, "oom"))
    twice = ranking(finding(1, "oom"), finding(2, "oom", group="line 1"))
    assert math.isclose(chance(once, "oom"), chance(twice, "oom"))


def test_repetition_adds_less_and_less() -> None:
    support = [
        next(a.cause for a in ranking(*(finding(n, "oom") for n in range(1, k + 1))) if a.name == "oom")
        for k in (1, 2, 3)
    ]
    assert support[0] < support[1] < support[2]
    assert support[2] - support[1] < support[1] - support[0]


def test_the_cause_beats_its_louder_symptom() -> None:
    loud = [finding(n, "timeout", Strength.STRONG, Role.SYMPTOM) for n in range(2, 9)]
    ranked = ranking(finding(1, "oom"), *loud)
    assert ranked[0].name == "oom"
    assert "timeout" in ranked[0].symptoms
    assert chance(ranked, "timeout") < 0.05


def test_a_symptom_alone_names_what_usually_stands_behind_it() -> None:
    ranked = ranking(finding(1, "timeout", Strength.STRONG, Role.SYMPTOM))
    assert chance(ranked, "timeout") > chance(ranked, "crash")


def test_of_two_that_explain_each_other_the_first_leads() -> None:
    assert ranking(finding(1, "oom"), finding(2, "crash"))[0].name == "oom"
    assert ranking(finding(2, "oom"), finding(1, "crash"))[0].name == "crash"


def test_contradiction_lowers_confidence() -> None:
    plain = chance(ranking(finding(1, "oom")), "oom")
    denied = Finding("e2", "line 2", Role.CAUSE, {}, {"oom": Strength.MODERATE}, 2)
    assert chance(ranking(finding(1, "oom"), denied), "oom") < plain


def test_lines_that_show_health_make_benign() -> None:
    fine = [Finding(f"e{n}", f"line {n}", Role.BENIGN, {}, {}, n) for n in (1, 2)]
    assert ranking(*fine)[0].name == BENIGN


def test_words_alone_never_make_sure() -> None:
    assert chance(ranking(words={"oom": 50.0}), "oom") < 0.6


findings = st.builds(
    Finding,
    st.sampled_from(["e1", "e2", "e3"]),
    st.sampled_from(["a", "b", "c", "d"]),
    st.sampled_from(Role),
    st.dictionaries(st.sampled_from([*CLASSES, "stranger"]), st.sampled_from(Strength), max_size=3),
    st.dictionaries(st.sampled_from(CLASSES), st.sampled_from(Strength), max_size=2),
    st.integers(-1, 20),
    st.floats(0.05, 1.0),
)


@given(st.lists(findings, max_size=12), st.dictionaries(st.sampled_from(CLASSES), st.floats(0, 20), max_size=3))
def test_probabilities_are_a_sorted_distribution(found: list[Finding], words: dict[str, float]) -> None:
    ranked = ranking(*found, words=words)
    assert math.isclose(sum(account.probability for account in ranked), 1.0)
    assert [a.probability for a in ranked] == sorted((a.probability for a in ranked), reverse=True)
    assert {a.name for a in ranked} == {*CLASSES, UNKNOWN, BENIGN}


@given(
    st.permutations(
        [finding(1, "oom"), finding(2, "timeout", role=Role.SYMPTOM), finding(3, "crash"), finding(4, "full")]
    )
)
def test_the_order_of_telling_does_not_matter(found: list[Finding]) -> None:
    told = [(a.name, round(a.probability, 9)) for a in ranking(*found)]
    assert told == [(a.name, round(a.probability, 9)) for a in ranking(*sorted(found, key=lambda f: f.order))]
