"""Faults under a workspace, such as full disks, broken files, two at once, damage: words, an exit code, no mixture."""

import ctypes
import gzip
import json
import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accord.cli.deliveries.delivering import take_delivery
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_workspace
from accord.reference.store import load
from accord.vocabulary.errors import UnreadableError
from accord.workspace.database import open_database, place_of
from accord.workspace.store import open_workspace

SETTINGS = """
[[partner]]
id = "vendor"
name = "A vendor"

[[dataset]]
id = "mixed"
title = "All that the vendor has"
partner = "vendor"
format = ["shadowserver", "passive-dns", "plain"]
origin = "sinkhole"
role = "c2-server"
legal_basis = "legitimate-interest"
marking = "green"
grade = "b"
retention = "P1Y"
personal_data = true
"""

SINKHOLE = "timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag"
VICTIM, SERVER = "45.1.0.7", "103.28.36.1"
KEPT = (".mark", "workspace.toml", "hub.key", "ledger.key", "ledger.policy", "accord.db")
"""Without which nothing is taken in."""
FILES = ("evidence-addresses.parquet", "evidence-others.parquet", "resolutions.parquet", "rejects.parquet")


def obey_permissions() -> None:
    """Make root an owner like any other, before the command is started: capabilities(7), prctl(2)."""
    if os.geteuid() == 0:
        for capability in (1, 2):
            if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):
                raise OSError("a capability cannot be dropped")


