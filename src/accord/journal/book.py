"""The entries in the database, appended in the transaction of what they tell of: neither is without the other."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select, update

from accord.journal.facts import Fact, Kind
from accord.ledger.commitments import Opening, commit_encoded, encode_openings, parse_openings
from accord.vocabulary.errors import OutputError, UnreadableError
from accord.workspace.database import insert_rows
from accord.workspace.schema import HUB, JOURNAL_ENTRIES

SLACK = timedelta(seconds=10)
"""How far a clock may lag behind the last entry: as much as clocks of one installation differ."""

AHEAD = timedelta(days=366)
"""How long nothing may have been entered, unless somebody says that the clock is right."""

_RIGHT = "`accord migrate --clock-is-right`"

_AT_ONCE = 4096
"""Entries that are in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEntry:
    """An entry as the hub keeps it."""

    number: int
    at: datetime
    kind: Kind
    reference: str | None
    """What of the hub's it is about, in the hub's own words."""
    entry: bytes
    openings: tuple[Opening, ...]
    """Those that were not destroyed."""
    opens_at: datetime | None


def moment(connection: Connection, now: datetime) -> datetime:
    """The time that an entry gets which is written now, and by which is decided what it tells of: never one before the
    last entry's.

    Raises OutputError when the clock was set back: agreements that have ended would be in force again. And when it is
    more than AHEAD of all that is known: what it brings about, such as a purge, could not be undone, and no entry could
    be written any more once it is right. Before the first entry, what is known is when the database was made, or when
    somebody said last that the clock is right.
    """
    last = _not_behind(connection, now)
    known = _known(connection, last) or now
    if last is None and known - now > SLACK:
        raise _wrong(
            "The clock is behind the time at which this workspace's database was made, and nothing was entered yet; "
            "nothing was changed.",
            f"{_told(known)} or later",
            now,
            f"; if it is right now, and was wrong then, {_RIGHT}",
        )
    if now - known > AHEAD:
        raise _wrong(
            "The clock is more than a year ahead of the ledger's last entry; nothing was changed."
            if last is not None
            else "The clock is more than a year ahead of the time at which this workspace's database was made, and "
            "nothing was entered yet; nothing was changed.",
            f"{_told(known + AHEAD)} or earlier",
            now,
            f"; if it is right, and nothing was entered for so long, {_RIGHT}",
        )
    return now if last is None else max(now, last)


def moment_meanwhile(connection: Connection, begun: datetime) -> datetime:
    """As `moment`, for a step of what read the clock when it began, and has worked since: others may have written."""
    return moment(connection, max(begun, datetime.now(UTC)))


def later(connection: Connection, now: datetime) -> datetime:
    """The later of a clock and the last entry, for what may be done although the clock was set back."""
    return max(now, latest(connection) or now)


def latest(connection: Connection) -> datetime | None:
    """When the last entry was written; None: there is none."""
    return connection.execute(
        select(JOURNAL_ENTRIES.c.at).order_by(JOURNAL_ENTRIES.c.number.desc()).limit(1)
    ).scalar_one_or_none()


def said_right(connection: Connection, now: datetime) -> None:
    """Let the clock be right, on a writer's connection: entries may be up to AHEAD after this, however old the last."""
    connection.execute(update(HUB).values(clock_at=now))


def _known(connection: Connection, last: datetime | None) -> datetime | None:
    """The latest time that is known to have come: of the last entry, and when somebody said that the clock is right;
    before there is either, when the database was made."""
    row = connection.execute(select(HUB.c.made_at, HUB.c.clock_at)).one_or_none()
    made, said = (None, None) if row is None else (row.made_at, row.clock_at)
    return max((one for one in (last, said) if one is not None), default=made)


def _not_behind(connection: Connection, now: datetime) -> datetime | None:
    last = latest(connection)
    if last is not None and last - now > SLACK:
        raise _wrong(
            "The clock is behind the ledger's last entry; nothing was changed.", f"{_told(last)} or later", now
        )
    return last


