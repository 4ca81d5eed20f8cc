"""What of the entries is opened for everybody once it is due, and what it adds up to, kept beside it.

The sums are those of what the files of `opened/` say: a bundle's are put down in the transaction that marks its entries
as opened, and they replace those it had. So a page for everybody needs no look at the whole log.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from accord.journal.facts import PUBLIC
from accord.journal.figures import Tally
from accord.journal.files import OPENED, LedgerFiles, opened_path
from accord.ledger.commitments import join_opened, pick_openings
from accord.ledger.tiles import TILE_WIDTH
from accord.workspace.database import Database
from accord.workspace.schema import JOURNAL_ENTRIES, JOURNAL_SUMS

_Row = tuple[int, bytes]
"""An entry by its number, and its encoded openings."""

ALL = -1
"""The row of the sums of all bundles."""

_AT_ONCE = 32
"""Bundles that are written, flushed and marked at a time."""


def sums(connection: Connection) -> Tally:
    """What all published openings add up to."""
    found = connection.execute(select(JOURNAL_SUMS.c.sums).where(JOURNAL_SUMS.c.bundle == ALL)).scalar_one_or_none()
    return Tally() if found is None else Tally.parse(found)


def bundle_sums(connection: Connection) -> dict[int, str]:
    """The sums of each bundle as they are kept, encoded."""
    found = connection.execute(select(JOURNAL_SUMS).where(JOURNAL_SUMS.c.bundle != ALL))
    return {row.bundle: row.sums for row in found}


def due(now: datetime, published: int) -> ColumnElement[bool]:
    """Which entries everybody may get the public fields of, at a time and under a published size."""
    return (JOURNAL_ENTRIES.c.opens_at <= now) & (JOURNAL_ENTRIES.c.number < published)


def open_due(database: Database, files: LedgerFiles, published: int, now: datetime) -> None:
    """Publish the openings that are due, of entries that are published. Raises OutputError."""
    table = JOURNAL_ENTRIES.c
    with database.reading() as connection:
        waiting = select(table.number).where(due(now, published), table.opened_at.is_(None))
        bundles = sorted({number // TILE_WIDTH for number in connection.execute(waiting).scalars().all()})
    for begin in range(0, len(bundles), _AT_ONCE):
        _open(database, files, bundles[begin : begin + _AT_ONCE], due(now, published), now)


def opened_bundle(connection: Connection, index: int, which: ColumnElement[bool]) -> tuple[bytes, Tally, list[_Row]]:
    """The file of a bundle's openings, what they add up to, and the rows that they are of."""
    table, first = JOURNAL_ENTRIES.c, index * TILE_WIDTH
    here = which & (table.number >= first) & (table.number < first + TILE_WIDTH)
    rows = [
        (int(number), bytes(said))
        for number, said in connection.execute(select(table.number, table.openings).where(here)).all()
    ]
    blocks, tally = {}, Tally()
    for number, said in rows:
        blocks[number], values = pick_openings(said, PUBLIC)
        tally.add(values)
    return join_opened(blocks), tally, rows


def forget_opened(database: Database) -> datetime | None:
    """Let everything that is due be published anew, because the files were lost; when anything was opened last.

    What was open at that moment is due, whatever the clock says by now.
    """
    with database.writing() as connection:
        last: datetime | None = connection.execute(select(func.max(JOURNAL_ENTRIES.c.opened_at))).scalar_one()
        connection.execute(
            update(JOURNAL_ENTRIES).where(JOURNAL_ENTRIES.c.opened_at.is_not(None)).values(opened_at=None)
        )
        connection.execute(delete(JOURNAL_SUMS))
    return last


def restore_opened(database: Database, files: LedgerFiles) -> None:
    """Write what the files of `opened/` have not of what was opened: they are an older copy. Raises OutputError."""
    with database.reading() as connection:
        for index in bundle_sums(connection):
            data, _, _ = opened_bundle(connection, index, JOURNAL_ENTRIES.c.opened_at.is_not(None))
            if (files.read_opened(index) or b"") != data:
                files.write(opened_path(index), data)
    files.flush()


def clear_others(database: Database, files: LedgerFiles) -> None:
    """Remove files of openings that are of no opened bundle."""
    with database.reading() as connection:
        ours = {files.root / opened_path(index) for index in bundle_sums(connection)}
    for path in (files.root / OPENED).rglob("*"):
        if path not in ours and not path.is_dir():
            path.unlink(missing_ok=True)


def _open(
    database: Database, files: LedgerFiles, bundles: Iterable[int], which: ColumnElement[bool], now: datetime
) -> None:
    tallies: dict[int, Tally] = {}
    table = JOURNAL_ENTRIES.c
    # nobody destroys an opening between the file that has it and the mark that it was opened
    with database.writing() as connection:
        for index in bundles:
            data, tallies[index], _ = opened_bundle(connection, index, which)
            files.write(opened_path(index), data)
        files.flush()
        for index in tallies:
            first = index * TILE_WIDTH
            here = which & (table.number >= first) & (table.number < first + TILE_WIDTH)
            connection.execute(update(JOURNAL_ENTRIES).where(here, table.opened_at.is_(None)).values(opened_at=now))
        whole = sums(connection)
        before = connection.execute(select(JOURNAL_SUMS).where(JOURNAL_SUMS.c.bundle.in_(tallies)))
        for row in before.all():
            whole.merge(Tally.parse(row.sums), -1)
        connection.execute(delete(JOURNAL_SUMS).where(JOURNAL_SUMS.c.bundle.in_([*tallies, ALL])))
        for tally in tallies.values():
            whole.merge(tally)
        kept = [{"bundle": index, "sums": tally.encode()} for index, tally in tallies.items()]
        connection.execute(insert(JOURNAL_SUMS), [*kept, {"bundle": ALL, "sums": whole.encode()}])
