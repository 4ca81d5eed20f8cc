"""What takes the place of what was recalled, corrections of single roles, and notices to those who had supplied it."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the columns."""
    op.add_column("recalls", sa.Column("replaced_by", sa.Text(), nullable=True))
    op.add_column("recalls", sa.Column("roles", sa.Text(), nullable=True))
    op.add_column("erased_values", sa.Column("roles", sa.Text(), nullable=True))
    op.create_table(
        "supplier_notices",
        sa.Column("recall", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("notice", sa.LargeBinary(), nullable=False),
        sa.Column("supplied", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("acknowledged_at", Instant(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answer_note", sa.Text(), nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=True),
        sa.Column("fetched_at", Instant(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["partner"], ["partners.id"], name=op.f("fk_supplier_notices_partner")),
        sa.ForeignKeyConstraint(["recall"], ["recalls.id"], name=op.f("fk_supplier_notices_recall")),
        sa.PrimaryKeyConstraint("recall", "partner", name=op.f("pk_supplier_notices")),
        sa.UniqueConstraint("id", name=op.f("uq_supplier_notices_id")),
    )
