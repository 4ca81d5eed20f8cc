"""Partners' keys, the journal, what left the hub, recalls, the log of consultations, and jobs."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_UNCHANGED = {"consultations": None, "journal_entries": "number, at, kind, reference, entry, opens_at"}
"""Tables from which no row is ever deleted, and their columns that never change; None: all of them."""


def upgrade() -> None:
    """Make the tables, and let the database itself refuse to change what is only ever added to."""
    op.add_column("partners", sa.Column("age", sa.Text(), nullable=True))
    op.add_column("partners", sa.Column("receipts", sa.Text(), nullable=True))
    op.create_table(
        "consultations",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("processing", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("justification", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_consultations")),
    )
    op.create_table(
        "jobs",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("queued_at", Instant(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("leased_until", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_state_not_before", "jobs", ["state", "not_before"], unique=False)
    op.create_table(
        "journal_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", Instant(), nullable=False),
        sa.Column("witnessed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_journal_checkpoints")),
    )
    op.create_table(
        "journal_entries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("openings", sa.LargeBinary(), nullable=False),
        sa.Column("opens_at", Instant(), nullable=True),
        sa.Column("opened_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_journal_entries")),
    )
    op.create_index(
        "ix_journal_entries_opens_at",
        "journal_entries",
        ["opens_at"],
        unique=False,
        sqlite_where=sa.text("opened_at IS NULL"),
        postgresql_where=sa.text("opened_at IS NULL"),
    )
    op.create_index("ix_journal_entries_reference", "journal_entries", ["reference"], unique=False)
    op.create_table(
        "journal_sums",
        sa.Column("bundle", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sums", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bundle", name=op.f("pk_journal_sums")),
    )
    op.create_table(
        "recalls",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=True),
        sa.Column("delivery", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recalls")),
    )
    op.create_table(
        "disclosures",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("marking", sa.Text(), nullable=False),
        sa.Column("findings", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("first_entry", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("handed_over_at", Instant(), nullable=True),
        sa.Column("received_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["recipient"], ["partners.id"], name=op.f("fk_disclosures_recipient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disclosures")),
    )
    op.create_index("ix_disclosures_recipient", "disclosures", ["recipient"], unique=False)
    op.create_table(
        "disclosure_sources",
        sa.Column("disclosure", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("findings", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["disclosure"], ["disclosures.id"], name=op.f("fk_disclosure_sources_disclosure")),
        sa.PrimaryKeyConstraint("disclosure", "dataset", "delivery", name=op.f("pk_disclosure_sources")),
    )
    op.create_index("ix_disclosure_sources_delivery", "disclosure_sources", ["dataset", "delivery"], unique=False)
    op.create_table(
        "recall_notices",
        sa.Column("recall", sa.Text(), nullable=False),
        sa.Column("disclosure", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("notice", sa.LargeBinary(), nullable=False),
        sa.Column("findings", sa.LargeBinary(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("acknowledged_at", Instant(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answer_note", sa.Text(), nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["disclosure"], ["disclosures.id"], name=op.f("fk_recall_notices_disclosure")),
        sa.ForeignKeyConstraint(["recall"], ["recalls.id"], name=op.f("fk_recall_notices_recall")),
        sa.PrimaryKeyConstraint("recall", "disclosure", name=op.f("pk_recall_notices")),
    )
    for table, columns in _UNCHANGED.items():
        _refuse_changes(table, columns)


def _refuse_changes(table: str, columns: str | None) -> None:
    updated = "UPDATE" if columns is None else f"UPDATE OF {columns}"
    if op.get_bind().dialect.name == "sqlite":
        for event in (updated, "DELETE"):
            name = f"keep_{table}_{event.split()[0].lower()}"
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION keep_{table}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is only added to'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER keep_{table} BEFORE {updated} OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION keep_{table}()"
    )
    op.execute(
        f"CREATE TRIGGER keep_{table}_whole BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION keep_{table}()"
    )
