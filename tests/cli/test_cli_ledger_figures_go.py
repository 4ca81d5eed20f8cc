"""What a hub publishes adds up to its figures by the documented format alone: a second implementation, in Go."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accord.journal import book
from accord.journal.facts import TAKES_BACK, Fact, Kind
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.markings import Marking
from accord.workspace.database import open_database, place_of

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
Figures = Callable[[Path], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def figures(once) -> Figures:
    """Run the program, which is built once, out of Go's standard library."""
    if shutil.which("go") is None:
        pytest.skip("needs go: builds the program that adds up our figures (golang-go)")

    def build(folder: Path) -> None:
        environment = {
            **os.environ, "GOENV": "off", "GO111MODULE": "off", "GOPROXY": "off", "GOTOOLCHAIN": "local",
            "GOFLAGS": "", "GOCACHE": str(folder / "cache"), "GOPATH": str(folder / "path"), "CGO_ENABLED": "0",
        }  # fmt: skip
        source = Path(__file__).parents[1] / "ledger/go/figures.go"
        subprocess.run(["go", "build", "-o", str(folder / "figures"), str(source)], check=True, env=environment)

    program = once("go-figures", build) / "figures"

    def run(folder: Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([program, folder], capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def log(accord_here, tmp_path: Path) -> Path:
    """A published log of more than a bundle, of two years, every kind, and every table; some entries are closed."""
    hub = tmp_path / "hub"
    accord_here("init", hub, "--ledger", "hub.example/ledger")
    facts = []
    kinds = [one for one in Kind if one not in TAKES_BACK]
    for number in range(260):
        kind = kinds[number % len(kinds)]
        notice = kind is Kind.RECALL and number % 2 == 0
        given = kind in {Kind.DISCLOSURE, Kind.OUTCOME, Kind.CHECK_DATA} or notice
        facts.append(
            Fact(
                kind=kind,
                at=NOW + timedelta(days=0 if number < 130 else 60),
                dataset=""
                if notice or kind is Kind.OUTCOME
                else ("Infected machines", "data set 0a1b2c3d4e5f")[number // len(kinds) % 2],
                origin=Origin.SINKHOLE if kind in {Kind.DELIVERY, Kind.PURGE, Kind.CHECK_DATA} else None,
                partner="vendor",
                country=("TH", "VN", "LA")[number % 3] if given else "",
                purpose=Purpose.VICTIM_NOTIFICATION if given else None,
                marking=(Marking.AMBER, Marking.GREEN)[number % 2] if kind is Kind.DISCLOSURE else None,
                count=None if number % 7 == 0 else number // (1 + 2 * (kind in {Kind.PURGE, Kind.ERASURE})),
            )
        )
    # of the year before as well
    facts += [facts[number].taken_back(Kind.NEVER_HANDED_OVER, number, facts[-1].at) for number in (16, 40, 244)]
    facts += [facts[number].taken_back(Kind.NEVER_SHOWN, number, facts[-1].at) for number in (22,)]
    with open_database(place_of(hub / "workspace.toml")) as database, database.writing() as connection:
        opens_at = datetime(2026, 1, 1, tzinfo=UTC)
        book.append(connection, facts[:100], draw=secrets.token_bytes, opens_at=opens_at)
        book.append(connection, facts[100:110], draw=secrets.token_bytes)
        book.append(connection, facts[110:], draw=secrets.token_bytes, opens_at=opens_at)
        book.destroy(connection, [3], ["country"])
    accord_here("ledger", "publish", "--in", hub)
    return hub / "ledger"


def refusal(done: "subprocess.CompletedProcess[str]") -> str:
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.removeprefix("refused: ")


def test_go_adds_up_the_openings_to_the_figures_and_refuses_whatever_was_changed(
    log: Path, tmp_path: Path, figures: Figures
) -> None:
    done = figures(log)
    assert done.stderr == ""
    assert done.stdout == "accepted: 264 entries, 253 opened, in 2 years\n"
    said = json.loads((log / "figures.json").read_bytes())
    assert {table for year in said["years"] for table, rows in year.items() if rows} == {
        "year", "held", "passed_on", "reported_done", "happened", "taken_out", "check_data", "held_at_end",
    }  # fmt: skip

    def changed(name: str, place: str, was: bytes, instead: bytes) -> str:
        spoiled = Path(shutil.copytree(log, tmp_path / name))
        data = (spoiled / place).read_bytes()
        assert was in data
        (spoiled / place).write_bytes(data.replace(was, instead, 1))
        return refusal(figures(spoiled))

    records = json.dumps(said["years"][0]["held"][0]["records"][0]).encode()
    more = str(int(records) + 1).encode()
    assert changed("figure", "figures.json", records, more).startswith("figures: ")
    # `VN` for `TH`, in base64
    assert "did not commit to this country" in changed("opening", "opened/000", b" VEg=", b" Vk4=")
    assert changed("entry", "tile/entries/000", b"country ", b"country-").startswith("entries: ")
    # an opening that is kept back is a figure that is wrong
    first = (log / "opened/001").read_bytes().split(b"entry ")[1]
    assert changed("kept-back", "opened/001", b"entry " + first, b"").startswith("figures: ")
