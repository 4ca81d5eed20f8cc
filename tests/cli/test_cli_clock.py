"""A hub whose clock was ahead and is right again, or was set back: nothing is decided by an earlier time than before.

Both come to the same: the ledger's last entry is of a time that the clock has yet to reach.
"""

import json
import secrets
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accord.cli.acting import Actor
from accord.cli.rights.retaining import purge
from accord.formats.catalogue import FORMATS
from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.ledger.notes import SignatureType, SigningKey
from accord.operations.declaration import read_workspace
from accord.vocabulary.errors import NotAgreedError, OutputError
from accord.workspace.database import open_database, place_of
from tests.cli.released import OPERATION, SIGHTINGS, furnish
from tests.cli.test_cli_channel import CHANNEL, MEMBER

NORTH = SigningKey(name="north.example", type=SignatureType.COSIGNATURE_V1, seed=bytes(32))
WITNESS = f"witness north {NORTH.verifier} http://127.0.0.1:9/w/"
"""One who does not answer: nothing listens there."""

BEHIND = "The clock is behind the ledger's last entry"


@pytest.fixture
def hub(accord_here, database_url: str, tmp_path: Path) -> Path:
    """A hub that may release, on a database of either kind."""
    folder = tmp_path / "hub"
    database = () if database_url.startswith("sqlite") else ("--database", database_url)
    accord_here("init", folder, "--ledger", "hub.example/ledger", *database)
    furnish(folder, accord_here("package", "keys", "--name", "th.example", "--out", tmp_path / "keys").stdout)
    accord_here("agreement", "apply", "--in", folder)
    delivery = tmp_path / "2026-10-01-event4_sinkhole-th.csv"
    delivery.write_text(SIGHTINGS, "utf-8")
    accord_here("delivery", "add", "sinkhole", delivery, "--in", folder)
    return folder


def operation(folder: Path, name: str) -> Path:
    file = folder / f"{name}.toml"
    file.write_text(OPERATION.format(name=name, more=""), "utf-8")
    return file


def enter(hub: Path, at: datetime) -> None:
    """An entry that was made when the clock said this."""
    with open_database(place_of(hub / "workspace.toml")) as database, database.writing() as connection:
        book.append(connection, [Fact(kind=Kind.ERASURE, at=at)], draw=secrets.token_bytes)


def releases(accord_here, hub: Path) -> list[dict]:
    return json.loads(accord_here("release", "list", "--json", "--in", hub).stdout)


def test_while_the_clock_is_behind_nothing_comes_in_or_goes_out_and_lists_go_on(
    accord_here, hub: Path, content: Callable[[Path], dict[str, bytes]]
) -> None:
    folder = hub.parent
    accord_here("release", "make", operation(folder, "given"), "--in", hub)
    (given,) = releases(accord_here, hub)
    place = hub / "releases" / given["id"]
    opened = ("--keys", folder / "keys", "--policy", hub / "ledger" / "policy", "--out", folder / "opened")
    accord_here("package", "open", place / "package", place / "handover", *opened)
    # a second one waits for a witness whose address nobody answers at
    policy = (hub / "ledger.policy").read_text("utf-8")
    log = next(line for line in policy.splitlines() if line.startswith("log "))
    shutil.copyfile(hub / "ledger.policy", folder / "policy")
    (hub / "ledger.policy").write_text(f"{log}\n{WITNESS}\nquorum north\n", "utf-8")
    accord_here("release", "make", operation(folder, "waiting"), "--in", hub, expect=7)
    shutil.copyfile(folder / "policy", hub / "ledger.policy")
    channels = folder / "channels.toml"
    channels.write_text(CHANNEL + MEMBER.format("csirt-th"), "utf-8")
    accord_here("channel", "apply", channels, "--in", hub)
    before = releases(accord_here, hub)
    kept = content(hub / "deliveries")
    enter(hub, datetime.now(UTC) + timedelta(hours=1))
    later = folder / "2026-10-02-event4_sinkhole-th.csv"
    later.write_text(SIGHTINGS.replace("2026-10-01", "2026-10-02"), "utf-8")
    for words in (
        ("delivery", "add", "sinkhole", later),
        ("release", "make", operation(folder, "more")),
        ("release", "make", operation(folder, "more"), "--channel", "infected-th"),
        ("release", "hand-over"),
        ("release", "receipt", folder / "opened" / "receipt"),
        ("agreement", "end", "police-th-2026", "--why", "over"),
        ("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "wrong"),
        ("subject", "erase", "110.164.10.1", "--why", "They asked."),
    ):
        assert BEHIND in accord_here(*words, "--in", hub, expect=5).stderr, words
    # what waits has nothing that opens it, neither a row nor a file
    assert releases(accord_here, hub) == before
    assert [path.parent.name for path in hub.glob("releases/*/handover")] == [given["id"]]
    assert len(list((hub / "releases").iterdir())) == 2
    assert not list(hub.glob(".staging-*"))
    # nor is anything taken back by halves, or in a channel
    assert content(hub / "deliveries") == kept
    assert not (hub / "withdrawn").exists()
    assert accord_here("recall", "list", "--json", "--in", hub).stdout == "[]\n"
    assert accord_here("channel", "poll", "infected-th", "--for", "csirt-th", "--json", "--in", hub).stdout == "[]\n"
    accord_here("ledger", "publish", "--in", hub)
    accord_here("ledger", "verify", "--in", hub)


def test_an_agreement_that_has_ended_is_not_in_force_again_by_a_clock_that_lags_by_seconds(
    accord_here, hub: Path, gate: Callable[..., object]
) -> None:
    began = datetime.now(UTC)
    accord_here("agreement", "end", "vendor-2026", "--why", "over", "--in", hub)
    settings = hub / "workspace.toml"
    (dataset,) = read_workspace(settings, FORMATS).datasets
    with open_database(place_of(settings)) as database:
        with pytest.raises(NotAgreedError, match="No agreement lets"):
            gate(database, began - timedelta(seconds=1)).ask(dataset)
        with pytest.raises(OutputError, match=BEHIND):
            gate(database, began - timedelta(hours=1)).ask(dataset)


def test_a_purge_that_began_before_what_others_entered_meanwhile_goes_on(accord_here, hub: Path) -> None:
    # the delivery's own entries came a minute after it read the clock
    begun = datetime.now(UTC) - timedelta(minutes=1)
    gone, *_ = purge(hub, begun + timedelta(days=7300), Actor(person="tests", justification=""), now=begun)
    assert len(gone) == 1
    assert not [path for path in (hub / "deliveries").rglob("*") if path.is_file()]
    accord_here("ledger", "audit", "--in", hub)


def test_a_clock_that_is_years_ahead_purges_nothing_and_enters_nothing(accord_here, hub: Path) -> None:
    decade = datetime.now(UTC) + timedelta(days=3653)
    kept = sorted((hub / "deliveries").rglob("*"))
    with pytest.raises(OutputError, match="more than a year ahead"):
        purge(hub, decade, Actor(person="tests", justification=""), now=decade)
    assert sorted((hub / "deliveries").rglob("*")) == kept
    # the clock is right again, and nothing is in the way
    accord_here("release", "make", operation(hub.parent, "october"), "--in", hub)
    accord_here("ledger", "audit", "--in", hub)
