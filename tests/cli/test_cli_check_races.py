"""Publishing while others publish, over links, or where there is no room: each has one outcome, which is said."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from accord.ledger.notes import parse_signing_key
from accord.workspace.store import open_workspace
from tests.cli.checked import CheckHub, lines
from tests.simulators.witness import Witness, served

A, B = "45.1.1.1", "45.1.1.2"
NO_OUTPUT = 5


@pytest.fixture
def hub(accord_here: Callable[..., object], tmp_path: Path) -> CheckHub:
    made = CheckHub(accord_here, tmp_path)
    made.deliver("first.csv", lines([(A, "mirai", 1)]))
    return made


def begin(hub: CheckHub, **more: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "accord.cli.main", "check", "publish", "--in", hub.folder],
        env=os.environ | {"PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **more,
    )


def whole(hub: CheckHub) -> None:
    """What is seen is one version, with its entries, and no draft is left."""
    data = hub.open()
    data.close()
    assert hub.versions() == [data.version]
    assert [one["version"] for one in hub.json("check", "show") if one["state"] == "published"] == [data.version]
    hub("ledger", "audit", "--in", hub.folder)


def test_while_somebody_works_in_the_workspace_nothing_is_published(hub: CheckHub) -> None:
    hub.publish()
    before = hub.versions()
    with open_workspace(hub.folder).working():
        assert "Somebody else is working in this workspace." in hub(
            "check", "publish", "--in", hub.folder, code=NO_OUTPUT
        )
    assert hub.versions() == before
    whole(hub)


def test_of_many_that_publish_at_once_each_is_whole_or_refused(hub: CheckHub) -> None:
    started = [begin(hub) for _ in range(3)]
    said = [one.communicate(timeout=300) for one in started]
    codes = [one.returncode for one in started]
    assert 0 in codes, said
    assert set(codes) <= {0, NO_OUTPUT}, said
    assert len(hub.json("check", "show")) == codes.count(0) == len(hub.entries())
    whole(hub)


def test_on_a_full_disk_what_was_published_stays_and_the_room_is_given_back(hub: CheckHub) -> None:
    """The system refuses files beyond two megabytes, as the table of all networks is."""
    hub.publish()
    before = hub.told(A, B)
    hub.deliver("second.csv", lines([(B, "simda", 1)]))
    room = 2 << 20
    assert max(path.stat().st_size for path in hub.check.rglob("networks4")) > room
    full = begin(hub, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    _, said = full.communicate(timeout=300)
    assert full.returncode == NO_OUTPUT, said
    assert "The check data cannot be written; what was published before is untouched." in said
    assert hub.told(A, B) == before
    whole(hub)
    hub.publish()
    assert set(hub.told(A, B)) == {A, B}
    whole(hub)


def test_the_folder_may_be_a_link_and_that_of_the_versions_may_not(hub: CheckHub, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    hub.check.symlink_to(tmp_path / "disk")
    hub.publish()
    assert set(hub.told(A)) == {A}
    whole(hub)
    (tmp_path / "disk/versions").rename(tmp_path / "versions")
    (tmp_path / "disk/versions").symlink_to(tmp_path / "versions")
    said = hub("check", "publish", "--in", hub.folder, code=NO_OUTPUT)
    assert "a link stands in their place" in said
    assert str(tmp_path / "versions") in said
    assert set(hub.told(A)) == {A}


def test_a_link_with_a_versions_name_is_removed_and_what_it_leads_to_is_not(hub: CheckHub, tmp_path: Path) -> None:
    hub.publish()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/file").write_text("kept")
    (hub.check / "versions/20261128T030000Z-00000000").symlink_to(tmp_path / "theirs")
    hub.publish()
    assert (tmp_path / "theirs/file").read_text() == "kept"
    whole(hub)


@pytest.mark.parametrize("file", ["addresses.records", "mailboxes.starts", "networks4", "manifest.json"])
def test_a_version_of_which_a_file_is_cut_while_it_waits_is_never_shown(hub: CheckHub, file: str) -> None:
    hub.publish()
    before = hub.told(A, B)
    key = parse_signing_key((hub.folder / "ledger.key").read_text("ascii").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        line = f"witness north {witness.key.verifier} {witness.url}"
        (hub.folder / "ledger.policy").write_text(f"log {key.verifier}\n{line}\nquorum north\n", "ascii")
        witness.fault = lambda *_: (503, b"")
        hub.deliver("second.csv", lines([(B, "simda", 1)]))
        waiting = hub.publish(code=7)["version"]
        cut = hub.check / "versions" / waiting / file
        cut.chmod(0o640)
        os.truncate(cut, cut.stat().st_size - 1)
        witness.fault = None
        hub("job", "work", "--in", hub.folder)
        assert hub.told(A, B) == before
        assert [one["state"] for one in hub.json("check", "show")][1:] != ["published"]
        whole(hub)
        hub.publish()
        assert set(hub.told(A, B)) == {A, B}


MISTAKES = {
    'ordinary = ["192.0.2.0/33"]': "networks such as",
    'ordinary = ["AS64700", "AS64700"]': "each once",
    'vpn = ["2001:db8::/65"]': "at most /64",
    'hostng = ["192.0.2.0/24"]': "did you mean",
}


@pytest.mark.parametrize(("mistake", "words"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_in_the_table_is_named_when_the_settings_are_read_and_not_when_it_is_published(
    hub: CheckHub, mistake: str, words: str
) -> None:
    text = hub.settings.read_text("utf-8")
    hub.settings.write_text(text.replace("[check]\n", f"[check]\n{mistake}\n", 1), "utf-8")
    for command in (("agreement", "apply", "--check"), ("partner", "apply"), ("check", "show")):
        said = hub(*command, "--in", hub.folder, code=2)
        assert words in said, command
        assert str(hub.settings) in said, command
    assert not hub.check.exists()
