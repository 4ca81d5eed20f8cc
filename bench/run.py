"""The benchmarks: how long the main job takes on real deliveries, as ratios that were measured in one run.

    make bench                     three rounds
    make bench BENCH=--small       one round
    python bench/run.py --feeds ../shared/feeds --rounds 5

Each round runs `accord operation run examples/public-feeds.toml` and then `bench/plain.py` (one process, line by line,
`csv`, `ipaddress`, `bisect`) on the same files, and holds the two to equal sets of addresses per country. Memory is
the proportional set size of the whole process tree (pages that processes share are counted once). Targets are printed
beside the figures and judge nothing. Results go to bench/results/ as JSON.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
OPERATION = ROOT / "examples" / "public-feeds.toml"
TARGETS = {"wall_s": 15.0, "before_reports_to_plain": 0.5, "peak_mb": 1500.0}


class Meter(threading.Thread):
    """Follows a process tree and keeps the most memory that it held at once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak_kb = 0
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.05):
            self.peak_kb = max(self.peak_kb, sum(held_kb(pid) for pid in tree(self.pid)))


def tree(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(after_name[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return found


def held_kb(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0


def run_accord(out: Path) -> dict[str, float]:
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "accord.cli.main", "operation", "run", str(OPERATION), "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        meter = Meter(process.pid)
        meter.start()
        _, talk = process.communicate()
        meter.done.set()
        meter.join()
    if process.returncode not in {0, 3}:
        sys.exit(f"accord failed with {process.returncode}:\n{talk}")
    wall = time.perf_counter() - begun
    steps = json.loads((out / "timings.json").read_text())
    # what the process needs before the run's own clock starts belongs to the part before the reports
    started = wall - steps["total"]
    return {
        "wall_s": wall,
        "before_reports_s": steps["before-reports"] + started,
        "peak_mb": meter.peak_kb / 1024,
        **steps,
    }


def run_plain(feeds: Path) -> tuple[float, dict[str, list[str]]]:
    begun = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "plain.py"), str(feeds), "--sets"],
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - begun, json.loads(ran.stdout)["countries"]


def addresses(out: Path) -> dict[str, set[str]]:
    table = pq.read_table(out / "hub" / "findings.parquet", columns=["country", "address"])
    found: dict[str, set[str]] = {}
    for country, address in zip(table["country"].to_pylist(), table["address"].to_pylist(), strict=True):
        if country is not None and address is not None:
            found.setdefault(country, set()).add(address)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--feeds", type=Path, default=ROOT / ".." / "shared" / "feeds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="one round")
    options = parser.parse_args()
    if not options.feeds.is_dir():
        print(f"nothing to measure on: {options.feeds} is not here")
        return
    rounds = 1 if options.small else options.rounds
    rows = []
    scratch = Path(tempfile.mkdtemp(prefix="accord-bench-"))
    try:
        for number in range(rounds):
            figures = run_accord(scratch / "out")
            plain_s, plain = run_plain(options.feeds)
            ours = addresses(scratch / "out")
            different = [country for country, found in plain.items() if set(found) != ours.get(country, set())]
            if different:
                sys.exit(f"the addresses differ from plain Python's in {', '.join(different)}")
            figures |= {"plain_s": plain_s, "before_reports_to_plain": figures["before_reports_s"] / plain_s}
            rows.append(figures)
            print(f"round {number + 1} of {rounds}: {figures['wall_s']:.1f} s, plain {plain_s:.1f} s", file=sys.stderr)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    tell(rows)


def tell(rows: list[dict[str, float]]) -> None:
    medians = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    print(
        f"public feeds to ten countries' reports, median of {len(rows)}; addresses equal to plain Python's everywhere"
    )
    for name, value in medians.items():
        target = f"   target: at most {TARGETS[name]:g}" if name in TARGETS else ""
        print(f"  {name:<26}{value:>10.2f}{target}")
    results = ROOT / "bench" / "results"
    results.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine()}
    content = {"benchmark": "public-feeds", "machine": machine, "rounds": rows, "medians": medians, "targets": TARGETS}
    (results / "public-feeds.json").write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
