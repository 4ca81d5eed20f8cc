"""Publishing and taking back, each killed at drawn steps: nothing is ever seen without its entry, and it ends.

Steps are counted as tests/cli/forking.py does.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from accord.cli.hub import opened_hub
from accord.release.check_versions import check_versions, load_version
from tests.cli.checked import CheckHub, lines

KILLED = -9
KILLS = 40 if os.environ.get("CI") else 6

A, B, C = "45.1.1.1", "45.1.1.2", "45.1.1.3"


@pytest.fixture
def hub(accord_here: Callable[..., object], tmp_path: Path) -> CheckHub:
    made = CheckHub(accord_here, tmp_path)
    made.deliver("first.csv", lines([(A, "mirai", 1), (B, "simda", 2)]))
    made.publish()
    return made


def look(hub: CheckHub) -> None:
    """What can be seen is a whole version that has its entries under a checkpoint."""
    data = hub.open()
    data.close()
    with opened_hub(hub.folder) as opened, opened.database.reading() as connection:
        version = load_version(connection, data.version)
        assert version is not None, "seen without its entry"
        assert opened.ledger.standing().covers(version.entries[-1]) or version.narrows is not None


def steps_of(forking: Callable[..., dict], *words: str | Path) -> dict[str, int]:
    done = forking(*words, how="count")
    assert done["code"] == 0, done
    return {kind: done["steps"][kind] for kind in ("disk", "database", "calls")}


def test_a_publication_killed_at_any_step_is_never_seen_without_its_entry_and_the_next_one_ends(
    forking: Callable[..., dict], hub: CheckHub
) -> None:
    words = ("check", "publish", "--in", hub.folder)
    draw = random.Random("publish")
    steps = steps_of(forking, *words)
    for _ in range(KILLS):
        kind = draw.choice(sorted(steps))
        done = forking(*words, how=[kind, draw.randint(1, steps[kind])])
        assert done["code"] in {KILLED, 0}, done
        look(hub)
        assert forking(*words)["code"] == 0
        look(hub)
        assert set(hub.told(A, B, C)) == {A, B}
        assert len(hub.versions()) == 1
    with opened_hub(hub.folder) as opened, opened.database.reading() as connection:
        found = check_versions(connection)
    assert [one.state for one in found].count("published") == 1
    numbers = [number for one in found for number in one.entries]
    assert len(numbers) == len(set(numbers)) == len(hub.entries())
    hub("ledger", "audit", "--in", hub.folder)


def test_an_erasure_killed_at_any_step_ends_when_it_is_called_again_and_leaves_no_record(
    forking: Callable[..., dict], hub: CheckHub
) -> None:
    draw = random.Random("erase")
    hub.deliver("more.csv", lines([(f"45.2.1.{at}", "mirai", 1) for at in range(1, KILLS + 2)]))
    hub.publish()
    words = ("subject", "erase", "45.2.1.1", "--why", "They asked.", "--in", hub.folder)
    steps = steps_of(forking, *words)
    for at in range(2, KILLS + 2):
        victim = f"45.2.1.{at}"
        words = ("subject", "erase", victim, "--why", "They asked.", "--in", hub.folder)
        kind = draw.choice(sorted(steps))
        # the last of it, in which the version is made anew
        done = forking(*words, how=[kind, draw.randint(steps[kind] // 2, steps[kind])])
        assert done["code"] in {KILLED, 0}, done
        look(hub)
        assert forking(*words)["code"] == 0
        look(hub)
        assert hub.holds(victim) == []
        assert len(hub.versions()) == 1
    assert set(hub.told(A, B)) == {A, B}
    hub("ledger", "audit", "--in", hub.folder)
