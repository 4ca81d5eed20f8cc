"""Recalls, erasures and purges, each killed at drawn steps: called again they end, and nothing is recorded twice.

Steps are counted as tests/cli/forking.py does. After the second call the workspace says what it says when nobody
disturbs: the same deliveries, the same snapshot, one entry of each kind for each thing.
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from accord.cli.hub import opened_hub
from tests.cli.rights import NEIGHBOUR, VICTIM, disclosed, entries, finding_id, made_hub, sha256, sinkhole
from tests.cli.test_cli_retention import aged
from tests.cli.test_cli_subject import held_in
from tests.conftest import POSTGRES, postgres_answers

KILLED = -9
KILLS = 30 if os.environ.get("CI") else 3


class Databases:
    """A database for each copy of a workspace: SQLite goes with the folder, of PostgreSQL a schema is made anew."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.schemas: list[str] = []

    def url(self) -> str:
        if self.kind == "sqlite":
            return "sqlite:///accord.db"
        self.schemas.append(f"accord_test_{uuid4().hex}")
        with psycopg.connect(POSTGRES, autocommit=True) as server:
            server.execute(f"CREATE SCHEMA {self.schemas[-1]}")
        return f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options=-csearch_path%3D{self.schemas[-1]}"

    def drop(self) -> None:
        if self.schemas:
            with psycopg.connect(POSTGRES, autocommit=True) as server:
                for schema in self.schemas:
                    server.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    if request.param == "postgresql" and not postgres_answers():
        pytest.skip("needs postgresql: no server answers")
    made = Databases(request.param)
    yield made
    made.drop()


def made(forking: Callable[..., dict], accord_here, folder: Path, databases: Databases) -> Path:
    """A hub with two deliveries, one of them due, in a snapshot, and with a package that rests on both."""
    folder.mkdir()
    hub = made_hub(accord_here, folder, databases.url())
    first = sinkhole(folder / "2026-10-01-event4_sinkhole-a.csv", [VICTIM, NEIGHBOUR])
    second = sinkhole(folder / "2026-10-02-event4_sinkhole-b.csv", [VICTIM, "45.1.1.5"], 2)
    done = forking("delivery", "add", "sinkhole", first, second, "--snapshot", "--in", hub, how="here")
    assert done["code"] == 0
    with opened_hub(hub) as opened:
        ids = [finding_id(opened, "ipv4", one, "infected-system") for one in (VICTIM, NEIGHBOUR)]
        disclosed(opened, 1, "csirt-th", "TH", [(one, "sinkhole", sha256(first)) for one in ids])
    return hub


def told(hub: Path) -> dict[str, object]:
    """What a workspace says in the end, whatever its clocks and ids were."""
    with opened_hub(hub) as opened:
        opened.ledger.verify_standing()
        standing = opened.ledger.standing()
        snapshot = opened.workspace.snapshot()
        return {
            "deliveries": [path.sha256 for path in opened.workspace.deliveries()],
            "withdrawn": [path.sha256 for path in opened.workspace.withdrawn()],
            "snapshots": len(opened.workspace.snapshots()),
            "findings": json.loads((snapshot.path / "manifest.json").read_text())["findings"],
            "entries": {kind: len(entries(hub, kind)) for kind in ENTERED},
            "counts": [one["count"] for kind in ENTERED for one in entries(hub, kind)],
            "published": standing.whole,
            "notices": len([*hub.glob("releases/*/recall-*/entry.tlog-proof")]),
            "victim": bool(held_in(hub, VICTIM)),
            "left": [path.name for path in hub.glob(".staging-*")],
        }


ENTERED = ("delivery", "recall", "erasure", "purge")

COMMANDS = {
    "recall": ("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "wrong"),
    "erase": ("subject", "erase", VICTIM, "--why", "They asked."),
    "purge": ("retention", "run"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_killed_at_any_step_ends_when_it_is_called_again_and_records_nothing_twice(
    forking, accord_here, tmp_path: Path, databases: Databases, name: str
) -> None:
    words = COMMANDS[name]

    def ready(folder: str) -> Path:
        hub = made(forking, accord_here, tmp_path / folder, databases)
        if name == "purge":
            aged(hub, sha256(tmp_path / folder / "2026-10-01-event4_sinkhole-a.csv"), "2020-02-29T12:00:00+00:00")
        return hub

    done = forking(*words, "--in", (hub := ready("whole")), how="count")
    assert done["code"] == 0, done["talk"]
    expected, steps = told(hub), done["steps"]
    assert not expected["left"]
    draw = random.Random(f"{name} {databases.kind}")
    killed = 0
    for number in range(KILLS):
        kind = ("calls", "disk")[number % 2]
        hub = ready(str(number))
        kill = (kind, draw.randint(1, steps[kind]))
        done = forking(*words, "--in", hub, how=kill)
        assert done["code"] in {KILLED, 0}, (kill, done)
        killed += done["code"] == KILLED
        again = forking(*words, "--in", hub)
        assert again["code"] == 0, (kill, again)
        # what came after the last step that the command does: publishing is done by whoever comes next
        assert forking("ledger", "publish", "--in", hub)["code"] == 0
        assert told(hub) == expected, kill
        shutil.rmtree(hub.parent)
    assert killed


def test_an_intake_that_takes_erased_values_out_killed_at_any_step_has_never_taken_them_in(
    forking, accord_here, tmp_path: Path, databases: Databases
) -> None:
    def ready(folder: str) -> tuple[Path, tuple[str | Path, ...]]:
        hub = made(forking, accord_here, tmp_path / folder, databases)
        assert forking("subject", "erase", VICTIM, "--why", "They asked.", "--in", hub)["code"] == 0
        assert held_in(hub, VICTIM) == []
        # as a victim, and where no reader finds an address and the line is rejected
        again = sinkhole(hub.parent / "2026-10-03-event4_sinkhole-c.csv", ["45.1.1.7", VICTIM, f"({VICTIM})"], 3)
        return hub, ("delivery", "add", "sinkhole", again, "--snapshot", "--in", hub)

    hub, words = ready("whole")
    done = forking(*words, how="count")
    assert done["code"] == 0, done["talk"]
    expected, steps = told(hub), done["steps"]
    assert (expected["victim"], expected["left"]) == (False, [])
    # the notice to the one recipient; what was erased at first, and what came back
    assert expected["entries"] == {"delivery": 3, "recall": 1, "erasure": 2, "purge": 0}
    draw = random.Random(f"returned {databases.kind}")
    killed = 0
    for number in range(KILLS):
        kind = ("calls", "disk")[number % 2]
        hub, words = ready(str(number))
        kill = (kind, draw.randint(1, steps[kind]))
        done = forking(*words, how=kill)
        assert done["code"] in {KILLED, 0}, (kill, done)
        killed += done["code"] == KILLED
        # what was being written is seen by nobody, and goes with the next command
        assert held_in(hub, VICTIM, visible=True) == [], kill
        again = forking(*words)
        assert again["code"] == 0, (kill, again)
        assert forking("ledger", "publish", "--in", hub)["code"] == 0
        assert told(hub) == expected, kill
        shutil.rmtree(hub.parent)
    assert killed
