"""Databases to measure on: SQLite in a folder, and PostgreSQL in a schema of its own where a server answers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg

from accord.workspace.database import Place, migrate_database, place_of

POSTGRES = os.environ.get("ACCORD_TEST_POSTGRES") or "postgresql://postgres@127.0.0.1:5432/postgres"
HUB = "0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e11"


def kinds() -> list[str]:
    """What can be measured here."""
    try:
        psycopg.connect(POSTGRES, connect_timeout=5).close()
    except psycopg.OperationalError:
        return ["sqlite"]
    return ["sqlite", "postgresql"]


@contextmanager
def made(kind: str, folder: Path) -> Iterator[Place]:
    """An empty database of a hub, gone afterwards."""
    with nullcontext("sqlite:///accord.db") if kind == "sqlite" else schema() as url:
        folder.mkdir(exist_ok=True)
        settings = folder / "workspace.toml"
        settings.write_text(
            f'[hub]\nname = "Hub"\ncontact = "desk@hub.example"\nnamespace = "{HUB}"\nkey_file = "hub.key"\n'
            f'[database]\nurl = "{url}"\n'
        )
        place = place_of(settings)
        migrate_database(place, now=datetime.now(UTC))
        yield place


@contextmanager
def schema() -> Iterator[str]:
    """The URL of an empty schema on PostgreSQL, gone afterwards."""
    name = f"accord_bench_{uuid4().hex}"
    _do(f"CREATE SCHEMA {name}")
    try:
        yield f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options=-csearch_path%3D{name}"
    finally:
        _do(f"DROP SCHEMA {name} CASCADE")


def _do(statement: str) -> None:
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(statement)
