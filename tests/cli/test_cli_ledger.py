"""`accord ledger`: what a person sees who keeps a ledger, and who checks one."""

import json
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.markings import Marking
from accord.workspace.database import open_database, place_of

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.fixture
def hub(accord_here, tmp_path: Path, database_url: str) -> Path:
    """A workspace with three entries, one of them closed."""
    folder = tmp_path / "hub"
    accord_here(
        "init", folder, "--name", "Test hub", *([] if "sqlite" in database_url else ["--database", database_url])
    )
    add(folder, Kind.DELIVERY, 1240, opens_at=NOW)
    add(folder, Kind.DISCLOSURE, 7, opens_at=NOW, country="TH", purpose=Purpose.PREVENTION)
    add(folder, Kind.DELIVERY, 30)
    accord_here("ledger", "publish", "--in", folder)
    return folder


NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def add(folder: Path, kind: Kind, count: int, *, opens_at: datetime | None = None, **said: object) -> int:
    fact = Fact(
        kind=kind,
        at=NOW,
        count=count,
        dataset="Infected machines",
        origin=Origin.SINKHOLE,
        partner="vendor",
        marking=Marking.AMBER,
        digest=DIGEST,
        **said,  # type: ignore[arg-type]
    )
    with open_database(place_of(folder / "workspace.toml")) as database, database.writing() as connection:
        return book.append(connection, [fact], draw=secrets.token_bytes, opens_at=opens_at).start


def test_a_copy_of_the_folder_is_checked_by_whoever_has_it(accord_here, hub: Path, tmp_path: Path) -> None:
    shutil.copytree(hub / "ledger", tmp_path / "copy")
    shutil.copy(hub / "ledger/policy", tmp_path / "policy")
    shutil.copy(hub / "ledger/checkpoint", tmp_path / "kept")
    done = accord_here("ledger", "check", tmp_path / "copy", "--policy", tmp_path / "policy")
    assert "3 entries, each verified" in done.stdout
    assert "opened for everybody: 2; closed: 1" in done.stdout
    assert "2026: taken in" in done.stdout
    assert "0 to 9" in done.stdout
    assert done.stderr == ""
    warned = accord_here("ledger", "check", tmp_path / "copy", "--json")
    assert "nobody vouches for it" in warned.stderr
    assert json.loads(warned.stdout)["figures"]["closed"] == 1
    add(hub, Kind.RECALL, 12)
    accord_here("ledger", "publish", "--in", hub)
    accord_here("ledger", "check", hub / "ledger", "--policy", tmp_path / "policy", "--against", tmp_path / "kept")
    # the copy is older than what is published now
    refused = accord_here(
        "ledger", "check", tmp_path / "copy", "--policy", tmp_path / "policy", "--against", hub / "ledger/checkpoint",
        expect=7,
    )  # fmt: skip
    assert "shorter than it was" in refused.stderr
    assert "keep both checkpoints" in refused.stderr


def test_what_is_no_log_is_named(accord_here, hub: Path, tmp_path: Path) -> None:
    assert "no such folder" in accord_here("ledger", "check", tmp_path / "nowhere", expect=4).stderr
    (tmp_path / "empty").mkdir()
    assert "no policy" in accord_here("ledger", "check", tmp_path / "empty", expect=4).stderr
    policy = hub / "ledger.policy"
    refused = accord_here("ledger", "check", tmp_path / "empty", "--policy", policy, expect=4)
    assert "nothing was published" in refused.stderr


def test_files_that_were_damaged_are_made_again(accord_here, hub: Path) -> None:
    damaged = hub / "ledger/tile/entries/000.p/3"
    damaged.write_bytes(b"damaged")
    check = ("ledger", "check", hub / "ledger", "--policy", hub / "ledger/policy")
    accord_here(*check, expect=7)
    accord_here("ledger", "publish", "--in", hub, "--anew")
    accord_here(*check)
