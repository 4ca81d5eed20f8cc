"""A workspace's folder: what a killed command leaves behind is removed, whatever it is."""

import os
import threading
from pathlib import Path

import pytest

from accord.vocabulary.errors import OutputError, SettingsError
from accord.workspace.store import make_workspace


def test_what_was_left_behind_is_removed_whether_folder_file_or_link(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "hub", "x = 1\n")
    kept = tmp_path / "kept"
    kept.mkdir()
    (workspace.root / ".staging-folder").mkdir()
    (workspace.root / ".staging-folder" / "file").touch()
    (workspace.root / ".staging-file").touch()
    (workspace.root / ".staging-link").symlink_to(kept)
    with workspace.working():
        assert not list(workspace.root.glob(".staging-*"))
    assert kept.is_dir()


def test_a_folder_in_which_making_a_workspace_was_killed_is_taken_as_an_empty_one(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    hub.mkdir()
    (hub / ".staging-workspace.toml").write_text("half", "utf-8")
    assert make_workspace(hub, "x = 1\n").settings.read_text("utf-8") == "x = 1\n"
    assert not list(hub.glob(".staging-*"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".staging-else").touch()
    with pytest.raises(SettingsError, match="holds something"):
        make_workspace(tmp_path / "other", "x = 1\n")


def test_the_name_of_a_data_set_s_first_folder_reaches_the_disk_before_its_first_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(tmp_path / "hub", "x = 1\n")
    done: list[tuple[str, str]] = []
    names: dict[int, str] = {}
    for name in ("open", "fsync", "rename", "mkdir"):
        true = getattr(os, name)

        def told(*words: object, true=true, name: str = name, **more: object) -> object:
            found = true(*words, **more)
            if name == "open":
                names[found] = str(words[0])
            what = names.get(words[0], "") if name == "fsync" else str(words[-1] if name == "rename" else words[0])
            done.append((name, Path(what).name))
            return found

        monkeypatch.setattr(os, name, told)
    with workspace.staging() as staging:
        (staging / "new").mkdir()
        workspace.publish(staging / "new", workspace.place("sinkhole", "0" * 64))
    steps = [one for one in done if one[1] in {"deliveries", "dataset=sinkhole", f"sha256={'0' * 64}"}]
    assert [one for one in steps if one[0] != "open"] == [
        ("mkdir", "dataset=sinkhole"),
        ("fsync", "deliveries"),
        ("rename", f"sha256={'0' * 64}"),
        ("fsync", "dataset=sinkhole"),
    ]


def test_who_is_patient_waits_until_the_other_has_ended_and_who_is_not_is_told_at_once(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "hub", "x = 1\n")
    came: list[str] = []

    def patient() -> None:
        with workspace.working(patience_s=600):
            came.append("patient")

    with workspace.working():
        with pytest.raises(OutputError, match="Somebody else"), workspace.working():
            raise AssertionError("two at once")
        waiting = threading.Thread(target=patient)
        waiting.start()
        came.append("first")
    waiting.join()
    assert came == ["first", "patient"]
