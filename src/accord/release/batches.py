"""What is put into channels: objects in batches, each visible when its entries are witnessed.

A batch is ended in one transaction of the database, so that whoever is killed leaves one that is whole and not visible
yet, one that has not ended and is removed by who comes next, or none. Who sees what of it is judged whenever somebody
looks (`release.sights`).
"""

import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, Self, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Table, and_, delete, func, insert, or_, select, tuple_, update

from accord.agreements.declarations import DatasetId
from accord.columns.instants import EPOCH, microseconds
from accord.journal import book
from accord.release.channels import UNFINISHED, Channel, ChannelId, Member, next_batch
from accord.release.policies import EVERY_MEMBER, Classes, Policies, remove_unused
from accord.workspace.database import count_rows, insert_rows
from accord.workspace.schema import (
    CHANNEL_BATCHES,
    CHANNEL_FINDINGS,
    CHANNEL_OBJECTS,
    CHANNEL_REMAINS,
    CHANNEL_SHARED,
    CHANNEL_SOURCES,
    DISCLOSURES,
)

Source = tuple[DatasetId, str]
"""A data set, and the SHA-256 of a delivery in hex."""

Resting = tuple[Classes, Collection[Source]]
"""The policy classes of a finding, and the deliveries behind it."""

_Thing = TypeVar("_Thing")

WINDOW = 1 << 20
"""Microseconds over which times of being added are drawn, for half as many objects at most."""

MANY = 10_000
"""Objects of a batch from which on it changes how a database had best be asked."""

_AT_ONCE = 500
"""Ids in one query: fewer than any database refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An object that may be put into a channel."""

    object: str
    """Its STIX id."""
    type: str
    version: str
    """`modified`, as STIX writes it; empty: it has no versions."""
    content: str
    """JSON."""
    findings: tuple[str, ...]
    """The ids of those that it tells of; none: it tells of no finding, and every member may have it."""
    shared: bool
    """Others may tell of them as well: observables and families."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An object in a channel."""

    object: str
    type: str
    version: str
    added: int
    """Microseconds since 1970; unique and ascending in the channel."""
    revoked: bool
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What of some drafts is to be put: rows that have no numbers yet, and tellings of shared objects."""

    rows: tuple[dict[str, object], ...] = ()
    told: tuple[dict[str, object], ...] = ()

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(rows=self.rows + other.rows, told=self.told + other.told)

    def __len__(self) -> int:
        return len(self.rows) + len(self.told)


class _Places:
    """Draws the numbers of a batch's objects out of windows of its own, any left one as likely as any other.

    What a member sees of a batch lies there as if there were nothing else: no gap tells how much there is.
    """

    def __init__(self) -> None:
        self._begin = 0
        self._drawn = bytearray()
        self._left = 0

    def draw(self, connection: Connection) -> int:
        """The number of one more object."""
        if not self._left:
            newest = connection.execute(select(func.max(CHANNEL_OBJECTS.c.number))).scalar_one() or 0
            self._begin = _window(max(newest, self._begin)) + WINDOW
            self._drawn, self._left = bytearray(WINDOW), WINDOW // 2
        while self._drawn[place := secrets.randbelow(WINDOW)]:
            pass
        self._drawn[place] = 1
        self._left -= 1
        return self._begin + place


class _Tables:
    """Inserts rows, and lets a table be counted at `MANY` and whenever it has grown to four times as many.

    What is asked while it grows is asked of a table that PostgreSQL would else believe to be as small as at first.
    """

    def __init__(self) -> None:
        self._rows: Counter[Table] = Counter()
        self._count_at: defaultdict[Table, int] = defaultdict(lambda: MANY)

    def insert(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows."""
        insert_rows(connection, table, rows)
        self._rows[table] += len(rows)
        if self._rows[table] >= self._count_at[table]:
            count_rows(connection, table)
            self._count_at[table] *= 4


