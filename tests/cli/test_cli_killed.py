"""A run that is killed or interrupted at any moment leaves the old output or the new one, and no process behind.

Moments are told by what the run has written so far into the folder that it stages its output in, so that they are the
same on a slow machine; the last one is the new output's arrival. What a killed run leaves beside the output is still
there when the next test begins, and each run has to cope with it.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

NEXT_LOOK_S = 0.002
PATIENCE_S = 40

MOMENTS = {
    "nothing staged yet": "",
    "staging made": "new",
    "observations are spooled": "new/spool/*",
    "the first country's folder": "new/reports/*",
    "the first bundle": "new/reports/*/bundle.json",
    "the first print": "new/reports/*/car.en.pdf",
    "the second country's letter": "new/reports/TH/letter.en.txt",
    "the summary": "new/summary.json",
    "the times, written last": "new/timings.json",
    "the output has changed": "SWAPPED",
}


@pytest.fixture(scope="module")
def place(accord, operation_of, servers, content, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """An operation with an old output in `out`, and what a whole run over it gives."""
    folder = tmp_path_factory.mktemp("killed")
    text = "\n".join((*servers["VN"][:2], *servers["TH"][:2]))
    file = operation_of(folder, {"list.txt": text}, countries=("VN", "TH"))
    accord("operation", "run", file, "--out", folder / "out", "--workers", "1")
    old = content(folder / "out")
    operation_of(folder, {"list.txt": text + f"\n{servers['VN'][2]}\n{servers['TH'][2]}\n"}, countries=("VN", "TH"))
    accord("operation", "run", file, "--out", folder / "whole", "--workers", "1")
    new = content(folder / "whole")
    assert old != new
    return {"folder": folder, "file": file, "old": old, "new": new, "out": folder / "out"}


def run_until(start, place: dict, glob: str, workers: str = "1") -> subprocess.Popen[str]:
    """Start a run, and come back when something in its staging folder matches, or it has ended."""
    folder, out = place["folder"], place["out"]
    before = out.stat().st_ino
    left = {path.name for path in folder.glob(".out.new-*")}
    process = start("operation", "run", place["file"], "--out", out, "--workers", workers)

    def reached() -> bool:
        if glob == "SWAPPED":
            return out.stat().st_ino != before
        staged = [path for path in folder.glob(".out.new-*") if path.name not in left]
        return not glob or any(next(path.glob(glob), None) for path in staged)

    while process.poll() is None and not reached():
        try:
            process.wait(NEXT_LOOK_S)
        except subprocess.TimeoutExpired:
            continue
    return process


def members(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                state, _, _, its_session, *_ = (path / "stat").read_text().rpartition(")")[2].split()
            except (OSError, ValueError):
                continue
            if int(its_session) == session and state not in "ZX":
                found.append(int(path.name))
    return found


def survivors(session: int) -> list[int]:
    """Who of a session is alive when all have been given time to end by themselves."""
    give_up = time.monotonic() + PATIENCE_S
    with ExitStack() as opened:
        for process in members(session):
            try:
                handle = os.pidfd_open(process)
            except ProcessLookupError:
                continue
            opened.callback(os.close, handle)
            select.select([handle], [], [], max(0, give_up - time.monotonic()))
    return members(session)


def restore(place: dict) -> None:
    """Put the old output back where the new one has arrived."""
    for path in sorted(place["out"].rglob("*"), reverse=True):
        if path.is_file():
            path.unlink()
        else:
            path.rmdir()
    for name, data in place["old"].items():
        path = place["out"] / name
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(data)


def verify_whole(place: dict, content: Callable[[Path], dict[str, bytes]], process: subprocess.Popen[str]) -> bool:
    """Is the output the new one? Nothing else than the old or the new is suffered, nor any process left."""
    assert survivors(process.pid) == []
    assert len(list(place["folder"].glob(".out.new-*"))) <= 1, "each run removes what an earlier one left"
    found = content(place["out"])
    assert found in (place["old"], place["new"])
    if found == place["old"]:
        return False
    restore(place)
    return True


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_killed_with_all_its_processes_leaves_the_old_output_or_the_new(
    start, place: dict, content, moment: str
) -> None:
    process = run_until(start, place, MOMENTS[moment])
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        assert moment == "the output has changed", "only then it may have ended by itself"
    process.wait(PATIENCE_S)
    is_new = verify_whole(place, content, process)
    if moment == "the output has changed":
        assert is_new
    elif moment != "the times, written last":
        assert not is_new


@pytest.mark.parametrize("moment", ["observations are spooled", "the first bundle"])
def test_the_processes_of_a_run_that_alone_was_killed_end_by_themselves(
    start, place: dict, content, moment: str
) -> None:
    process = run_until(start, place, MOMENTS[moment], workers="2")
    process.kill()
    process.wait(PATIENCE_S)
    assert not verify_whole(place, content, process)


@pytest.mark.parametrize("moment", ["observations are spooled", "the first bundle"])
@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_end_a_run_with_one_line_and_leave_things_as_they_were(
    start, place: dict, content, ending: signal.Signals, code: int, moment: str
) -> None:
    process = run_until(start, place, MOMENTS[moment], workers="2")
    # the second comes upon the clearing up, as an impatient person's or a service manager's does
    for _ in range(2):
        os.killpg(process.pid, ending)
    said, talk = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said, talk) == (code, "", "interrupted: what was there before is untouched\n")
    assert not verify_whole(place, content, process)
    assert list(place["folder"].glob(".out.*")) == [], "an interrupted run tidies up"


ASKED = """
import os, signal, sys
from accord.cli import main
from accord.cli.snapshots import looking
from accord.columns.engine import connect

