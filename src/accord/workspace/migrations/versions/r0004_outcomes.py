"""What recipients are asked to do about findings, and what they say became of them."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and let the database itself refuse to change what was said."""
    op.create_table(
        "action_groups",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("disclosure", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("asn", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("in_review", sa.Boolean(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["disclosure"], ["disclosures.id"], name=op.f("fk_action_groups_disclosure")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_action_groups")),
    )
    op.create_index("ix_action_groups_disclosure", "action_groups", ["disclosure"], unique=False)
    op.create_table(
        "actions",
        sa.Column("finding", sa.LargeBinary(), nullable=False),
        sa.Column("action_group", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["action_group"], ["action_groups.number"], name=op.f("fk_actions_action_group")),
        sa.PrimaryKeyConstraint("finding", "action_group", name=op.f("pk_actions")),
    )
    op.create_index("ix_actions_action_group", "actions", ["action_group"], unique=False)
    op.create_table(
        "outcome_reports",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("ignored", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("first_entry", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["partner"], ["partners.id"], name=op.f("fk_outcome_reports_partner")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outcome_reports")),
    )
    op.create_table(
        "outcomes",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("report", sa.Integer(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("finding", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["report"], ["outcome_reports.number"], name=op.f("fk_outcomes_report")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_outcomes")),
    )
    op.create_index("ix_outcomes_finding", "outcomes", ["finding"], unique=False)
    op.create_index("ix_outcomes_report", "outcomes", ["report"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER keep_outcomes_update BEFORE UPDATE ON outcomes "
            "BEGIN SELECT RAISE(ABORT, 'outcomes is only added to'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION keep_outcomes() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'outcomes is only added to'; END $$"
    )
    op.execute("CREATE TRIGGER keep_outcomes BEFORE UPDATE ON outcomes FOR EACH ROW EXECUTE FUNCTION keep_outcomes()")
