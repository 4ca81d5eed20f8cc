"""Pulling a partner's TAXII collection: what is new there becomes deliveries, and how far one came is kept with them.

Objects are gathered, and taken in as one delivery: an envelope of their own bytes. How far that reaches is written in
the transaction of its entry in the ledger, so that whoever is killed goes on after the last delivery that was let in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from accord.cli.acting import Actor
from accord.cli.deliveries.adding import PATIENCE_S, Held, take, tell
from accord.cli.deliveries.delivering import Receipt
from accord.cli.terminal import COMPLETE_WITH_REFUSED, counted, progress_bar, say, say_json
from accord.columns.instants import microseconds
from accord.exchange.taxii.client import Collection, Page, authorization
from accord.exchange.taxii.collections import write_time
from accord.exchange.taxii.pulls import Source, advance, held, mark_of, pulled_to
from accord.exchange.taxii.references import STATEMENTS, companions_of
from accord.formats.catalogue import FORMATS
from accord.formats.stix.bundle import REFERRED
from accord.operations.declaration import read_workspace
from accord.release.summary import account_of
from accord.vocabulary.errors import AccordError, SettingsError, UnreadableError
from accord.vocabulary.markings import MARKING_IDS, PAP_IDS
from accord.workspace.database import Database, open_database
from accord.workspace.keys import hub_key
from accord.workspace.peers import Peer, find_peer, secret_of
from accord.workspace.store import Workspace, open_workspace

AHEAD = timedelta(days=1)
"""By how much a server's clock may be ahead of ours."""

GATHERED_BYTES = 16 << 20
"""Of one delivery; with one page more it is what is held in memory."""

MOST_GATHERED_BYTES = 128 << 20
"""Of one delivery with what its objects refer to."""


ROUNDS = 10
"""Of asking for what the answers before refer to: no kind of object is a third as deep."""

LONGEST = timedelta(hours=1)
"""Of a call: half of it for pages, so that what they refer to can be asked for in the rest."""


class _Named(msgspec.Struct, frozen=True):
    id: str


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """Objects that are new, and how far they reach."""

    to: int | None
    """The last instant; None: nothing was ever taken."""
    objects: list[bytes] = field(default_factory=list)
    referred: list[bytes] = field(default_factory=list)
    """What they refer to and came long before: it is no record again."""
    marks: dict[str, int] = field(default_factory=dict)
    """Of each object, and the last instant of the page that it came with."""
    size: int = 0

    def add(self, page: Page, marks: Sequence[str], known: frozenset[str]) -> None:
        """Take over what of a page is new."""
        for one, mark in zip(page.objects, marks, strict=True):
            if mark not in known and mark not in self.marks:
                self.objects.append(one.content)
                self.size += len(one.content) + 1
                self.marks[mark] = page.last
        self.to = page.last

    def complete(self, collection: Collection) -> None:
        """Add what new objects refer to and what came long before. Raises UnreadableError.

        Without it nobody knows what was observed, of which family it is, or how far it may go.
        """
        # what is marked by a published marking needs nothing more
        here = {_id_of(one) for one in self.objects} | MARKING_IDS.keys() | {*PAP_IDS.values()}
        asking = [one for one in self.objects if _id_of(one).partition("--")[0] in STATEMENTS]
        for _ in range(ROUNDS):
            wanted = sorted({name for one in asking for name in companions_of(one, sighted=True)} - here)
            if not wanted:
                return
            here.update(wanted)
            named, asking = set(wanted), []
            for one in collection.find(wanted):
                # each once, whatever the server sends
                if (name := _id_of(one)) in named:
                    named.remove(name)
                    asking.append(one)
                    self.size += len(one) + 1
                if self.size > MOST_GATHERED_BYTES:
                    raise UnreadableError(
                        "What new objects refer to is more than one delivery may hold.",
                        expected=f"at most {MOST_GATHERED_BYTES:,} bytes",
                    )
            self.referred += asking

    def envelope(self) -> bytes:
        """The objects as they came, in an envelope of TAXII."""
        written = b'{"objects":[' + b",".join(self.objects) + b"]"
        if self.referred:
            written += b',"%s":[' % REFERRED.encode() + b",".join(self.referred) + b"]"
        return written + b"}\n"

    def of_last_instant(self) -> list[str]:
        """What may be asked for again: an object of the last instant came with no page that ended before."""
        return [mark for mark, last in self.marks.items() if last == self.to]


def _id_of(content: bytes) -> str:
    try:
        return msgspec.json.decode(content, type=_Named).id
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""


