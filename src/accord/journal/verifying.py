"""A hub's own look at its ledger: database, files, checkpoints and sums agree, and everything kept still opens.

What `accord ledger check` finds by the files alone is found here, too. All that is wrong is told, not the first alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from accord.journal import openings
from accord.journal.book import size as entries_kept
from accord.journal.checking import Follow, check_log
from accord.journal.figures import Tally
from accord.journal.files import OPENED, POLICY, opened_path
from accord.journal.keeping import Ledger, Pages, page_is_behind, policy_text
from accord.ledger.checkpoints import Checkpoint, open_checkpoint
from accord.ledger.commitments import join_opened, pick_openings, verify_opened
from accord.ledger.notes import parse_note
from accord.ledger.reading import TiledTree
from accord.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, EntryBundle, pack_entries, unpack_entries
from accord.ledger.tree import HASH_BYTES
from accord.vocabulary.errors import AccordError, LedgerError, UnreadableError
from accord.workspace.schema import JOURNAL_CHECKPOINTS, JOURNAL_ENTRIES

_ANEW = "`accord ledger publish --anew` makes all files of it again"
_DATABASE = "find out who changed the database, and restore the newest copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that does not agree."""

    where: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedLedger:
    """What was looked at, and what does not agree."""

    entries: int
    """In the database."""
    checkpoint: Checkpoint | None
    witnesses: tuple[str, ...]
    opened: int
    page_is_behind: bool
    """The public page tells of earlier figures, which is no fault."""
    faults: tuple[Fault, ...]


def verify_ledger(ledger: Ledger, *, pages: Pages | None, follow: Follow) -> VerifiedLedger:
    """Look at all of a ledger while nobody publishes it. Raises OutputError, UnreadableError."""
    faults: list[Fault] = []
    with ledger.files.held():
        checkpoint: Checkpoint | None = None
        witnesses: tuple[str, ...] = ()
        try:
            ledger.verify_standing()
            if ledger.files.checkpoint() is not None:
                checked = check_log(ledger.files, ledger.policy, against=None, follow=follow)
                checkpoint, witnesses = checked.checkpoint, checked.witnesses
        except (LedgerError, UnreadableError) as error:
            faults.append(_told(error))
        for look in (_entries, _checkpoints, _earlier, _shown):
            faults += look(ledger, checkpoint, pages)
        behind = pages is not None and page_is_behind(ledger.files, ledger.place)
        with ledger.database.reading() as connection:
            held, opened = entries_kept(connection), openings.sums(connection).entries
    return VerifiedLedger(
        entries=held,
        checkpoint=checkpoint,
        witnesses=witnesses,
        opened=opened,
        page_is_behind=behind,
        faults=tuple(dict.fromkeys(faults)),
    )


