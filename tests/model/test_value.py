"""Values that are made without validation."""

from responder.model.event import JobFact, JobState


def made(id: str) -> JobFact:
    return JobFact.unchecked(id=id, state=JobState.RUNNING)


def test_what_is_not_given_has_its_default() -> None:
    assert made("1") == JobFact(id="1", state=JobState.RUNNING)


def test_copies_leave_the_others_alone() -> None:
    """All share the names of the fields that were set; a copy must have its own."""
    first = made("1")
    changed = first.model_copy(update={"gpus": 8})
    changed.model_fields_set.discard("gpus")
    assert made("2").model_fields_set == set(JobFact.model_fields)
    assert first.gpus is None
    assert first == made("1")
