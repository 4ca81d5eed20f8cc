"""Sinkhole events to evidence and attributed findings on disk, beside DuckDB's plain parse of the same file.

For each size a file of simulated events is written (`accord.training.events`, 33 columns, one line in a hundred
broken). Each round measures `bench/duckdb_parse.py` on it, and then a workspace's command as a person gives it: `accord
delivery add --snapshot` (custody, account, rejects, evidence, findings and where they are).
The file is read once before, so that it lies in the page cache for both. Every round's account is held against the
truth that the writer told: lines accepted, rejects by reason, distinct addresses. First of all, a file of 200,000
events is read by `bench/sinkhole_plain.py` too, and evidence, findings and rejects must be equal one by one.
"""

import argparse
import dataclasses
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
from measuring import ROOT, Figures, Outcome, Target, accord, measure, say

from accord.reference.store import load
from accord.training.events import WrittenEvents, write_events

SEED = 7
TWIN_EVENTS = 200_000
SIZES = [1_000_000, 10_000_000]
SMALL = [100_000]
SMALL_TWIN_EVENTS = 20_000

SETTINGS = """
[[partner]]
id = "operator"
name = "The sinkhole's operator"

[[dataset]]
id = "sinkhole"
title = "Machines that speak to the sinkhole"
partner = "operator"
format = "shadowserver"
origin = "sinkhole"
legal_basis = "legitimate-interest"
marking = "amber"
grade = "b"
retention = "P1Y"
personal_data = true

[[agreement]]
id = "agreed"
title = "What the sinkhole's operator agreed to"
signatory = [{ party = "hub", name = "A" }, { party = "operator", name = "B" }]
signed = 2015-01-01
document = "0000000000000000000000000000000000000000000000000000000000000000"
from = 2015-01-01
purposes = ["victim-notification"]
in = ["sinkhole"]
limits = { marking = "amber" }
"""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, nargs="+", metavar="N", help=f"sizes; by default {SIZES}")
    parser.add_argument("--twin", type=int, metavar="N", help=f"events that the twin reads; by default {TWIN_EVENTS:,}")
    parser.add_argument(
        "--files", type=Path, metavar="DIR", help="where files of events are made, and kept for another time"
    )


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    sizes = chosen.events or (SMALL if chosen.small else SIZES)
    twin = chosen.twin or (SMALL_TWIN_EVENTS if chosen.small else TWIN_EVENTS)
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as scratch:
        files = chosen.files or Path(scratch)
        equal = compare_with_twin(files, Path(scratch), twin)
        peaks = []
        for events in sizes:
            outcome = one_size(files, Path(scratch), events, rounds)
            outcome.facts["twin"] = equal
            peaks.append(max(figures["peak_mb"] for figures in outcome.rounds))
            if len(peaks) > 1:
                outcome.facts["memory"] = f"{peaks[-1] / peaks[0]:.2f} times that of {sizes[0]:,} events"
            yield outcome


def one_size(files: Path, scratch: Path, events: int, rounds: int) -> Outcome:
    written = events_in(files, events)
    outcome = Outcome(
        name=f"sinkhole-{events}",
        title=f"{events:,} sinkhole events to findings on disk, beside DuckDB's parse",
        options={"events": events, "seed": SEED, "bytes": written.bytes, "rounds": rounds},
        # below ten million, what every command needs to start is a part that counts
        targets={
            "wall_to_duckdb": Target(limit=1.6 if events >= 10_000_000 else 3.5),
            "peak_mb": Target(limit=1000),
        },
    )
    for _ in range(rounds):
        read_through(written.path)
        duckdb = measure([sys.executable, ROOT / "bench" / "duckdb_parse.py", written.path])
        outcome.facts["duckdb"] = duckdb.stdout
        outcome.add(_compared(one_round(written, scratch), duckdb.figures("duckdb"), events))
    outcome.facts["account"] = (
        f"{written.accepted:,} lines accepted, {sum(written.rejected_by_reason.values()):,} rejected, each reason as "
        f"often as the writer says; {written.ipv4 + written.ipv6:,} addresses"
    )
    return outcome


