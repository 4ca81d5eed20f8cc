"""Mail to recipients, and what became of each."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "notifications",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("marking", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("said", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["recipient"], ["partners.id"], name=op.f("fk_notifications_recipient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_index("ix_notifications_recipient", "notifications", ["recipient", "made_at"])
    op.create_index("ix_notifications_state", "notifications", ["state"])
    op.create_table(
        "notification_disclosures",
        sa.Column("notification", sa.Text(), nullable=False),
        sa.Column("disclosure", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification"], ["notifications.id"], name=op.f("fk_notification_disclosures_notification")
        ),
        sa.ForeignKeyConstraint(
            ["disclosure"], ["disclosures.id"], name=op.f("fk_notification_disclosures_disclosure")
        ),
        sa.PrimaryKeyConstraint("notification", "disclosure", name=op.f("pk_notification_disclosures")),
    )
    op.create_index("ix_notification_disclosures_disclosure", "notification_disclosures", ["disclosure"])
