"""Paths of deliveries stay below the root, and patterns find the same files in the same order every time."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.intake.paths import expand, read_member_name, resolve_inside
from accord.vocabulary.errors import RefusedFileError, SettingsError, UnreadableError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name in (
        "b/two.csv",
        "b/one.csv",
        "a.csv",
        "b/deep/er.csv",
        "b/notes.txt",
        ".hidden.csv",
        ".git/x.csv",
        "Z.csv",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (tmp_path / "outside.csv").write_text("secret")
    return root


def names(root: Path, *patterns: str) -> list[str]:
    return [path.relative_to(root.resolve()).as_posix() for path in expand(root, patterns)]


def test_a_path_below_the_root_is_found_through_links_that_stay_inside(root: Path) -> None:
    (root / "link.csv").symlink_to("b/one.csv")
    assert resolve_inside(root, "b/../a.csv") == (root / "a.csv").resolve()
    assert resolve_inside(root, "link.csv") == (root / "b/one.csv").resolve()


@pytest.mark.parametrize(
    "path", ["../outside.csv", "b/../../outside.csv", "/etc/passwd", "c:x", "", "a\0b", "gone.csv"]
)
def test_a_path_that_leaves_the_root_or_leads_nowhere_is_an_error_that_names_it(root: Path, path: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        resolve_inside(root, path)
    assert caught.value.where == path


def test_links_that_lead_outside_or_in_circles_are_errors(root: Path) -> None:
    (root / "out.csv").symlink_to("../outside.csv")
    (root / "b/folder").symlink_to("../..")
    (root / "loop.csv").symlink_to("loop.csv")
    for path, word in (("out.csv", "leaves"), ("b/folder/outside.csv", "leaves"), ("loop.csv", "cannot be followed")):
        with pytest.raises(UnreadableError, match=word):
            resolve_inside(root, path)
    with pytest.raises(UnreadableError, match="leaves"):
        expand(root, ["o*.csv"])


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["*.csv"], ["Z.csv", "a.csv"]),
        (["b/*.csv"], ["b/one.csv", "b/two.csv"]),
        (["**/*.csv"], ["Z.csv", "a.csv", "b/deep/er.csv", "b/one.csv", "b/two.csv"]),
        (["b/two.csv", "b/*.csv", "a.csv"], ["a.csv", "b/one.csv", "b/two.csv"]),
        (["b/[no]*"], ["b/notes.txt", "b/one.csv"]),
        (["b/?wo.csv"], ["b/two.csv"]),
        ([".hidden.csv"], [".hidden.csv"]),
        ([".*.csv"], [".hidden.csv"]),
        ([".git/*"], [".git/x.csv"]),
    ],
)
def test_patterns_give_files_once_sorted_and_without_the_hidden(
    root: Path, patterns: list[str], found: list[str]
) -> None:
    assert names(root, *patterns) == found


@pytest.mark.parametrize("pattern", ["*.json", "b/*/none", "b"])
def test_a_pattern_without_a_match_is_an_error_that_names_it(root: Path, pattern: str) -> None:
    with pytest.raises(SettingsError) as caught:
        expand(root, ["a.csv", pattern])
    assert caught.value.where == pattern


@pytest.mark.parametrize("pattern", ["../*", "b/../../*.csv", "/etc/*"])
def test_a_pattern_that_leaves_the_root_is_an_error_that_names_it(root: Path, pattern: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        expand(root, [pattern])
    assert caught.value.where == pattern


@settings(max_examples=300)
@given(st.binary(min_size=1, max_size=60))
def test_a_member_name_that_is_taken_stays_below_the_archive_and_can_be_shown(raw: bytes) -> None:
    try:
        name = read_member_name(raw, "archive.zip")
    except RefusedFileError:
        return
    assert not any(unicodedata.category(character) == "Cc" for character in name.text)
    assert not name.text.startswith("/")
    assert ".." not in name.text.split("/")
    if name.fault is None:
        base = Path("/base")
        assert base in (base / name.text).resolve().parents


@pytest.mark.parametrize("raw", [b".", b"./", b"", b"./."])
def test_a_file_without_a_name_is_refused(raw: bytes) -> None:
    assert read_member_name(raw, "archive.zip").fault == "its name is empty"


def test_a_name_that_is_too_long_is_refused_and_shown_short() -> None:
    name = read_member_name(b"x" * 4097, "archive.zip")
    assert name.fault is not None
    assert len(name.text) <= 200
    assert read_member_name(b"x" * 4096, "archive.zip").fault is None


@pytest.mark.parametrize("pattern", ["***", "a**", "feeds/**.csv"])
def test_a_pattern_that_cannot_be_read_is_named(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(SettingsError, match="the pattern cannot be read") as caught:
        expand(tmp_path, [pattern])
    assert pattern in str(caught.value)
