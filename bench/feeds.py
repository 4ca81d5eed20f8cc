"""Public feeds to ten countries' reports, beside one process of plain Python on the same files.

Each round runs `accord operation run examples/public-feeds.toml` and then `bench/plain.py` (line by line, `csv`,
`ipaddress`, `bisect`), and holds the two to equal sets of addresses per country.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
from measuring import ROOT, Figures, Outcome, Target, accord, measure, say

OPERATION = ROOT / "examples" / "public-feeds.toml"
TARGETS = {"wall_s": Target(limit=15), "before_reports_to_plain": Target(limit=0.5), "peak_mb": Target(limit=1500)}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--feeds", type=Path, default=ROOT / ".." / "shared" / "feeds", help="the publishers' files")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    if not chosen.feeds.is_dir():
        say(f"feeds: nothing to measure on: {chosen.feeds} is not here")
        return
    outcome = Outcome(
        name="feeds",
        title="Public feeds to ten countries' reports",
        options={"feeds": chosen.feeds, "rounds": rounds},
        targets=TARGETS,
        facts={"addresses": "equal to plain Python's in every country"},
    )
    for _ in range(rounds):
        outcome.add(one_round(chosen.feeds))
    yield outcome


def one_round(feeds: Path) -> Figures:
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as scratch:
        out = Path(scratch) / "out"
        # 3: complete, and some file was refused
        ours = measure(accord("operation", "run", OPERATION, "--out", out), fine=frozenset({0, 3}))
        steps = json.loads((out / "timings.json").read_text())
        found = addresses(out)
    plain = measure([sys.executable, ROOT / "bench" / "plain.py", feeds, "--sets"])
    theirs = json.loads(plain.stdout)["countries"]
    different = [country for country, addresses in theirs.items() if set(addresses) != found.get(country, set())]
    if different:
        sys.exit(f"the addresses differ from plain Python's in {', '.join(different)}")
    # what the process needs before the run's own clock starts belongs to the part before the reports
    before = steps["before-reports"] + ours.wall_s - steps["total"]
    return {
        "wall_s": ours.wall_s,
        "cpu_s": ours.cpu_s,
        "peak_mb": ours.peak_mb,
        "before_reports_s": before,
        "plain_wall_s": plain.wall_s,
        "before_reports_to_plain": before / plain.wall_s,
        **{f"step_{name}_s": seconds for name, seconds in steps.items()},
    }


def addresses(out: Path) -> dict[str, set[str]]:
    table = pq.read_table(out / "hub" / "findings.parquet", columns=["country", "address"])
    found: dict[str, set[str]] = {}
    for country, address in zip(table["country"].to_pylist(), table["address"].to_pylist(), strict=True):
        if country is not None and address is not None:
            found.setdefault(country, set()).add(address)
    return found
