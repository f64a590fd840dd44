"""The tables. One schema for SQLite and PostgreSQL, and for one daemon or several replicas.

Documents are JSON text in `doc` with their schema version inside (see `documents`); beside them stand only the columns that a
query needs. Times are microseconds since 1970 UTC (`instants`). `migrations/` makes these tables; a test compares the two.
SQLite keeps a table without row ids in the order of its primary key: one tree instead of two. The condition of a partial index
stands here as SQLite's; PostgreSQL's is the same, and is not repeated because naming it would import that dialect at every start.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Sequence = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself in columns that say INTEGER, and in no other."""


def _incident_id() -> Column[str]:
    return Column("incident_id", Text, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False)


journal = Table(
    "journal",
    metadata,
    Column("seq", _Sequence, Identity(), primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("firing", Integer, nullable=False),
    Column("doc", Text, nullable=False),
    Column("trail", Text, nullable=False),
    Index("uq_journal_event_id", "event_id", unique=True),
    Index("ix_journal_received_at", "received_at"),
    sqlite_autoincrement=True,
)

event_entities = Table(
    "event_entities",
    metadata,
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "name", "at", "seq"),
    sqlite_with_rowid=False,
)
"""Firing events by what they are about. No foreign key: it would cost the hot path, and purging removes both."""

rollup_daily = Table(
    "rollup_daily",
    metadata,
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("day", BigInteger, nullable=False),
    Column("labels_hash", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "name", "day", "labels_hash"),
    Index("ix_rollup_daily_day", "day"),
    sqlite_with_rowid=False,
)
"""How many firing events of an entity with these labels a day had: what is left of purged events."""

alert_states = Table(
    "alert_states",
    metadata,
    Column("source", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger),
    Column("count", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("incident_ids", Text, nullable=False),
    PrimaryKeyConstraint("source", "fingerprint"),
    Index("ix_alert_states_first_seen_at", "first_seen_at"),
    sqlite_with_rowid=False,
)
"""The index for purging is on a time that never moves: a duplicate touches the row and no index."""

incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("key_hash", Text, nullable=False),
    Column("key_text", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
    Column("last_event_at", BigInteger, nullable=False),
    Column("parent", Text),
    Column("version", BigInteger, nullable=False),
    Column("entities_hash", Text, nullable=False),
    Column("doc", Text, nullable=False),
    Index(
        "uq_incidents_unresolved",
        "rule",
        "key_hash",
        unique=True,
        sqlite_where=text("status <> 'resolved'"),
    ),
    Index("ix_incidents_key", "key_hash", "rule", "opened_at"),
    Index("ix_incidents_opened_at", "opened_at"),
    Index("ix_incidents_resolved_at", "resolved_at"),
    Index("ix_incidents_parent", "parent"),
)

incident_entities = Table(
    "incident_entities",
    metadata,
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    _incident_id(),
    PrimaryKeyConstraint("kind", "name", "incident_id"),
    Index("ix_incident_entities_incident_id", "incident_id"),
    sqlite_with_rowid=False,
)

incident_events = Table(
    "incident_events",
    metadata,
    _incident_id(),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("incident_id", "seq"),
    Index("ix_incident_events_seq", "seq"),
    sqlite_with_rowid=False,
)

timers = Table(
    "timers",
    metadata,
    Column("kind", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("next_due_at", BigInteger),
    Column("next_reason", Text),
    Column("lease_until", BigInteger),
    Column("token", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "ref"),
    Index(
        "ix_timers_free",
        "kind",
        "due_at",
        sqlite_where=text("lease_until IS NULL"),
    ),
    Index(
        "ix_timers_leased",
        "kind",
        "lease_until",
        sqlite_where=text("lease_until IS NOT NULL"),
    ),
)
"""`due_at` and `reason` are what is due or in work; `next_*` is what was set while it is in work."""

evidence = Table(
    "evidence",
    metadata,
    _incident_id(),
    Column("enricher", Text, nullable=False),
    Column("key_hash", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("doc", Text, nullable=False),
    PrimaryKeyConstraint("incident_id", "enricher", "key_hash", "asked_at"),
)

reports = Table(
    "reports",
    metadata,
    _incident_id(),
    Column("revision", BigInteger, nullable=False),
    Column("doc", Text, nullable=False),
    PrimaryKeyConstraint("incident_id", "revision"),
)

deliveries = Table(
    "deliveries",
    metadata,
    _incident_id(),
    Column("sink", Text, nullable=False),
    Column("message_id", Text),
    Column("doc", Text, nullable=False),
    PrimaryKeyConstraint("incident_id", "sink"),
    Index("ix_deliveries_message", "sink", "message_id"),
)

sends = Table(
    "sends",
    metadata,
    Column("seq", _Sequence, Identity(), primary_key=True),
    _incident_id(),
    Column("doc", Text, nullable=False),
    Index("ix_sends_incident_id", "incident_id"),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("from_at", BigInteger),
    Column("until_at", BigInteger),
    Column("seen_at", BigInteger, nullable=False),
    Column("doc", Text, nullable=False),
    Index("ix_jobs_seen_at", "seen_at"),
)

job_nodes = Table(
    "job_nodes",
    metadata,
    Column("node", Text, nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    PrimaryKeyConstraint("node", "job_id"),
    Index("ix_job_nodes_job_id", "job_id"),
    sqlite_with_rowid=False,
)

changes = Table(
    "changes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("doc", Text, nullable=False),
    Index("ix_changes_entity_at", "entity", "at"),
    Index("ix_changes_at", "at"),
)

silences = Table(
    "silences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("doc", Text, nullable=False),
    Index("ix_silences_ends_at", "ends_at"),
)

actions = Table(
    "actions",
    metadata,
    Column("seq", _Sequence, Identity(), primary_key=True),
    Column("id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("incident_id", Text),
    Column("doc", Text, nullable=False),
    Index("uq_actions_id", "id", unique=True),
    Index("ix_actions_at", "at"),
    Index("ix_actions_incident_id", "incident_id"),
    sqlite_autoincrement=True,
)
"""The audit. Triggers refuse to change or delete a row."""

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("doc", Text, nullable=False),
    Index("ix_quarantine_at", "at"),
    Index("ix_quarantine_state_at", "state", "at"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("cluster", Text, nullable=False),
    Column("consumer_group", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", BigInteger, nullable=False),
    Column("next", BigInteger, nullable=False),
    PrimaryKeyConstraint("cluster", "consumer_group", "topic", "partition"),
    sqlite_with_rowid=False,
)

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))
