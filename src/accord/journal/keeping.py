"""Keeping the log: entries become tiles, a signed checkpoint, cosignatures, and files that everybody can read.

All of it follows from the database, where order and content are settled. A checkpoint is put down there before anybody
sees it, so that the log never signs two trees of one size; whoever is killed in between leaves nothing that the next
one would not do again.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, func, insert, select, update

from accord.journal import openings
from accord.journal.book import entries, later, size
from accord.journal.figures import FIGURES, MAX_FIGURES_BYTES, Figures, encode_figures, figures_of
from accord.journal.files import CHECKPOINT, POLICY, LedgerFiles
from accord.journal.place import LedgerPlace, ledger_key, ledger_policy
from accord.journal.witnesses import Post, Silence, ask
from accord.ledger.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from accord.ledger.notes import Note, SigningKey, parse_note, sign_note
from accord.ledger.policies import MAX_POLICY_BYTES, Group, Policy, Witness
from accord.ledger.proofs import LogProof
from accord.ledger.reading import TiledTree
from accord.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, EntryBundle, HashTile, TreeEdge, pack_entries
from accord.ledger.tree import HASH_BYTES, leaf_hashes
from accord.vocabulary.errors import LedgerError, UnprovenError, UnreadableError
from accord.workspace.database import Database
from accord.workspace.schema import JOURNAL_CHECKPOINTS

PAGE = "index.html"
"""The public page, for who names no language."""
STAMP = ".page"
"""What the public page was made of: the SHA-256, in hexadecimal, of figures, policy, the hub's name and contact."""

