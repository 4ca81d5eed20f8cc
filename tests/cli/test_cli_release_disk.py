"""A disk that runs full at any step from delivery to receipt: said, nothing by halves, and completed by the next call.

On SQLite the database lies on the same disk, on PostgreSQL elsewhere.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.released import OPERATION, SIGHTINGS, furnish
from tests.cli.test_cli_release import furnished
from tests.cli.test_cli_workspace_faults import told, written_at_most


def test_what_a_full_disk_has_stopped_is_whole_or_not_there_and_the_next_call_completes_it(
    accord_here, database_url: str, environment: dict[str, str], small_disk, tmp_path: Path
) -> None:
    hub, disk, opened = tmp_path / "hub", tmp_path / "disk", tmp_path / "opened"
    database = () if database_url.startswith("sqlite") else ("--database", database_url)
    accord_here("init", hub, "--ledger", "hub.example/ledger", *database)
    furnish(hub, accord_here("package", "keys", "--name", "th.example", "--out", tmp_path / "keys").stdout)
    accord_here("agreement", "apply", "--in", hub)
    delivery = tmp_path / "2026-10-01-event4_sinkhole-th.csv"
    delivery.write_text(SIGHTINGS, "utf-8")
    operation = tmp_path / "october.toml"
    operation.write_text(OPERATION.format(name="october", more=""), "utf-8")
    disk.mkdir()
    there = str(disk / "hub")
    place = f"{there}/releases/*"
    policy = f"{there}/ledger/policy"
    commands = {
        "delivery": ["delivery", "add", "sinkhole", str(delivery), "--in", there],
        "release": ["release", "make", str(operation), "--in", there],
        "open": ["package", "open", f"{place}/package", f"{place}/handover", "--keys", str(tmp_path / "keys"),
                 "--policy", policy, "--out", str(opened)],
        "receipt": ["release", "receipt", str(opened / "receipt"), "--in", there],
        "publish": ["ledger", "publish", "--anew", "--in", there],
        "list": ["release", "list", "--json", "--in", there],
        "verify": ["ledger", "verify", "--in", there],
        "audit": ["ledger", "audit", "--in", there],
    }  # fmt: skip
    rooms = {"delivery": (0, 24, 60), "release": (0, 60, 250, 500, 1000), "receipt": (0, 20, 60), "publish": (0, 60)}
    steps: list[tuple[str, int | None]] = []
    for name in ("delivery", "release", "open", "receipt", "publish"):
        steps += [(name, room) for room in rooms.get(name, ())] + [(name, None)]
        steps += [("list", None)] if name != "open" else []
    steps += [("verify", None), ("audit", None)]
    asked = {"from": str(hub), "to": str(disk), "steps": [(commands[name], room) for name, room in steps]}
    program = [*small_disk(disk, "32m"), sys.executable, str(Path(__file__).with_name("filling.py")), json.dumps(asked)]
    said = subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout
    done = json.loads(said.partition("\n")[0])
    stopped, wrong = [], []
    for (name, room), came in zip(steps, done, strict=True):
        code, talk = came["code"], came["talk"]
        if room is not None and code:
            stopped.append(name)
            told_so = code == 5 and ("space" in talk or "room" in talk)
        else:
            told_so = code == 0
        if not told_so or came["left"] or "Traceback" in talk:
            wrong.append(f"{name} with {room} KiB: {code}: {talk} {came['left']}")
    assert not wrong, "\n".join(wrong)
    assert {*stopped} == {*rooms}, "each of them met a full disk"
    released = [json.loads(came["said"]) for (name, _), came in zip(steps, done, strict=True) if name == "list"]
    assert [len(one) for one in released] == [0, 1, 1, 1]
    assert released[1][0]["handed_over_at"] is not None
    assert released[2][0]["received_at"] is not None


# A machine on which nothing can be mounted has a limit on the size of each file. It is met in the database (SQLite), in
# reports and in what is sealed, and not in the small files of the ledger.
@pytest.mark.parametrize("size", [0, 80_000, 150_000])
def test_what_no_file_has_room_for_is_not_there_and_the_next_call_completes_it(
    accord, accord_here, database_url: str, tmp_path: Path, size: int
) -> None:
    hub = furnished(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))
    make = ("release", "make", hub.operation(), "--in", hub.folder)
    parts = told(accord(*make, expect=5, preexec_fn=written_at_most(size)), str(hub.folder))
    assert "space" in parts["to do"] or "room" in parts["to do"]
    assert (hub.releases(), [*hub.folder.glob("releases/*")]) == ([], [])
    assert not [*hub.folder.glob(".staging-*"), *hub.folder.glob(".mark.*")]
    hub(*make)
    (release,) = hub.releases()
    assert release["handed_over_at"] is not None
    hub("ledger", "verify", "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)
