"""Which mail brought which notice of a recall, when a notice was fetched, and how its answer came."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the columns."""
    op.add_column("recall_notices", sa.Column("fetched_at", Instant(), nullable=True))
    op.add_column("recall_notices", sa.Column("answered_by", sa.Text(), nullable=True))
    op.create_table(
        "notification_notices",
        sa.Column("notification", sa.Text(), nullable=False),
        sa.Column("recall", sa.Text(), nullable=False),
        sa.Column("disclosure", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification"], ["notifications.id"], name=op.f("fk_notification_notices_notification")
        ),
        sa.ForeignKeyConstraint(
            ["recall", "disclosure"],
            ["recall_notices.recall", "recall_notices.disclosure"],
            name=op.f("fk_notification_notices_recall_disclosure"),
        ),
        sa.PrimaryKeyConstraint("notification", "recall", "disclosure", name=op.f("pk_notification_notices")),
    )
    op.create_index("ix_notification_notices_recall", "notification_notices", ["recall", "disclosure"])
