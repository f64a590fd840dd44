"""Conditions of a skill over one case, through a whole diagnosis: what is met speaks, what is unknown is named."""

from datetime import UTC, datetime, timedelta

from responder.logic.diagnosis import Knowledge, diagnose, needs_for
from responder.model.diagnosis import Case, Diagnosis, Verdict
from responder.model.event import Event, Kind, Status
from responder.model.evidence import Missing, Need, Point, Reading, Series
from responder.model.skill import Mode, Skill

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HANG = "gpu.thermal_power"


def event(**labels: str) -> Event:
    return Event(
        id="ev1",
        format="native",
        source="test",
        fingerprint="f",
        kind=Kind.NODE,
        status=Status.FIRING,
        labels=labels,
        entities={"node": ("n17",), "gpu": ("GPU-1", "GPU-2")},
        starts_at=AT,
        received_at=AT,
    )


def skill(*conditions: dict, against: tuple[dict, ...] = (), whole: bool = True, **more: object) -> Skill:
    spec = {"class": HANG, "for": conditions, "against": against, **more}
    return Skill.model_validate(
        {
            "name": "s",
            "description": "d",
            "domain": "x",
            "mode": Mode.DIAGNOSER,
            "version": "1",
            "phases": ("look", "ask", "decide"),
            "needs": (
                Need(name="clock", source="nvml", query="clocks"),
                Need(name="heat", source="prometheus", query="x"),
            ),
            "hypotheses": (spec,),
            "whole_taxonomy": whole,
        }
    )


def run(knowledge: Knowledge, condition: dict, *, text: str = "", **labels: str) -> Diagnosis:
    readings = {
        "clock": Reading(need="clock", value=300, unit="MHz", observed_at=AT),
        "heat": Missing(need="heat", reason="timeout"),
    }
    case = Case(kind="node", events=(event(**labels),), readings=readings, at=AT, text=text)
    return diagnose(case, skill(condition), knowledge)


def met(knowledge: Knowledge, condition: dict, **more: str) -> bool:
    found = run(knowledge, {"strength": "decisive", **condition}, **more)
    return next((one.probability > 0.5 for one in found.hypotheses if one.class_ == HANG), False)


def test_of_what_several_events_say_the_first_is_cited(knowledge: Knowledge) -> None:
    one = event(alertname="GpuHot", team="b")
    late = one.model_copy(update={"id": "ev2", "starts_at": AT + timedelta(minutes=5)})
    other = one.model_copy(update={"id": "ev0", "labels": {"alertname": "GpuCold"}})
    hot = skill({"strength": "decisive", "label": "alertname", "matches": "(?i)hot"})
    found = diagnose(Case(kind="node", events=(other, one, late), at=AT), hot, knowledge)
    (cited,) = (piece for piece in found.evidence if 'alertname="GpuHot"' in piece.statement)
    assert cited.observed_at == AT


XID = "NVRM: Xid (PCI:0000:3b:00): 79, pid=1203, name=python, GPU has fallen off the bus."


def test_each_operator(knowledge: Knowledge) -> None:
    assert met(knowledge, {"need": "clock", "below": 500})
    assert not met(knowledge, {"need": "clock", "above": 500})
    assert not met(knowledge, {"need": "heat", "above": 1})
    assert met(knowledge, {"need": "heat", "missing": "timeout"})
    assert met(knowledge, {"label": "alertname", "matches": "(?i)hot"}, alertname="GpuHot")
    assert not met(knowledge, {"label": "alertname", "matches": "(?i)hot"}, alertname="GpuCold")
    assert met(knowledge, {"label": "temp", "above": 80}, temp="91")
    assert met(knowledge, {"event": {"kind": "node", "status": "firing"}})
    assert not met(knowledge, {"event": {"kind": "training_job"}})
    assert met(knowledge, {"entity": {"node": "n17"}})
    assert met(knowledge, {"entity": {"gpu": {"above": 1}}})
    assert not met(knowledge, {"entity": {"service": True}})


def test_combinations_are_three_valued(knowledge: Knowledge) -> None:
    yes, no, unknown = {"need": "clock", "below": 500}, {"need": "clock", "above": 500}, {"need": "heat", "above": 1}
    assert met(knowledge, {"all": [yes, yes]})
    assert not met(knowledge, {"all": [yes, unknown]})
    assert met(knowledge, {"any": [no, unknown, yes]})
    assert not met(knowledge, {"any": [no, unknown]})
    assert met(knowledge, {"not": no})
    assert not met(knowledge, {"not": unknown})


def test_signature_conditions(knowledge: Knowledge) -> None:
    own = skill({"signature": "nvrm.xid", "where": {"code": 79}, "count": 2, "strength": "decisive"}, whole=False)
    once = diagnose(Case(kind="node", text=XID, at=AT), own, knowledge)
    twice = diagnose(Case(kind="node", text=f"{XID}\n{XID}", at=AT), own, knowledge)
    assert once.verdict is Verdict.INSUFFICIENT_EVIDENCE
    assert not any(one.because for one in once.hypotheses if one.class_ == HANG)
    assert (twice.verdict, twice.hypotheses[0].class_) == (Verdict.DIAGNOSED, HANG)


def test_what_could_not_be_told_is_missing(knowledge: Knowledge) -> None:
    found = run(knowledge, {"need": "heat", "above": 1})
    assert [(one.need, one.reason) for one in found.missing] == [("heat", "timeout")]


