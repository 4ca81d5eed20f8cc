"""Collections of partners that are pulled, and those that are fed."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "pulls",
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "collection", name=op.f("pk_pulls")),
    )
    op.create_table(
        "pulled",
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "collection", "object", name=op.f("pk_pulled")),
    )
    op.create_table(
        "pushes",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_pushes_channel")),
        sa.ForeignKeyConstraint(["partner"], ["partners.id"], name=op.f("fk_pushes_partner")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_pushes")),
    )
    op.create_index("ix_pushes_collection", "pushes", ["collection", "channel", "partner", "state"])
    op.create_table(
        "pushed",
        sa.Column("push", sa.Integer(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["push"], ["pushes.number"], name=op.f("fk_pushed_push")),
        sa.PrimaryKeyConstraint("push", "added", name=op.f("pk_pushed")),
    )
    op.create_index("ix_pushed_added", "pushed", ["added"])
