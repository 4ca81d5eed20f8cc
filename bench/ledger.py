"""The ledger: entries appended durably and published, proofs from the files, and a whole log checked.

Appending is done in this process, on SQLite and where it answers on PostgreSQL: batches of 1,000 entries, a transaction
each, that is on the disk before the next begins. `appended` ends when all are in the tiles and under a signed
checkpoint, also on the disk; `opened` is what it takes, once their embargo is over, to open the public fields of all of
them and to bring the public figures up to them. `often` does both after every 10,000, by one command each time.
`accord ledger check` is a process of its own, on a log that `bench/ledger_log.py` has written.
"""

import argparse
import random
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import places
from ledger_log import fact, write_log
from measuring import Figures, Outcome, Target, accord, measure

from accord.journal import book
from accord.journal.keeping import Ledger, open_ledger
from accord.journal.place import read_ledger
from accord.ledger.witness import Answer
from accord.workspace.database import open_database
from accord.workspace.settings import SettingsTable

BATCH, OFTEN, PROOFS = 1_000, 10_000, 5_000
EMBARGO = timedelta(days=30)
SMALL = 3_000


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--entries", type=int, default=100_000, help="entries that are appended; by default 100,000")
    parser.add_argument("--log", type=int, default=1_000_000, help="entries of the log that is checked; 1,000,000")
    parser.add_argument("--files", type=Path, help="keep the log that is checked here, or take it from here")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    entries = SMALL if chosen.small else chosen.entries
    for kind in places.kinds():
        outcome = Outcome(
            name=f"ledger-{kind}",
            title=f"{entries:,} entries appended and published on {kind}",
            options={"entries": entries, "batch": BATCH},
            targets={"appended_wall_s": Target(limit=10), "proofs_a_second": Target(limit=2000, least=True)},
        )
        for _ in range(rounds):
            outcome.add(_appended(kind, entries))
        yield outcome
    yield _checked(chosen, 20_000 if chosen.small else chosen.log, rounds)


def _appended(kind: str, entries: int) -> Figures:
    figures: Figures = {}
    with _fresh(kind) as ledger:
        with _timed(figures, "appended"):
            now = _append(ledger, entries, entries, embargo=EMBARGO)
        with _timed(figures, "opened"):
            _publish(ledger, entries, now + EMBARGO)
        figures["proofs_a_second"] = _proofs(ledger, entries)
    with _fresh(kind) as ledger, _timed(figures, "often"):
        _append(ledger, entries, OFTEN, embargo=timedelta(0))
    return figures


@contextmanager
def _fresh(kind: str) -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with places.made(kind, folder) as place, open_database(place) as database:
            table = SettingsTable(file=folder / "workspace.toml", path="", content={})
            yield open_ledger(read_ledger(table, UUID(places.HUB)), database)


@contextmanager
def _timed(figures: Figures, name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    figures[f"{name}_wall_s"], figures[f"{name}_cpu_s"] = time.perf_counter() - wall, time.process_time() - cpu


def _append(ledger: Ledger, entries: int, every: int, embargo: timedelta) -> datetime:
    """Append entries that are opened after an embargo, and publish after each `every`; when that was."""
    now = datetime.now(UTC)
    facts = [replace(fact(number), at=now) for number in range(BATCH)]
    for first in range(0, entries, BATCH):
        with ledger.database.writing() as connection:
            book.append(connection, facts, draw=secrets.token_bytes, opens_at=now + embargo)
        if (first + BATCH) % every == 0 or first + BATCH >= entries:
            _publish(ledger, first + BATCH, now)
    return now


def _publish(ledger: Ledger, entries: int, now: datetime) -> None:
    published = ledger.publish(now=now, post=_nobody)
    if published.checkpoint is None or published.checkpoint.size != entries:
        raise SystemExit("not everything was published")


def _proofs(ledger: Ledger, entries: int) -> float:
    numbers = random.Random(7).choices(range(entries), k=PROOFS)
    begun = time.process_time()
    count = sum(1 for _ in ledger.proofs(numbers))
    return count / (time.process_time() - begun)


def _checked(chosen: argparse.Namespace, size: int, rounds: int) -> Outcome:
    outcome = Outcome(
        name=f"ledger-check-{size}",
        title=f"accord ledger check of {size:,} entries, all opened",
        options={"entries": size},
        targets={"check_peak_mb": Target(limit=200)},
    )
    root = chosen.files or Path(tempfile.mkdtemp())
    log = root / f"log-{size}"
    try:
        if not (log / "checkpoint").exists():
            write_log(log, size)
        for _ in range(rounds):
            found = measure(accord("ledger", "check", log, "--policy", log / "policy"))
            if f"{size:,} entries, each verified" not in found.stdout:
                raise SystemExit("the check says something else")
            outcome.add(found.figures("check") | {"entries_a_cpu_second": size / found.cpu_s})
    finally:
        if chosen.files is None:
            shutil.rmtree(root)
    return outcome


def _nobody(url: str, body: bytes) -> Answer:
    raise AssertionError(f"{url} was asked for {len(body)} bytes, and no witness is named")
