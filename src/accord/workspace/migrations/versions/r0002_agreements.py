"""Partners, data sets, agreements, and what was delivered against them."""

import sqlalchemy as sa
from alembic import op

from accord.workspace.schema import Hundredths, Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the register's tables."""
    op.create_table(
        "agreements",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("predecessor", sa.Text(), nullable=True),
        sa.Column("marking", sa.Text(), nullable=False),
        sa.Column("pap", sa.Text(), nullable=True),
        sa.Column("handling_text", sa.Text(), nullable=True),
        sa.Column("retention", sa.Text(), nullable=True),
        sa.Column("onward_sharing", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("end_recorded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["predecessor"], ["agreements.id"], name=op.f("fk_agreements_predecessor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreements")),
    )
    op.create_table(
        "changes",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_changes")),
    )
    op.create_table(
        "partners",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partners")),
    )
    op.create_table(
        "agreement_handling",
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.id"], name=op.f("fk_agreement_handling_agreement")),
        sa.PrimaryKeyConstraint("agreement", "code", name=op.f("pk_agreement_handling")),
    )
    op.create_table(
        "agreement_ieps",
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("iep_id", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("encrypt_in_transit", sa.Text(), nullable=True),
        sa.Column("permitted_actions", sa.Text(), nullable=True),
        sa.Column("affected_party_notifications", sa.Text(), nullable=True),
        sa.Column("tlp", sa.Text(), nullable=True),
        sa.Column("provider_attribution", sa.Text(), nullable=True),
        sa.Column("unmodified_resale", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.id"], name=op.f("fk_agreement_ieps_agreement")),
        sa.PrimaryKeyConstraint("agreement", name=op.f("pk_agreement_ieps")),
    )
    op.create_table(
        "agreement_purposes",
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.id"], name=op.f("fk_agreement_purposes_agreement")),
        sa.PrimaryKeyConstraint("agreement", "purpose", name=op.f("pk_agreement_purposes")),
    )
    op.create_table(
        "agreement_signatories",
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.id"], name=op.f("fk_agreement_signatories_agreement")),
        sa.ForeignKeyConstraint(["party"], ["partners.id"], name=op.f("fk_agreement_signatories_party")),
        sa.PrimaryKeyConstraint("agreement", "position", name=op.f("pk_agreement_signatories")),
    )
    op.create_table(
        "agreement_terms",
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("signed", sa.Date(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.id"], name=op.f("fk_agreement_terms_agreement")),
        sa.PrimaryKeyConstraint("agreement", "position", name=op.f("pk_agreement_terms")),
    )
    op.create_table(
        "agreement_transfers",
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.id"], name=op.f("fk_agreement_transfers_agreement")),
        sa.PrimaryKeyConstraint("agreement", "ground", name=op.f("pk_agreement_transfers")),
    )
    op.create_table(
        "datasets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("marking", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("retention", sa.Text(), nullable=False),
        sa.Column("personal_data", sa.Boolean(), nullable=False),
        sa.Column("name_partner", sa.Boolean(), nullable=False),
        sa.Column("share_limited", sa.Boolean(), nullable=False),
        sa.Column("upstream", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["partner"], ["partners.id"], name=op.f("fk_datasets_partner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
    )
    op.create_table(
        "agreement_datasets",
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.id"], name=op.f("fk_agreement_datasets_agreement")),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.id"], name=op.f("fk_agreement_datasets_dataset")),
        sa.PrimaryKeyConstraint("agreement", "direction", "dataset", name=op.f("pk_agreement_datasets")),
    )
    op.create_table(
        "commitments",
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("amount", Hundredths(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=True),
        sa.Column("due", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["agreement"], ["agreements.id"], name=op.f("fk_commitments_agreement")),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.id"], name=op.f("fk_commitments_dataset")),
        sa.ForeignKeyConstraint(["party"], ["partners.id"], name=op.f("fk_commitments_party")),
        sa.PrimaryKeyConstraint("agreement", "id", name=op.f("pk_commitments")),
    )
    op.create_table(
        "dataset_sharing",
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dataset"], ["datasets.id"], name=op.f("fk_dataset_sharing_dataset")),
        sa.ForeignKeyConstraint(["partner"], ["partners.id"], name=op.f("fk_dataset_sharing_partner")),
        sa.PrimaryKeyConstraint("dataset", "partner", name=op.f("pk_dataset_sharing")),
    )
    op.create_table(
        "fulfilments",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount", Hundredths(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement", "commitment"],
            ["commitments.agreement", "commitments.id"],
            name=op.f("fk_fulfilments_agreement_commitment"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_fulfilments")),
    )
