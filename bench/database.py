"""The database layer beside the bare driver, with the same rows: inserts, and pages through SQLAlchemy Core.

Both do the same work: the bare driver's side turns instants into what the database stores and back by itself. Rounds
alternate; what is compared is the median of the CPU seconds of this process, so that other work on the machine tells
little.
"""

import argparse
import secrets
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import places
import psycopg
from ledger_log import fact
from measuring import Figures, Outcome, Target
from sqlalchemy import Connection, Table, select

from accord.ledger.commitments import commit_encoded
from accord.workspace.database import Place, insert_rows, open_database
from accord.workspace.schema import CONSULTATIONS, JOURNAL_ENTRIES

BATCH, PAGE, REPEATS = 1_000, 500, 5
LIMIT = 1.3

Row = dict[str, object]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=20_000, help="rows of each table; by default 20,000")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    rows = 2_000 if chosen.small else chosen.rows
    for kind in places.kinds():
        names = [f"{what}_ratio" for what in ("entries_insert", "consultations_insert", "entries_pages")]
        outcome = Outcome(
            name=f"database-{kind}",
            title=f"{rows:,} rows on {kind}, as a multiple of the bare driver's CPU time",
            options={"rows": rows, "batch": BATCH, "page": PAGE},
            targets={name: Target(limit=LIMIT) for name in names},
        )
        for _ in range(rounds):
            outcome.add(_round(kind, rows, 1 if chosen.small else REPEATS))
        yield outcome


def _round(kind: str, count: int, repeats: int) -> Figures:
    times: dict[str, list[float]] = {}
    entries, consultations = _entries(count), _consultations(count)
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as made:
            for side in ("core", "bare"):
                with places.made(kind, Path(made) / side) as place:
                    work = (_core if side == "core" else _bare)(place, entries, consultations)
                    for name, seconds in work:
                        times.setdefault(f"{name}_{side}", []).append(seconds)
    medians = {name: statistics.median(each) for name, each in times.items()}
    names = [name.removesuffix("_core") for name in medians if name.endswith("_core")]
    return {f"{name}_ratio": medians[f"{name}_core"] / medians[f"{name}_bare"] for name in names}


def _entries(count: int) -> list[Row]:
    values, now = fact(1).values(), datetime.now(UTC)
    rows: list[Row] = []
    for number in range(count):
        [(entry, openings)] = commit_encoded([values], secrets.token_bytes)
        kept = {"number": number, "at": now, "kind": "disclosure", "reference": "disclosure 7e57d004"}
        rows.append(kept | {"entry": entry, "openings": openings, "opens_at": now})
    return rows


def _consultations(count: int) -> list[Row]:
    said = {
        "at": datetime.now(UTC),
        "processing": "consultation",
        "person": "analyst@hub.example",
        "justification": "October 2026, request 17",
        "object": "0f" * 32,
        "recipients": "",
        "digest": "9f" * 32,
    }
    return [{"number": number} | said for number in range(count)]


def _timed(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _core(place: Place, entries: list[Row], consultations: list[Row]) -> Iterator[tuple[str, float]]:
    with open_database(place) as database:

        def put(table: Table, rows: list[Row]) -> None:
            for first in range(0, len(rows), BATCH):
                with database.writing() as connection:
                    insert_rows(connection, table, rows[first : first + BATCH])

        def pages() -> None:
            with database.reading() as connection:
                _demand(_core_pages(connection), len(entries))

        yield "entries_insert", _timed(lambda: put(JOURNAL_ENTRIES, entries))
        yield "consultations_insert", _timed(lambda: put(CONSULTATIONS, consultations))
        yield "entries_pages", _timed(pages)


def _core_pages(connection: Connection) -> int:
    table, last, found = JOURNAL_ENTRIES.c, -1, 0
    while rows := connection.execute(
        select(JOURNAL_ENTRIES).where(table.number > last).order_by(table.number).limit(PAGE)
    ).all():
        last, found = rows[-1].number, found + len(rows)
    return found


def _bare(place: Place, entries: list[Row], consultations: list[Row]) -> Iterator[tuple[str, float]]:
    side = _Sqlite(place) if place.file is not None else _Postgres(place)
    try:
        yield "entries_insert", _timed(lambda: side.put("journal_entries", entries))
        yield "consultations_insert", _timed(lambda: side.put("consultations", consultations))
        yield "entries_pages", _timed(lambda: _demand(side.pages(), len(entries)))
    finally:
        side.connection.close()


class _Sqlite:
    """sqlite3 by itself."""

    def __init__(self, place: Place) -> None:
        self.connection = sqlite3.connect(str(place.file), isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self.connection.execute(f"PRAGMA {pragma}")

    def put(self, table: str, rows: list[Row]) -> None:
        names = [*rows[0]]
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"
        for first in range(0, len(rows), BATCH):
            self.connection.execute("BEGIN IMMEDIATE")
            part = [tuple(map(_text, row.values())) for row in rows[first : first + BATCH]]
            self.connection.executemany(statement, part)
            self.connection.execute("COMMIT")

    def pages(self) -> int:
        last, found = -1, 0
        statement = "SELECT * FROM journal_entries WHERE number > ? ORDER BY number LIMIT ?"
        while rows := self.connection.execute(statement, (last, PAGE)).fetchall():
            read = [(*row[:1], _instant(row[1]), *row[2:6], _instant(row[6]), _instant(row[7])) for row in rows]
            last, found = read[-1][0], found + len(read)
        return found


class _Postgres:
    """psycopg by itself, in the fastest way that it has."""

    def __init__(self, place: Place) -> None:
        url = place.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self.connection = psycopg.connect(url)

    def put(self, table: str, rows: list[Row]) -> None:
        names = [*rows[0]]
        statement = f"COPY {table} ({', '.join(names)}) FROM STDIN"
        for first in range(0, len(rows), BATCH):
            with self.connection.transaction(), self.connection.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows[first : first + BATCH]:
                    copy.write_row(tuple(row.values()))

    def pages(self) -> int:
        last, found = -1, 0
        statement = "SELECT * FROM journal_entries WHERE number > %s ORDER BY number LIMIT %s"
        while rows := self.connection.execute(statement, (last, PAGE)).fetchall():
            read = [(*row[:1], _utc(row[1]), *row[2:6], _utc(row[6]), _utc(row[7])) for row in rows]
            last, found = read[-1][0], found + len(read)
        return found


def _text(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).astimezone(UTC)


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _demand(found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"{found} rows were read, not {wanted}")
