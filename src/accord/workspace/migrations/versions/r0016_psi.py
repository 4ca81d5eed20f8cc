"""Private set intersection: sessions and what was spent of their budgets."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "psi_sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("ends", Instant(), nullable=False),
        sa.Column("budget", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("disclosure", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("closing_entry", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("spent <= budget", name=op.f("ck_psi_sessions_budget")),
        sa.ForeignKeyConstraint(["organisation"], ["partners.id"], name=op.f("fk_psi_sessions_organisation")),
        sa.ForeignKeyConstraint(["disclosure"], ["disclosures.id"], name=op.f("fk_psi_sessions_disclosure")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_psi_sessions")),
        sa.UniqueConstraint("organisation", "epoch", name=op.f("uq_psi_sessions_organisation_epoch")),
    )
    op.create_table(
        "psi_requests",
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("elements", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["session"], ["psi_sessions.id"], name=op.f("fk_psi_requests_session")),
        sa.PrimaryKeyConstraint("session", "request", name=op.f("pk_psi_requests")),
    )
