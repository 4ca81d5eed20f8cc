"""Whose database it is."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of the one hub."""
    op.create_table(
        "hub",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.CheckConstraint("row = 1", name=op.f("ck_hub_one_row")),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_hub")),
    )
