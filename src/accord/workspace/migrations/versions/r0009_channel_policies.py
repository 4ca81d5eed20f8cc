"""Policies are known by digests, shared objects are seen with a finding that told of them, and what went is known."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TOLD = """
CREATE TEMPORARY TABLE told_of AS
SELECT s.channel, s.object, s.finding, f.policy, COALESCE(
    (SELECT MAX(o.told) FROM channel_objects o
        WHERE o.channel = s.channel AND o.finding = s.finding AND o.revoked = FALSE AND o.added IS NOT NULL),
    (SELECT MAX(o.told) FROM channel_objects o
        WHERE o.channel = s.channel AND o.finding = s.finding AND o.revoked = FALSE),
    (SELECT MIN(o.told) FROM channel_objects o WHERE o.channel = s.channel AND o.object = s.object),
    0) AS told
FROM channel_shared s
JOIN channel_findings f ON f.channel = s.channel AND f.finding = s.finding AND f.live = TRUE
"""
"""A shared object was told of with a finding when the finding's own objects were."""

_OWN = "WHERE EXISTS (SELECT 1 FROM channel_shared s WHERE s.channel = {0}.channel AND s.object = {0}.object)"


def upgrade() -> None:
    """Change the tables, with what they hold."""
    op.execute(_TOLD)
    with op.batch_alter_table("channel_findings") as table:
        table.alter_column("policy", existing_type=sa.Integer(), nullable=True)
    op.execute("UPDATE channel_findings SET policy = NULL WHERE live = FALSE")
    with op.batch_alter_table("channel_findings") as table:
        table.drop_column("live")
    op.create_index("ix_channel_findings_policy", "channel_findings", ["policy"], unique=False)
    with op.batch_alter_table("channel_objects") as table:
        table.alter_column("policy", existing_type=sa.Integer(), nullable=True)
    op.execute("UPDATE channel_objects SET policy = NULL " + _OWN.format("channel_objects"))
    # of a shared object only the last version is kept
    op.execute(
        "DELETE FROM channel_objects WHERE policy IS NULL AND EXISTS (SELECT 1 FROM channel_objects o"
        " WHERE o.channel = channel_objects.channel AND o.object = channel_objects.object"
        " AND o.added > channel_objects.added)"
    )
    op.create_index("ix_channel_objects_policy", "channel_objects", ["policy"], unique=False)
    _share()
    _rest()
    op.create_table(
        "channel_remains",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channels.id"], name=op.f("fk_channel_remains_channel")),
        sa.PrimaryKeyConstraint("channel", "object", name=op.f("pk_channel_remains")),
    )
    op.create_index("ix_channel_remains_finding", "channel_remains", ["channel", "finding"], unique=False)
    _know_policies()


def _share() -> None:
    op.drop_table("channel_shared")
    op.create_table(
        "channel_shared",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["policy"], ["channel_policies.number"], name=op.f("fk_channel_shared_policy")),
        sa.PrimaryKeyConstraint("channel", "object", "finding", "told", name=op.f("pk_channel_shared")),
    )
    op.execute(
        "INSERT INTO channel_shared (channel, object, finding, told, policy)"
        " SELECT channel, object, finding, told, policy FROM told_of"
    )
    op.execute("DROP TABLE told_of")
    op.create_index("ix_channel_shared_finding", "channel_shared", ["channel", "finding"], unique=False)
    op.create_index("ix_channel_shared_told", "channel_shared", ["channel", "told"], unique=False)
    op.create_index("ix_channel_shared_policy", "channel_shared", ["policy"], unique=False)


def _rest() -> None:
    op.add_column("channel_sources", sa.Column("batch", sa.BigInteger(), nullable=True))
    # every version may rest on it
    op.execute(
        "UPDATE channel_sources SET batch = COALESCE((SELECT MAX(b.number) FROM channel_batches b"
        " WHERE b.channel = channel_sources.channel), 0)"
    )
    with op.batch_alter_table("channel_sources") as table:
        table.alter_column("batch", existing_type=sa.BigInteger(), nullable=False)


def _know_policies() -> None:
    """Those that something refers to, which have one alternative each."""
    connection = op.get_bind()
    unused = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {table} t WHERE t.policy = channel_policies.number)"
        for table in ("channel_objects", "channel_findings", "channel_shared")
    )
    op.execute(f"DELETE FROM channel_policies WHERE {unused}")
    rows = [
        {"number": number, "classes": json.dumps(json.loads(classes)[0], ensure_ascii=False)}
        for number, classes in connection.execute(sa.text("SELECT number, classes FROM channel_policies"))
    ]
    for row in rows:
        row["digest"] = hashlib.sha256(str(row["classes"]).encode()).hexdigest()
    if connection.dialect.name == "sqlite":
        # what refers to it waits until it is there again; SQLite has no other way to drop the old constraint
        op.execute("PRAGMA defer_foreign_keys = ON")
        op.drop_table("channel_policies")
        table = op.create_table(
            "channel_policies",
            sa.Column("number", sa.Integer(), nullable=False),
            sa.Column("digest", sa.Text(), nullable=False),
            sa.Column("classes", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("number", name=op.f("pk_channel_policies")),
            sa.UniqueConstraint("digest", name=op.f("uq_channel_policies_digest")),
        )
        op.bulk_insert(table, rows)
        return
    op.drop_constraint("uq_channel_policies_classes", "channel_policies", type_="unique")
    op.add_column("channel_policies", sa.Column("digest", sa.Text(), nullable=True))
    for row in rows:
        connection.execute(
            sa.text("UPDATE channel_policies SET classes = :classes, digest = :digest WHERE number = :number"), row
        )
    op.alter_column("channel_policies", "digest", existing_type=sa.Text(), nullable=False)
    op.create_unique_constraint("uq_channel_policies_digest", "channel_policies", ["digest"])
