"""Rows per CPU second, beside IntelMQ's own bots doing as much: parse, deduplicate, add the network, write to a file.

IntelMQ (AGPL) is no dependency of Accord. It is installed from `requirements/bench.txt` into `.venv-intelmq`,
and its bots run there in a process of their own (`bench/intelmq_bots.py` says how) on the first rows of a file of
sinkhole events; the deduplicator's Redis is one that is started for it on loopback, where `redis-server` is installed.
Its CPU seconds are those of its bots at work, without loading and without Redis. Accord's are those of
`accord delivery add --snapshot` on the whole file, start-up and every process included. Both take the
network table that Accord bundles.
"""

import argparse
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from pathlib import Path

import beside
import sinkhole
from measuring import ROOT, Outcome, Target, measure, say

from accord.reference.addresses import MAPPED
from accord.reference.store import load

LOCK = ROOT / "requirements" / "bench.txt"
VENV = ROOT / ".venv-intelmq"
ROWS, SMALL_ROWS = 20_000, 2_000
EVENTS, SMALL_EVENTS = 10_000_000, 100_000
TARGETS = {"times_intelmq": Target(limit=1000, least=True)}
PATIENCE_S = 10


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, metavar="N", help=f"rows that the bots get; by default {ROWS:,}")
    parser.add_argument("--events", type=int, metavar="N", help=f"rows that Accord gets; by default {EVENTS:,}")
    parser.add_argument("--files", type=Path, metavar="DIR", help="as for sinkhole")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    problem = installed()
    if problem is not None:
        say(f"bots: IntelMQ could not be installed, so nothing is measured beside it:\n{problem}")
        return
    rows = chosen.rows or (SMALL_ROWS if chosen.small else ROWS)
    events = chosen.events or (SMALL_EVENTS if chosen.small else EVENTS)
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as scratch:
        outcome = Outcome(
            name="bots",
            title=f"{events:,} sinkhole events by Accord, beside {rows:,} by IntelMQ's bots",
            options={"rows": rows, "events": events, "rounds": rounds},
            targets=TARGETS,
        )
        written = sinkhole.events_in(chosen.files or Path(scratch), events)
        for _ in range(rounds):
            # one for each round: what a deduplicator has seen before it drops
            with redis() as port:
                theirs = run_bots(written.path, rows, Path(scratch), port)
            ours = sinkhole.one_round(written, Path(scratch))
            their_rows, our_rows = float(theirs.pop("rows_per_cpu_s")), events / ours["cpu_s"]
            outcome.add(
                {
                    "events_per_cpu_s": our_rows,
                    "intelmq_rows_per_cpu_s": their_rows,
                    "times_intelmq": our_rows / their_rows,
                }
            )
            outcome.facts["intelmq"] = theirs
            if port is None:
                outcome.facts["left out"] = "the deduplicator: needs redis-server"
        yield outcome


def run_bots(file: Path, rows: int, scratch: Path, port: int | None) -> dict:
    out = scratch / "events.txt"
    out.unlink(missing_ok=True)
    script = ROOT / "bench" / "intelmq_bots.py"
    command = [VENV / "bin" / "python", "-W", "ignore", script, file, str(rows), VENV / "ipasn.dat", out]
    ran = measure([*command, *([] if port is None else [str(port)])], env={"INTELMQ_ROOT_DIR": str(scratch / "root")})
    return json.loads(ran.stdout)


def installed() -> str | None:
    """Make the virtual environment and the network table in it, unless they are there; what went wrong."""
    problem = beside.install("IntelMQ", VENV, LOCK)
    if problem is None and not (VENV / "ipasn.dat").exists():
        write_networks(VENV / "ipasn.dat")
    return problem


def write_networks(path: Path) -> None:
    """The bundled network table in pyasn's format: `network <tab> AS number`, one a line."""
    table = load(None).network
    flat = table.ranges
    numbers = table.numbers.tolist()
    columns = (flat.start_high, flat.start_low, flat.end_high, flat.end_low, flat.label)
    with path.open("w") as out:
        for start_high, start_low, end_high, end_low, label in zip(*(one.tolist() for one in columns), strict=True):
            if numbers[label] >= 0:
                four = start_high == 0 and start_low >> 32 == MAPPED >> 32
                bits = (1 << 32) - 1 if four else (1 << 128) - 1
                start, end = (start_high << 64 | start_low) & bits, (end_high << 64 | end_low) & bits
                out.writelines(
                    f"{network}\t{numbers[label]}\n"
                    for network in networks(IPv4Address if four else IPv6Address, start, end)
                )


def networks(kind: type[IPv4Address] | type[IPv6Address], start: int, end: int) -> Iterator[str]:
    size = end - start + 1
    if size & (size - 1) == 0 and start % size == 0:
        # nearly every range is one network, and this is ten times faster
        yield f"{kind(start)}/{kind(start).max_prefixlen - size.bit_length() + 1}"
    else:
        yield from map(str, summarize_address_range(kind(start), kind(end)))


@contextmanager
def redis() -> Iterator[int | None]:
    """A Redis of our own on loopback, empty and kept nowhere; None: there is no such program."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen([program, *words], stdout=subprocess.DEVNULL) as process:
        try:
            await_port(port)
            yield port
        finally:
            process.terminate()


def await_port(port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
