"""Faults of the disk and of files: a clear error, its exit code, nothing half-written, the old output untouched."""

import ctypes
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from accord.cli.running import run_operation
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


def may_mount() -> bool:
    """Can a mount of one's own be made here? Containers often forbid it."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return False
    program = ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    return subprocess.run(program, capture_output=True, check=False).returncode == 0


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
@pytest.mark.parametrize("size", ["60k"] if may_mount() else [])
def test_a_small_disk_that_runs_full_is_an_error_that_says_so(accord, place: dict, tmp_path: Path, size: str) -> None:
    script = f'mount -t tmpfs -o size={size} tmpfs "$0" && "$@"; code=$?; ls -A "$0"; exit $code'
    before = ("unshare", "--mount", "sh", "-c", script, str(tmp_path))
    out = tmp_path / "out"
    said = accord("operation", "run", place["file"], "--out", out, "--workers", "1", expect=5, before=before)
    parts = told(said, str(tmp_path))
    assert "cannot be written" in parts["what"]
    assert "No space left" in parts["got"]
    assert "room" in parts["to do"] or "space" in parts["to do"]


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


@pytest.mark.parametrize("fault", ["gone", "grown"])
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
        "import sys; from accord.cli import looking, main\n"
        "looking.find = lambda values, folder: 1 // 0\n"
        "sys.argv = ['accord', 'lookup', 'x']\n"
        "main.run()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 70
    assert done.stdout == ""
    assert done.stderr.startswith("error: Accord failed (ZeroDivisionError). The fault is ours")
