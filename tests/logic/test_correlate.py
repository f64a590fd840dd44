"""Alerts have a state: duplicates change nothing, what resolves closes, what recurs reopens."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from responder.logic.batch import Changes, Known, Routed, needed
from responder.logic.correlate import closed, fold, lapse
from responder.logic.match import matches, parse_condition
from responder.model.event import JobState, Status
from responder.model.incident import Incident, IncidentStatus, Severity
from responder.model.journal import Disposition
from responder.model.rule import Outcome
from responder.model.silence import Silence
from tests.making import T0, event, incident, job, minutes, routed, rule


class Memory:
    """The store, as far as `fold` sees it."""

    def __init__(self) -> None:
        self.known = Known({}, {}, {}, set(), [])
        self.incidents: dict[str, Incident] = {}

    def feed(self, *batch: Routed, at: datetime = T0, silences: Sequence[Silence] = ()) -> Changes:
        needed(batch)
        known = Known(
            dict(self.known.states),
            dict(self.known.latest),
            dict(self.incidents),
            set(self.known.journalled),
            list(self.incidents.values()),
            silences,
        )
        changes = fold(
            batch,
            known,
            at,
            severity=lambda rule, event: (Severity.SEV2, "test"),
            rules_version="r1",
            silenced=lambda silence, labels: matches(silence.match, labels),
        )
        for id, one in changes.incidents.items():
            before = self.incidents.get(id)
            assert one.version == (before.version if before else 0) + 1
        self.known = known
        self.incidents |= changes.incidents
        self.known.latest |= {
            key: self.incidents[one.id] for key, one in known.latest.items() if one.id in self.incidents
        }
        return changes

    @property
    def only(self) -> Incident:
        assert len(self.incidents) == 1
        return next(iter(self.incidents.values()))


def test_a_firing_alert_opens_an_incident_and_is_due_after_the_group_wait() -> None:
    memory = Memory()
    changes = memory.feed(routed(event(), rule(group_wait="10s")))
    assert memory.only.status is IncidentStatus.OPEN
    assert ("triage", memory.only.id, T0 + timedelta(seconds=10), "opened") in changes.timers
    assert ("gather", memory.only.id, T0, "opened") in changes.timers
    assert changes.dispositions == [(changes.journal[0].event.id, Disposition.TRIAGED)]


def test_the_same_alert_again_is_a_duplicate_that_is_not_journalled() -> None:
    memory = Memory()
    first = event()
    memory.feed(routed(first))
    again = memory.feed(routed(event(at=T0 + minutes(5), start=T0)), at=T0 + minutes(5))
    assert again.dispositions == [(first.id, Disposition.DUPLICATE)]
    assert not again.journal
    assert not again.incidents
    assert memory.only.events == 1


def test_the_other_half_of_an_ha_pair_saw_it_start_a_little_later_and_is_a_duplicate() -> None:
    memory = Memory()
    memory.feed(routed(event()))
    other = memory.feed(routed(event(at=T0 + minutes(1), start=T0 + timedelta(seconds=14))), at=T0 + minutes(1))
    assert other.dispositions[0][1] is Disposition.DUPLICATE


def test_an_incident_resolves_when_the_last_of_its_members_does() -> None:
    memory = Memory()
    one, two = event(labels={"gpu": "0"}), event(labels={"gpu": "1"})
    memory.feed(routed(one), routed(two))
    assert (memory.only.events, memory.only.firing) == (2, 2)
    over = T0 + minutes(4)
    memory.feed(routed(event(Status.RESOLVED, over, start=T0, ends_at=over, labels={"gpu": "0"})), at=over)
    assert memory.only.status is IncidentStatus.OPEN
    changes = memory.feed(routed(event(Status.RESOLVED, over, start=T0, ends_at=over, labels={"gpu": "1"})), at=over)
    assert memory.only.status is IncidentStatus.RESOLVED
    assert memory.only.resolved_at == over
    assert ("triage", memory.only.id, over, "all_members_resolved") in changes.timers


def test_firing_and_resolved_in_one_batch_end_resolved() -> None:
    memory = Memory()
    memory.feed(routed(event()), routed(event(Status.RESOLVED, start=T0, ends_at=T0 + minutes(1))))
    assert memory.only.status is IncidentStatus.RESOLVED


def test_a_recurrence_inside_the_window_is_a_new_episode_of_the_same_incident() -> None:
    memory = Memory()
    memory.feed(routed(event()))
    memory.feed(routed(event(Status.RESOLVED, T0 + minutes(5), start=T0, ends_at=T0 + minutes(5))), at=T0 + minutes(5))
    memory.feed(routed(event(at=T0 + minutes(20))), at=T0 + minutes(20))
    assert memory.only.episode == 2
    assert memory.only.status is IncidentStatus.OPEN
    assert memory.only.acknowledged_by is None


def test_a_recurrence_long_after_is_another_incident() -> None:
    memory = Memory()
    memory.feed(routed(event()))
    memory.feed(routed(event(Status.RESOLVED, T0 + minutes(5), start=T0, ends_at=T0 + minutes(5))), at=T0 + minutes(5))
    memory.feed(routed(event(at=T0 + minutes(200))), at=T0 + minutes(200))
    assert len(memory.incidents) == 2


def test_a_resolve_that_comes_after_the_next_firing_does_not_close_it() -> None:
    memory = Memory()
    memory.feed(routed(event()))
    memory.feed(routed(event(Status.RESOLVED, T0 + minutes(2), start=T0, ends_at=T0 + minutes(2))), at=T0 + minutes(2))
    memory.feed(routed(event(at=T0 + minutes(5))), at=T0 + minutes(5))
    late = event(Status.RESOLVED, T0 + minutes(6), start=T0 + minutes(1), ends_at=T0 + minutes(2))
    changes = memory.feed(routed(late), at=T0 + minutes(6))
    assert changes.journal[0].trail.reason == "late_resolve_of_an_earlier_firing"
    assert memory.only.status is IncidentStatus.OPEN


def test_a_resolve_of_nothing_is_journalled_and_opens_nothing() -> None:
    memory = Memory()
    changes = memory.feed(routed(event(Status.RESOLVED, ends_at=T0)))
    assert changes.journal[0].trail.reason == "resolved_without_firing"
    assert not memory.incidents


def test_information_opens_nothing_even_where_a_rule_would_triage() -> None:
    memory = Memory()
    changes = memory.feed(routed(event(Status.INFO)))
    assert changes.journal[0].trail.disposition is Disposition.OBSERVED
    assert not memory.incidents


def test_what_matches_no_rule_says_so() -> None:
    memory = Memory()
    one = event()
    changes = memory.feed(Routed(one, one.labels))
    assert changes.journal[0].trail.reason == "no_rule_matched"


def test_an_observing_rule_journals_only() -> None:
    memory = Memory()
    changes = memory.feed(routed(event(), rule(outcome=Outcome.OBSERVE)))
    assert changes.journal[0].trail.reason == "rule_observes"
    assert not memory.incidents


def test_a_suppressed_event_names_the_rule_and_its_reason() -> None:
    memory = Memory()
    one = event()
    changes = memory.feed(Routed(one, one.labels, ((rule(), {"node": "n1"}),), ("gpu", "staging is nobody's night")))
    trail = changes.journal[0].trail
    assert (trail.disposition, trail.suppressed_by) == (Disposition.SUPPRESSED, "gpu")
    assert not memory.incidents


def test_a_silenced_event_names_the_silence() -> None:
    memory = Memory()
    quiet = Silence(
        id="sil-1", match=parse_condition('node="n1"'), text='node="n1"', starts_at=T0 - minutes(1),
        ends_at=T0 + minutes(1), created_by="ann", comment="RMA", created_at=T0,
    )  # fmt: skip
    changes = memory.feed(routed(event()), silences=[quiet])
    assert changes.journal[0].trail.silence_id == "sil-1"
    assert not memory.incidents
    later = memory.feed(routed(event(at=T0 + minutes(3), labels={"gpu": "2"})), at=T0 + minutes(3), silences=[quiet])
    assert later.journal[0].trail.disposition is Disposition.TRIAGED


def test_a_job_that_succeeds_later_resolves_the_incident_of_its_failure() -> None:
    memory = Memory()
    failed = event(labels={"job": "4711"}, entities={"job": ("4711",)}, job=job())
    memory.feed(routed(failed, key={"job": "4711"}))
    done = event(Status.INFO, T0 + minutes(60), labels={"state": "done"}, job=job(state=JobState.COMPLETED))
    changes = memory.feed(routed(done), at=T0 + minutes(60))
    assert memory.only.status is IncidentStatus.RESOLVED
    assert ("triage", memory.only.id, T0 + minutes(60), "job_succeeded_later") in changes.timers


def test_a_requeued_job_that_fails_again_is_news() -> None:
    memory = Memory()
    memory.feed(routed(event(job=job())))
    again = memory.feed(routed(event(at=T0 + minutes(30), job=job())), at=T0 + minutes(30))
    assert again.dispositions[0][1] is Disposition.TRIAGED
    assert memory.only.events == 2


def test_an_alert_that_is_not_sent_again_lapses() -> None:
    memory = Memory()
    changes = memory.feed(routed(event(ends_at=T0 + minutes(4))))
    (state,) = changes.states.values()
    assert ("expire", f"am|{state.fingerprint}", T0 + minutes(4), "lapses") in changes.timers
    assert not lapse(state, T0 + minutes(3))
    assert lapse(state, T0 + minutes(4))


def test_a_rule_that_resolves_by_itself_sets_its_timer_anew_with_each_event() -> None:
    memory = Memory()
    own = rule(resolve_after="6h")
    memory.feed(routed(event(), own))
    changes = memory.feed(routed(event(labels={"gpu": "1"}), own), at=T0 + minutes(10))
    assert ("resolve", memory.only.id, T0 + minutes(370), "resolve_after") in changes.timers


def test_closing_from_outside_cancels_what_was_due() -> None:
    changes = closed(incident(), T0 + minutes(1), "resolved_by ann")
    (one,) = changes.incidents.values()
    assert one.status is IncidentStatus.RESOLVED
    assert one.version == 2
    assert ("escalate", "inc-a") in changes.cancelled


def test_a_storm_keeps_a_bounded_document() -> None:
    memory = Memory()
    memory.feed(*[routed(event(labels={"node": f"n{n}"}), key={"rack": "r1"}) for n in range(2000)])
    assert memory.only.events == 2000
    assert len(memory.only.entities["node"]) == 512


moves = st.lists(st.tuples(st.sampled_from(["fire", "resolve"]), st.integers(0, 3)), max_size=30)


@given(moves)
def test_however_alerts_come_and_go_the_count_of_firing_members_is_right(story: list[tuple[str, int]]) -> None:
    memory = Memory()
    firing: set[int] = set()
    for step, (move, gpu) in enumerate(story):
        at = T0 + minutes(step)
        labels = {"gpu": str(gpu)}
        if move == "fire":
            memory.feed(routed(event(at=at, labels=labels)), at=at)
            firing.add(gpu)
        else:
            memory.feed(routed(event(Status.RESOLVED, at, start=at, ends_at=at, labels=labels)), at=at)
            firing.discard(gpu)
        live = [one for one in memory.incidents.values() if one.status is not IncidentStatus.RESOLVED]
        assert sum(one.firing for one in live) == len(firing)
        assert len(live) == bool(firing)


def test_a_signal_that_repeats_keeps_open_what_only_patience_would_end() -> None:
    memory = Memory()
    patient = rule(resolve_after=minutes(360))
    first = event()
    memory.feed(routed(first, patient))
    for n in range(1, 20):
        at = T0 + minutes(30 * n)
        copy = first.model_copy(update={"id": f"ev_{n}", "ends_at": at + minutes(60)})
        memory.feed(routed(copy, patient), at=at)
    assert memory.only.last_event_at >= T0 + minutes(30 * 18)
    assert memory.only.events == 1
    before = memory.only.version
    memory.feed(routed(first.model_copy(update={"id": "ev_x"}), patient), at=T0 + minutes(30 * 19 + 1))
    assert memory.only.version == before, "not a write for every copy"


def test_a_copy_of_an_earlier_sighting_does_not_make_an_alert_lapse_sooner() -> None:
    memory = Memory()
    late, early = (event(ends_at=T0 + minutes(n)).model_copy(update={"id": f"ev_{n}"}) for n in (90, 60))
    memory.feed(routed(late))
    found = memory.feed(routed(early), at=T0 + minutes(1))
    assert [state.ends_at for state in found.states.values()] == [T0 + minutes(90)]
    assert [due for kind, _, due, _ in found.timers if kind == "expire"] == [T0 + minutes(90)]
