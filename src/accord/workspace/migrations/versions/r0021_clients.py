"""Whether the clients of a channel's member read it too."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a member say it; nobody could before."""
    op.add_column("channel_members", sa.Column("clients", sa.Boolean(), nullable=True))
    op.execute("UPDATE channel_members SET clients = FALSE")
    with op.batch_alter_table("channel_members") as table:
        table.alter_column("clients", existing_type=sa.Boolean(), nullable=False)
