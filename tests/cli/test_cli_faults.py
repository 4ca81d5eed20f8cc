"""Faults of the disk and of files: a clear error, its exit code, nothing half-written, the old output untouched."""

import ctypes
import gzip
import hashlib
import io
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from accord.cli.operations.running import run_operation
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_operation
from accord.reference.store import load
from accord.vocabulary.errors import UnreadableError

_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_PR_CAPBSET_DROP = 24


def obey_permissions() -> None:
    """Make root an owner like any other, before the command is started: capabilities(7), prctl(2)."""
    if os.geteuid() == 0:
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            if ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError("a capability cannot be dropped")


def written_at_most(size: int) -> Callable[[], None]:
    """No file can grow past `size` bytes: what a full disk is to a writer, for anybody."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def told(said: subprocess.CompletedProcess[str], where: str) -> dict[str, str]:
    """The parts of the error that was shown; it names a place, and stands on standard error alone."""
    assert said.stdout == ""
    first, *rest = [line for line in said.stderr.splitlines() if line]
    assert first.startswith("error: ")
    parts = dict(line.strip().split(": ", 1) for line in rest)
    assert where in parts["where"]
    return parts | {"what": first.removeprefix("error: ")}


@pytest.fixture(scope="module")
def place(accord, operation_of, servers, content, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """An operation with an old output; a test changes the deliveries, runs, and finds the old output as it was."""
    folder = tmp_path_factory.mktemp("faults")
    files = {"list.txt": "\n".join(servers["VN"]) + "\n"}
    file = operation_of(folder, files)
    accord("operation", "run", file, "--out", folder / "out", "--workers", "1")
    return {"folder": folder, "file": file, "out": folder / "out", "old": content(folder / "out"), "files": files}


def verify_untouched(place: dict, content: Callable[[Path], dict[str, bytes]]) -> None:
    assert content(place["out"]) == place["old"]
    names = sorted(path.name for path in place["folder"].iterdir())
    assert names == ["deliveries", "hub.key", "operation.toml", "out"], "nothing is left beside the output"


# The first is met by the spool of observations, the second by a print in a worker process.
@pytest.mark.parametrize("size", [1_024, 60_000])
def test_a_full_disk_is_an_error_that_says_so(accord, place: dict, content, size: int) -> None:
    full = written_at_most(size)
    said = accord("operation", "run", place["file"], "--out", place["out"], expect=5, preexec_fn=full)
    parts = told(said, str(place["folder"]))
    assert "cannot be written" in parts["what"]
    assert "too large" in parts["got"]
    assert parts["to do"]
    verify_untouched(place, content)


# A machine on which nothing can be mounted has the limit on file sizes above, which is met in the same places.
def test_a_small_disk_that_runs_full_is_an_error_that_says_so(accord, place: dict, tmp_path: Path, small_disk) -> None:
    out = tmp_path / "out"
    words = ("operation", "run", place["file"], "--out", out, "--workers", "1")
    parts = told(accord(*words, expect=5, before=small_disk(tmp_path, "60k")), str(tmp_path))
    assert "cannot be written" in parts["what"]
    assert "No space left" in parts["got"]
    assert "room" in parts["to do"] or "space" in parts["to do"]


@pytest.mark.parametrize("lacking", [64, 2])
def test_a_disk_that_lacks_some_pages_at_the_end_is_left_empty(
    accord, place: dict, tmp_path: Path, small_disk, lacking: int
) -> None:
    page = 4_096
    needed = sum(-(-len(data) // page) for data in place["old"].values())
    words = ("operation", "run", place["file"], "--out", tmp_path / "out", "--workers", "1")
    before = small_disk(tmp_path, f"{(needed - lacking) * page}")
    # `told` also holds it to nothing on standard output, where the disk's content is listed afterwards.
    assert "No space left" in told(accord(*words, expect=5, before=before), str(tmp_path))["got"]


@pytest.mark.parametrize("size", [0, 30])
def test_a_key_that_finds_no_room_is_not_half_written(accord, operation_of, tmp_path: Path, size: int) -> None:
    file = operation_of(tmp_path, {"list.txt": "1.0.0.1\n"})
    run = ("operation", "run", file, "--out", tmp_path / "out", "--workers", "1")
    parts = told(accord(*run, expect=5, preexec_fn=written_at_most(size)), "hub.key")
    assert "cannot be written" in parts["what"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deliveries", "operation.toml"]


def test_an_archive_inside_another_that_finds_no_room_to_be_unpacked_is_an_error_that_says_so(
    accord, tmp_path: Path
) -> None:
    inside, outside = io.BytesIO(), tmp_path / "feed.zip"
    with zipfile.ZipFile(inside, "w") as archive:
        # more than is held in memory, and nothing that compression would shrink to a bomb
        archive.writestr("list.txt", random.Random(7).randbytes(17 << 20).hex())
    with zipfile.ZipFile(outside, "w") as archive:
        archive.writestr("inner.zip", inside.getvalue())
    words = ("delivery", "check", outside, "--format", "plain")
    parts = told(accord(*words, expect=5, preexec_fn=written_at_most(1 << 20)), "feed.zip!/inner.zip")
    assert "temporary file" in parts["what"]
    assert "TMPDIR" in parts["to do"]


def test_an_output_folder_that_may_not_be_written_is_named(accord, place: dict, content) -> None:
    closed = place["folder"] / "deliveries"
    closed.chmod(0o500)
    try:
        said = accord("operation", "run", place["file"], "--out", closed / "out", expect=5, preexec_fn=obey_permissions)
    finally:
        closed.chmod(0o755)
    assert told(said, str(closed))["got"] == "Permission denied"
    verify_untouched(place, content)


def test_a_delivery_that_may_not_be_read_is_named(accord, place: dict, content) -> None:
    delivery = place["folder"] / "deliveries/list.txt"
    delivery.chmod(0)
    try:
        run = ("operation", "run", place["file"], "--out", place["out"])
        said = accord(*run, expect=4, preexec_fn=obey_permissions)
    finally:
        delivery.chmod(0o644)
    parts = told(said, "list.txt")
    assert parts["what"] == "the file cannot be opened"
    assert parts["got"] == "Permission denied"
    verify_untouched(place, content)


def test_a_disk_that_cannot_read_a_delivery_is_named(accord) -> None:
    if not Path("/proc/self/mem").exists():
        pytest.skip("needs procfs: its mem file cannot be read at 0")
    said = accord("delivery", "check", "/proc/self/mem", "--format", "plain", expect=4)
    parts = told(said, "mem")
    assert parts["what"] == "the disk cannot read it"
    assert parts["got"] == "Input/output error"


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("../operation.toml", "the path leaves the permitted tree"),
        ("../*.toml", "the pattern leaves the permitted tree"),
        ("/etc/passwd", "the path is not relative"),
        ("/etc/pass*", "the pattern leaves the permitted tree"),
        ("link.txt", "the path leaves the permitted tree"),
        ("l*.txt", "the path leaves the permitted tree"),
        ("folder/secret.txt", "the path leaves the permitted tree"),
    ],
)
def test_a_path_outside_the_tree_is_refused(accord, operation_of, tmp_path: Path, path: str, what: str) -> None:
    secret = tmp_path / "outside/secret.txt"
    secret.parent.mkdir()
    secret.write_text("8.8.4.4\n")
    file = operation_of(tmp_path, {"list.txt": "8.8.4.4\n"}, {"name": "list", "paths": [path]})
    (tmp_path / "deliveries/link.txt").symlink_to(secret)
    (tmp_path / "deliveries/folder").symlink_to(secret.parent)
    said = accord("operation", "run", file, "--out", tmp_path / "out", expect=4)
    parts = told(said, "link.txt" if path == "l*.txt" else path)
    assert parts["what"] == what
    assert parts["expected"]
    assert not (tmp_path / "out").exists()


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut.txt": (lambda packed: packed[: len(packed) * 2 // 3], "the gzip stream is cut off"),
    "flipped.txt": (lambda packed: packed[:-6] + bytes((packed[-6] ^ 1,)) + packed[-5:], "the gzip stream is corrupt"),
    "followed.txt": (lambda packed: packed + b"9.9.9.9\n", "the gzip stream is corrupt"),
    "growing.txt": (lambda packed: packed[:9], "the gzip stream is cut off"),
}


def test_damaged_gzip_deliveries_are_refused_whole_by_name_and_change_nothing_of_what_others_say(
    accord, place: dict, operation_of, servers, tmp_path: Path
) -> None:
    packed = gzip.compress("".join(f"{address}\n" for address in servers["TH"] * 50).encode(), mtime=0)
    bad = {name: damage(packed) for name, (damage, _) in DAMAGES.items()}
    file = operation_of(tmp_path, place["files"] | bad)
    shutil.copy(place["folder"] / "hub.key", tmp_path / "hub.key")
    said = accord("operation", "run", file, "--out", tmp_path / "out", "--workers", "1", "--json", expect=3)
    summary = json.loads((tmp_path / "out/summary.json").read_text("utf-8"))
    assert json.loads(said.stdout)["findings"] == summary["findings"]
    for delivery in summary["deliveries"]:
        if delivery["file"] in DAMAGES:
            (refused,) = delivery["refused"]
            assert DAMAGES[delivery["file"]][1] in refused["reason"]
            assert refused["member"] is None
            assert (delivery["records"], delivery["accepted"], delivery["observations"]) == (0, 0, 0)
            assert delivery["sha256"] == hashlib.sha256(bad[delivery["file"]]).hexdigest()
        else:
            assert (delivery["accepted"], delivery["refused"]) == (len(servers["VN"]), [])
    old = json.loads(place["old"]["summary.json"])
    assert (summary["findings"], summary["countries"]) == (old["findings"], old["countries"])


@pytest.mark.parametrize("fault", ["gone", "grown", "shrunk", "rewritten"])
def test_a_delivery_that_changes_under_a_run_is_an_error_that_names_it(
    operation_of, servers, content, tmp_path: Path, fault: str
) -> None:
    names = [f"list-{number}.txt" for number in range(9)]
    file = operation_of(tmp_path, dict.fromkeys(names, servers["VN"][0] + "\n"), {"name": "x", "paths": ["*.txt"]})
    victim = tmp_path / "deliveries" / names[-1]

    def meddle(what: str, _done: int, _total: int) -> None:
        if what == f"reading {names[0]}" and fault == "gone":
            victim.unlink(missing_ok=True)
        elif what == f"reading {names[-1]}" and fault == "grown":
            with victim.open("ab") as more:
                more.write(b"1.0.0.1\n")
        elif what == f"reading {names[-1]}" and fault == "shrunk":
            os.truncate(victim, 3)
        elif what == f"reading {names[-1]}" and fault == "rewritten":
            with victim.open("r+b") as same:
                same.write(b"2")

    with pytest.raises(UnreadableError) as raised:
        run_operation(
            read_operation(file, FORMATS),
            tmp_path / "out",
            reference=load(None),
            since=None,
            workers=1,
            progress=meddle,
        )
    assert raised.value.where == names[-1]
    assert not (tmp_path / "out").exists()
    assert list(tmp_path.glob(".out*")) == []


# Gone between the listing of the files and the first look at their sizes: no hook reaches in there, so a link that
# a reader of directories still sees has to do.
def test_a_delivery_that_is_a_dead_link_is_an_error_that_names_it(accord, operation_of, tmp_path: Path) -> None:
    file = operation_of(tmp_path, {"a.txt": "1.0.0.1\n"}, {"name": "x", "paths": ["*.txt"]})
    (tmp_path / "deliveries/b.txt").symlink_to(tmp_path / "deliveries/never.txt")
    told(accord("operation", "run", file, "--out", tmp_path / "out", expect=4), "b.txt")


@pytest.mark.parametrize(
    ("text", "where", "code"),
    [
        ("root = [", "operation.toml", 2),
        ('root = "nowhere"\n', "hub", 2),
        (None, "operation.toml", 4),
    ],
)
def test_an_operation_file_that_is_none_is_named(
    accord, tmp_path: Path, text: str | None, where: str, code: int
) -> None:
    file = tmp_path / "operation.toml"
    if text is not None:
        file.write_text(text)
    told(accord("operation", "run", file, "--out", tmp_path / "out", expect=code), where)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_an_output_that_is_somebody_else_s_is_left_alone(accord, place: dict, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "precious"
    if kind == "file":
        out.write_text("mine")
    elif kind == "folder":
        out.mkdir()
        (out / "mine").touch()
    else:
        (tmp_path / "elsewhere").mkdir()
        out.symlink_to(tmp_path / "elsewhere")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    parts = told(accord("operation", "run", place["file"], "--out", out, expect=5), str(out))
    assert "left as it is" in parts["what"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_fault_of_our_own_is_said_in_words_with_its_exit_code(environment, tmp_path: Path) -> None:
    program = (
        "import sys; from accord.cli import main; from accord.cli.snapshots import looking\n"
        "looking.find = lambda *_, **__: 1 // 0\n"
        "sys.argv = ['accord', 'lookup', 'x']\n"
        "main.run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 70
    assert done.stdout == ""
    assert done.stderr.startswith("error: Accord failed (ZeroDivisionError). The fault is ours")
