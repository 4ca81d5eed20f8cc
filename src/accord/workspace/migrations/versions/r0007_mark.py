"""By what a workspace's folder and its database belong together, and when its clock was said to be right."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for both."""
    op.add_column("hub", sa.Column("mark", sa.Text(), nullable=True))
    op.add_column("hub", sa.Column("clock_at", Instant(), nullable=True))