class _Time:
    """How long a call may ask."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._end = clock() + LONGEST

    def check(self, left: timedelta = timedelta(0)) -> None:
        """Raises UnreadableError when less is left than that."""
        if self._clock() + left >= self._end:
            raise UnreadableError(
                "The peer's answers take longer than a call may.",
                expected=f"an end within {LONGEST.total_seconds() / 60:g} minutes",
                remedy="the same command goes on after what was taken in",
            )


def open_collection(peer: Peer, in_time: Callable[[], None] = lambda: None) -> Collection:
    """The collection of a peer. Raises SettingsError, UnreadableError."""
    said = authorization(peer.scheme.value, peer.user, secret_of(peer))
    return Collection(peer.collection, authorization=said, ca_file=peer.ca_file, in_time=in_time)


def pull(folder: Path, name: str, actor: Actor, *, clock: Callable[[], datetime], as_json: bool) -> int:
    """Take what is new in a peer's collection; the exit code. Raises AccordError; what was taken before stays."""
    workspace = open_workspace(folder)
    declared = read_workspace(workspace.settings, FORMATS)
    peer = find_peer(declared.peers, name, workspace.settings)
    if peer.dataset is None:
        raise SettingsError(
            "Nothing is pulled from this peer.",
            where=f"{workspace.settings}: peer {peer.id}",
            expected="the data set that its objects go into, as `dataset`",
        )
    receipts: list[Receipt] = []
    failure: AccordError | None = None
    time = _Time(clock)
    with (
        open_database(declared.database) as database,
        open_collection(peer, time.check) as collection,
        progress_bar() as progress,
    ):
        puller = _Puller(
            workspace, database, peer, Source(dataset=peer.dataset, collection=peer.collection), actor, clock
        )
        key = hub_key(declared.hub.key_file)
        try:
            for receipt in puller.take_all(collection, time, key, progress):
                receipts.append(receipt)
        except AccordError as error:
            failure = error
        with database.reading() as connection:
            to = pulled_to(connection, puller.source)
    _tell(receipts, to, peer, as_json=as_json)
    if failure is not None:
        raise failure
    return COMPLETE_WITH_REFUSED if any(one.delivery.refused for one in receipts) else 0


class _Puller:
    def __init__(
        self,
        workspace: Workspace,
        database: Database,
        peer: Peer,
        source: Source,
        actor: Actor,
        clock: Callable[[], datetime],
    ) -> None:
        self.source = source
        self._workspace, self._database, self._peer = workspace, database, peer
        self._actor, self._clock = actor, clock

    def take_all(
        self, collection: Collection, time: _Time, key: bytes, progress: Callable[[str, int, int], None]
    ) -> Iterator[Receipt]:
        with self._database.reading() as connection:
            before = pulled_to(connection, self.source)
        gathered = _Gathered(to=before)
        # once more from the last instant on: more of it may have come
        until = microseconds(self._clock() + AHEAD)
        pages = collection.pages(None if before is None else before - 1, until=until)
        failure: UnreadableError | None = None
        while True:
            try:
                time.check(LONGEST / 2)
                page = next(pages, None)
            except UnreadableError as error:
                # whole pages are taken, whatever became of the next
                page, failure = None, error
            if page is not None:
                marks = [mark_of(one.name, key) for one in page.objects]
                with self._database.reading() as connection:
                    known = held(connection, self.source, marks)
                gathered.add(page, marks, known)
                progress(f"pulling {self._peer.id}", 0, 0)
            if gathered.objects and (page is None or gathered.size >= GATHERED_BYTES):
                try:
                    # what is refused for want of a reference is taken all the same, and never asked for again
                    gathered.complete(collection)
                except UnreadableError as error:
                    failure = failure or error
                    break
                yield self._take(gathered, before, progress)
                before = gathered.to
                gathered = _Gathered(to=before)
            if page is None:
                break
        if failure is not None:
            raise failure

    def _take(self, gathered: _Gathered, before: int | None, progress: Callable[[str, int, int], None]) -> Receipt:
        to = gathered.to
        assert to is not None  # noqa: S101 -- what is gathered came with a page
        now = self._clock()

        def beside(connection: Connection) -> None:
            advance(connection, self.source, before, to, gathered.of_last_instant(), now)

        actor = self._actor
        taken = take(
            self._workspace,
            self.source.dataset,
            [Held(name=f"{self._peer.id}.{write_time(to)}.json", content=gathered.envelope())],
            now,
            None,
            Actor(person=actor.person, justification=actor.justification or f"TAXII, pulled from {self._peer.id}"),
            clock=self._clock,
            snapshot=False,
            progress=progress,
            patience_s=PATIENCE_S,
            beside=beside,
        )
        for refusal in taken.refused:
            raise refusal
        (receipt,) = taken.receipts
        if receipt.known:
            with self._database.writing() as connection:
                beside(connection)
        return receipt


def _tell(receipts: Sequence[Receipt], to: int | None, peer: Peer, *, as_json: bool) -> None:
    until = None if to is None else write_time(to)
    if as_json:
        accounts: list[Mapping[str, object]] = [
            account_of(one.delivery) | {"agreements": list(one.agreements), "delivered_before": one.known}
            for one in receipts
        ]
        say_json({"peer": peer.id, "deliveries": accounts, "added_until": until})
        return
    tell(receipts)
    if not receipts:
        say(f"{peer.id}: nothing new" + ("." if until is None else f" since {until}."))
    else:
        records = sum(one.delivery.records for one in receipts)
        say(f"{peer.id}: {counted(records, 'object')} taken in, up to {until}.")