class Batch:
    """A batch in the making, on a writer's connection: nothing of it is visible before `show`.

    One that is made `in_parts` goes on in other transactions (`on`), and waits for `end`; what is left of one that
    never came to it is removed by `withdrawals.remove_unfinished`.
    """

    def __init__(
        self,
        connection: Connection,
        channel: Channel,
        *,
        at: datetime,
        recall: UUID | None = None,
        in_parts: bool = False,
    ) -> None:
        self._connection = connection
        self._channel = channel
        self.number = next_batch(connection)
        self.findings: set[str] = set()
        """Those of which something was put."""
        self._told: dict[str, int] = {}
        """Of those that only say what stands, the first batch since which a member is told of it."""
        self.objects = 0
        self._places, self._tables = _Places(), _Tables()
        self._policies = Policies(connection)
        if in_parts:
            # what is judged on a reader's connection finds it there
            self._policies.number(EVERY_MEMBER)
        self._resting: dict[str, int] = {}
        """The numbers of findings' policies, as far as they were asked for."""
        self._listed: list[str] = []
        self._joined = max((one.since for one in channel.members), default=0)
        """Nobody has joined after this batch: what was told since is told to every member."""
        connection.execute(
            insert(CHANNEL_BATCHES).values(
                number=self.number,
                channel=channel.id,
                recall=None if recall is None else str(recall),
                made_at=at,
                entries_end=UNFINISHED if in_parts else book.size(connection),
            )
        )

    def on(self, connection: Connection) -> Self:
        """The batch, in another transaction."""
        self._connection = connection
        self._policies = Policies(connection)
        return self

    def put(
        self,
        drafts: Iterable[Draft],
        resting: Mapping[str, Resting],
        versioned: Callable[[Draft, str], Draft],
    ) -> None:
        """Put drafts whole, in one transaction; as `know`, `rest`, `judge` and `write` say."""
        self.know(resting)
        self.rest(resting)
        for part in portions(drafts):
            self.write(self.judge(part, versioned))

    def know(self, resting: Mapping[str, Resting]) -> None:
        """Give findings' policies their numbers: before anything is put of them."""
        self._resting |= {one: self._policies.number(classes) for one, (classes, _) in resting.items()}

    def new_to(self, member: Member) -> frozenset[str]:
        """The findings of which it is told what it was not told before."""
        return frozenset(one for one, told in self._told.items() if told < member.since)

    @cached_property
    def listing(self) -> str:
        """What was put, but for what findings share: a line an object, sorted, with its id and version.

        To be asked for once all is put.
        """
        return "".join(sorted(self._listed))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the listing, in hex."""
        return hashlib.sha256(self.listing.encode()).hexdigest()

    def end(self) -> None:
        """Let it wait for all that the ledger holds by now."""
        here = CHANNEL_BATCHES.c.number == self.number
        self._connection.execute(update(CHANNEL_BATCHES).where(here).values(entries_end=book.size(self._connection)))

    def rest(self, resting: Mapping[str, Resting]) -> None:
        """Record on what findings rest by now."""
        for some in portions(resting):
            self._rest_policies(some)
            self._rest_sources({one: resting[one][1] for one in some})

    def _rest_policies(self, findings: Sequence[str]) -> None:
        channel, table = self._channel.id, CHANNEL_FINDINGS.c
        mine = and_(table.channel == channel, table.finding.in_(findings))
        standing = {row.finding: row for row in self._connection.execute(select(CHANNEL_FINDINGS).where(mine))}
        moved = [one for one in findings if one not in standing or standing[one].policy != self._resting[one]]
        mine = and_(table.channel == channel, table.finding.in_([one for one in moved if one in standing]))
        self._connection.execute(delete(CHANNEL_FINDINGS).where(mine))
        self._tables.insert(
            self._connection,
            CHANNEL_FINDINGS,
            [
                {
                    "channel": channel,
                    "finding": one,
                    "policy": self._resting[one],
                    "generation": standing[one].generation if one in standing else 0,
                }
                for one in moved
            ],
        )

    def _rest_sources(self, behind: Mapping[str, Collection[Source]]) -> None:
        # what an earlier version rests on stays known: that one is seen until this batch is, and may be asked for after
        table, channel = CHANNEL_SOURCES.c, self._channel.id
        mine = and_(table.channel == channel, table.finding.in_(behind))
        standing = self._connection.execute(select(CHANNEL_SOURCES).where(mine)).all()
        found = {(row.finding, row.dataset, row.delivery): row.batch for row in standing}
        found |= {(finding, *one): self.number for finding, each in behind.items() for one in each}
        if standing:
            self._connection.execute(delete(CHANNEL_SOURCES).where(mine))
        self._tables.insert(
            self._connection,
            CHANNEL_SOURCES,
            [
                {"channel": channel, "finding": finding, "dataset": dataset, "delivery": delivery, "batch": batch}
                for (finding, dataset, delivery), batch in sorted(found.items())
            ],
        )

    def judge(self, drafts: Sequence[Draft], versioned: Callable[[Draft, str], Draft]) -> Judged:
        """What is new or says something else than what stands, and what somebody was not told of who has joined.

        A reader's connection is enough. Each object comes once, and no more than `portions` gives at a time.
        `versioned(draft, standing)` is the draft with the version that follows from what stands.
        """
        ids = [one.object for one in drafts]
        standing, left = self._standing(ids), self._left(ids)
        unknown = {each for one in drafts for each in one.findings if each not in self._resting}
        self._resting |= _finding_policies(self._connection, self._channel.id, unknown)
        tellings = _tellings(self._connection, self._channel.id, [one.object for one in drafts if one.shared])
        rows: list[dict[str, object]] = []
        told: list[dict[str, object]] = []
        for draft in drafts:
            # what tells of findings of which none is in the channel is not put
            findings = [each for each in draft.findings if each in self._resting]
            if draft.findings and not findings:
                continue
            before = standing.get(draft.object)
            known = left.get(draft.object) if before is None else before.content
            one = draft if known is None else versioned(draft, known)
            same = before is not None and (one.version, one.content) == (before.version, before.content)
            if one.shared:
                put = self._tell(one, findings, tellings[one.object], told, same=same)
                policy = None
            else:
                policy = self._resting[findings[0]] if findings else self._policies.number(EVERY_MEMBER)
                same = before is not None and same and policy == before.policy
                put = before is None or not same or before.told < self._joined
                if put:
                    self._note(findings, before.told if before is not None and same else -1)
            if put:
                rows.append(self._row(one, policy, self.number, revoked=False))
        return Judged(rows=tuple(rows), told=tuple(told))

    def write(self, judged: Judged) -> None:
        """Put what was judged."""
        self._write(judged.rows)
        self._tables.insert(self._connection, CHANNEL_SHARED, judged.told)

    def _write(self, rows: Sequence[dict[str, object]]) -> None:
        numbered = [{"number": self._places.draw(self._connection), **row} for row in rows]
        self._tables.insert(self._connection, CHANNEL_OBJECTS, numbered)
        self.objects += len(rows)

    def _tell(
        self,
        draft: Draft,
        findings: Sequence[str],
        tellings: Collection["_Telling"],
        told: list[dict[str, object]],
        *,
        same: bool,
    ) -> bool:
        """Let findings tell of a shared object, as far as not every member knows it; must the object be put again?"""
        # of tellings that are not visible yet the last one stands
        last = {one.finding: one for one in sorted(tellings, key=lambda one: one.told)}
        # whoever sees it with one finding sees it with any other of the same policy
        seen = {one.policy for one in tellings if one.told >= self._joined}
        put = not same
        for finding in findings:
            policy = self._resting[finding]
            known = last.get(finding)
            before = known.told if same and known is not None and known.policy == policy else -1
            if before < self._joined:
                self._note([finding], before)
                told.append(
                    {
                        "channel": self._channel.id,
                        "object": draft.object,
                        "finding": finding,
                        "told": self.number,
                        "policy": policy,
                    }
                )
                put = put or policy not in seen
        return put

    def _note(self, findings: Collection[str], told: int) -> None:
        """Something was put of findings; who joined after the batch `told` knew nothing of it."""
        self.findings.update(findings)
        for each in findings:
            self._told[each] = min(told, self._told.get(each, told))

    def _standing(self, ids: Sequence[str]) -> dict[str, Any]:
        """The newest version of objects that are in the channel."""
        table = CHANNEL_OBJECTS.c
        wanted = select(table.object, table.version, table.policy, table.told, table.content).where(
            table.channel == self._channel.id, table.object.in_(ids), table.revoked.is_(False)
        )
        return {row.object: row for row in self._connection.execute(wanted.order_by(table.number))}

    def _left(self, ids: Sequence[str]) -> dict[str, str]:
        """What is left of objects that were there once."""
        table = CHANNEL_REMAINS.c
        wanted = select(table.object, table.content).where(table.channel == self._channel.id, table.object.in_(ids))
        return {row.object: row.content for row in self._connection.execute(wanted)}

    def _row(self, draft: Draft, policy: int | None, told: int, *, revoked: bool) -> dict[str, object]:
        if not draft.shared:
            # ids of values are digests of them, and contents could be found by trying: neither outlives an erasure here
            self._listed.append(f"{draft.object} {draft.version or '-'}\n")
        return {
            "channel": self._channel.id,
            "batch": self.number,
            "object": draft.object,
            "type": draft.type,
            "version": draft.version,
            "policy": policy,
            "told": told,
            "finding": draft.findings[0] if draft.findings and not draft.shared else None,
            "revoked": revoked,
            "content": draft.content,
        }

    def revoke(
        self, rows: Sequence["Placed"], told: Sequence[int], reduced: Callable[["Placed"], Sequence[Draft]]
    ) -> None:
        """Put what tells every member that knew of some objects that they hold no more.

        What several of them need is put once, for all that knew of any.
        """
        since: dict[str, int] = {}
        drafts: dict[str, Draft] = {}
        for one, known in zip(rows, told, strict=True):
            for draft in reduced(one):
                drafts[draft.object] = draft
                since[draft.object] = max(known, since.get(draft.object, known))
        for some in portions(drafts):
            standing = self._revoked(some)
            policy = self._policies.number(EVERY_MEMBER)
            put = [
                self._row(drafts[name], policy, since[name], revoked=True)
                for name in some
                if standing.get((name, drafts[name].version), -1) < since[name]
            ]
            self._write(put)

    def _revoked(self, ids: Sequence[str]) -> dict[tuple[str, str], int]:
        """By object and version, who was told that it holds no more."""
        table = CHANNEL_OBJECTS.c
        wanted = select(table.object, table.version, func.max(table.told).label("told")).where(
            table.channel == self._channel.id, table.object.in_(ids), table.revoked.is_(True)
        )
        rows = self._connection.execute(wanted.group_by(table.object, table.version))
        return {(row.object, row.version): row.told for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    """That a finding told of a shared object."""

    finding: str
    policy: int
    told: int


def generations(connection: Connection, channel: ChannelId, findings: Collection[str]) -> dict[str, int]:
    """Of findings whose objects were taken away from a channel, how often."""
    table = CHANNEL_FINDINGS.c
    found: dict[str, int] = {}
    for some in portions(sorted(findings)):
        wanted = select(table.finding, table.generation).where(
            table.channel == channel, table.finding.in_(some), table.generation > 0
        )
        found |= {row.finding: row.generation for row in connection.execute(wanted)}
    return found


def show(connection: Connection, *, verified: int, at: datetime) -> tuple[int, ...]:
    """Make visible every batch whose entries everybody can verify; their numbers. `verified`: the log's public size."""
    batches, objects = CHANNEL_BATCHES.c, CHANNEL_OBJECTS.c
    due = connection.execute(
        select(CHANNEL_BATCHES)
        .where(batches.visible_at.is_(None), batches.entries_end <= verified)
        .order_by(batches.number)
    ).all()
    for batch in due:
        mine = objects.batch == batch.number
        first, last = connection.execute(select(func.min(objects.number), func.max(objects.number)).where(mine)).one()
        begin = end = max(at, _behind(connection, batch.channel))
        _replace(connection, batch.channel, batch.number)
        if first is not None:
            moved = objects.number + (microseconds(begin) - _window(first))
            if connection.execute(update(CHANNEL_OBJECTS).where(mine).values(added=moved)).rowcount >= MANY:
                count_rows(connection, CHANNEL_OBJECTS, CHANNEL_SHARED)
            end += timedelta(microseconds=_window(last) - _window(first) + WINDOW)
        connection.execute(update(CHANNEL_BATCHES).where(batches.number == batch.number).values(visible_at=end))
        connection.execute(
            update(DISCLOSURES)
            .where(DISCLOSURES.c.batch == batch.number, DISCLOSURES.c.handed_over_at.is_(None))
            .values(handed_over_at=at)
        )
    if due:
        remove_unused(connection)
    return tuple(one.number for one in due)


