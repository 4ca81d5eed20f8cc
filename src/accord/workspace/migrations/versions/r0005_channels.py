"""Channels: their members, what was put into them, and on what that rests."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and let a disclosure name what was put into a channel."""
    op.create_table(
        "channel_policies",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_channel_policies")),
        sa.UniqueConstraint("classes", name=op.f("uq_channel_policies_classes")),
    )
    op.create_table(
        "channel_shared",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "object", "finding", name=op.f("pk_channel_shared")),
    )
    op.create_index("ix_channel_shared_finding", "channel_shared", ["channel", "finding"], unique=False)
    op.create_table(
        "channel_sources",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "finding", "dataset", "delivery", name=op.f("pk_channel_sources")),
    )
    op.create_index("ix_channel_sources_delivery", "channel_sources", ["dataset", "delivery"], unique=False)
    op.create_table(
        "channels",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("encrypted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("collection", name=op.f("uq_channels_collection")),
        sa.UniqueConstraint("title", name=op.f("uq_channels_title")),
    )
    op.create_table(
        "channel_batches",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recall", sa.Text(), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("entries_end", sa.BigInteger(), nullable=False),
        sa.Column("visible_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_channel_batches_channel")),
        sa.ForeignKeyConstraint(["recall"], ["recalls.id"], name=op.f("fk_channel_batches_recall")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_channel_batches")),
    )
    op.create_index("ix_channel_batches_channel", "channel_batches", ["channel", "number"], unique=False)
    op.create_table(
        "channel_findings",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_channel_findings_channel")),
        sa.ForeignKeyConstraint(["policy"], ["channel_policies.number"], name=op.f("fk_channel_findings_policy")),
        sa.PrimaryKeyConstraint("channel", "finding", name=op.f("pk_channel_findings")),
    )
    op.create_table(
        "channel_members",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("persons", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_channel_members_channel")),
        sa.ForeignKeyConstraint(["partner"], ["partners.id"], name=op.f("fk_channel_members_partner")),
        sa.PrimaryKeyConstraint("channel", "partner", name=op.f("pk_channel_members")),
    )
    op.create_table(
        "channel_objects",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=True),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["channel_batches.number"], name=op.f("fk_channel_objects_batch")),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_channel_objects_channel")),
        sa.ForeignKeyConstraint(["policy"], ["channel_policies.number"], name=op.f("fk_channel_objects_policy")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_channel_objects")),
    )
    op.create_index("ix_channel_objects_added", "channel_objects", ["channel", "added"], unique=False)
    op.create_index("ix_channel_objects_batch", "channel_objects", ["batch"], unique=False)
    op.create_index("ix_channel_objects_finding", "channel_objects", ["channel", "finding"], unique=False)
    op.create_index("ix_channel_objects_object", "channel_objects", ["channel", "object", "added"], unique=False)
    op.create_index("ix_channel_objects_type", "channel_objects", ["channel", "type", "added"], unique=False)
    op.add_column("disclosures", sa.Column("batch", sa.BigInteger(), nullable=True))
