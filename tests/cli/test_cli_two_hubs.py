"""Two who work at once, copies that are used beside each other, and what was restored from an older copy: one history.

All of it on both databases, by real processes; who waits, waits for a word and for no time.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from accord.ledger.notes import parse_signing_key
from accord.workspace.database import open_database, place_of
from tests.cli.released import OPERATION, SIGHTINGS, furnish
from tests.copying import copied_database
from tests.simulators.witness import Witness, served

Accord = Callable[..., subprocess.CompletedProcess[str]]
Paused = Callable[..., object]

APART = "do not belong together"


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Path:
    """A hub that may release, on a database of either kind."""
    folder = tmp_path / "hub"
    # a path of its own, so that a copy of the folder names the same database
    url = f"sqlite:///{tmp_path}/accord.db" if database_url.startswith("sqlite") else database_url
    accord_here("init", folder, "--ledger", "hub.example/ledger", "--database", url)
    furnish(folder, accord_here("package", "keys", "--name", "th.example", "--out", tmp_path / "keys").stdout)
    accord_here("agreement", "apply", "--in", folder)
    accord_here("delivery", "add", "sinkhole", delivery(tmp_path, 1), "--in", folder)
    return folder


def delivery(folder: Path, day: int) -> Path:
    """Another file for each day."""
    file = folder / f"2026-10-0{day}-event4_sinkhole-th.csv"
    file.write_text(SIGHTINGS.replace("2026-10-01", f"2026-10-0{day}"), "utf-8")
    return file


def operation(folder: Path, name: str = "october") -> Path:
    file = folder / f"{name}.toml"
    file.write_text(OPERATION.format(name=name, more=""), "utf-8")
    return file


def releases(accord_here: Accord, hub: Path) -> list[dict]:
    return json.loads(accord_here("release", "list", "--json", "--in", hub).stdout)


def changing(folder: Path) -> Sequence[Sequence[object]]:
    """Commands that would change a hub."""
    return (
        ("delivery", "add", "sinkhole", delivery(folder, 2)),
        ("agreement", "end", "police-th-2026", "--why", "over"),
        ("release", "make", operation(folder)),
    )


def agrees(accord_here: Accord, hub: Path) -> None:
    """Database, files and books of a hub say the same."""
    accord_here("ledger", "verify", "--in", hub)
    accord_here("ledger", "audit", "--in", hub)


@pytest.fixture
def paused(environment: dict[str, str]) -> Paused:
    """A command that has come to a function; it goes on where the block ends, and must come to this exit code."""

    @contextmanager
    def pause(function: str, *words: object, expect: int) -> Iterator[list[str]]:
        program = [sys.executable, str(Path(__file__).with_name("pausing.py")), function, *map(str, words)]
        said: list[str] = []
        with subprocess.Popen(
            program,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            while (line := process.stderr.readline()) != "paused\n":
                assert line, "it ended before it came to that"
            try:
                yield said
            finally:
                process.stdin.close()
                said.append(process.stderr.read())
        assert process.returncode == expect, said

    return pause


@pytest.mark.parametrize("at", ["record_disclosure", *(["seal", "record_hand_over"] if os.environ.get("CI") else [])])
def test_while_a_release_is_made_nobody_else_changes_the_workspace_and_it_is_made_once(
    accord_here: Accord, paused: Paused, hub: Path, tmp_path: Path, at: str
) -> None:
    with paused(at, "release", "make", operation(tmp_path), "--in", hub, expect=0):
        for words in (
            ("release", "make", operation(tmp_path)),
            ("release", "hand-over"),
            ("delivery", "add", "sinkhole", delivery(tmp_path, 2)),
        ):
            refused = accord_here(*words, "--in", hub, expect=5)
            assert "Somebody else is working in this workspace." in refused.stderr
    assert "released before" in accord_here("release", "make", operation(tmp_path), "--in", hub).stderr
    (one,) = releases(accord_here, hub)
    assert one["handed_over_at"] is not None
    agrees(accord_here, hub)


def test_of_two_folders_with_one_database_the_one_that_went_on_last_goes_on_alone(
    accord_here: Accord, hub: Path, tmp_path: Path
) -> None:
    other, bare = tmp_path / "other", tmp_path / "bare"
    shutil.copytree(hub, other)
    bare.mkdir()
    shutil.copyfile(hub / "workspace.toml", bare / "workspace.toml")
    accord_here("delivery", "add", "sinkhole", delivery(tmp_path, 3), "--in", hub)
    for folder in (other, bare):
        for words in (*changing(tmp_path), ("ledger", "publish")):
            # where there is no key of the ledger, that is said by whoever asks for it first
            code = 7 if folder == other or words[0] in {"delivery", "release"} else 4
            said = accord_here(*words, "--in", folder, expect=code).stderr
            assert any(one in said for one in ("newest of both", "for ever", "key is not there")), words
    # who only asks for lists is answered
    accord_here("release", "list", "--in", other)
    accord_here("release", "make", operation(tmp_path), "--in", hub)
    agrees(accord_here, hub)
    # a folder without the key is another log's, whatever anybody says
    accord_here("migrate", "--adopt", "--in", bare)
    assert "key is not there" in accord_here("agreement", "apply", "--in", bare, expect=4).stderr
    # and the copy, by its own word, goes on in place of the original
    accord_here("migrate", "--adopt", "--in", other)
    assert "it does not lie in" in accord_here("ledger", "audit", "--in", other, expect=1).stdout
    accord_here("agreement", "end", "police-th-2026", "--why", "over", "--in", other)
    assert APART in accord_here("delivery", "add", "sinkhole", delivery(tmp_path, 4), "--in", hub, expect=7).stderr
    accord_here("ledger", "verify", "--in", other)


def test_a_release_that_is_made_while_a_copy_of_its_folder_goes_on_comes_to_nothing(
    accord_here: Accord, paused: Paused, hub: Path, tmp_path: Path
) -> None:
    with paused("seal", "release", "make", operation(tmp_path), "--in", hub, expect=7) as said:
        shutil.copytree(hub, tmp_path / "other")
        accord_here("delivery", "add", "sinkhole", delivery(tmp_path, 2), "--in", tmp_path / "other")
    assert APART in said[0]
    assert releases(accord_here, tmp_path / "other") == []
    agrees(accord_here, tmp_path / "other")


def test_two_copies_that_both_go_on_are_told_apart_by_witnesses_and_by_who_was_given_something(
    accord_here: Accord, tmp_path: Path
) -> None:
    hub, other = tmp_path / "hub", tmp_path / "other"
    accord_here("init", hub, "--ledger", "hub.example/ledger")
    furnish(hub, accord_here("package", "keys", "--name", "th.example", "--out", tmp_path / "keys").stdout)
    accord_here("agreement", "apply", "--in", hub)
    accord_here("delivery", "add", "sinkhole", delivery(tmp_path, 1), "--in", hub)
    key = parse_signing_key((hub / "ledger.key").read_text().strip())
    with served(Witness("north.example", key.verifier)) as witness:
        line = f"witness north {witness.key.verifier} {witness.url}"
        (hub / "ledger.policy").write_text(f"log {key.verifier}\n{line}\nquorum north\n")
        # of a database that lies in the folder a copy is whole, and nothing in it tells that it is one
        shutil.copytree(hub, other)
        accord_here("release", "make", operation(tmp_path, "first"), "--in", hub)
        refused = accord_here("release", "make", operation(tmp_path, "second"), "--in", other, expect=7)
        assert "another root was cosigned" in refused.stderr
    (one,) = releases(accord_here, hub)
    place = hub / "releases" / one["id"]
    (waiting,) = releases(accord_here, other)
    assert waiting["handed_over_at"] is None
    # a hub whose policy asks for no witness hands it over: then who was given something else has the proof
    (other / "ledger.policy").write_text(f"log {key.verifier}\nquorum none\n")
    accord_here("release", "hand-over", "--in", other)
    log = ("ledger", "check", other / "ledger")
    told = accord_here(*log, place / "package", place / "handover", expect=7).stderr
    assert "another entry than the one that the package proves" in told or "does not satisfy" in told
    told = accord_here(*log, "--against", hub / "ledger" / "checkpoint", expect=7).stderr
    assert "two histories" in told


def test_a_database_that_was_restored_from_an_older_copy_is_named_with_what_was_handed_over_since(
    accord_here: Accord, hub: Path, tmp_path: Path
) -> None:
    older = copy_of(hub, tmp_path / "older")
    accord_here("release", "make", operation(tmp_path), "--in", hub)
    (one,) = releases(accord_here, hub)
    given = accord_here("ledger", "list", "--in", hub, "--partner", "csirt-th", "--csv").stdout
    newer = copy_of(hub, tmp_path / "newer")
    older()
    for words in changing(tmp_path):
        refused = accord_here(*words, "--in", hub, expect=7).stderr
        assert "find the newest copy" in refused or APART in refused
    said = accord_here("release", "list", "--in", hub)
    assert f"does not know release {one['id']} to csirt-th, TH" in said.stderr
    audited = accord_here("ledger", "audit", "--in", hub, expect=7)
    assert "older than the ledger" in audited.stderr
    assert f"release {one['id']} to csirt-th, TH" in audited.stdout
    # what the recipient has written down, held against what the hub says now
    theirs, ours = tmp_path / "theirs.csv", tmp_path / "ours.csv"
    theirs.write_text(given)
    ours.write_text(accord_here("ledger", "list", "--in", hub, "--csv").stdout)
    told = accord_here("ledger", "reconcile", "--hub", ours, "--recipient", theirs, expect=1).stdout
    assert "they have it, the hub has not" in told
    # not even where the ledger's files are gone and somebody insists
    shutil.move(hub / "ledger", tmp_path / "ledger")
    accord_here("migrate", "--adopt", "--in", hub)
    refused = accord_here("release", "make", operation(tmp_path), "--in", hub, expect=7).stderr
    assert "older than what was handed over" in refused
    assert one["id"] in refused
    assert (hub / "releases" / one["id"] / "handover").exists()
    shutil.rmtree(hub / "ledger", ignore_errors=True)
    shutil.move(tmp_path / "ledger", hub / "ledger")
    newer()
    accord_here("migrate", "--adopt", "--in", hub)
    assert "released before" in accord_here("release", "make", operation(tmp_path), "--in", hub).stderr
    agrees(accord_here, hub)


def copy_of(hub: Path, to: Path) -> Callable[[], None]:
    with open_database(place_of(hub / "workspace.toml")) as database:
        return copied_database(database, to)


def test_a_ledger_folder_that_was_restored_from_an_older_copy_is_brought_up_whole(
    accord_here: Accord, hub: Path, tmp_path: Path
) -> None:
    shutil.copytree(hub / "ledger", tmp_path / "older")
    accord_here("delivery", "add", "sinkhole", delivery(tmp_path, 2), "--in", hub)
    shutil.rmtree(hub / "ledger")
    shutil.copytree(tmp_path / "older", hub / "ledger")
    accord_here("release", "make", operation(tmp_path), "--in", hub)
    agrees(accord_here, hub)


def test_a_folder_that_was_restored_from_an_older_copy_is_named_with_what_it_lacks_and_goes_on_when_told_to(
    accord_here: Accord, hub: Path, tmp_path: Path
) -> None:
    shutil.copytree(hub, tmp_path / "older")
    accord_here("delivery", "add", "sinkhole", delivery(tmp_path, 2), "--in", hub)
    accord_here("release", "make", operation(tmp_path), "--in", hub)
    (one,) = releases(accord_here, hub)
    shutil.rmtree(hub)
    shutil.copytree(tmp_path / "older", hub)
    for words in changing(tmp_path):
        assert APART in accord_here(*words, "--in", hub, expect=7).stderr
    lacking = accord_here("ledger", "audit", "--in", hub, expect=1).stdout
    assert "delivery" in lacking
    assert f"release {one['id']} to csirt-th, TH: it does not lie in" in lacking
    accord_here("migrate", "--adopt", "--in", hub)
    # the same bytes once more: they were entered, and are not entered again
    accord_here("delivery", "add", "sinkhole", delivery(tmp_path, 2), "--in", hub)
    said = json.loads(accord_here("ledger", "audit", "--json", "--in", hub, expect=1).stdout)
    assert [kept["kind"] for kept in said["entries"]].count("delivery") == 2
    assert [lack["what"] for lack in said["missing"]] == [
        f"release {one['id']} to csirt-th, TH: it does not lie in {hub / 'releases' / one['id']}"
    ]
    accord_here("ledger", "verify", "--in", hub)
