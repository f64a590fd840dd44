"""The seams of the product: what a source, format, enricher, sink, store and clock must do, and in what order they are called.

Adding an adapter means writing one module that satisfies one of these. Exceptions cross these seams only as
`InputError`, `Transient`, `Permanent`, `Conflict` (see `errors`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, TypeVar

from pydantic import JsonValue

from responder.model.delivery import Delivery, Order, Owner, Receipt, Send
from responder.model.event import Change, Event, JobFact
from responder.model.evidence import Ask, Missing, Reading, RecordedAnswer
from responder.model.incident import Incident, Severity
from responder.model.journal import Action, AlertState, Checkpoint, JournalEntry, Quarantined
from responder.model.report import Report
from responder.model.silence import Silence
from responder.model.skill import SkillEntry, TaxonomyClass

T = TypeVar("T")
PAST_INCIDENTS = 500
"""The newest past incidents of an entity that are looked at: beyond that it is a number, not a list."""


class Clock(Protocol):
    """The time. The live one is the system's; tests and replay move theirs by hand."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...


# --- in -------------------------------------------------------------------------------------------------------------


class RawMessage(NamedTuple):
    """Bytes as they came. `headers` have lower-case names; `origin` says where in the transport (path; topic/partition/offset)."""

    body: bytes
    format: str
    source: str
    received_at: datetime
    headers: Mapping[str, str] = MappingProxyType({})
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A part of a message that is no event (one broken alert in a group of nine good ones)."""

    error: str
    body: str


class Decoded(NamedTuple):
    """What a format made of a message."""

    events: tuple[Event, ...]
    rejected: tuple[Rejected, ...] = ()


class Format(Protocol):
    """One wire format. Pure: same bytes, same events. Raises InputError when the body as a whole is no such thing."""

    name: str
    description: str

    def decode(self, message: RawMessage) -> Decoded: ...


class Accepted(NamedTuple):
    """What became of one message, after the commit."""

    accepted: int
    duplicates: int
    quarantined: int
    event_ids: tuple[str, ...]
    quarantine_ids: tuple[str, ...] = ()
    error: str | None = None
    """Set when the whole body was undecodable; it is in quarantine under `quarantine_ids[0]`."""


class Intake(Protocol):
    """Where sources put messages. Returns only after everything is on disk."""

    async def accept(
        self, messages: Sequence[RawMessage], checkpoints: Sequence[Checkpoint] = ()
    ) -> tuple[Accepted, ...]:
        """One `Accepted` per message, in order.

        Raises Transient (overloaded, disk full: the sender should try again) and Conflict (a checkpoint was not where it
        was expected: the batch was dropped whole, re-read the offsets).
        """
        ...

    async def checkpoint(self, cluster: str, group: str, topic: str, partition: int) -> int | None:
        """The next offset stored for a partition, None when it was never read."""
        ...


class Source(Protocol):
    """A transport. `run` is called once, reconnects for ever with backoff, and ends when cancelled."""

    name: str

    async def run(self, intake: Intake) -> None: ...

    def ready(self) -> str | None:
        """None when connected, else one line that says what is wrong (for /readyz)."""
        ...


# --- context --------------------------------------------------------------------------------------------------------


class Enricher(Protocol):
    """Answers needs. Never raises for a bad world: that is a Missing with its reason. Concurrent calls are fine."""

    name: str

    def key(self, ask: Ask) -> str:
        """The question in normal form (filled query and window): under this key the answer is journalled and replayed."""
        ...

    async def read(self, ask: Ask) -> Reading | Missing:
        """Answers within `ask.need.within`, or Missing("timeout")."""
        ...

    async def check(self) -> str | None:
        """For `doctor`: None when it works, else one line that says what is wrong and what to do."""
        ...

    async def close(self) -> None: ...


# --- out ------------------------------------------------------------------------------------------------------------


class Sink(Protocol):
    """A channel. Per (incident, sink) one call at a time."""

    name: str
    minimum_severity: Severity | None
    fallback: str | None
    """Name of the sink that takes over when this one has failed for long."""

    def target(self, owner: Owner) -> dict[str, str]:
        """Where this owner's messages go (a channel id, a routing key's name); stored before the first send."""
        ...

    async def deliver(self, order: Order, report: Report) -> Receipt:
        """Make the next step visible: at most ONE outside effect per call; returns the receipt to commit.

        Called again with that receipt while `done` is false. With `order.outcome_unknown` an earlier attempt of this step
        may have taken effect: look before sending again. Raises Transient (kept, retried by its row) or Permanent.
        """
        ...

    async def check(self) -> str | None: ...

    async def close(self) -> None: ...


# --- store ----------------------------------------------------------------------------------------------------------

TimerKind = Literal[
    "gather", "triage", "deliver", "expire", "resolve", "escalate", "repeat", "followup", "review", "purge"
]


@dataclass(frozen=True, slots=True)
class Claim:
    """A due timer that is ours until `lease_until`; `token` fences: only the latest claimer can complete it."""

    kind: str
    ref: str
    due_at: datetime
    token: int
    version: int
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """What `incidents ls`, the page and the API can ask for. `text` searches id, title, key and entities."""

    status: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    owner: str | None = None
    text: str | None = None
    since: datetime | None = None
    limit: int = 100
    offset: int = 0
    top_level: bool = False
    """True: leave out incidents that are symptoms of another."""


class Tx(Protocol):
    """One open transaction, used on the store's own thread. Reads see the transaction's own writes.

    Writers take plural arguments: one statement per call, or few, never one per row.
    """

    # journal
    def append_journal(self, entries: Sequence[JournalEntry], *, fresh: bool = False) -> None:
        """The first entry of an event stays. `fresh`: this transaction has seen that none of them is there."""
        ...

    def journal_entries(self, event_ids: Sequence[str]) -> dict[str, JournalEntry]: ...
    def journalled(self, event_ids: Sequence[str]) -> set[str]:
        """Those of the ids that the journal has."""
        ...

    def journal_range(
        self, start: datetime | None, end: datetime | None, after_seq: int, limit: int
    ) -> list[JournalEntry]:
        """In order of arrival (`seq`), `received_at` in [start, end)."""
        ...

    def members(self, incident_id: str, limit: int) -> list[Event]:
        """The newest `limit` member events plus the very first one, oldest first."""
        ...

    def link_events(self, links: Sequence[tuple[str, str]]) -> None:
        """(incident id, event id) pairs; known pairs are ignored."""
        ...

    # alert states
    def alert_states(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], AlertState]: ...
    def put_alert_states(self, states: Sequence[AlertState]) -> None: ...

    # incidents
    def latest_incidents(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Incident]:
        """By (rule name, key text of `logic.identity.key_text`): the newest incident, open or resolved."""
        ...

    def incidents(self, ids: Sequence[str]) -> dict[str, Incident]: ...
    def put_incidents(self, incidents: Sequence[Incident]) -> None:
        """Insert (version 1) or update where the stored version is `incident.version - 1`; else raises Conflict.

        At most one unresolved incident per (rule, key): the database's unique index, as Conflict.
        """
        ...

    def find_incidents(self, what: IncidentFilter) -> list[Incident]: ...
    def open_incidents_sharing(self, entities: Sequence[tuple[str, str]], since: datetime) -> list[Incident]:
        """Unresolved incidents that have one of these (kind, name) entities and an event since then."""
        ...

    def children(self, incident_id: str) -> list[Incident]: ...

    # timers: all work that is due at some time, one row per (kind, ref)
    def set_timers(self, timers: Sequence[tuple[str, str, datetime, str]]) -> None:
        """(kind, ref, due_at, reason): insert or overwrite; a claim in flight on an overwritten row does not complete it."""
        ...

    def advance_timers(self, timers: Sequence[tuple[str, str, datetime, str]]) -> None:
        """Like `set_timers`, but an existing row keeps its due time when that is earlier."""
        ...

    def cancel_timers(self, refs: Sequence[tuple[str, str]]) -> None: ...
    def timers(self, kind: str, refs: Sequence[str]) -> dict[str, datetime]: ...
    def claim(self, now: datetime, kinds: Sequence[str], limit: int, lease_until: datetime) -> list[Claim]:
        """The earliest due rows whose lease is free or over (PostgreSQL: SKIP LOCKED)."""
        ...

    def complete(self, claim: Claim) -> bool:
        """Delete the row if it is still this claim's and was not set again meanwhile; False when fenced off."""
        ...

    def holds(self, claim: Claim) -> bool:
        """Whether the claim's token is still the row's (for fencing a commit)."""
        ...

    def release(self, claim: Claim, due_at: datetime, reason: str) -> bool:
        """Give it back, due again at `due_at` with `attempts + 1`; False when fenced off."""
        ...

    def end_leases(self, now: datetime) -> None:
        """Whoever held a lease is known to be gone (an unshared store at the start of its only daemon): claimable at once."""
        ...

    def next_due(self, kinds: Sequence[str]) -> datetime | None:
        """The earliest time at which something can be claimed (due time, or end of a lease)."""
        ...

    # evidence, reports
    def put_evidence(self, rows: Sequence[RecordedAnswer]) -> None: ...
    def evidence(self, incident_id: str) -> list[RecordedAnswer]: ...
    def put_report(self, report: Report) -> None: ...
    def latest_reports(self, incident_ids: Sequence[str]) -> dict[str, Report]: ...
    def reports(self, incident_id: str) -> list[Report]: ...

    # deliveries
    def deliveries(self, incident_id: str) -> dict[str, Delivery]: ...
    def put_deliveries(self, rows: Sequence[Delivery]) -> None: ...
    def append_sends(self, rows: Sequence[Send]) -> None: ...
    def sends(self, incident_id: str) -> list[Send]: ...
    def find_delivery(self, sink: str, message_id: str) -> Delivery | None:
        """By the receipt's `message_id`: a button or a webhook names the message, not the incident."""
        ...

    # projections
    def put_jobs(self, jobs: Sequence[JobFact]) -> None:
        """Merge by id: later known facts win, unknown ones keep what was known; a finished job does not run again."""
        ...

    def jobs(self, ids: Sequence[str]) -> dict[str, JobFact]: ...
    def jobs_on(self, nodes: Sequence[str], start: datetime, end: datetime) -> list[JobFact]:
        """Jobs that ran on one of the nodes at some time in [start, end]."""
        ...

    def put_changes(self, changes: Sequence[Change]) -> None: ...
    def changes(self, entities: Sequence[str], start: datetime, end: datetime) -> list[Change]: ...

    # history
    def past_incidents(
        self,
        entities: Sequence[tuple[str, str]],
        start: datetime,
        end: datetime,
        exclude: str | None,
        limit: int = PAST_INCIDENTS,
    ) -> list[Incident]:
        """Opened in [start, end), open or resolved, the newest first and `limit` at most."""
        ...

    def count_events(
        self,
        kind: str,
        name: str,
        start: datetime,
        end: datetime,
        labels: Mapping[str, str],
        *,
        fingerprint: str | None = None,
    ) -> int:
        """Journalled firing events of an entity whose labels include `labels`, or with this fingerprint. Alerts are counted by
        their name under the kind `alertname`."""
        ...

    # silences, actions, quarantine
    def put_silences(self, silences: Sequence[Silence]) -> None: ...
    def silences(self, active_at: datetime | None) -> list[Silence]: ...
    def append_actions(self, actions: Sequence[Action]) -> None: ...
    def actions(self, start: datetime | None, end: datetime | None, incident_id: str | None) -> list[Action]: ...
    def put_quarantine(self, rows: Sequence[Quarantined]) -> None: ...
    def quarantine(self, state: str | None, limit: int) -> list[Quarantined]: ...
    def quarantined(self, id: str) -> Quarantined | None: ...

    # progress
    def checkpoint(self, cluster: str, group: str, topic: str, partition: int) -> int | None: ...
    def advance(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Compare-and-set each; raises Conflict when one is not where it was expected."""
        ...

    # housekeeping
    def purge(self, events_before: datetime, incidents_before: datetime, limit: int) -> int:
        """Delete up to `limit` expired rows (evidence and reports with their incidents), rolling them up first."""
        ...

    def counts(self) -> dict[str, int]:
        """Rows per table and open incidents per severity, for `doctor`: counting takes long in a large store."""
        ...

    def open_by_severity(self) -> dict[Severity, int]:
        """Incidents that are not resolved; a severity without any is left out."""
        ...

    def meta(self, key: str) -> str | None: ...
    def put_meta(self, key: str, value: str) -> None: ...


class Store(Protocol):
    """The durable state. All functions run on the store's own thread(s), never on the event loop."""

    async def open(self) -> None:
        """Connect, migrate (SQLite: after a backup), take the lock. Raises ConfigError or Transient."""
        ...

    async def write(self, work: Callable[[Tx], T], ready: Callable[[], None] | None = None) -> T:
        """Run `work` in one write transaction; returns after the commit is on disk. What `ready` does comes before it on the
        same thread, while the transaction before may still be on its way to the disk: work that needs no transaction.

        Works that queue up while a commit runs share the next commit (each in a savepoint: one that raises is rolled back
        alone). Raises what `work` raised; Transient for a full disk or a lost server; Conflict when another writer won.
        """
        ...

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a read-only snapshot beside the writer."""
        ...

    async def close(self) -> None: ...


# --- adapters -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Context:
    """What wiring hands to every adapter's `create(settings, context)`."""

    clock: Clock
    store: Store
    base_url: str = "http://127.0.0.1:8080"
    """Where people reach the page, for links in messages."""
    user_agent: str = "responder"
    shared_store: bool = False
    """Whether replicas of this daemon use the same store (PostgreSQL)."""


# --- what the doors (web, chat, command line) may do --------------------------------------------------------------------


class Operations(Protocol):
    """Acts of people; each is audited. `who` is a name or a user id, `via` the door. Raises InputError for what cannot be."""

    async def acknowledge(self, incident_id: str, who: str, via: str) -> Incident: ...
    async def resolve(self, incident_id: str, who: str, via: str, comment: str = "") -> Incident: ...
    async def feedback(
        self, incident_id: str, who: str, via: str, *, right: bool, cause: str | None = None
    ) -> Incident: ...
    async def silence(
        self,
        match: str,
        duration: timedelta,
        who: str,
        via: str,
        comment: str,
        *,
        starts_at: datetime | None = None,
        maintenance: bool = False,
    ) -> Silence: ...
    async def silence_incident(
        self, incident_id: str, duration: timedelta, who: str, via: str, comment: str
    ) -> Silence: ...
    async def expire_silence(self, silence_id: str, who: str, via: str) -> Silence: ...
    async def retry_quarantined(self, id: str, who: str, via: str) -> Accepted: ...
    async def drop_quarantined(self, id: str, who: str, via: str) -> None: ...
    async def refused(self, who: str, via: str, what: str, incident_id: str | None, why: str) -> None: ...


class Desk(Protocol):
    """All that a door needs; reads go straight to the store."""

    @property
    def store(self) -> Store: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def intake(self) -> Intake: ...
    @property
    def operations(self) -> Operations: ...
    @property
    def base_url(self) -> str: ...
    @property
    def version(self) -> str: ...

    async def explain(self, event_id: str) -> Mapping[str, JsonValue] | None:
        """Why: the event, each rule down to the failed matcher, what held it back, its incidents, what was sent where. None: unknown."""
        ...

    async def triage_text(self, text: str, kind: str | None) -> Report:
        """A one-off report on a payload or a log; nothing is stored or sent."""
        ...

    def skills(self) -> Sequence[SkillEntry]: ...
    def taxonomy(self) -> Mapping[str, TaxonomyClass]:
        """The classes of failure by id, with the graph of what causes what."""
        ...

    def skill_files(self, name: str) -> Mapping[str, str]:
        """The texts of a released skill's folder by relative path; empty for a planned or unknown one."""
        ...

    def silences(self) -> Sequence[Silence]:
        """Those of the configuration; what people added is in the store."""
        ...

    def role(self, user: str) -> str:
        """viewer, operator or admin."""
        ...

    def ready(self) -> Mapping[str, str | None]:
        """Per component None, or one line that says what is wrong."""
        ...

    def schema(self, name: str) -> Mapping[str, JsonValue] | None:
        """JSON Schema of report, rules, config, skill or event."""
        ...
