"""Versions of the check data that were published, and what they rest on."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "check_versions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("addresses", sa.Integer(), nullable=False),
        sa.Column("mailboxes", sa.Integer(), nullable=False),
        sa.Column("marking", sa.Text(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.Column("narrows", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("first_entry", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("shown_at", Instant(), nullable=True),
        sa.Column("gone_at", Instant(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["recipient"], ["partners.id"], name=op.f("fk_check_versions_recipient")),
        sa.ForeignKeyConstraint(["narrows"], ["check_versions.name"], name=op.f("fk_check_versions_narrows")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_check_versions")),
    )
    op.create_table(
        "check_sources",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("erasures", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["check_versions.name"], name=op.f("fk_check_sources_version")),
        sa.PrimaryKeyConstraint("version", "dataset", "delivery", name=op.f("pk_check_sources")),
    )
    op.create_index("ix_check_sources_dataset", "check_sources", ["dataset", "delivery"])
