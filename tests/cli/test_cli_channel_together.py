"""Who else is at work while objects are put into a channel: nobody waits for it, and nothing is disclosed twice."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.rights import rows_of
from tests.cli.test_cli_channel import VALUES, Accord, Hub
from tests.cli.test_cli_serve import Served, serve
from tests.cli.test_cli_taxii import asked, token
from tests.cli.test_cli_two_hubs import Paused, paused

__all__ = ["paused", "serve"]


def written(hub: Hub) -> list[str]:
    """The tables that hold anything of what is in channels."""
    names = {"channel_batches", "channel_objects", "channel_shared", "channel_findings", "channel_sources"}
    return [name for name, rows in rows_of(hub.folder) if rows and name.removeprefix("table ") in names]


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


def test_members_poll_a_server_while_a_put_is_at_its_middle_and_see_nothing_of_it(
    hub: Hub, paused: Paused, serve: Callable[..., Served]
) -> None:
    secret, _ = token(hub, "csirt-th")
    served = serve(hub.folder)
    objects = "/taxii2/hub/collections/infected-th/objects/"
    own = {"authorization": f"Bearer {secret}"}
    put = ("release", "make", hub.operation, "--channel", "infected-th", "--in", hub.folder)
    # all objects are written, and their entries are not
    with paused("end_put", *put, expect=0):
        assert written(hub)
        assert served.ask("/health")[0] == 200
        assert asked(served.port, objects, **own)[::2] == (200, {"more": False})
    assert len(asked(served.port, objects, **own)[2]["objects"]) == 12


def test_a_put_is_refused_at_its_end_when_agreements_say_otherwise_by_then_what_may_be_done_with_it(
    hub: Hub, paused: Paused
) -> None:
    put = ("release", "make", hub.operation, "--channel", "infected-th", "--in", hub.folder)
    settings = hub.folder / "workspace.toml"
    with paused("end_put", *put, expect=5) as said:
        settings.write_text(settings.read_text("utf-8").replace('pap = "green"', 'pap = "clear"'), "utf-8")
        hub("agreement", "apply", "--in", hub.folder)
    assert "has changed while it was made ready" in said[0]


def test_a_put_that_finds_something_changed_at_its_end_is_gone_with_the_next_command_and_keeps_nothing_from_who_joined(
    hub: Hub, paused: Paused
) -> None:
    put = ("release", "make", hub.operation, "--channel", "infected-th", "--in", hub.folder)
    hub.members("csirt-th")
    with paused("end_put", *put, expect=5) as said:
        hub.members("csirt-th", "police-th")
    assert "has changed while it was made ready" in said[0]
    assert written(hub)
    hub("release", "hand-over", "--in", hub.folder)
    assert not written(hub)
    # who has joined meanwhile is told of what comes next
    assert hub.put()["findings"] == 2
    assert hub.values("csirt-th") == hub.values("police-th") == VALUES