def _behind(connection: Connection, channel: str) -> datetime:
    """A time after all at which objects were added to a channel, whoever sees them, and whatever is there no more."""
    batches, objects = CHANNEL_BATCHES.c, CHANNEL_OBJECTS.c
    ended = connection.execute(select(func.max(batches.visible_at)).where(batches.channel == channel)).scalar_one()
    added = connection.execute(select(func.max(objects.added)).where(objects.channel == channel)).scalar_one()
    return max(ended or EPOCH, EPOCH + timedelta(microseconds=(added or 0) + 1))


def _window(number: int) -> int:
    """The first number of the window of one."""
    return number - number % WINDOW


def _replace(connection: Connection, channel: str, batch: int) -> None:
    """Delete that instead of which a batch is seen: the same versions, what is shared, and older tellings of it."""
    objects, older = CHANNEL_OBJECTS.c, CHANNEL_OBJECTS.alias("older")
    connection.execute(
        delete(CHANNEL_OBJECTS).where(
            objects.number.in_(
                select(older.c.number)
                .join(
                    CHANNEL_OBJECTS,
                    and_(
                        objects.channel == older.c.channel,
                        objects.object == older.c.object,
                        or_(objects.version == older.c.version, objects.policy.is_(None)),
                    ),
                )
                .where(objects.batch == batch, older.c.channel == channel, older.c.number < objects.number)
                .scalar_subquery()
            )
        )
    )
    shared, fresh = CHANNEL_SHARED.c, CHANNEL_SHARED.alias("fresh")
    told = select(fresh.c.object, fresh.c.finding).where(fresh.c.channel == channel, fresh.c.told == batch)
    connection.execute(
        delete(CHANNEL_SHARED).where(
            shared.channel == channel, shared.told < batch, tuple_(shared.object, shared.finding).in_(told)
        )
    )


