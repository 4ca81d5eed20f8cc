"""Objects put into channels, killed at drawn moments, on both databases.

Whatever is visible has its entries under a checkpoint, for every member; nothing is put twice; the ledger verifies.
"""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from accord.cli.ledgers.opening import opened_ledger
from accord.release.channels import UNFINISHED
from accord.release.disclosures import disclosures
from accord.workspace.schema import CHANNEL_BATCHES, CHANNEL_OBJECTS
from tests.cli.released import OPERATION, SIGHTINGS, furnish

KILLED = -9
KILLS = 100 if os.environ.get("CI") else 6
"""A few at home; CI does a hundred on each database."""

CHANNEL = """
[[channel]]
id = "c-{0}"
title = "Channel {0}"
purpose = "victim-notification"
encrypted = true
member = [{{ partner = "csirt-th" }}, {{ partner = "police-th" }}]
"""


@pytest.fixture
def hub(accord_here, database_url: str, tmp_path: Path) -> Path:
    folder = tmp_path / "hub"
    database = () if database_url.startswith("sqlite") else ("--database", database_url)
    accord_here("init", folder, "--ledger", "hub.example/ledger", *database)
    furnish(folder, "")
    accord_here("agreement", "apply", "--in", folder)
    delivery = tmp_path / "2026-10-01-event4_sinkhole-th.csv"
    delivery.write_text(SIGHTINGS, "utf-8")
    accord_here("delivery", "add", "sinkhole", delivery, "--in", folder)
    channels = tmp_path / "channels.toml"
    channels.write_text("".join(map(CHANNEL.format, range(KILLS + 1))), "utf-8")
    accord_here("channel", "apply", channels, "--in", folder)
    return folder


@pytest.fixture
def put(hub: Path, environment: dict[str, str]) -> Iterator[Callable[..., dict]]:
    """Put what the operation found into a channel, killed or not."""
    operation = hub.parent / "operation.toml"
    operation.write_text(OPERATION.format(name="op", more="").partition("[[recipient]]")[0], "utf-8")
    forks = Path(__file__).with_name("release_forks.py")
    program = [sys.executable, forks, hub, operation, hub.parent / "out", "channel"]
    with subprocess.Popen(
        [str(word) for word in program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def ask(name: str, how: object = None) -> dict:
            process.stdin.write(json.dumps({"name": name, "how": how}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()
    assert process.returncode == 0


def stage(hub: Path, name: str) -> str:
    """How far it came; what is visible must have been entered for each member, under a checkpoint."""
    objects = CHANNEL_OBJECTS.c
    with opened_ledger(hub) as ledger, ledger.database.reading() as connection:
        rows = connection.execute(select(objects.batch, objects.added).where(objects.channel == name)).all()
        batches = connection.execute(select(CHANNEL_BATCHES).where(CHANNEL_BATCHES.c.channel == name)).all()
        mine = [one for one in disclosures(connection) if one.channel == name]
        published = ledger.standing()
    assert len(batches) <= 1, "put twice"
    if not batches:
        assert (rows, mine) == ([], [])
        return "nothing yet"
    if batches[0].entries_end == UNFINISHED:
        # it is removed by who comes next, and nobody sees it
        assert (mine, {row.added for row in rows} - {None}) == ([], set())
        return "begun"
    assert [one.recipient for one in mine] == ["csirt-th", "police-th"]
    assert all((hub / "releases" / str(one.id) / "objects").exists() for one in mine)
    if rows[0].added is None:
        assert {row.added for row in rows} == {None}
        return "entered"
    assert all(published.covers(one.entries[-1]) for one in mine), "visible without its entry"
    assert len({row.added for row in rows}) == len(rows)
    return "visible"


def test_whatever_is_visible_in_a_channel_stands_in_the_ledger_for_every_member_wherever_it_is_killed(
    accord_here, hub: Path, put: Callable[..., dict]
) -> None:
    done = put(f"c-{KILLS}", "count")
    assert done["code"] == 0
    assert stage(hub, f"c-{KILLS}") == "visible"
    draw = random.Random(4)
    kinds = [kind for kind, count in done["steps"].items() if count]
    met: Counter[str] = Counter()
    for number in range(KILLS):
        name, kind = f"c-{number}", kinds[number % len(kinds)]
        killed = put(name, [kind, draw.randint(1, done["steps"][kind])])
        assert killed["code"] in {KILLED, 0}, killed
        met[stage(hub, name)] += 1
        assert put(name)["code"] == 0
        assert stage(hub, name) == "visible", (name, kind)
    assert KILLS < 100 or set(met) >= {"nothing yet", "begun", "entered"}, met
    accord_here("ledger", "verify", "--in", hub)
    accord_here("ledger", "audit", "--in", hub)
