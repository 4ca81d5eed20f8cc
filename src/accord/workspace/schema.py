"""The tables of a workspace's database, for SQLite and PostgreSQL alike.

`accord.workspace.migrations` brings a database up to them; a change here needs a new revision there, and REVISION
raised. The tests hold the two together.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    CheckConstraint,
    Column,
    Dialect,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

REVISION = "0001"
"""The newest revision: what this Accord reads and writes."""

METADATA = MetaData(
    # a constraint that has a name can be changed by a migration, on both databases
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An instant in UTC, to the microsecond: timestamptz, or on SQLite RFC 3339 of one width, which sorts as text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text where the database has no type for it."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        """To the database. Raises ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its zone")
        value = value.astimezone(UTC)
        if dialect.name != "sqlite":
            return value
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        """From the database; PostgreSQL answers in the session's zone."""
        del dialect
        if value is None:
            return None
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return instant.astimezone(UTC)


HUB = Table(
    "hub",
    METADATA,
    # one row: a database belongs to one hub
    Column("row", Integer, CheckConstraint("row = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("namespace", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
)
"""Whose database it is: the hub's namespace (a UUID as text), so that no other hub works in it by a mistyped URL."""
