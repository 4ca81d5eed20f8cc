"""A hub's ledger on an empty database of either kind."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from accord.journal import keeping
from accord.journal.facts import Fact, Kind
from accord.journal.place import read_ledger
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.markings import Marking
from accord.workspace.database import migrate_database, open_database, place_of
from accord.workspace.settings import SettingsTable
from tests.copying import copied_database

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
    return copied_database(ledger.database, to)


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