def _compared(ours: Figures, duckdb: Figures, events: int) -> Figures:
    return {
        **ours,
        **duckdb,
        "wall_to_duckdb": ours["wall_s"] / duckdb["duckdb_wall_s"],
        "events_per_cpu_s": events / ours["cpu_s"],
    }


def one_round(written: WrittenEvents, scratch: Path) -> Figures:
    """From an empty workspace to a snapshot; the account must be the writer's."""
    hub = workspace(scratch)
    done = measure(accord("delivery", "add", "sinkhole", written.path, "--in", hub, "--snapshot", "--json"))
    told = json.loads(done.stdout)
    (account,) = told["deliveries"]
    expected = {
        # the header is a record too, and ignored
        "records": written.events + 1,
        "accepted": written.accepted,
        "rejected_by_reason": {str(reason): count for reason, count in written.rejected_by_reason.items()},
    }
    require(expected, {name: account[name] for name in expected})
    require(written.ipv4 + written.ipv6, told["snapshot"]["findings"])
    shutil.rmtree(hub)
    return {"wall_s": done.wall_s, "cpu_s": done.cpu_s, "peak_mb": done.peak_mb}


def compare_with_twin(files: Path, scratch: Path, events: int) -> str:
    """Evidence, findings and rejects of the commands and of plain Python on one file must be equal."""
    import sinkhole_plain

    written = events_in(files, events)
    twin = sinkhole_plain.read(written.path)
    hub = workspace(scratch)
    measure(accord("delivery", "add", "sinkhole", written.path, "--in", hub, "--snapshot", "--json"))
    (delivery,) = (hub / "deliveries" / "dataset=sinkhole").iterdir()
    require(twin.evidence, rows_of(delivery / "evidence-addresses.parquet", twin.evidence))
    require(twin.rejects, rows_of(delivery / "rejects.parquet", twin.rejects))
    require(twin.findings, rows_of(hub / "snapshots" / "000001" / "findings.parquet", twin.findings))
    shutil.rmtree(hub)
    equal = (
        f"{len(twin.evidence):,} rows of evidence, {len(twin.findings):,} findings and {len(twin.rejects):,} rejects"
    )
    say(f"sinkhole: {equal} of {events:,} events are those of plain Python")
    return f"{equal} of {events:,} events are those of plain Python"


def rows_of(path: Path, like: list[dict[str, object]]) -> list[dict[str, object]]:
    """The rows of a file, in the columns of others."""
    return pq.read_table(path, columns=list(like[0])).to_pylist()


def require(expected: object, found: object) -> None:
    """A figure of a wrong result is worth nothing: stop and say what differs first."""
    if expected == found:
        return
    if isinstance(expected, list) and isinstance(found, list):
        for number, (one, other) in enumerate(zip(expected, found, strict=False)):
            if one != other:
                sys.exit(f"row {number} differs\nexpected {one}\ngot      {other}")
        sys.exit(f"expected {len(expected):,} rows, got {len(found):,}")
    sys.exit(f"the result is wrong\nexpected {expected}\ngot      {found}")


def workspace(scratch: Path) -> Path:
    hub = scratch / "hub"
    measure(accord("init", hub))
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    measure(accord("agreement", "apply", "--in", hub))
    return hub


def events_in(files: Path, events: int) -> WrittenEvents:
    """A file of so many events, and the truth of it; one that was made before is taken as it is."""
    path = files / f"2015-06-30-event4_sinkhole-{events}.csv"
    truth = path.with_suffix(".json")
    if path.exists() and truth.exists():
        return WrittenEvents(**json.loads(truth.read_text()) | {"path": path})
    files.mkdir(parents=True, exist_ok=True)
    say(f"writing {events:,} events to {path}")
    written = write_events(path, events, SEED, load(None))
    truth.write_text(json.dumps(dataclasses.asdict(written), default=str))
    return written


def read_through(path: Path) -> None:
    """Bring the file into the page cache."""
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 24):
            pass