def test_what_was_met_is_cited(knowledge: Knowledge) -> None:
    found = run(knowledge, {"need": "clock", "below": 500, "strength": "decisive"})
    cited = {entry.id: entry for entry in found.evidence}
    entry = cited[found.hypotheses[0].because[0]]
    assert (entry.source, entry.value, entry.unit) == ("nvml", 300, "MHz")


def cited(found: Diagnosis, side: str = "because") -> list[str]:
    said = {entry.id: entry.statement for entry in found.evidence}
    hypothesis = next(one for one in found.hypotheses if one.class_ == HANG)
    return [said[id_] for id_ in getattr(hypothesis, side)]


def asked(knowledge: Knowledge, condition: dict, *answers: Reading, against: tuple[dict, ...] = ()) -> Diagnosis:
    readings = {one.need: one for one in answers}
    case = Case(kind="node", events=(event(UUID="GPU-1", alertname="Hot"),), readings=readings, at=AT)
    return diagnose(case, skill(condition, against=against), knowledge)


CLOCK = Reading(need="clock", value=300, unit="MHz", observed_at=AT, statement="the clock was 300 MHz")
HEAT = Reading(need="heat", value=91, unit="C", observed_at=AT, statement="the heat was 91 C")


def test_a_condition_of_several_parts_cites_all_that_it_rests_on(knowledge: Knowledge) -> None:
    parts = {"all": [{"need": "clock", "below": 500}, {"need": "heat", "above": 80}, {"label": "alertname"}]}
    found = asked(knowledge, {**parts, "strength": "decisive"}, CLOCK, HEAT)
    assert cited(found) == ["the clock was 300 MHz", "the heat was 91 C", 'alertname="Hot"']
    opposed = asked(knowledge, {"label": "alertname", "strength": "decisive"}, CLOCK, HEAT, against=(parts,))
    assert cited(opposed, "against") == ["the clock was 300 MHz", "the heat was 91 C", 'alertname="Hot"']


def test_what_is_denied_by_a_reading_cites_the_reading(knowledge: Knowledge) -> None:
    found = asked(knowledge, {"not": {"need": "heat", "above": 95}, "strength": "decisive"}, HEAT)
    assert cited(found) == ["the heat was 91 C"]


def test_a_condition_may_say_what_its_readings_mean(knowledge: Knowledge) -> None:
    both = {"all": [{"need": "clock", "below": 500}, {"need": "heat", "above": 80}], "says": "Hot and slow: the cooler"}
    found = asked(knowledge, {**both, "strength": "decisive"}, CLOCK, HEAT)
    assert cited(found)[-1] == "Hot and slow: the cooler"
    assert found.evidence[-1].source == "nvml"


def test_a_comparison_with_siblings_names_the_events_own_card(knowledge: Knowledge) -> None:
    def curve(card: str, value: float) -> Series:
        return Series(labels={"UUID": card, "hostname": "n17"}, points=(Point(at=AT, value=value),))

    levels = {"GPU-1": 1095, "GPU-3": 1980, "GPU-4": 1980, "GPU-5": 1980, "GPU-6": 300}
    answer = Reading(
        need="clock",
        value=1980,
        unit="MHz",
        observed_at=AT,
        statement="clock was 1980 MHz (largest of 5 series)",
        series=tuple(curve(card, value) for card, value in levels.items()),
    )
    slower = {"need": "clock", "deviates": {"from": "siblings", "direction": "below"}, "strength": "decisive"}
    said = cited(asked(knowledge, slower, answer))
    assert len(said) == 1
    assert 'clock of {UUID="GPU-1", hostname="n17"} is 1095 MHz' in said[0]
    faster = {**slower, "deviates": {"from": "siblings", "direction": "above"}}
    assert HANG not in {one.class_ for one in asked(knowledge, faster, answer).hypotheses if one.probability > 0.5}


def test_a_skill_of_its_own_classes_names_no_other(knowledge: Knowledge) -> None:
    own = skill({"need": "clock", "below": 500}, whole=False)
    found = diagnose(Case(kind="node", text=XID, at=AT), own, knowledge)
    assert {one.class_ for one in found.hypotheses} <= {HANG, "unknown", "benign"}


def test_steps_are_filled_or_shown_without_their_command(knowledge: Knowledge) -> None:
    steps = [{"do": "Cordon {node}", "command": "kubectl cordon {node}"}, {"do": "Ask", "command": "ask {nobody}"}]
    own = skill({"event": {"kind": "node"}, "strength": "decisive"}, next_steps=steps, says="GPU on {node} is hot.")
    first = diagnose(Case(kind="node", events=(event(),), at=AT), own, knowledge).hypotheses[0]
    assert [(step.do, step.command) for step in first.next_steps] == [
        ("Cordon n17", "kubectl cordon n17"),
        ("Ask", None),
    ]
    assert first.says == "GPU on n17 is hot."


def test_phases_are_those_of_the_skill_in_order(knowledge: Knowledge) -> None:
    ticks = iter(range(100))
    found = diagnose(Case(kind="node", text=XID, at=AT), skill(), knowledge, watch=lambda: float(next(ticks)))
    assert [phase.name for phase in found.phases] == ["look", "ask", "decide"]
    assert sum(phase.duration_ms for phase in found.phases) == 4000.0


def test_all_needs_of_the_skill_are_asked(knowledge: Knowledge) -> None:
    assert [need.name for need in needs_for(skill(), Case(kind="node", at=AT))] == ["clock", "heat"]
