"""Two processes that put into one channel at once: one does it, the other is told, and nothing is disclosed twice."""

from collections import Counter
from pathlib import Path

import pytest

from tests.cli.test_cli_channel import VALUES, Accord, Hub
from tests.cli.test_cli_two_hubs import Paused, paused

__all__ = ["paused"]


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    return Hub(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))


def test_of_two_releases_to_one_channel_at_once_one_is_made_and_nothing_twice(hub: Hub, paused: Paused) -> None:
    put = ("release", "make", hub.operation, "--channel", "infected-th", "--in", hub.folder)
    # one has its findings ready, and has not begun to write
    with paused("put_views", *put, expect=0):
        assert "Somebody else is working in this workspace." in hub(*put, code=5)
        # whoever looks is not kept waiting, and sees nothing of it
        assert hub.poll("csirt-th") == []
    again = hub.put()
    assert (again["objects"], again["disclosed"]) == (0, [])
    made = hub.json("release", "list")
    assert Counter(one["recipient"] for one in made) == {"csirt-th": 1, "police-th": 1}
    assert len({entry for one in made for entry in one["entries"]}) == 2
    assert hub.values("csirt-th") == hub.values("police-th") == VALUES
    hub("ledger", "verify", "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)
