"""Releases killed at drawn moments of sealing, entering, asking the witness and publishing, on both databases.

Whatever is handed over has its entries in the ledger, under a checkpoint that the witness of the quorum has signed;
nothing is released twice; and the ledger verifies, after every kill and after the same release was called again.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accord.cli.ledgers.opening import opened_ledger
from accord.journal.checking import check_log
from accord.ledger.notes import parse_signing_key
from accord.release.disclosures import disclosures
from tests.cli.killing import Kills, all_of
from tests.cli.released import OPERATION, POLICE, SIGHTINGS, furnish
from tests.simulators.witness import Witness, served

KILLED = -9
KILLS = 100 if os.environ.get("CI") else 8
"""A few at home; CI does a hundred on each database."""

STAGES = ("nothing yet", "sealed without a row", "entered", "handed over")
"""In the order in which they come."""


@pytest.fixture
def hub(accord_here, database_url: str, tmp_path: Path) -> Iterator[Path]:
    """A hub whose ledger is published with a witness, who answers."""
    folder = tmp_path / "hub"
    database = () if database_url.startswith("sqlite") else ("--database", database_url)
    accord_here("init", folder, "--ledger", "hub.example/ledger", *database)
    furnish(folder, accord_here("package", "keys", "--name", "th.example", "--out", tmp_path / "keys").stdout)
    accord_here("agreement", "apply", "--in", folder)
    delivery = tmp_path / "2026-10-01-event4_sinkhole-th.csv"
    delivery.write_text(SIGHTINGS, "utf-8")
    accord_here("delivery", "add", "sinkhole", delivery, "--in", folder)
    key = parse_signing_key((folder / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        line = f"witness north {witness.key.verifier} {witness.url}"
        (folder / "ledger.policy").write_text(f"log {key.verifier}\n{line}\nquorum north\n", "utf-8")
        yield folder
        assert witness.asked > KILLS


@pytest.fixture
def release(hub: Path, environment: dict[str, str]) -> Iterator[Callable[..., dict]]:
    """Release under a name, killed or not."""
    operation = hub.parent / "operation.toml"
    operation.write_text(OPERATION.format(name="op", more="") + POLICE, "utf-8")
    program = [sys.executable, str(Path(__file__).with_name("release_forks.py")), hub, operation, hub.parent / "out"]
    with subprocess.Popen(
        [str(word) for word in program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def released(name: str, how: object = None) -> dict:
            process.stdin.write(json.dumps({"name": name, "how": how}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield released
        process.stdin.close()
    assert process.returncode == 0


def stage(hub: Path, name: str, before: set[str]) -> str:
    """How far a killed release had come; whatever was handed over must have its entries under a checkpoint."""
    places = {path.name: path for path in (hub / "releases").glob("*")}
    with opened_ledger(hub) as ledger:
        with ledger.database.reading() as connection:
            rows = {str(one.id): one for one in disclosures(connection)}
        published = ledger.standing()
        # as it lies there, whoever reads it: what a kill has left is a log that verifies
        check_log(ledger.files, ledger.policy, against=None, follow=lambda *_: None)
        for identifier, place in places.items():
            if (place / "handover").exists():
                assert published.covers(rows[identifier].entries[-1]), "handed over without its entry"
    mine = [one for one in rows.values() if one.operation == name]
    assert all(str(one.id) in places for one in mine), "entered, and the package is not there"
    if any(one.handed_over_at is not None for one in mine):
        return "handed over"
    if mine:
        return "entered"
    return "sealed without a row" if set(places) - set(rows) - before else "nothing yet"


def test_a_release_killed_at_any_moment_is_neither_lost_nor_doubled_and_never_without_its_entry(
    hub: Path, release: Callable[..., dict]
) -> None:
    steps = release("op-counted", "count")["steps"]
    kills = Kills("release", all_of({kind: steps[kind] for kind in ("calls", "disk", "database")}), STAGES)
    for number in range(KILLS):
        name = f"op-{number}"
        kill = kills.draw()
        before = {path.name for path in (hub / "releases").glob("*")}
        done = release(name, kill)
        assert done["code"] in {KILLED, 0}, (name, kill)
        kills.came(kill, stage(hub, name, before))
        assert release(name)["code"] == 0, name
        assert stage(hub, name, before) == "handed over"
    with opened_ledger(hub) as ledger:
        with ledger.database.reading() as connection:
            rows = disclosures(connection)
        checked = check_log(ledger.files, ledger.policy, against=None, follow=lambda *_: None)
    # each release once for each of its two recipients, each with its own entry
    released = Counter((one.operation, one.recipient) for one in rows)
    names = ["op-counted", *(f"op-{number}" for number in range(KILLS))]
    assert released == Counter((name, who) for name in names for who in ("csirt-th", "police-th"))
    assert all(one.handed_over_at is not None for one in rows)
    numbers = [number for one in rows for number in one.entries]
    assert len(set(numbers)) == len(numbers) == 2 * (KILLS + 1)
    assert {path.name for path in (hub / "releases").iterdir()} == {str(one.id) for one in rows}
    assert checked.checkpoint.size >= len(numbers)
    assert KILLS < 100 or not kills.missing, kills.met
