"""The networks of network owners."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a partner have them."""
    op.add_column("partners", sa.Column("networks", sa.Text(), nullable=True))
