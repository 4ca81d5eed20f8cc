"""Fuzz the targets one after the other, each for a stated number of executions, and print what came of it.

    python -m fuzz.run --runs 10000                 every target
    python -m fuzz.run --runs 200000 values csv     some; a format by its name
    python -m fuzz.run --runs 0 --keep              nothing new: minimise what is in .fuzz and keep it in fuzz/corpus

A target begins with what is kept for it, its seeds, and what earlier runs left in .fuzz. Kernels run twice: compiled,
and for a tenth of the executions interpreted (fuzz.interpreted). A finding's input stays in .fuzz, with the command
that replays it; the exit code is then 1.
"""

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz import corpus
from fuzz.targets import KERNELS, TARGETS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".fuzz"
MEMORY_MB = 1_024
"""Resident memory past which a run has failed."""
PATIENCE_S = 600
"""Seconds after which an execution that does not end has failed; one that does is judged by its own time (fuzz.one)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process's fuzzing of one target."""

    target: str
    interpreted: bool
    executions: int
    new: int
    """Inputs that reached something new and were added to the corpus."""
    peak_mb: int
    seconds: float
    findings: tuple[Path, ...]
    fault: str
    """The end of its output, where it failed."""


def main() -> int:
    """Fuzz, print the table, and say 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help=f"of: {', '.join(TARGETS)}")
    parser.add_argument("--runs", type=int, default=10_000, help="executions of each target")
    parser.add_argument("--seed", type=int, default=0, help="repeat a run's randomness; 0: another every time")
    parser.add_argument("--keep", action="store_true", help="minimise the corpora and write them to fuzz/corpus")
    told = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("Nothing was fuzzed: Atheris has no wheel for this Python on this machine (requirements/fuzz.in).")
        return 0
    names = [name if name in TARGETS else f"format-{name}" for name in told.targets] or list(TARGETS)
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    print(
        f"{'target':<24} {'kernels':<12} {'executions':>10} {'new inputs':>10} {'peak MB':>8} {'seconds':>8}  outcome"
    )
    runs = []
    for name in names:
        prepare(name)
        for interpreted in (False, True) if name in KERNELS else (False,):
            if executions := told.runs // (10 if interpreted else 1):
                runs.append(fuzz(name, executions, interpreted=interpreted, seed=told.seed))
                print(row(runs[-1]), flush=True)
        if told.keep:
            print(f"{name}: {minimise(name)} inputs kept", flush=True)
    bad = [run for run in runs if run.findings or run.fault]
    for run in bad:
        report(run)
    return 1 if bad else 0


def prepare(name: str) -> None:
    """Lay out a target's folder: what is kept, its seeds, and what is there from before."""
    folder = FOLDER / name / "corpus"
    corpus.unpack(name, folder)
    for seed in TARGETS[name]().seeds:
        (folder / corpus.name_of(seed)).write_bytes(seed)


def fuzz(name: str, executions: int, *, interpreted: bool, seed: int) -> Run:
    """Run one target in a process of its own."""
    folder = FOLDER / name
    before = {path.name for path in (folder / "corpus").iterdir()}
    old = set(findings(folder))
    begun = time.monotonic()
    done = start(
        name,
        interpreted,
        [
            str(folder / "corpus"),
            f"-runs={executions}",
            f"-seed={seed}",
            f"-timeout={PATIENCE_S}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-artifact_prefix={folder}/",
            "-print_final_stats=1",
            "-verbosity=0",
        ],
    )
    (folder / "log.txt").write_text(done.stderr, "utf-8")
    return Run(
        target=name,
        interpreted=interpreted,
        executions=stated(done.stderr, "number_of_executed_units"),
        new=len({path.name for path in (folder / "corpus").iterdir()} - before),
        peak_mb=stated(done.stderr, "peak_rss_mb"),
        seconds=time.monotonic() - begun,
        findings=tuple(path for path in findings(folder) if path not in old),
        fault=f"ended with {done.returncode}\n{done.stderr[-3_000:]}" if done.returncode else "",
    )


def start(name: str, interpreted: bool, options: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run `fuzz.one` to its end."""
    how = ["--interpreted"] if interpreted else []
    command = [sys.executable, "-m", "fuzz.one", name, *how, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)


def stated(text: str, name: str) -> int:
    """A figure among those that libFuzzer prints at the end; 0: it did not get there."""
    found = re.search(rf"^stat::{name}:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def findings(folder: Path) -> list[Path]:
    """Inputs that broke a promise, took too long or too much memory."""
    return sorted(path for kind in ("crash", "timeout", "oom", "leak") for path in folder.glob(f"{kind}-*"))


def minimise(name: str) -> int:
    """Keep the fewest inputs that reach all that the target's corpus reaches; how many those are."""
    merged = FOLDER / name / "merged"
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir(parents=True)
    options = ["-set_cover_merge=1", "-use_counters=0", f"-timeout={PATIENCE_S}", f"-rss_limit_mb={MEMORY_MB}"]
    # below the folder that it is started in: libFuzzer quotes no blank for the shell that it starts itself by
    folders = [str(folder.relative_to(ROOT)) for folder in (merged, FOLDER / name / "corpus")]
    done = start(name, name in KERNELS, [*options, *folders])
    inputs = [path.read_bytes() for path in merged.iterdir()]
    if done.returncode or not inputs:
        raise RuntimeError(f"{name}: the corpus cannot be minimised\n{done.stderr[-3_000:]}")
    corpus.keep(name, inputs)
    return len(inputs)


def row(run: Run) -> str:
    """A line of the table."""
    outcome = (
        "FOUND " + ", ".join(path.name for path in run.findings) if run.findings else "failed" if run.fault else "ok"
    )
    kernels = "interpreted" if run.interpreted else "compiled"
    return (
        f"{run.target:<24} {kernels:<12} {run.executions:>10,} {run.new:>10,} {run.peak_mb:>8,} {run.seconds:>8.0f}  "
        f"{outcome}"
    )


def report(run: Run) -> None:
    """What was found, and how to see it again."""
    print(f"\n{run.target}:\n{run.fault}")
    how = " --interpreted" if run.interpreted else ""
    for path in run.findings:
        print(f"  again: python -m fuzz.replay {run.target} {path.relative_to(ROOT)}{how}")


if __name__ == "__main__":
    sys.exit(main())