def hidden(connection: Connection) -> tuple[int, ...]:
    """The numbers of the batches that were ended and are not visible yet."""
    batches = CHANNEL_BATCHES.c
    wanted = select(batches.number).where(batches.visible_at.is_(None), batches.entries_end != UNFINISHED)
    return tuple(connection.execute(wanted.order_by(CHANNEL_BATCHES.c.number)).scalars())


def unfinished(connection: Connection) -> tuple[int, ...]:
    """The numbers of the batches that were begun in parts and have not ended."""
    wanted = select(CHANNEL_BATCHES.c.number).where(CHANNEL_BATCHES.c.entries_end == UNFINISHED)
    return tuple(connection.execute(wanted.order_by(CHANNEL_BATCHES.c.number)).scalars())


def _tellings(connection: Connection, channel: ChannelId, objects: Sequence[str]) -> defaultdict[str, list[_Telling]]:
    """By shared object, the findings that told of it."""
    table = CHANNEL_SHARED.c
    wanted = select(table.object, table.finding, table.policy, table.told)
    found: defaultdict[str, list[_Telling]] = defaultdict(list)
    for row in connection.execute(wanted.where(table.channel == channel, table.object.in_(objects))):
        found[row.object].append(_Telling(finding=row.finding, policy=row.policy, told=row.told))
    return found


def _finding_policies(connection: Connection, channel: ChannelId, findings: Collection[str]) -> dict[str, int]:
    table = CHANNEL_FINDINGS.c
    found: dict[str, int] = {}
    for some in portions(sorted(findings)):
        wanted = select(table.finding, table.policy).where(
            table.channel == channel, table.finding.in_(some), table.policy.is_not(None)
        )
        found |= {row.finding: row.policy for row in connection.execute(wanted)}
    return found


def portions(things: Iterable[_Thing]) -> Iterator[tuple[_Thing, ...]]:
    """Things in as many parts as one query each may name."""
    left = iter(things)
    while some := tuple(islice(left, _AT_ONCE)):
        yield some


def placed(row: Any) -> Placed:  # noqa: ANN401 -- a row
    """An object as its row has it."""
    return Placed(
        object=row.object,
        type=row.type,
        version=row.version,
        added=row.added,
        revoked=bool(row.revoked),
        content=row.content,
    )
