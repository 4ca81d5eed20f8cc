"""What opens a field of an entry is destroyed: nowhere are its salts any more, and the ledger holds as before."""

import base64
import json
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accord.cli.hub import opened_hub
from accord.journal import book
from accord.journal.facts import Fact, Kind
from tests.cli.released import OPERATION, SIGHTINGS, furnish
from tests.cli.rights import entries, rows_of
from tests.cli.test_cli_clock import WITNESS


@pytest.fixture
def hub(accord_here, database_url: str, tmp_path: Path) -> Path:
    """A hub that has handed a package over; on a database of either kind."""
    folder = tmp_path / "hub"
    database = () if database_url.startswith("sqlite") else ("--database", database_url)
    accord_here("init", folder, "--ledger", "hub.example/ledger", *database)
    furnish(folder, accord_here("package", "keys", "--name", "th.example", "--out", tmp_path / "keys").stdout)
    accord_here("agreement", "apply", "--in", folder)
    delivery = tmp_path / "2026-10-01-event4_sinkhole-th.csv"
    delivery.write_text(SIGHTINGS, "utf-8")
    accord_here("delivery", "add", "sinkhole", delivery, "--in", folder)
    operation = tmp_path / "october.toml"
    operation.write_text(OPERATION.format(name="october", more=""), "utf-8")
    accord_here("release", "make", operation, "--in", folder)
    return folder


def number_of(hub: Path, kind: Kind, *, last: bool = False) -> int:
    with opened_hub(hub) as opened, opened.database.reading() as connection:
        told = [one.number for one in book.kept(connection, range(book.size(connection))) if one.kind is kind]
    return told[-1 if last else 0]


def salt_of(hub: Path, number: int, field: str) -> bytes:
    with opened_hub(hub) as opened, opened.database.reading() as connection:
        (entry,) = book.kept(connection, [number])
    return next(one.salt for one in entry.openings if one.name == field)


def places(hub: Path, salt: bytes) -> set[str]:
    """Where a salt stands: in which files of the workspace, the database's own among them, and in which tables."""
    coded = base64.b64encode(salt)
    files = {path.name: path.read_bytes() for path in hub.rglob("*") if path.is_file()}
    return {name for name, data in (*files.items(), *rows_of(hub)) if coded in data or salt in data}


def test_a_field_that_was_forgotten_stands_nowhere_and_the_ledger_holds(accord_here, hub: Path) -> None:
    accord_here(
        "recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "Wrong.", "--in", hub
    )
    disclosure, notice = number_of(hub, Kind.DISCLOSURE), number_of(hub, Kind.RECALL, last=True)
    first, second = salt_of(hub, disclosure, "partner"), salt_of(hub, notice, "digest")
    kept = salt_of(hub, notice, "partner")
    assert {"package", "table journal_entries"} <= places(hub, first)
    assert {"openings", "table journal_entries"} <= places(hub, second)
    accord_here("ledger", "audit", "--in", hub)
    forget = ("ledger", "forget", "--why", "An order of the court.", "--person", "j.tan", "--in", hub)
    done = accord_here(*forget, str(disclosure), "partner")
    assert f"entry {disclosure}: partner is destroyed" in done.stdout
    assert "copy of the package" in done.stdout
    accord_here(*forget, str(notice), "digest")
    # the bytes of all files, free pages too, and every row of the database
    assert places(hub, first) == set()
    assert places(hub, second) == set()
    assert {"openings", "table journal_entries"} <= places(hub, kept)
    # everything holds as before, for everybody and for the hub
    accord_here("ledger", "verify", "--in", hub)
    checked = accord_here("ledger", "check", hub / "ledger", "--policy", hub / "ledger/policy").stdout
    assert "erasure" in checked
    assert "say the same" in accord_here("ledger", "audit", "--in", hub).stdout
    listed = json.loads(accord_here("ledger", "list", "--json", "--in", hub).stdout)
    assert {one["number"]: one["closed"] for one in listed if one["closed"]} == {
        disclosure: "destroyed: partner",
        notice: "destroyed: digest",
    }
    told = [(one["refers"], one["count"], one["records"]) for one in entries(hub, "erasure")]
    assert told == [(str(disclosure), "1", "<10"), (str(notice), "1", "<10")]
    rows = json.loads(accord_here("consultation", "list", "--processing", "erasure", "--json", "--in", hub).stdout)
    assert [(one["person"], one["justification"], one["object"]) for one in rows] == [
        ("j.tan", "An order of the court.", f"entry {disclosure} partner"),
        ("j.tan", "An order of the court.", f"entry {notice} digest"),
    ]
    # again: nothing is entered twice
    assert "destroyed before" in accord_here(*forget, str(disclosure), "partner").stdout
    assert len(entries(hub, "erasure")) == 2