_AGAIN = "find the newest copy of the database: the log must not go on from an older one (docs/ledger.md)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """How far the log is published."""

    size: int
    """Entries in the database when it was looked."""
    checkpoint: Checkpoint | None
    """The newest one that satisfies the policy; None: there is none yet."""
    silences: tuple[Silence, ...] = ()
    """Witnesses that were asked and have not cosigned."""

    @property
    def whole(self) -> bool:
        """Can everybody verify all entries?"""
        return self.size == (0 if self.checkpoint is None else self.checkpoint.size)

    def covers(self, number: int) -> bool:
        """Can everybody verify that this entry is in the log?"""
        return self.checkpoint is not None and number < self.checkpoint.size

    def demand(self, number: int) -> None:
        """Raise UnprovenError unless the entry stands under a checkpoint that satisfies the policy."""
        if not self.covers(number):
            raise UnprovenError(
                "Too few witnesses have cosigned the ledger: nothing goes out before they have.",
                where=f"entry {number}",
                got="; ".join(f"{one.witness}: {one.reason}" for one in self.silences) or None,
                remedy="see that they can be reached, then `accord ledger publish`",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAccount:
    """What the public page tells of."""

    checkpoint: Checkpoint
    figures: Figures
    day: date
    """When the checkpoint was signed, in UTC."""


Pages = Callable[[PublicAccount], Mapping[str, bytes]]
"""The files of the public page, by their names in the log's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A hub's ledger, ready to be kept."""

    database: Database
    place: LedgerPlace
    key: SigningKey
    policy: Policy
    files: LedgerFiles

    def verify_standing(self) -> None:
        """Raise UnprovenError when what was published is not what the database holds: it was restored, or forked; or
        when the database's ledger was signed by another key."""
        self._refuse_foreign()
        note = self.files.checkpoint()
        if note is None:
            return
        published, _ = open_checkpoint(note, origin=self.place.origin, keys=[self.key.verifier])
        with self.database.reading() as connection:
            root = connection.execute(
                select(JOURNAL_CHECKPOINTS.c.root).where(JOURNAL_CHECKPOINTS.c.size == published.size)
            ).scalar_one_or_none()
            held = size(connection)
        if root is None or held < published.size:
            raise UnprovenError(
                "The database is older than the ledger that was published from it.",
                where=str(self.files.root / CHECKPOINT),
                expected=f"{published.size} entries in the database",
                got=f"{held}, and no checkpoint of that size",
                remedy=_AGAIN,
            )
        if root != published.root:
            raise UnprovenError(
                "The published ledger and the database tell two histories.",
                where=f"the first {published.size} entries",
                expected=f"root {root.hex()}",
                got=f"root {published.root.hex()}",
                remedy=_AGAIN,
            )

    def _refuse_foreign(self) -> None:
        with self.database.reading() as connection:
            newest = connection.execute(
                select(JOURNAL_CHECKPOINTS.c.note).order_by(JOURNAL_CHECKPOINTS.c.size.desc()).limit(1)
            ).scalar_one_or_none()
        if newest is None:
            return
        try:
            open_checkpoint(parse_note(newest), origin=self.place.origin, keys=[self.key.verifier])
        except UnprovenError as error:
            raise UnprovenError(
                "The database's ledger is another's than this folder's: a log keeps its name and its key for ever.",
                where=f"{self.place.key_file}, and the newest checkpoint in the database",
                expected=f"one that {self.key.verifier} has signed",
                got=error.got or error.what,
                remedy="restore the key that signed it; a workspace has one folder, one database and one ledger",
            ) from error

    def publish(self, *, now: datetime, post: Post, pages: Pages | None = None, anew: bool = False) -> Published:
        """Bring files, checkpoint, openings and figures up to the database, and with `pages` the public page.

        Without `pages` the page is left as it is, and behind. Done before, it asks nobody and changes nothing; with
        `anew` every file is made again, whatever is there. Due is what is by the later of the clock (`now`) and
        the last entry.
        Raises UnprovenError as `verify_standing`, OutputError, UnreadableError.
        """
        with self.files.held():
            self.verify_standing()
            with self.database.reading() as connection:
                signed = connection.execute(
                    select(JOURNAL_CHECKPOINTS).order_by(JOURNAL_CHECKPOINTS.c.size.desc()).limit(1)
                ).one_or_none()
                held = size(connection)
                behind = self._is_behind(connection)
                # what an embargo held back stays open when the clock was set back
                now = later(connection, now)
            note = None if signed is None else parse_note(signed.note)
            lost = anew or self.files.checkpoint() is None
            if held and (signed is None or signed.size < held or lost or behind):
                note = self._sign(self._grow(held, anew=anew), now)
            silences: tuple[Silence, ...] = ()
            if note is not None and not self._satisfies(note):
                note, silences = self._witness(note, now, post)
            self._show_policy()
            standing = self._standing(held, note, silences)
            if standing.checkpoint is not None:
                if lost:
                    now = max(now, openings.forget_opened(self.database) or now)
                elif behind:
                    openings.restore_opened(self.database, self.files)
                openings.open_due(self.database, self.files, standing.checkpoint.size, now)
                if anew:
                    openings.clear_others(self.database, self.files)
                    for one in [*self.files.earlier_partials(standing.checkpoint.size)]:
                        (self.files.root / one.path).unlink(missing_ok=True)
                self._tell(standing.checkpoint, pages, anew=anew)
            return standing

    def tell(self, pages: Pages) -> Published:
        """Write the public page of what is published, where it is behind; nobody is asked. Raises as `publish`."""
        with self.files.held():
            standing = self.standing()
            if standing.checkpoint is not None:
                self._show_policy()
                self._tell(standing.checkpoint, pages, anew=False)
            return standing

    def _is_behind(self, connection: Connection) -> bool:
        """Are the files older than what was published before: a copy, or what a killed command left?"""
        note = self.files.checkpoint()
        newest = connection.execute(
            select(func.max(JOURNAL_CHECKPOINTS.c.size)).where(JOURNAL_CHECKPOINTS.c.witnessed_at.is_not(None))
        ).scalar_one()
        return note is not None and newest is not None and parse_checkpoint(note.text).size < newest

    def account(self, checkpoint: Checkpoint) -> PublicAccount:
        """What the public page tells of at a checkpoint, by the sums that are kept."""
        with self.database.reading() as connection:
            tally = openings.sums(connection)
            signed: datetime = connection.execute(
                select(JOURNAL_CHECKPOINTS.c.signed_at).where(JOURNAL_CHECKPOINTS.c.size == checkpoint.size)
            ).scalar_one()
        figures = figures_of(tally, checkpoint.size)
        return PublicAccount(checkpoint=checkpoint, figures=figures, day=signed.astimezone(UTC).date())

    def standing(self) -> Published:
        """How far it is published now; nobody is asked. Raises as `verify_standing`."""
        self.verify_standing()
        with self.database.reading() as connection:
            return self._standing(size(connection), None, ())

    def tree(self) -> TiledTree:
        """The tree of the newest published checkpoint. Raises UnreadableError when there is none."""
        checkpoint, _ = self._published()
        return TiledTree(checkpoint.size, checkpoint.root, self.files.read_tile)

    def prove(self, number: int) -> LogProof:
        """The proof to take away that an entry is in the log. Raises UnprovenError when it is not published yet."""
        return next(self.proofs([number]))

    def proofs(self, numbers: Iterable[int]) -> Iterator[LogProof]:
        """The proof of each of some entries, all in the tree of one checkpoint. Raises as `prove`."""
        checkpoint, note = self._published()
        tree = TiledTree(checkpoint.size, checkpoint.root, self.files.read_tile)
        published = Published(size=checkpoint.size, checkpoint=checkpoint)
        for number in numbers:
            published.demand(number)
            yield LogProof(index=number, hashes=tree.inclusion_proof(number), checkpoint=note)

    def _published(self) -> tuple[Checkpoint, Note]:
        note = self.files.checkpoint()
        if note is None:
            raise UnreadableError(
                "The ledger was not published yet.", where=str(self.files.root), remedy="`accord ledger publish`"
            )
        return self.policy.verify(note)[0], note

    def _standing(self, held: int, note: Note | None, silences: tuple[Silence, ...]) -> Published:
        shown = self.files.checkpoint()
        if note is not None and self._satisfies(note) and (shown is None or shown != note):
            self.files.write(CHECKPOINT, note.encode())
            self.files.flush()
            shown = note
        # what an earlier policy was content with may be too little for this one
        checkpoint = parse_checkpoint(shown.text) if shown is not None and self._satisfies(shown) else None
        return Published(size=held, checkpoint=checkpoint, silences=silences)

    def _grow(self, held: int, *, anew: bool) -> TreeEdge:
        """Write the tiles up to `held` entries, and bring them to the disk.

        They grow from the newest tree that was signed. Where its tiles are lost or damaged all are made anew, and must
        give the root that was signed.
        """
        with self.database.reading() as connection:
            signed = connection.execute(
                select(JOURNAL_CHECKPOINTS).order_by(JOURNAL_CHECKPOINTS.c.size.desc()).limit(1)
            ).one_or_none()
        edge = TreeEdge()
        if signed is not None and not anew:
            with suppress(LedgerError, UnreadableError):
                edge = TreeEdge.read(signed.size, signed.root, self.files.read_tile)
        with self.database.reading() as connection:
            # the first bundle may begin before the edge: its entries are needed again
            first = edge.size // TILE_WIDTH * TILE_WIDTH
            waiting: list[bytes] = []
            for batch in entries(connection, first, held):
                waiting += batch
                full = len(waiting) // TILE_WIDTH * TILE_WIDTH
                last = first + len(waiting) == held
                take = len(waiting) if last else full
                edge = self._write(edge, first, waiting[:take])
                first, waiting = first + take, waiting[take:]
        for level, hashes in enumerate(edge.partial):
            if hashes:
                index = edge.size >> TILE_HEIGHT * (level + 1)
                self.files.write(HashTile(level=level, index=index, width=len(hashes) // HASH_BYTES).path, hashes)
        self.files.flush()
        if signed is not None:
            tree = TiledTree(edge.size, edge.root(), self.files.read_tile)
            _demand_root(signed.size, signed.root, tree.root_of(signed.size))
        return edge

    def _write(self, edge: TreeEdge, first: int, batch: list[bytes]) -> TreeEdge:
        """Write the bundles of entries from `first` on, and the hash tiles that they fill."""
        grown, tiles = edge.grow(leaf_hashes(batch[edge.size - first :]))
        for tile, hashes in tiles:
            if tile.width == TILE_WIDTH:
                self.files.write(tile.path, hashes)
                self.files.forget_partial(tile.path)
        for begin in range(0, len(batch), TILE_WIDTH):
            part = batch[begin : begin + TILE_WIDTH]
            bundle = EntryBundle(index=(first + begin) // TILE_WIDTH, width=len(part))
            self.files.write(bundle.path, pack_entries(part))
            if len(part) == TILE_WIDTH:
                self.files.forget_partial(bundle.path)
        return grown

    def _sign(self, edge: TreeEdge, now: datetime) -> Note:
        root = edge.root()
        text = Checkpoint(origin=self.place.origin, size=edge.size, root=root).text
        note = sign_note(text, [self.key])
        with self.database.writing() as connection:
            standing = connection.execute(
                select(JOURNAL_CHECKPOINTS).where(JOURNAL_CHECKPOINTS.c.size == edge.size)
            ).one_or_none()
            if standing is None:
                connection.execute(
                    insert(JOURNAL_CHECKPOINTS).values(
                        size=edge.size,
                        root=root,
                        note=note.encode(),
                        signed_at=now,
                        witnessed_at=now if self._satisfies(note) else None,
                    )
                )
            else:
                _demand_root(edge.size, standing.root, root)
                note = parse_note(standing.note)
        return note

    def _witness(self, note: Note, now: datetime, post: Post) -> tuple[Note, tuple[Silence, ...]]:
        checkpoint = parse_checkpoint(note.text)
        tree = TiledTree(checkpoint.size, checkpoint.root, self.files.read_tile)
        note, silences = ask(_needed(self.policy.quorum), note, tree, self._cosigned(), post)
        witnessed = self._satisfies(note)
        with self.database.writing() as connection:
            connection.execute(
                update(JOURNAL_CHECKPOINTS)
                .where(JOURNAL_CHECKPOINTS.c.size == checkpoint.size)
                .values(note=note.encode(), witnessed_at=now if witnessed else None)
            )
        return note, silences

    def _cosigned(self) -> dict[str, int]:
        """The newest size that each witness is known to have cosigned, by its name in the policy."""
        note = self.files.checkpoint()
        if note is None:
            return {}
        # the policy may have been another one when it was published
        keys = [self.key.verifier, *(one.key for one in self.policy.witnesses)]
        checkpoint, opened = open_checkpoint(note, origin=self.place.origin, keys=keys)
        signers = {one.key for one in opened.verified}
        return {one.name: checkpoint.size for one in self.policy.witnesses if one.key in signers}

    def _satisfies(self, note: Note) -> bool:
        try:
            self.policy.verify(note)
        except UnprovenError:
            return False
        return True

    def _show_policy(self) -> None:
        """For who verifies: the policy without the addresses at which this hub asks its witnesses."""
        text = policy_text(self.policy, self.key)
        if not self.files.holds(POLICY, text):
            self.files.write(POLICY, text)
            self.files.flush()

    def _tell(self, checkpoint: Checkpoint, pages: Pages | None, *, anew: bool) -> None:
        """Write the figures, and the page that tells of them, where they are not there already."""
        account = self.account(checkpoint)
        figures = encode_figures(account.figures, checkpoint)
        if not self.files.holds(FIGURES, figures):
            self.files.write(FIGURES, figures)
            self.files.flush()
        if pages is not None and (anew or page_is_behind(self.files, self.place)):
            for path, data in pages(account).items():
                if not self.files.holds(path, data):
                    self.files.write(path, data)
            # the page first: the stamp tells that it is there
            self.files.flush()
            stamp = _stamp(figures, policy_text(self.policy, self.key), self.place)
            if not self.files.holds(STAMP, stamp):
                self.files.write(STAMP, stamp)
                self.files.flush()


def page_is_behind(files: LedgerFiles, place: LedgerPlace) -> bool:
    """Does the public page tell of other figures or another policy than stand beside it, or name another hub?

    Raises UnreadableError.
    """
    figures, policy = files.read(FIGURES, MAX_FIGURES_BYTES), files.read(POLICY, MAX_POLICY_BYTES)
    if figures is None or policy is None:
        return False
    return not (files.root / PAGE).exists() or not files.holds(STAMP, _stamp(figures, policy, place))


def _stamp(figures: bytes, policy: bytes, place: LedgerPlace) -> bytes:
    named = f"{place.hub}\n{place.contact}\n".encode("utf-8", "surrogateescape")
    return hashlib.sha256(figures + policy + named).hexdigest().encode()


def open_ledger(place: LedgerPlace, database: Database) -> Ledger:
    """A hub's ledger; key and policy are made on first use. A key that has signed is missed, and never made again.

    Raises SettingsError, UnreadableError, OutputError.
    """
    with database.reading() as connection:
        signed = connection.execute(select(JOURNAL_CHECKPOINTS.c.size).limit(1)).one_or_none()
    key = ledger_key(place, make=signed is None)
    return Ledger(
        database=database, place=place, key=key, policy=ledger_policy(place, key), files=LedgerFiles(place.folder)
    )


def _demand_root(entries: int, signed: bytes, found: bytes) -> None:
    if signed != found:
        raise UnprovenError(
            "The database's entries are not those that were signed.",
            where=f"the first {entries} entries",
            expected=f"root {signed.hex()}",
            got=f"root {found.hex()}",
            remedy=_AGAIN,
        )


def _needed(quorum: Witness | Group | None) -> list[Witness]:
    """The witnesses that count for a quorum."""
    if quorum is None or isinstance(quorum, Witness):
        return [] if quorum is None else [quorum]
    return [witness for member in quorum.members for witness in _needed(member)]


def policy_text(policy: Policy, key: SigningKey) -> bytes:
    """The policy for verifying this log, without URLs."""
    lines = [f"log {key.verifier}"]

    def add(named: Witness | Group) -> None:
        if isinstance(named, Witness):
            lines.append(f"witness {named.name} {named.key}")
            return
        for member in named.members:
            add(member)
        lines.append(f"group {named.name} {named.needed} {' '.join(member.name for member in named.members)}")

    if policy.quorum is not None:
        add(policy.quorum)
    lines.append(f"quorum {'none' if policy.quorum is None else policy.quorum.name}")
    return "\n".join([*lines, ""]).encode("utf-8", "surrogateescape")
