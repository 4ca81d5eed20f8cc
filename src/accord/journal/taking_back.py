"""Entries that take others back: what was sealed and never handed over, and check data that was never shown.

An entry comes before what it tells of is given away, so that some tell of what never was. Nothing leaves the log: an
entry more says so, of the same fields, which is opened with the one that it takes back, and never without it.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select

from accord.journal import book
from accord.journal.facts import FEW, NAMES, PUBLIC, TAKES_BACK, Kind, fact_of
from accord.workspace.schema import JOURNAL_ENTRIES


def take_back(
    connection: Connection,
    entries: range,
    kind: Kind,
    *,
    at: datetime,
    draw: Callable[[int], bytes],
    reference: str,
) -> range:
    """Enter that what these entries say never came to be, on a writer's connection: the numbers of the new ones.

    `at` is `journal.book.moment`, `reference` that of the entries. Done before, nothing is entered.
    """
    done = _numbers(connection, reference, kind)
    if done:
        return range(done[0], done[-1] + 1)
    first = book.size(connection)
    for one in book.kept(connection, entries):
        said = {each.name: each.value.decode() for each in one.openings}
        # what was destroyed there is not told here either; an entry that stays closed is taken back by one that does
        whole = dict.fromkeys(NAMES, "") | {"kind": one.kind.value, "at": one.at.isoformat(), **said}
        whole["year"] = whole["at"][:4]
        if "count" not in said:
            # as much as is told, so that both are told alike
            whole["count"] = whole["records"].replace(f"<{FEW}", "0")
        opens = one.opens_at is not None and said.keys() >= PUBLIC
        book.append(
            connection,
            [fact_of(whole).taken_back(kind, one.number, at)],
            draw=draw,
            opens_at=max(one.opens_at, at) if opens and one.opens_at is not None else None,
            reference=reference,
        )
    return range(first, book.size(connection))


def counterparts(connection: Connection, number: int) -> tuple[int, ...]:
    """The entry that takes an entry back, or that it takes back: what opens a field of the one opens it of the other.

    Entries of one reference are taken back in their order.
    """
    row = connection.execute(
        select(JOURNAL_ENTRIES.c.kind, JOURNAL_ENTRIES.c.reference).where(JOURNAL_ENTRIES.c.number == number)
    ).one_or_none()
    if row is None or row.reference is None:
        return ()
    for back, kind in TAKES_BACK.items():
        if row.kind in {back, kind}:
            mine, others = (kind, back) if row.kind == kind else (back, kind)
            pairs = dict(
                zip(
                    _numbers(connection, row.reference, mine),
                    _numbers(connection, row.reference, others),
                    strict=False,
                )
            )
            return (pairs[number],) if number in pairs else ()
    return ()


def _numbers(connection: Connection, reference: str, kind: Kind) -> tuple[int, ...]:
    table = JOURNAL_ENTRIES.c
    wanted = select(table.number).where(table.reference == reference, table.kind == kind.value).order_by(table.number)
    return tuple(connection.execute(wanted).scalars())