def _told(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _wrong(what: str, expected: str, now: datetime, more: str = "") -> OutputError:
    return OutputError(
        what, where="this machine's clock", expected=expected, got=_told(now), remedy=f"set the clock right{more}"
    )


def size(connection: Connection) -> int:
    """How many entries there are."""
    last = connection.execute(select(func.max(JOURNAL_ENTRIES.c.number))).scalar_one()
    return 0 if last is None else int(last) + 1


def append(
    connection: Connection,
    facts: Sequence[Fact],
    *,
    draw: Callable[[int], bytes],
    opens_at: datetime | None = None,
    reference: str | None = None,
) -> range:
    """Append entries, on a writer's connection: their numbers. They stand once the transaction does.

    `draw` gives random bytes for salts (`secrets.token_bytes`). From `opens_at` on everybody gets the public fields;
    None: never. Raises ValueError for facts that are before each other or before the last entry (see `moment`).
    """
    first = size(connection)
    last = _not_behind(connection, facts[0].at) if facts else None
    earliest = last if last is None else max(last, facts[0].at)
    for fact in facts:
        if earliest is not None and fact.at < earliest:
            raise ValueError(f"an entry of {fact.at} after one of {earliest}")
        earliest = fact.at
    for begin in range(0, len(facts), _AT_ONCE):
        part = facts[begin : begin + _AT_ONCE]
        committed = commit_encoded([fact.values() for fact in part], draw)
        rows = [
            {
                "number": number,
                "at": fact.at,
                "kind": fact.kind.value,
                "reference": reference,
                "entry": entry,
                "openings": openings,
                "opens_at": opens_at,
            }
            for number, (fact, (entry, openings)) in enumerate(zip(part, committed, strict=True), start=first + begin)
        ]
        insert_rows(connection, JOURNAL_ENTRIES, rows)
    return range(first, first + len(facts))


def entries(connection: Connection, first: int, end: int) -> Iterator[list[bytes]]:
    """The entries from `first` up to `end`, that one excluded, some thousand at a time.

    Raises UnreadableError when one is missing.
    """
    while first < end:
        stop = min(first + _AT_ONCE, end)
        found = connection.execute(
            select(JOURNAL_ENTRIES.c.entry)
            .where(JOURNAL_ENTRIES.c.number >= first, JOURNAL_ENTRIES.c.number < stop)
            .order_by(JOURNAL_ENTRIES.c.number)
        ).scalars()
        batch = list(found.all())
        if len(batch) != stop - first:
            raise UnreadableError(
                "Entries of the ledger are missing in the database.",
                where=f"entries {first} to {stop - 1}",
                expected=f"{stop - first}",
                got=f"{len(batch)}",
                remedy="restore the database; the entries also stand in ledger/tile/entries",
            )
        yield batch
        first = stop


def kept(connection: Connection, numbers: Collection[int]) -> tuple[KeptEntry, ...]:
    """Entries with what opens them, in their order. Raises UnreadableError when one is missing."""
    found: list[KeptEntry] = []
    wanted = sorted({*numbers})
    if wanted and not 0 <= wanted[-1] < size(connection):
        raise _no_entry(connection, wanted[-1])
    for begin in range(0, len(wanted), 500):
        part = wanted[begin : begin + 500]
        rows = connection.execute(
            select(JOURNAL_ENTRIES).where(JOURNAL_ENTRIES.c.number.in_(part)).order_by(JOURNAL_ENTRIES.c.number)
        ).all()
        found += [
            KeptEntry(
                number=row.number,
                at=row.at,
                kind=Kind(row.kind),
                reference=row.reference,
                entry=row.entry,
                openings=parse_openings(row.openings),
                opens_at=row.opens_at,
            )
            for row in rows
        ]
    if len(found) != len(wanted):
        raise _no_entry(connection, wanted[-1])
    return tuple(found)


def _no_entry(connection: Connection, number: int) -> UnreadableError:
    last = size(connection) - 1
    expected = f"0 to {last}" if last >= 0 else "none is in it yet"
    return UnreadableError(
        "The ledger has no such entry.",
        expected=expected,
        got=str(number)[:30],
        remedy="`accord ledger list` lists them by their numbers",
    )


def referring(connection: Connection, reference: str) -> tuple[int, ...]:
    """The numbers of the entries with this reference, in their order."""
    return tuple(
        connection.execute(
            select(JOURNAL_ENTRIES.c.number)
            .where(JOURNAL_ENTRIES.c.reference == reference)
            .order_by(JOURNAL_ENTRIES.c.number)
        ).scalars()
    )


def destroy(connection: Connection, numbers: Collection[int], names: Collection[str]) -> int:
    """Destroy what opens these fields of these entries, for good; how many openings went.

    The log verifies as before.
    """
    gone = 0
    for one in kept(connection, numbers):
        stay = [opening for opening in one.openings if opening.name not in names]
        if len(stay) != len(one.openings):
            gone += len(one.openings) - len(stay)
            connection.execute(
                update(JOURNAL_ENTRIES)
                .where(JOURNAL_ENTRIES.c.number == one.number)
                # what was published of it is written anew
                .values(openings=encode_openings(stay), opened_at=None)
            )
    return gone
