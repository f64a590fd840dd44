"""What is over, what was asked for, and what was well before it broke: healthy texts are left alone, trouble is not talked away."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from responder.library.cases import read_cases
from responder.library.evaluate import ANY, answer, hit
from responder.logic.diagnosis import Knowledge, Signatures, diagnose
from responder.logic.diagnosis.literals import required
from responder.logic.diagnosis.parts import event_text
from responder.model.diagnosis import BENIGN, Case, Diagnosis, Verdict
from responder.model.event import Event
from responder.model.skill import Signature

SKILLS = Path(__file__).resolve().parents[3] / "skills"
HEALTHY = sorted((SKILLS / "examples").glob("healthy-*.yaml"))
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIGNATURES: list[Mapping[str, object]] = [
    {"id": "t.lost", "match": "connection lost(?: on (?P<node>\\S+))?", "role": "cause",
     "indicates": [{"class": "net.link_down", "strength": "strong"}]},
    {"id": "t.back", "match": "connection back(?: on (?P<node>\\S+))?", "role": "benign", "resolves": ["net.*"]},
    {"id": "t.drill", "match": "this is a drill", "role": "benign", "excuses": ["*"]},
    {"id": "t.aside", "match": "asked about", "role": "benign", "resolves": ["*"], "own_line": True},
    {"id": "t.well", "match": "all is well", "role": "benign"},
    {"id": "t.hint", "match": "somewhat slow", "role": "symptom",
     "indicates": [{"class": "net.link_down", "strength": "weak"}]},
]  # fmt: skip
Judged = Callable[[str], Diagnosis]


def signatures(rows: Iterable[Mapping[str, object]]) -> Signatures:
    found = {
        str(row["id"]): Signature.model_validate({"emitted_by": "test", "unverified": True, **row}) for row in rows
    }
    return Signatures(found, {name: tuple(required(one.match) or ()) for name, one in found.items()})


@pytest.fixture(scope="module")
def judged(knowledge: Knowledge) -> Judged:
    small = Knowledge(taxonomy=knowledge.taxonomy, signatures=signatures(SIGNATURES), calibration=knowledge.calibration)

    def ask(text: str) -> Diagnosis:
        return diagnose(Case(kind="training_job", text=text, at=AT), ANY, small)

    return ask


def leads(found: Diagnosis) -> str:
    return found.hypotheses[0].class_


def test_healthy_texts_are_left_alone(knowledge: Knowledge) -> None:
    cases = read_cases(HEALTHY)
    alarms = [case.id for case in cases if not hit(case, answer(case, knowledge, ANY))]
    assert len(cases) > 200
    assert len(alarms) <= 0.03 * len(cases), alarms


def test_trouble_that_is_over_needs_nobody(judged: Judged) -> None:
    assert leads(judged("connection lost\nconnection back")) == BENIGN


def test_what_comes_back_before_it_is_lost_again_is_not_over(judged: Judged) -> None:
    assert leads(judged("connection lost\nconnection back\nconnection lost")) == "net.link_down"


def test_another_thing_that_is_back_says_nothing_of_this_one(judged: Judged) -> None:
    assert leads(judged("connection lost on n1\nconnection back on n2")) == "net.link_down"
    assert leads(judged("connection lost on n1\nconnection back on n1")) == BENIGN


def test_another_rank_that_goes_on_says_nothing_of_this_one(judged: Judged) -> None:
    assert leads(judged("[rank1]: connection lost\n[rank0]: connection back")) == "net.link_down"


def test_an_excuse_holds_wherever_it_stands(judged: Judged) -> None:
    assert leads(judged("this is a drill\nconnection lost")) == BENIGN
    assert leads(judged("connection lost\nthis is a drill")) == BENIGN


def test_an_aside_holds_for_its_own_line(judged: Judged) -> None:
    assert leads(judged("the user asked about connection lost")) == BENIGN
    assert leads(judged("connection lost\nthe user asked about lunch")) == "net.link_down"


def test_what_was_well_before_the_trouble_says_less_than_after(judged: Judged) -> None:
    def chance(text: str) -> float:
        return next(one.probability for one in judged(text).hypotheses if one.class_ == "net.link_down")

    assert chance("all is well\nconnection lost") > chance("connection lost\nall is well")


def test_a_hint_is_no_diagnosis(judged: Judged) -> None:
    assert judged("it is somewhat slow").verdict is Verdict.INSUFFICIENT_EVIDENCE
    assert judged("connection lost").verdict is Verdict.DIAGNOSED


def test_words_alone_are_no_diagnosis(knowledge: Knowledge) -> None:
    blind = Knowledge(
        taxonomy=knowledge.taxonomy, words=knowledge.words, calibration=knowledge.calibration, signatures=signatures([])
    )
    text = "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 3 has a total capacity of 79.15 GiB"
    found = diagnose(Case(kind="training_job", text=text, at=AT), ANY, blind)
    assert leads(found) == "train.cuda_oom"
    assert found.verdict is Verdict.INSUFFICIENT_EVIDENCE
    assert not found.hypotheses[0].because


@pytest.mark.parametrize(("state", "said"), [("node_fail", False), ("failed", False), ("completed", True)])
def test_a_zero_of_a_job_that_did_not_complete_is_no_good_end(state: str, said: bool) -> None:
    event = Event.model_validate(
        {
            "id": "e1",
            "fingerprint": "f",
            "source": "slurm",
            "format": "slurm",
            "kind": "training_job",
            "status": "firing",
            "received_at": AT,
            "starts_at": AT,
            "job": {"id": "7", "state": state, "exit_code": 0, "signal": 1},
        }
    )
    assert ("exit code 0" in event_text(event)) is said