def _entries(ledger: Ledger, checkpoint: Checkpoint | None, _: Pages | None) -> Iterator[Fault]:
    """Each row's openings open its entry; the files hold the same entries, and open what is marked as opened."""
    published, whole, first = 0 if checkpoint is None else checkpoint.size, Tally(), 0
    with ledger.database.reading() as connection:
        held, kept = entries_kept(connection), openings.bundle_sums(connection)
        while first < held:
            table, index = JOURNAL_ENTRIES.c, first // TILE_WIDTH
            asked = select(table.number, table.entry, table.openings)
            rows = connection.execute(
                asked.where(table.number >= first, table.number < first + TILE_WIDTH).order_by(table.number)
            ).all()
            numbers = [row.number for row in rows]
            if numbers != [*range(first, min(first + TILE_WIDTH, held))]:
                yield Fault(where=f"entries {first} to {first + TILE_WIDTH - 1}", what="missing rows", remedy=_DATABASE)
            yield from _unopening({row.number: (row.entry, row.openings) for row in rows})
            yield from _unlike(ledger, index, {row.number: row.entry for row in rows if row.number < published})
            data, tally, marked = openings.opened_bundle(connection, index, table.opened_at.is_not(None))
            whole.merge(tally)
            if (ledger.files.read_opened(index) or b"") != (data if marked else b""):
                path = ledger.files.where(opened_path(index))
                yield Fault(where=path, what="it opens something else than the database has opened", remedy=_ANEW)
            if kept.pop(index, "[]") != tally.encode():
                yield Fault(where=f"sums of bundle {index}", what="not what its openings add up to", remedy=_ANEW)
            first += TILE_WIDTH
        if kept or openings.sums(connection).encode() != whole.encode():
            yield Fault(where="sums of all bundles", what="not what the openings add up to", remedy=_ANEW)
    ours = {ledger.files.root / opened_path(index) for index in range(-(-held // TILE_WIDTH))}
    for stray in sorted((ledger.files.root / OPENED).rglob("*")):
        if not stray.is_dir() and stray not in ours:
            yield Fault(where=str(stray), what="it is of no entries", remedy=_ANEW)


def _unopening(rows: Mapping[int, tuple[bytes, bytes]]) -> Iterator[Fault]:
    for number, (entry, said) in rows.items():
        try:
            names = {line.split(" ")[0] for line in said.decode("ascii").split("\n")[1:-1]}
            lines, _ = pick_openings(said, names)
            verify_opened(join_opened({number: lines}), {number: entry})
        except (LedgerError, ValueError) as error:
            what = error.what if isinstance(error, LedgerError) else "its openings are spelled otherwise"
            yield Fault(where=f"entry {number} in the database", what=what, remedy=_DATABASE)


def _unlike(ledger: Ledger, index: int, rows: Mapping[int, bytes]) -> Iterator[Fault]:
    if not rows:
        return
    bundle = EntryBundle(index=index, width=len(rows))
    try:
        published = unpack_entries(ledger.files.read_bundle(bundle), bundle.width)
    except (LedgerError, UnreadableError) as error:
        yield _told(error)
        return
    for (number, entry), other in zip(rows.items(), published, strict=True):
        if entry != other:
            what = "the published entry is another than the database's"
            yield Fault(where=f"{ledger.files.where(bundle.path)}: entry {number}", what=what, remedy=_DATABASE)


def _checkpoints(ledger: Ledger, checkpoint: Checkpoint | None, _: Pages | None) -> Iterator[Fault]:
    """Every head that was ever signed is one of this history, and signed by the log."""
    with ledger.database.reading() as connection:
        rows = connection.execute(select(JOURNAL_CHECKPOINTS).order_by(JOURNAL_CHECKPOINTS.c.size)).all()
    tree = None
    if checkpoint is not None:
        tree = TiledTree(checkpoint.size, checkpoint.root, ledger.files.read_tile)
    for row in rows:
        where = f"checkpoint of {row.size:,} entries in the database"
        try:
            said, _opened = open_checkpoint(
                parse_note(row.note), origin=ledger.place.origin, keys=[ledger.key.verifier]
            )
            root = None if tree is None or row.size > tree.size else tree.root_of(row.size)
        except (LedgerError, UnreadableError) as error:
            yield Fault(where=where, what=error.what, remedy=_DATABASE)
            continue
        if (said.size, said.root) != (row.size, row.root) or (root is not None and root != row.root):
            yield Fault(where=where, what="it is of another history", remedy=_DATABASE)


def _earlier(ledger: Ledger, checkpoint: Checkpoint | None, _: Pages | None) -> Iterator[Fault]:
    """What is left of smaller sizes, for who still reads those, is the beginning of what there is now."""
    if checkpoint is None:
        return
    for one in ledger.files.earlier_partials(checkpoint.size):
        room = checkpoint.size - one.index * TILE_WIDTH
        try:
            if isinstance(one, EntryBundle):
                bundle = EntryBundle(index=one.index, width=min(TILE_WIDTH, room))
                data = pack_entries(unpack_entries(ledger.files.read_bundle(bundle), bundle.width)[: one.width])
            else:
                now = (checkpoint.size >> TILE_HEIGHT * one.level) - one.index * TILE_WIDTH
                data = ledger.files.read_tile(one.level, one.index, min(TILE_WIDTH, now))[: one.width * HASH_BYTES]
        except (LedgerError, UnreadableError) as error:
            yield _told(error)
            continue
        if not ledger.files.holds(one.path, data):
            what = "it is not the beginning of what is there now"
            yield Fault(where=ledger.files.where(one.path), what=what, remedy=_ANEW)


def _shown(ledger: Ledger, checkpoint: Checkpoint | None, pages: Pages | None) -> Iterator[Fault]:
    """The policy, and the pages unless they are behind, are those that follow from what is kept."""
    wanted = {POLICY: policy_text(ledger.policy, ledger.key)}
    if checkpoint is None:
        return
    if pages is not None and not page_is_behind(ledger.files, ledger.place):
        wanted |= pages(ledger.account(checkpoint))
    for path, data in wanted.items():
        if not ledger.files.holds(path, data):
            what = "it is not what would be published now"
            yield Fault(where=ledger.files.where(path), what=what, remedy=_ANEW)


def _told(error: AccordError) -> Fault:
    said = error.what if error.got is None else f"{error.what} ({error.got})"
    return Fault(where=error.where or "the ledger", what=said, remedy=error.remedy or _ANEW)
