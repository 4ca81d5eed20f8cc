"""What the rules are asked of a package when it is handed over, and that one was refused then."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a disclosure say it."""
    op.add_column("disclosures", sa.Column("basis", sa.Text(), nullable=True))
    op.add_column("disclosures", sa.Column("refused_at", Instant(), nullable=True))
    op.add_column("disclosures", sa.Column("refusal", sa.Text(), nullable=True))
