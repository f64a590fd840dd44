"""Merges what is said of a job over time: events come late, twice and in the wrong order, and each knows only a part.

Pure. The later fact wins field by field, what it does not know stays, and a job that ended does not run again, unless a later
fact says that it started after that end (a scheduler requeues a job under its id).
"""

from datetime import datetime

from responder.model.event import JobFact, JobState

ENDED = frozenset(set(JobState) - {JobState.PENDING, JobState.RUNNING})
_OF_ONE_RUN = ("ended_at", "exit_code", "signal", "reason", "checkpoint_at")
"""What a new run does not inherit from the one before."""


def merged(stored: JobFact, fact: JobFact) -> JobFact:
    """Both say something of one job; the result is what is known after both."""
    older, newer = (fact, stored) if _earlier(fact.seen_at, stored.seen_at) else (stored, fact)
    known = {name: value for name in JobFact.model_fields if (value := getattr(newer, name)) not in (None, ())}
    if older.state in ENDED and newer.state not in ENDED:
        if _started_again(older, newer):
            return older.model_copy(update={**dict.fromkeys(_OF_ONE_RUN), **known})
        known["state"] = older.state
    return older.model_copy(update=known)


def span(job: JobFact) -> tuple[datetime | None, datetime | None]:
    """From when until when it ran as far as is known; (None, None): it has not run, (time, None): it still runs."""
    if job.state is JobState.PENDING:
        return None, None
    start = job.started_at or job.submitted_at or job.seen_at or job.ended_at
    return start, (job.ended_at or job.seen_at) if job.state in ENDED else None


def _earlier(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other


def _started_again(ended: JobFact, again: JobFact) -> bool:
    return ended.ended_at is not None and again.started_at is not None and again.started_at > ended.ended_at
