"""A hub's ledger on an empty database of either kind."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from accord.journal import keeping
from accord.journal.facts import Fact, Kind
from accord.journal.place import read_ledger
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.markings import Marking
from accord.workspace.database import migrate_database, open_database, place_of
from accord.workspace.settings import SettingsTable
from tests.conftest import POSTGRES

HUB = UUID("0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e11")
NOW = datetime(2026, 11, 27, 8, 0, 0, 5, UTC)

OpenLedger = Callable[[], keeping.Ledger]


def fact(at: datetime = NOW, count: int = 1234, **said: object) -> Fact:
    """A disclosure as a hub would make one."""
    usual: dict[str, object] = {
        "kind": Kind.DISCLOSURE,
        "dataset": "Infected machines",
        "origin": Origin.SINKHOLE,
        "partner": "csirt-th",
        "country": "TH",
        "purpose": Purpose.VICTIM_NOTIFICATION,
        "marking": Marking.AMBER,
        "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "agreement": "thailand-2026 vendor-2026",
    }
    return Fact(at=at, count=count, **usual | said)  # type: ignore[arg-type]


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def copied(ledger: keeping.Ledger, to: Path) -> Callable[[], None]:
    """Copy the ledger's database by its own means; what is returned restores the copy, once nobody has it open."""
    place = ledger.database._place
    file = place.file
    if file is None:
        return _dumped(ledger, to)
    source, target = sqlite3.connect(file), sqlite3.connect(to)
    source.backup(target)
    source.close()
    target.close()

    def restore() -> None:
        for name in ("-wal", "-shm"):
            file.with_name(f"{file.name}{name}").unlink(missing_ok=True)
        shutil.copyfile(to, file)

    return restore


def _dumped(ledger: keeping.Ledger, to: Path) -> Callable[[], None]:
    if shutil.which("pg_dump") is None or shutil.which("psql") is None:
        pytest.skip("needs pg_dump: a copy of a PostgreSQL database")
    with ledger.database.reading() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    subprocess.run(["pg_dump", "--dbname", POSTGRES, "--schema", schema, "--file", str(to)], check=True)

    def restore() -> None:
        for arguments in (["--command", f"DROP SCHEMA {schema} CASCADE"], ["--file", str(to)]):
            command = ["psql", "--quiet", "--dbname", POSTGRES, "--set", "ON_ERROR_STOP=1", *arguments]
            subprocess.run(command, check=True, capture_output=True)

    return restore


@pytest.fixture
def open_ledger(tmp_path: Path, database_url: str) -> Iterator[OpenLedger]:
    """Open the hub's ledger, as often as one likes."""
    settings = tmp_path / "workspace.toml"
    settings.write_text(
        f'[hub]\nname = "Hub"\ncontact = "d@hub.example"\nnamespace = "{HUB}"\nkey_file = "hub.key"\n'
        f'[database]\nurl = "{database_url}"\n[ledger]\norigin = "hub.example/ledger"\n'
    )
    place = place_of(settings)
    migrate_database(place, now=NOW)
    with ExitStack() as stack:

        def opened() -> keeping.Ledger:
            table = SettingsTable(file=settings, path="", content={"ledger": {"origin": "hub.example/ledger"}})
            return keeping.open_ledger(read_ledger(table, HUB), stack.enter_context(open_database(place)))

        yield opened
