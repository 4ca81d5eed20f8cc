"""A disk that runs full while data are recalled, erased or purged: said, and the next call ends it, recorded once.

On SQLite the database lies on the same disk, on PostgreSQL elsewhere.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.rights import sha256
from tests.cli.test_cli_release import Accord, Hub, furnished
from tests.cli.test_cli_retention import aged
from tests.cli.test_cli_workspace_faults import told, written_at_most

VICTIM = "110.164.10.1"
ROOMS = (0, 20, 60, 250)
"""KiB."""


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    """A hub with a delivery to recall, one to erase from, one to purge, and a package that rests on the three."""
    made = furnished(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))
    first = tmp_path / "2026-10-01-event4_sinkhole-th.csv"
    others = [first.with_name(f"2026-10-0{day}-event4_sinkhole-th.csv") for day in (2, 3)]
    for day, file in enumerate(others, 2):
        file.write_text(first.read_text("utf-8").replace("2026-10-01", f"2026-10-0{day}"), "utf-8")
    made("delivery", "add", "sinkhole", *others, "--snapshot", "--in", made.folder)
    made("release", "make", made.operation(), "--in", made.folder)
    return made


def test_what_a_full_disk_has_stopped_is_ended_by_the_next_call_and_recorded_once(
    hub: Hub, environment: dict[str, str], small_disk, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    taken_back, left, due = (sha256(tmp_path / f"2026-10-0{day}-event4_sinkhole-th.csv") for day in (1, 2, 3))
    aged(hub.folder, due, "2020-02-29T12:00:00+00:00")
    commands = {
        "recall": ["recall", "make", "--dataset", "sinkhole", "--delivery", taken_back, "--kind", "withdrawn", "--why",
                   "wrong"],
        "erase": ["subject", "erase", VICTIM, "--why", "They asked."],
        "purge": ["retention", "run"],
        "recalls": ["recall", "list", "--json"],
        "held": ["subject", "find", VICTIM, "--json"],
        "deliveries": ["delivery", "list", "--json"],
        "log": ["consultation", "list", "--json", "--processing", "erasure"],
        "verify": ["ledger", "verify"],
        "audit": ["ledger", "audit"],
    }  # fmt: skip
    steps: list[tuple[str, int | None]] = []
    for name in ("recall", "erase", "purge"):
        steps += [(name, room) for room in (*ROOMS, None)]
    steps += [(name, None) for name in ("recalls", "held", "deliveries", "log", "verify", "audit")]
    there = ["--in", str(disk / "hub")]
    asked = {
        "from": str(hub.folder),
        "to": str(disk),
        "steps": [([*commands[name], *there], room) for name, room in steps],
    }
    program = [*small_disk(disk, "32m"), sys.executable, str(Path(__file__).with_name("filling.py")), json.dumps(asked)]
    said = subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout
    done = json.loads(said.partition("\n")[0])
    stopped, wrong = set(), []
    for (name, room), came in zip(steps, done, strict=True):
        full = room is not None and came["code"] == 5 and ("space" in came["talk"] or "room" in came["talk"])
        if full:
            stopped.add(name)
        if not (full or came["code"] == 0) or came["left"] or "Traceback" in came["talk"]:
            wrong.append(f"{name} with {room} KiB: {came['code']}: {came['talk']} {came['left']}")
    assert not wrong, "\n".join(wrong)
    assert stopped == {"recall", "erase", "purge"}, "each of them met a full disk"
    recalls, held, deliveries, log = (json.loads(came["said"]) for came in done[-6:-2])
    # each was recorded once, is ended, and was told to whom the package was given
    assert [(one["kind"], one["done_at"] is not None, len(one["notices"])) for one in recalls] == [
        ("withdrawn", True, 1),
        ("erased", True, 1),
    ]
    assert all(each["sent_at"] for one in recalls for each in one["notices"])
    assert (held["deliveries"], held["snapshots"], held["disclosures"]) == ([], [], [])
    assert [one["sha256"] for one in deliveries] == [left]
    assert [one["object"] for one in log if one["object"].startswith("delivery ")] == [f"delivery sinkhole {due}"]
    assert len(log) == 2


# A machine on which nothing can be mounted has a limit on the size of each file: the database (SQLite) meets it, and
# what is written anew of a delivery.
@pytest.mark.parametrize("size", [0, 2_000])
def test_an_erasure_for_which_no_file_has_room_is_ended_by_the_next_call_and_recorded_once(
    accord, hub: Hub, size: int
) -> None:
    erase = ("subject", "erase", VICTIM, "--why", "They asked.", "--in", hub.folder)
    parts = told(accord(*erase, expect=5, preexec_fn=written_at_most(size)), str(hub.folder))
    assert "space" in parts["to do"] or "room" in parts["to do"]
    assert not [*hub.folder.glob(".staging-*")]
    hub(*erase)
    held = json.loads(hub("subject", "find", VICTIM, "--json", "--in", hub.folder))
    assert (held["deliveries"], held["snapshots"], held["disclosures"]) == ([], [], [])
    (recall,) = json.loads(hub("recall", "list", "--json", "--in", hub.folder))
    assert (recall["kind"], recall["done_at"] is not None, len(recall["notices"])) == ("erased", True, 1)
    hub("ledger", "verify", "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)
