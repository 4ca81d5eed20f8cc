"""A disk that runs full while objects are put into a channel: nothing is there by halves, and the next call ends it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli_channel import Accord, Hub

ROOMS = (0, 60, 120, 250, 500, 1000)
"""KiB."""


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    return Hub(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))


def test_what_a_full_disk_has_stopped_is_in_no_channel_and_the_next_call_puts_it_there_once(
    hub: Hub, environment: dict[str, str], small_disk, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    there = str(disk / "hub")
    put = ["release", "make", str(hub.operation), "--channel", "infected-th", "--json", "--in", there]
    poll = ["channel", "poll", "infected-th", "--for", "police-th", "--limit", "1000", "--json", "--in", there]
    listed = ["release", "list", "--json", "--in", there]
    steps: list[tuple[list[str], int | None]] = []
    for room in (*ROOMS, None):
        steps += [(put, room), (listed, None), (poll, None)]
    steps += [(["ledger", "verify", "--in", there], None), (["ledger", "audit", "--in", there], None)]
    told = {"from": str(hub.folder), "to": str(disk), "steps": steps}
    program = [*small_disk(disk, "32m"), sys.executable, str(Path(__file__).with_name("filling.py")), json.dumps(told)]
    said = subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout
    done = json.loads(said.partition("\n")[0])
    stopped = 0
    for at in range(0, 3 * (len(ROOMS) + 1), 3):
        came, released, polled = done[at : at + 3]
        assert "Traceback" not in came["talk"], came
        assert not came["left"]
        if came["code"]:
            stopped += 1
            assert came["code"] == 5, came
            assert "space" in came["talk"] or "room" in came["talk"], came
        standing = json.loads(released["said"])
        seen = json.loads(polled["said"])
        # for each member a disclosure with its entries, or for none; and nothing is seen without
        assert [one["recipient"] for one in standing] in ([], ["csirt-th", "police-th"])
        assert all(one["entries"] for one in standing)
        assert bool(seen) == any(one["handed_over_at"] for one in standing), (came, released)
    assert stopped, "a full disk was met"
    values = {one["object"]["value"] for one in seen if one["object"]["type"] == "ipv4-addr"}
    assert values == {"110.164.10.1", "110.164.10.9"}
    assert [one["code"] for one in done[-2:]] == [0, 0]
