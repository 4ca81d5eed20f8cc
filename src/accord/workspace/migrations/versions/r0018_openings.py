"""When an entry is opened may change as long as it is not: an operation's embargo may be put off."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NEVER = "number, at, kind, reference, entry"


def upgrade() -> None:
    """Let the database refuse a change of `opens_at` only where everybody can read the entry already."""
    said = "journal_entries is only added to"
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER keep_journal_entries_update")
        op.execute(
            f"CREATE TRIGGER keep_journal_entries_update BEFORE UPDATE OF {_NEVER} ON journal_entries "
            f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
        op.execute(
            "CREATE TRIGGER keep_journal_entries_opened BEFORE UPDATE OF opens_at ON journal_entries "
            "WHEN OLD.opened_at IS NOT NULL OR OLD.opens_at IS NULL OR NEW.opens_at IS NULL "
            f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
        return
    op.execute("DROP TRIGGER keep_journal_entries ON journal_entries")
    op.execute(
        f"CREATE TRIGGER keep_journal_entries BEFORE UPDATE OF {_NEVER} OR DELETE ON journal_entries "
        "FOR EACH ROW EXECUTE FUNCTION keep_journal_entries()"
    )
    op.execute(
        "CREATE TRIGGER keep_journal_entries_opened BEFORE UPDATE OF opens_at ON journal_entries FOR EACH ROW "
        "WHEN (OLD.opened_at IS NOT NULL OR OLD.opens_at IS NULL OR NEW.opens_at IS NULL) "
        "EXECUTE FUNCTION keep_journal_entries()"
    )
