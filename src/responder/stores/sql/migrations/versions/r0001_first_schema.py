"""The first schema.

Written out, not taken from `schema.py`: a migration must make the same tables however the code changes later.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "actions",
        sa.Column("seq", _NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=True),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_actions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_actions_at", "actions", ["at"], unique=False)
    op.create_index("ix_actions_incident_id", "actions", ["incident_id"], unique=False)
    op.create_index("uq_actions_id", "actions", ["id"], unique=True)
    op.create_table(
        "alert_states",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("incident_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "fingerprint", name=op.f("pk_alert_states")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_alert_states_first_seen_at", "alert_states", ["first_seen_at"], unique=False)
    op.create_table(
        "changes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index("ix_changes_at", "changes", ["at"], unique=False)
    op.create_index("ix_changes_entity_at", "changes", ["entity", "at"], unique=False)
    op.create_table(
        "checkpoints",
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("consumer_group", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cluster", "consumer_group", "topic", "partition", name=op.f("pk_checkpoints")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_entities",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "at", "seq", name=op.f("pk_event_entities")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("key_text", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("last_event_at", sa.BigInteger(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("entities_hash", sa.Text(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_key", "incidents", ["key_hash", "rule", "opened_at"], unique=False)
    op.create_index("ix_incidents_opened_at", "incidents", ["opened_at"], unique=False)
    op.create_index("ix_incidents_parent", "incidents", ["parent"], unique=False)
    op.create_index("ix_incidents_resolved_at", "incidents", ["resolved_at"], unique=False)
    op.create_index(
        "uq_incidents_unresolved",
        "incidents",
        ["rule", "key_hash"],
        unique=True,
        sqlite_where=sa.text("status <> 'resolved'"),
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=True),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_seen_at", "jobs", ["seen_at"], unique=False)
    op.create_table(
        "journal",
        sa.Column("seq", _NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("firing", sa.Integer(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("trail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_journal")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_received_at", "journal", ["received_at"], unique=False)
    op.create_index("uq_journal_event_id", "journal", ["event_id"], unique=True)
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_at", "quarantine", ["at"], unique=False)
    op.create_index("ix_quarantine_state_at", "quarantine", ["state", "at"], unique=False)
    op.create_table(
        "rollup_daily",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("labels_hash", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "day", "labels_hash", name=op.f("pk_rollup_daily")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_rollup_daily_day", "rollup_daily", ["day"], unique=False)
    op.create_table(
        "silences",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    op.create_index("ix_silences_ends_at", "silences", ["ends_at"], unique=False)
    op.create_table(
        "timers",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("next_due_at", sa.BigInteger(), nullable=True),
        sa.Column("next_reason", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "ref", name=op.f("pk_timers")),
    )
    op.create_index(
        "ix_timers_free",
        "timers",
        ["kind", "due_at"],
        unique=False,
        sqlite_where=sa.text("lease_until IS NULL"),
        postgresql_where=sa.text("lease_until IS NULL"),
    )
    op.create_index(
        "ix_timers_leased",
        "timers",
        ["kind", "lease_until"],
        unique=False,
        sqlite_where=sa.text("lease_until IS NOT NULL"),
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("sink", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_deliveries_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", "sink", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_message", "deliveries", ["sink", "message_id"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("enricher", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_evidence_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", "enricher", "key_hash", "asked_at", name=op.f("pk_evidence")),
    )
    op.create_table(
        "incident_entities",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_incident_entities_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("kind", "name", "incident_id", name=op.f("pk_incident_entities")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_incident_entities_incident_id", "incident_entities", ["incident_id"], unique=False)
    op.create_table(
        "incident_events",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_incident_events_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", "seq", name=op.f("pk_incident_events")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_incident_events_seq", "incident_events", ["seq"], unique=False)
    op.create_table(
        "job_nodes",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_nodes_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("node", "job_id", name=op.f("pk_job_nodes")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_job_nodes_job_id", "job_nodes", ["job_id"], unique=False)
    op.create_table(
        "reports",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_reports_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("incident_id", "revision", name=op.f("pk_reports")),
    )
    op.create_table(
        "sends",
        sa.Column("seq", _NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_sends_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_sends")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sends_incident_id", "sends", ["incident_id"], unique=False)
    _forbid_changes_of_the_audit()


def _forbid_changes_of_the_audit() -> None:
    """`actions` is append-only, also for those who come past the program."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER actions_refuse_{act.lower()} BEFORE {act} ON actions"
                " BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION actions_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER actions_refuse_rows BEFORE UPDATE OR DELETE ON actions"
        " FOR EACH ROW EXECUTE FUNCTION actions_refuse()"
    )
    op.execute(
        "CREATE TRIGGER actions_refuse_truncate BEFORE TRUNCATE ON actions"
        " FOR EACH STATEMENT EXECUTE FUNCTION actions_refuse()"
    )
