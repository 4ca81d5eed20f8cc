"""Folders that are swapped whole, and the hub's key."""

import subprocess
import sys
from pathlib import Path

import pytest

from accord.vocabulary.errors import OutputError, SettingsError, UnreadableError
from accord.workspace.folders import replaced_folder
from accord.workspace.keys import hub_key


def is_ours(folder: Path) -> bool:
    return (folder / "mine").is_file()


def test_a_new_folder_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for content in ("first", "second"):
        with replaced_folder(out, is_ours=is_ours, what="test") as folder:
            (folder / "mine").write_text(content)
            (folder / content).touch()
    assert sorted(path.name for path in out.iterdir()) == ["mine", "second"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "nothing is left beside it"


def test_a_failure_leaves_the_old_folder_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with replaced_folder(out, is_ours=is_ours, what="test") as folder:
        (folder / "mine").write_text("first")

    def fail() -> None:
        with replaced_folder(out, is_ours=is_ours, what="test") as folder:
            (folder / "mine").write_text("second")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (out / "mine").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_what_is_not_ours_is_left_alone(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("precious")
    elif kind == "folder":
        out.mkdir()
        (out / "precious").touch()
    else:
        (tmp_path / "elsewhere").mkdir()
        out.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="something else"), replaced_folder(out, is_ours=is_ours, what="test"):
        pytest.fail("the block must not be entered")
    assert out.exists()


def test_two_runs_on_one_output_do_not_mix(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with replaced_folder(out, is_ours=is_ours, what="test") as folder:
        (folder / "mine").touch()
        with pytest.raises(OutputError, match="Another run"), replaced_folder(out, is_ours=is_ours, what="test"):
            pytest.fail("the block must not be entered")
    assert (out / "mine").is_file()


def test_what_a_killed_run_left_behind_is_removed_by_the_next(tmp_path: Path) -> None:
    out = tmp_path / "out"
    program = (
        "import os, sys, signal; from pathlib import Path; from accord.workspace.folders import replaced_folder\n"
        "with replaced_folder(Path(sys.argv[1]), is_ours=lambda f: True, what='t') as folder:\n"
        "    (folder / 'half').touch(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(out)], check=False)
    assert killed.returncode == -9
    assert not out.exists()
    assert any(".new-" in path.name for path in tmp_path.iterdir())
    with replaced_folder(out, is_ours=is_ours, what="test") as folder:
        (folder / "mine").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="cannot be written"),
        replaced_folder(tmp_path / "file" / "out", is_ours=is_ours, what="test"),
    ):
        pytest.fail("the block must not be entered")


def test_the_hub_s_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "hub.key"
    with pytest.raises(UnreadableError, match="is not there"):
        hub_key(path)
    key = hub_key(path, make=True)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert hub_key(path) == key
    assert [one.name for one in tmp_path.iterdir()] == ["hub.key"]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hub.key"
    hub_key(path, make=True)
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        hub_key(path)


def test_a_damaged_key_is_refused_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "hub.key"
    hub_key(path, make=True)
    path.write_text("short")
    with pytest.raises(SettingsError, match="64 lower-case hexadecimal"):
        hub_key(path)
    assert path.read_text() == "short"


def test_wildcards_in_the_folder_s_name_do_not_reach_another_run_s_folder(tmp_path: Path) -> None:
    with (
        replaced_folder(tmp_path / "other", is_ours=is_ours, what="test") as theirs,
        replaced_folder(tmp_path / "o*", is_ours=is_ours, what="test") as folder,
    ):
        assert theirs.is_dir()
        assert folder.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o*", "other"]
