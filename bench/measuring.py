"""How every benchmark measures, tells and keeps its figures.

A process is measured from outside: wall time; CPU seconds of it and all of its children, as the kernel counts them
when they end (`wait4`); and the most memory that its whole tree held at once, as proportional set size, so that pages
which processes share are counted once. Memory is looked at some twenty times a second, more seldom where a look is
dear: looking takes at most a twentieth of one core.

Targets are printed beside the figures and judge nothing. Results go to bench/results/ as JSON.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
LIBRARIES = ("accord-hub", "duckdb", "numba", "numpy", "pyarrow", "typst")
LOOK_S = 0.05
LOOKING_SHARE = 20
LOOKS_A_TREE = 5
"""Who belongs to the tree is found out at every fifth look."""

Figures = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A process that has ended."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    """Of the whole tree at once."""
    child_peak_mb: float
    """The most that one process of it held, the first one left aside; 0: it had no other that lived long enough."""
    stdout: str

    def figures(self, name: str) -> Figures:
        return {f"{name}_wall_s": self.wall_s, f"{name}_cpu_s": self.cpu_s, f"{name}_peak_mb": self.peak_mb}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a median is held beside."""

    limit: float
    least: bool = False
    """The limit is the least that is wanted; else the most."""

    def __str__(self) -> str:
        return f"at {'least' if self.least else 'most'} {self.limit:,g}"


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one benchmark found at one size."""

    name: str
    """Of the file under bench/results, too."""
    title: str
    options: Mapping[str, object]
    targets: Mapping[str, Target]
    facts: dict[str, object] = field(default_factory=dict)
    """What was found equal, and what the figures rest on."""
    rounds: list[Figures] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    """Load average of the minute before: more than a little says that the machine had other work."""

    def add(self, figures: Figures) -> None:
        self.rounds.append(figures)
        say(f"{self.name}, round {len(self.rounds)}: " + ", ".join(f"{k} {v:,.2f}" for k, v in figures.items()))

    def tell(self) -> None:
        medians = {name: statistics.median(one[name] for one in self.rounds) for name in self.rounds[0]}
        print(f"{self.title}: median of {len(self.rounds)}")
        for name, value in medians.items():
            target = f"   target: {self.targets[name]}" if name in self.targets else ""
            print(f"  {name:<34}{value:>14,.2f}{target}")
        for name, fact in self.facts.items():
            print(f"  {name}: {fact}")
        print(flush=True)
        content = {
            "benchmark": self.name,
            "title": self.title,
            "began": self.began.isoformat(timespec="seconds"),
            "machine": machine() | {"load_before": self.load},
            "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
            "options": dict(self.options),
            "facts": self.facts,
            "rounds": self.rounds,
            "medians": medians,
            "targets": {name: str(target) for name, target in self.targets.items()},
        }
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{self.name}.json").write_text(json.dumps(content, indent=2, default=str) + "\n")


def say(words: str) -> None:
    """What a person who waits is told."""
    print(words, file=sys.stderr, flush=True)


def machine() -> dict[str, object]:
    model = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return {
        "cores": os.cpu_count(),
        "processor": model[0] if model else platform.machine(),
        "memory_mb": memory[0] // 1024 if memory else None,
        "system": f"{platform.system()} {platform.release()}",
    }


def accord(*words: str | Path) -> list[str | Path]:
    """The command line of this virtual environment's own Accord."""
    return [sys.executable, "-m", "accord.cli.main", *words]


def measure(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, fine: frozenset[int] = frozenset({0})
) -> Measured:
    """Run a command to its end; what it says on standard error is shown if it ends with a code that is not `fine`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as talk:
        begun = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=talk,
            env=os.environ | dict(env or {}),
        )
        meter = Meter(process.pid)
        meter.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        meter.done.set()
        meter.join()
        if process.returncode not in fine:
            talk.seek(0)
            said = talk.read().decode(errors="replace")
            sys.exit(f"{' '.join(map(str, command))}\nended with {process.returncode}:\n{said}")
        out.seek(0)
        return Measured(
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            peak_mb=meter.peak_kb / 1024,
            child_peak_mb=meter.child_peak_kb / 1024,
            stdout=out.read().decode(),
        )


class Meter(threading.Thread):
    """Follows a process tree and keeps the most memory that it held at once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak_kb = 0
        self.child_peak_kb = 0
        self.done = threading.Event()

    def run(self) -> None:
        looks, pause, pids = 0, LOOK_S, [self.pid]
        while not self.done.wait(pause):
            begun = time.thread_time()
            if looks % LOOKS_A_TREE == 0:
                pids = tree(self.pid)
            held = list(map(held_kb, pids))
            self.peak_kb = max(self.peak_kb, sum(held))
            self.child_peak_kb = max(self.child_peak_kb, *held[1:], 0)
            looks += 1
            pause = max(LOOK_S, LOOKING_SHARE * (time.thread_time() - begun))


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(after_name[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def held_kb(pid: int) -> int:
    pss = (int(line.split()[1]) for line in _lines(f"/proc/{pid}/smaps_rollup") if line.startswith("Pss:"))
    return next(pss, 0)


def _lines(path: str | Path) -> list[str]:
    """Nothing where there is no such file, or no longer."""
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
