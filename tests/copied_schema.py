"""The newest schema of a workspace's database, made once by the migrations and used again for other empty databases.

A test's own database takes hundreds of statements to make, and thousands of tests have one. The migrations themselves
run where they are what is tested (tests/workspace/test_database.py), in every command that a test starts as a process
of its own on SQLite, and for whatever is no empty database.
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import Connection, inspect, text

from accord.workspace import database

READY = "_ready"
"""On PostgreSQL: a schema that is called as a test's own and this is what the test's own may become."""

SHAPE = """
    SELECT md5(string_agg(line, chr(10) ORDER BY line)) FROM (
        SELECT concat_ws(' ', relname, relkind, attname, format_type(atttypid, atttypmod), attnotnull)
            FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
            WHERE relnamespace = to_regnamespace(current_schema()) AND attnum > 0
        UNION ALL SELECT concat_ws(' ', relname, tgname, tgenabled)
            FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid
            WHERE relnamespace = to_regnamespace(current_schema()) AND NOT tgisinternal
        UNION ALL SELECT conname FROM pg_constraint WHERE connamespace = to_regnamespace(current_schema())
        UNION ALL SELECT proname || md5(prosrc) FROM pg_proc WHERE pronamespace = to_regnamespace(current_schema())
    ) AS lines(line)
"""
"""Of a schema on PostgreSQL: its tables, columns, indexes, constraints, triggers and functions."""

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL"

migrated: Callable[[Connection, str], None] = database._upgrade
"""What truly migrates."""


def upgrade(connection: Connection, revision: str) -> None:
    """As `migrated`, but what is empty and is to be the newest becomes what was made before."""
    names = inspect(connection)
    if revision != "head" or names.get_table_names():
        migrated(connection, revision)
    elif connection.dialect.name == "sqlite":
        for statement in _statements():
            connection.exec_driver_sql(statement)
    else:
        own = connection.execute(text("SELECT current_schema()")).scalar_one()
        if own is None or not names.has_table("alembic_version", schema=f"{own}{READY}"):
            migrated(connection, revision)
        else:
            connection.execute(text(f"DROP SCHEMA {own}"))
            connection.execute(text(f"ALTER SCHEMA {own}{READY} RENAME TO {own}"))


class Schemas:
    """Empty schemas on a PostgreSQL server, each used by one test after another: to workspaces they are databases."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._free: list[str] = []
        self._made: list[str] = []
        self._shape: tuple[object, ...] | None = None

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of an empty one, emptied afterwards."""
        name = self._free.pop() if self._free else self._make()
        yield self._url(name)
        if self._emptied(name):
            self._free.append(name)

    def remove(self) -> None:
        """Remove all."""
        with psycopg.connect(self._server, autocommit=True) as server:
            for name in self._made:
                self._end_others(server, name)
                server.execute(f"DROP SCHEMA IF EXISTS {name}, {name}{READY} CASCADE")

    def _url(self, name: str) -> str:
        """As settings write it; who is connected by it can be told by the name."""
        more = f"application_name={name}&options=-csearch_path%3D{name}"
        return f"{self._server}{'&' if '?' in self._server else '?'}{more}"

    def _make(self) -> str:
        name = f"accord_test_{uuid4().hex}"
        self._made.append(name)
        with psycopg.connect(self._url(name), autocommit=True) as own, tempfile.TemporaryDirectory() as folder:
            own.execute(f"CREATE SCHEMA {name}")
            _migrate(Path(folder), self._url(name))
            self._shape = own.execute(SHAPE).fetchone()
            self._empty(own, name)
        return name

    def _emptied(self, name: str) -> bool:
        """Take out what a test has left. False: it left another schema than was there."""
        with psycopg.connect(self._url(name), autocommit=True) as own:
            self._end_others(own, name)
            if own.execute("SELECT to_regnamespace(%s)", [f"{name}{READY}"]).fetchone() != (None,):
                # what it may become stands there still
                own.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
                own.execute(f"CREATE SCHEMA {name}")
                return True
            if own.execute(SHAPE).fetchone() != self._shape:
                return False
            self._empty(own, name)
        return True

    def _empty(self, own: psycopg.Connection, name: str) -> None:
        with own.transaction():
            # what may only be added to is emptied, too
            own.execute("SET LOCAL session_replication_role = replica")
            tables = [table for (table,) in own.execute(_TABLES) if table != "alembic_version"]
            for (table,) in own.execute(
                " UNION ALL ".join(f"(SELECT '{one}' FROM {one} LIMIT 1)" for one in tables)
            ).fetchall():
                own.execute(f"DELETE FROM {table}")
            for (sequence,) in own.execute(_SEQUENCES).fetchall():
                own.execute(f"ALTER SEQUENCE {sequence} RESTART")
            own.execute(f"ALTER SCHEMA {name} RENAME TO {name}{READY}")
            own.execute(f"CREATE SCHEMA {name}")

    def _end_others(self, connected: psycopg.Connection, name: str) -> None:
        connected.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE application_name = %s AND pid <> pg_backend_pid()",
            [name],
        )


@cache
def _statements() -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:
        _migrate(Path(folder), f"sqlite:///{database.FILE}")
        with sqlite3.connect(Path(folder) / database.FILE) as made:
            made.execute(f"DELETE FROM {database.HUB.name}")
            _, *statements, _ = made.iterdump()  # without BEGIN and COMMIT
            made.rollback()
        made.close()
    return tuple(statements)


def _migrate(folder: Path, url: str) -> None:
    settings = folder / "workspace.toml"
    settings.write_text(
        f'[hub]\nname = "Hub"\ncontact = "desk@hub.example"\nnamespace = "{UUID(int=0)}"\nkey_file = "hub.key"\n'
        f'[database]\nurl = "{url}"\n',
        "utf-8",
    )
    before, database._upgrade = database._upgrade, migrated
    try:
        database.migrate_database(database.place_of(settings), now=datetime(2000, 1, 1, tzinfo=UTC))
    finally:
        database._upgrade = before