def test_what_is_left_of_an_entry_is_still_held_against_the_books(accord_here, hub: Path) -> None:
    forget = ("ledger", "forget", "--why", "An order of the court.", "--in", hub)
    for kind, field in (
        (Kind.DELIVERY, "partner"),
        (Kind.AGREEMENT_SIGNED, "agreement"),
        (Kind.DELIVERY, "digest"),
        (Kind.AGREEMENT_SIGNED, "digest"),
    ):
        accord_here(*forget, str(number_of(hub, kind)), field)
        assert "say the same" in accord_here("ledger", "audit", "--in", hub).stdout
    # one entry that does not say any more of which delivery it is stands for one delivery, and not for two
    (held,) = (hub / "deliveries" / "dataset=sinkhole").iterdir()
    shutil.copytree(held, held.with_name(f"sha256={'0' * 64}"))
    assert "The books have, the ledger has not:" in accord_here("ledger", "audit", "--in", hub, expect=1).stdout


def test_what_everybody_has_or_a_recipient_must_open_is_not_forgotten(accord_here, hub: Path, tmp_path: Path) -> None:
    number = str(number_of(hub, Kind.DELIVERY))
    forget = ("ledger", "forget", "--why", "It must go.", "--in", hub)
    assert "The field is public" in accord_here(*forget, number, "dataset", expect=2).stderr
    assert "no such field" in accord_here(*forget, number, "value", expect=2).stderr
    for beyond in ("999", "1" + "0" * 30):
        assert "no such entry" in accord_here(*forget, beyond, "partner", expect=4).stderr
    reason = ("ledger", "forget", number, "partner", "--why", "about 45.1.1.4", "--in", hub)
    assert "must not hold the value" in accord_here(*reason, expect=2).stderr
    assert entries(hub, "erasure") == []
    # what an embargo holds back is nobody's yet: it can go, and its entry counts as closed for ever
    later = datetime.now(UTC) + timedelta(days=30)
    with opened_hub(hub) as opened, opened.database.writing() as connection:
        fact = Fact(kind=Kind.DELIVERY, at=book.moment(connection, datetime.now(UTC)), count=1240, dataset="Secret")
        (held,) = book.append(connection, [fact], draw=secrets.token_bytes, opens_at=later)
    salt = salt_of(hub, held, "dataset")
    accord_here(*forget, str(held), "dataset")
    assert places(hub, salt) == set()
    with opened_hub(hub) as opened:
        opened.ledger.publish(now=later, post=lambda *_: (0, "", b""))
    figures = json.loads((hub / "ledger/figures.json").read_text())
    assert (figures["closed"], figures["opened"]) == (1, figures["size"] - 1)
    accord_here("ledger", "check", hub / "ledger", "--policy", hub / "ledger/policy")
    # sealed, and waiting for a witness that nobody runs
    policy = hub / "ledger.policy"
    log = next(line for line in policy.read_text("utf-8").splitlines() if line.startswith("log "))
    policy.write_text(f"{log}\n{WITNESS}\nquorum north\n", "utf-8")
    waiting = tmp_path / "waiting.toml"
    waiting.write_text(OPERATION.format(name="waiting", more=""), "utf-8")
    accord_here("release", "make", waiting, "--in", hub, expect=7)
    number = str(number_of(hub, Kind.DISCLOSURE, last=True))
    assert "not handed over yet" in accord_here(*forget, number, "partner", expect=2).stderr
