"""The daemon's own memory: how often it happened on this GPU, node, job or service, whether an alert flaps, which jobs died there.

A query is a mapping. `{entity: gpu, window: 90d}` counts incidents of what the event names; with `class: <id>` only those with
that leading or confirmed cause, with `labels: {...}` journalled firing events with these labels instead, with `count: jobs` the
unrelated jobs that these incidents hit (runs of one program are one, and the program of this event is not counted).
`{alert: name, window: 30d}` counts how often alerts of the same name began to fire, `{alert: fingerprint, ...}` this very one.
A GPU is asked for by UUID: an index changes with a reboot. A key that is not known is refused, never ignored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field, JsonValue, ValidationError

from responder.duration import Duration, parse_duration
from responder.errors import InputError
from responder.logic.question import question_key
from responder.model.event import JobFact
from responder.model.evidence import Ask, Missing, Reading
from responder.model.incident import Incident
from responder.model.value import Value
from responder.ports import Context, Store, Tx

DESCRIPTION = "what happened before on this GPU, node, job or service, and how often an alert fired"
NAMES = 20
"""Entities of one kind that are looked up; an incident with more has no history worth telling."""
JUST_BEFORE = timedelta(minutes=10)
"""A job that ran on the node up to this long before an incident is the one that it hit: the window that evidence is asked for."""
EXAMPLE = "write {entity: gpu, window: 90d} or {alert: fingerprint, window: 1d}"


class Settings(Value):
    """`enrichers.history` has nothing to set: it reads the configured store."""


class Query(Value):
    """What may be asked."""

    entity: str | None = None
    alert: str | None = Field(default=None, pattern="^(name|fingerprint)$")
    window: Duration = parse_duration("30d")
    class_: str | None = Field(default=None, alias="class")
    labels: dict[str, str] = Field(default_factory=dict)
    count: str = Field(default="incidents", pattern="^(incidents|jobs)$")

    model_config = Value.model_config | {"coerce_numbers_to_str": True}


@dataclass(frozen=True, slots=True)
class Found:
    """A count, what was counted, and the newest of it."""

    count: int
    what: str
    newest: Incident | None = None


def create(settings: Settings, context: Context) -> "History":
    return History(context.store)


class History:
    """The enricher."""

    name = "history"

    def __init__(self, store: Store) -> None:
        self._store = store

    def key(self, ask: Ask) -> str:
        return question_key(ask)

    async def read(self, ask: Ask) -> Reading | Missing:
        need = ask.need
        query = _query(need.query)
        if isinstance(query, str):
            return Missing(need=need.name, reason="bad_query", detail=query)
        kind = query.entity or ("alertname" if query.alert == "name" else "fingerprint")
        names = ask.variables.get(kind, ())[:NAMES]
        if not names:
            return Missing(need=need.name, reason="no_variable", detail=f"the event names no {kind}")
        end = ask.window.at
        try:
            found = await self._store.read(lambda tx: _look(tx, query, kind, names, end, ask.variables))
        except InputError as error:
            return Missing(need=need.name, reason="not_supported", detail=str(error))
        span = _span(need.query)
        where = f"on {kind} {', '.join(names[:3])}" if query.entity else f"of alert {', '.join(_alerts(ask, names))}"
        statement = f"{found.what} in {span} {where}"
        if found.newest is not None:
            cause = found.newest.confirmed_class or found.newest.first_class
            statement += f"; last {found.newest.opened_at:%Y-%m-%d}" + (f" ({cause})" if cause else "")
        return Reading(
            need=need.name, value=found.count, unit=need.unit or "count", statement=statement, observed_at=end
        )

    async def check(self) -> str | None:
        return None

    async def close(self) -> None:
        return None


def _query(given: JsonValue) -> Query | str:
    """What is asked, or what is wrong with it."""
    try:
        query = Query.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc']) or 'query'}: {first['msg']}; {EXAMPLE}"
    if (query.entity is None) is (query.alert is None):
        return f"give either entity or alert; {EXAMPLE}"
    if query.alert is not None and (query.class_ or query.labels or query.count != "incidents"):
        return "an alert is counted by name or fingerprint alone"
    return query


def _span(given: JsonValue) -> str:
    return str(given.get("window", "30d")) if isinstance(given, dict) else "30d"


def _alerts(ask: Ask, names: Sequence[str]) -> Sequence[str]:
    return (ask.variables.get("alertname") or names)[:3]


def _look(
    tx: Tx, query: Query, kind: str, names: Sequence[str], end: datetime, named: Mapping[str, Sequence[str]]
) -> Found:
    start = end - query.window
    if query.alert == "name":
        count = sum(tx.count_events("alertname", name, start, end, {}) for name in names)
        return Found(count, f"fired {_times(count)}")
    if query.alert == "fingerprint":
        # The one that fires most: of a group that fires together each member flaps as often.
        alerts = named.get("alertname", ())
        if not alerts:
            raise InputError("an event without an alert name is not counted by fingerprint")
        count = max(
            sum(tx.count_events("alertname", alert, start, end, {}, fingerprint=one) for alert in alerts)
            for one in names
        )
        return Found(count, f"this very alert fired {_times(count)} before")
    if query.labels:
        count = sum(tx.count_events(kind, name, start, end, query.labels) for name in names)
        return Found(count, f"seen {_times(count)}")
    past = tx.past_incidents([(kind, name) for name in names], start, end, None)
    if query.class_ is not None:
        past = [one for one in past if query.class_ in (one.confirmed_class, one.first_class)]
    newest = max(past, key=lambda one: one.opened_at, default=None)
    what = query.class_ or "an incident"
    if query.count == "jobs":
        others = _unrelated(tx, past, named, end)
        shown = f" ({', '.join(sorted(others)[:3])})" if others else ""
        return Found(
            len(others), f"{len(others)} unrelated job{'' if len(others) == 1 else 's'}{shown} hit by {what}", newest
        )
    return Found(len(past), f"{what} happened {_times(len(past))}", newest)


def _times(count: int) -> str:
    return f"{count} time{'' if count == 1 else 's'}"


def _unrelated(tx: Tx, past: Sequence[Incident], named: Mapping[str, Sequence[str]], at: datetime) -> set[str]:
    """The programs that past incidents hit, other than the one that this event is about. Where it is not known which job ran there
    it is not counted: "unrelated" must be known."""
    placed = {kind: names for kind, names in named.items() if kind in ("node", "pod")}
    own = _programs(tx, named, at) | _programs(tx, placed, at)  # `job` may be the name of a scrape job only
    return {program for one in past for program in _programs(tx, one.entities, one.opened_at)} - own


def _programs(tx: Tx, entities: Mapping[str, Sequence[str]], at: datetime) -> set[str]:
    """Which programs an incident is about: its jobs, else the owner of its pods, else the only job that ran on its nodes."""
    jobs = tuple(entities.get("job", ()))[:NAMES]
    if jobs:
        known = tx.jobs(jobs)
        return {_program(known[id]) if id in known else id for id in jobs}
    nodes = tuple(entities.get("node", ()))[:NAMES]
    ran = tx.jobs_on(nodes, at - JUST_BEFORE, at) if nodes else []
    pods = tuple(entities.get("pod", ()))[:NAMES]
    owners = [job for job in ran if set(job.pods) & set(pods)]
    if pods and not owners:
        return {_without_number(pod) for pod in pods}
    return {_program(job) for job in owners or (ran if len(ran) == 1 else ())}


def _program(job: JobFact) -> str:
    """Runs of one name by one user are the same program: its bug follows it from card to card."""
    return f"{job.name} of {job.user}" if job.name and job.user else job.name or job.id


def _without_number(pod: str) -> str:
    head, dash, tail = pod.rpartition("-")
    return head if dash and tail.isdecimal() else pod