def ask_the_engine(*_):
    query = "SELECT a.range % 10 AS key, sum(b.range) FROM range(10000000) a, range(10000000) b GROUP BY key"
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    connect().sql(query).to_arrow_table()

def be_deaf(*_):
    class Deaf:
        def __del__(self):
            os.kill(os.getpid(), ENDING)
    Deaf()
    os.kill(os.getpid(), ENDING)

# whoever runs the tests where a shell has switched it off
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), ENDING))
looking.find = FIND
sys.argv = ["accord", "lookup", "x"]
main.run()
"""


@pytest.mark.parametrize("find", ["ask_the_engine", "be_deaf"])
@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_ends_the_command_whoever_hears_of_it(
    environment, tmp_path: Path, ending: signal.Signals, code: int, find: str
) -> None:
    program = ASKED.replace("ENDING", str(int(ending))).replace("FIND", find)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=PATIENCE_S,
    )
    assert done.returncode == code
    assert done.stderr.endswith("interrupted: what was there before is untouched\n")
    assert "error" not in done.stderr


def test_the_next_run_after_a_killed_one_succeeds_and_leaves_nothing_beside_its_output(
    accord, start, place: dict, content
) -> None:
    process = run_until(start, place, MOMENTS["the first bundle"])
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_S)
    assert list(place["folder"].glob(".out.new-*")), "the killed run left something to remove"
    accord("operation", "run", place["file"], "--out", place["out"], "--workers", "1")
    assert content(place["out"]) == place["new"]
    assert list(place["folder"].glob(".out.*")) == []
    restore(place)


def test_a_second_run_over_an_output_that_is_being_written_is_refused(accord, start, place: dict, content) -> None:
    process = run_until(start, place, MOMENTS["observations are spooled"])
    # it must not come to its end before the second has begun
    process.send_signal(signal.SIGSTOP)
    refused = accord("operation", "run", place["file"], "--out", place["out"], expect=5)
    process.send_signal(signal.SIGCONT)
    assert "Another run is writing this output." in refused.stderr
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert content(place["out"]) == place["old"]