def written_at_most(size: int) -> Callable[[], None]:
    """No file can grow past `size` bytes: what a full disk is to a writer, for anybody."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def told(said: subprocess.CompletedProcess[str], where: str) -> dict[str, str]:
    """The parts of the error that was shown; it names a place."""
    first, *rest = [line for line in said.stderr.splitlines() if line]
    assert first.startswith("error: ")
    parts = dict(line.strip().split(": ", 1) for line in rest)
    assert where in parts["where"]
    return parts | {"what": first.removeprefix("error: ")}


def sinkhole(path: Path, rows: int = 40) -> Path:
    """Victims of one day in Shadowserver's layout."""
    lines = [f"2026-10-01 10:00:37,tcp,45.1.{row}.7,4000,1,8.8.4.4,80,Gamut,," for row in range(rows)]
    path.write_text("\n".join([SINKHOLE, *lines]) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def made(accord, agreement_on, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace, its folder's name one that is hard to quote, with a delivery of every kind and a snapshot."""
    folder = tmp_path_factory.mktemp("faults")
    hub = folder / "o'hub [1]*"
    accord("init", hub)
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS + agreement_on("mixed"))
    accord("agreement", "apply", "--in", hub)
    victims = sinkhole(folder / "2026-10-01-event4_sinkhole-a.csv")
    (folder / "servers.txt").write_text(f"{SERVER}\n10.0.0.1\nhttp://gate.in.th/x\n", "utf-8")
    resolution = {"rrname": "gate.in.th", "rrtype": "A", "rdata": "61.19.1.1", "time_first": 1_790_000_000}
    (folder / "names.jsonl").write_text(json.dumps(resolution) + "\n", "utf-8")
    files = (victims, folder / "servers.txt", folder / "names.jsonl")
    accord("delivery", "add", "mixed", *files, "--in", hub, "--collected-at", "2026-10-20")
    accord("snapshot", "make", "--in", hub)
    return hub


@pytest.fixture
def hub(made: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(made, tmp_path / made.name))


def verify_whole(hub: Path, before: dict[str, bytes], content: Callable[[Path], dict[str, bytes]]) -> None:
    """Nothing has changed, and nothing is left over but what SQLite itself takes up again (-wal, -shm)."""
    after = {name: data for name, data in content(hub).items() if not name.startswith((".lock", "accord.db-"))}
    assert after == before


@pytest.fixture
def before(hub: Path, content) -> dict[str, bytes]:
    return {name: data for name, data in content(hub).items() if name != ".lock"}


def test_a_folder_of_any_name_is_a_workspace(accord_here, hub: Path) -> None:
    said = json.loads(accord_here("lookup", VICTIM, SERVER, "61.19.1.1", "--json", "--in", hub).stdout)
    assert [[row["role"] for row in one["findings"]] for one in said] == [
        ["infected-system"],
        ["c2-server"],
        ["c2-server"],
    ]


@pytest.mark.parametrize(
    ("size", "said_of_it"),
    # where the database cannot be read, where what was delivered has no room, where the entry has none
    [(1_000, "disk I/O error"), (40_000, "too large")],
)
def test_a_full_disk_is_an_error_that_says_so_and_the_workspace_stays_as_it_was(
    accord, hub: Path, before, content, tmp_path: Path, size: int, said_of_it: str
) -> None:
    file = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv", rows=1_500)
    said = accord("delivery", "add", "mixed", file, "--in", hub, expect=5, preexec_fn=written_at_most(size))
    assert said_of_it in told(said, str(tmp_path))["got"]
    verify_whole(hub, before, content)


@pytest.mark.parametrize("size", [1_000, 3_000])
def test_a_snapshot_that_has_no_room_is_an_error_that_says_so(accord, hub: Path, tmp_path: Path, size: int) -> None:
    shutil.rmtree(hub / "snapshots" / "000001")
    said = accord("snapshot", "make", "--in", hub, expect=5, preexec_fn=written_at_most(size))
    # who combines is logged first, and the log finds no room
    assert "disk I/O error" in told(said, str(tmp_path))["got"]
    assert not list(hub.glob(".staging-*"))
    assert not list((hub / "snapshots").iterdir())


# A machine on which nothing can be mounted has the limit on file sizes above, which is met in the same places.
@pytest.mark.parametrize(
    ("room", "said_of_it"),
    # for the database no room to be read, for what was delivered none to be kept
    [(0, "disk I/O error"), (48, "No space left"), (64, "No space left")],
)
def test_a_small_disk_that_runs_full_is_an_error_that_says_so(
    accord, made: Path, tmp_path: Path, small_disk, room: int, said_of_it: str
) -> None:
    kept = sum(-(-(made / name).stat().st_size // 4096) * 4 for name in KEPT)
    file = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv", rows=250)
    disk = tmp_path / "disk"
    disk.mkdir()
    files = " ".join(f'"$1"/{name}' for name in KEPT)
    fill = f'cp -p {files} "$0" && shift && exec "$@"'
    before = (*small_disk(disk, f"{kept + room}k"), "sh", "-c", fill, str(disk), str(made))
    said = accord("delivery", "add", "mixed", file, "--in", disk, expect=5, before=before)
    left = {name for name in said.stdout.split() if not name.startswith("accord.db-")}
    assert left - {".lock"} == {*KEPT}, "what lies on the disk afterwards"
    parts = told(said, str(disk))
    assert said_of_it in parts["got"]
    assert "space" in parts["to do"] or "room" in parts["to do"]


def test_a_gzip_that_was_cut_off_is_refused_whole_and_the_others_of_the_command_are_kept(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    good = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv", rows=41)
    cut = tmp_path / "2026-10-03-event4_sinkhole-c.csv.gz"
    cut.write_bytes(gzip.compress(sinkhole(tmp_path / "whole.csv", rows=3_000).read_bytes())[:-2_000])
    said = accord_here("delivery", "add", "mixed", cut, good, "--in", hub, expect=3)
    assert cut.name in told(said, cut.name)["where"]
    listed = json.loads(accord_here("delivery", "list", "--in", hub, "--json").stdout)
    assert sorted(one["file"] for one in listed)[0] == "2026-10-01-event4_sinkhole-a.csv"
    assert {one["file"] for one in listed} >= {good.name}
    assert cut.name not in {one["file"] for one in listed}
    assert not list(hub.glob(".staging-*"))


@pytest.mark.parametrize("fault", ["grown", "shrunk"])
def test_a_file_that_changes_while_it_is_read_is_an_error_that_names_it(
    gate, hub: Path, before, content, tmp_path: Path, fault: str
) -> None:
    file = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv", rows=250)

    def meddle(what: str, _done: int, _total: int) -> None:
        if what.startswith("reading"):
            with file.open("r+b") as more:
                if fault == "grown":
                    more.seek(0, os.SEEK_END)
                    more.write(b"more\n")
                else:
                    more.truncate(100)

    workspace = open_workspace(hub)
    (dataset,) = read_workspace(workspace.settings, FORMATS).datasets
    with (
        pytest.raises(UnreadableError, match="changed while it was read") as raised,
        workspace.working(),
        open_database(place_of(workspace.settings)) as database,
    ):
        take_delivery(
            workspace,
            dataset,
            file,
            gate=gate(database, datetime.now(UTC)),
            received_at=datetime.now(UTC),
            reference=load(None),
            workers=1,
            progress=meddle,
        )
    assert raised.value.where == file.name
    verify_whole(hub, before, content)


def test_a_second_command_that_would_change_the_workspace_is_refused_and_readers_are_not(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    file = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv")
    with open_workspace(hub).working():
        for words in (("delivery", "add", "mixed", file), ("snapshot", "make"), ("snapshot", "drop", "1")):
            parts = told(accord_here(*words, "--in", hub, expect=5), str(hub))
            assert parts["what"] == "Somebody else is working in this workspace."
            assert parts["to do"]
        accord_here("lookup", VICTIM, "--in", hub)
        accord_here("delivery", "list", "--in", hub)
        accord_here("snapshot", "list", "--in", hub)
    accord_here("delivery", "add", "mixed", file, "--in", hub)


def test_who_asks_while_snapshots_come_and_go_is_always_answered(accord_here, hub: Path) -> None:
    workspace = open_workspace(hub)
    first = workspace.snapshot(1).path
    stop = threading.Event()

    def swap() -> None:
        number = 2
        while not stop.is_set():
            with workspace.staging() as staging:
                shutil.copytree(first, staging / "new")
                workspace.publish(staging / "new", hub / "snapshots" / f"{number:06d}")
            workspace.withdraw(hub / "snapshots" / f"{number:06d}")
            number += 1

    writer = threading.Thread(target=swap)
    writer.start()
    try:
        for _ in range(10):
            (said,) = json.loads(accord_here("lookup", VICTIM, "--json", "--in", hub).stdout)
            assert [row["sightings"] for row in said["findings"]] == [1]
    finally:
        stop.set()
        writer.join()


def test_what_is_known_of_a_delivery_without_a_snapshot_is_not_in_an_answer(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    names = tmp_path / "more.jsonl"
    resolution = {"rrname": "gate.in.th", "rrtype": "A", "rdata": "61.19.1.2", "time_first": 1_790_000_000}
    names.write_text(json.dumps(resolution) + "\n", "utf-8")
    accord_here("delivery", "add", "mixed", names, "--in", hub)
    accord_here("lookup", "61.19.1.2", "--in", hub, expect=1)
    accord_here("snapshot", "make", "--in", hub)
    accord_here("lookup", "61.19.1.2", "--in", hub)


def test_a_workspace_that_may_not_be_written_is_named_and_answers_only_what_need_not_be_logged(
    accord, hub: Path, tmp_path: Path
) -> None:
    file = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv")
    (hub / ".lock").unlink(missing_ok=True)
    hub.chmod(0o500)
    try:
        said = accord("delivery", "add", "mixed", file, "--in", hub, expect=5, preexec_fn=obey_permissions)
        assert told(said, str(hub))["got"] == "Permission denied"
        # who combines is logged first
        said = accord("snapshot", "make", "--in", hub, expect=5, preexec_fn=obey_permissions)
        assert told(said, str(hub))["got"] == "attempt to write a readonly database"
        refused = told(accord("lookup", VICTIM, "--in", hub, expect=4, preexec_fn=obey_permissions), str(hub))
        assert "cannot be written into the log of consultations" in refused["what"]
        accord("delivery", "list", "--in", hub, preexec_fn=obey_permissions)
    finally:
        hub.chmod(0o755)


@pytest.mark.parametrize(("text", "code"), [("[hub", 2), ("", 2), ('name = "x"\n', 2)])
def test_settings_that_are_broken_are_named(accord_here, hub: Path, tmp_path: Path, text: str, code: int) -> None:
    (hub / "workspace.toml").write_text(text, "utf-8")
    file = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv")
    for words in (("delivery", "add", "mixed", file), ("lookup", VICTIM)):
        told(accord_here(*words, "--in", hub, expect=code), "workspace.toml")


def test_a_data_set_that_is_declared_no_more_gives_no_answers_and_takes_no_deliveries(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    settings = hub / "workspace.toml"
    settings.write_text(settings.read_text("utf-8").replace('id = "mixed"', 'id = "other"'), "utf-8")
    file = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv")
    assert (
        told(accord_here("delivery", "add", "mixed", file, "--in", hub, expect=2), "workspace.toml")["got"] == "mixed"
    )
    accord_here("lookup", VICTIM, "--in", hub, expect=1)


def test_a_file_is_found_from_where_the_person_stands(
    accord_here, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sinkhole(tmp_path / "2026-10-02-event4_sinkhole-b.csv")
    (tmp_path / "2026-10-03-event4_sinkhole-link.csv").symlink_to(sinkhole(tmp_path / "elsewhere.csv", rows=7))
    monkeypatch.chdir(tmp_path)
    accord_here("delivery", "add", "mixed", real.name, "2026-10-03-event4_sinkhole-link.csv", "--in", hub)
    accord_here("delivery", "add", "mixed", f"../{tmp_path.name}/{real.name}", "--in", hub)


def gone(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def scribbled(path: Path) -> None:
    """As long as it was, and not what it was."""
    path.write_bytes(b"x" * path.stat().st_size)


@pytest.mark.parametrize("damage", [gone, cut, scribbled])
@pytest.mark.parametrize("name", ["manifest.json", "findings.parquet", *FILES[:2]])
def test_a_damaged_snapshot_is_an_error_that_says_what_to_do_and_it_can_be_made_anew(
    accord_here, hub: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(hub / "snapshots" / "000001" / name)
    parts = told(accord_here("lookup", VICTIM, SERVER, "--in", hub, expect=4), "000001")
    assert "accord snapshot drop" in parts["to do"]
    accord_here("snapshot", "drop", "1", "--in", hub)
    accord_here("snapshot", "make", "--in", hub)
    accord_here("lookup", VICTIM, SERVER, "--in", hub)


def but_for_the_database(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name != ".mark" and not name.startswith("accord.db")}


@pytest.mark.parametrize("damage", [gone, cut, scribbled])
@pytest.mark.parametrize("name", [*FILES[:2], "account.json"])
def test_a_damaged_delivery_is_an_error_that_says_what_to_do(
    accord_here, hub: Path, content, name: str, damage: Callable[[Path], None]
) -> None:
    (victim, *_) = sorted((hub / "deliveries").glob(f"*/*/{name}"))
    damage(victim)
    shutil.rmtree(hub / "snapshots" / "000001")
    before = but_for_the_database(content(hub))
    parts = told(accord_here("snapshot", "make", "--in", hub, expect=4), str(hub))
    assert parts["to do"]
    # what is found only when it is combined is logged before
    assert but_for_the_database(content(hub)) == before
    if name == "account.json":
        told(accord_here("delivery", "list", "--in", hub, expect=4), "account.json")


def test_rejects_that_are_gone_do_not_pass_for_none(accord_here, hub: Path) -> None:
    (rejects, *_) = sorted((hub / "deliveries").glob("*/*/rejects.parquet"))
    rejects.unlink()
    sha256 = rejects.parent.name.removeprefix("sha256=")
    parts = told(accord_here("delivery", "show", sha256, "--in", hub, expect=4), str(rejects))
    assert parts["to do"]
