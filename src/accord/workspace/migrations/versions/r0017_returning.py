"""What must not come back: what deliveries hold however they are packed, and values that were erased."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "delivered_contents",
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "content", "delivery", name=op.f("pk_delivered_contents")),
    )
    op.create_table(
        "erased_values",
        sa.Column("mac", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("mac", name=op.f("pk_erased_values")),
    )
