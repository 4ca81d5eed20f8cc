"""What is put into channels: objects in batches, each visible when its entries are witnessed, for whom the rules let.

Everything happens in transactions of the database, so that whoever is killed leaves a batch that is whole and not
visible yet, or none. A member's sight is judged anew whenever it looks: an agreement that has ended ends it by itself.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, select, update

from accord.agreements.agreement import AgreementId, Register
from accord.agreements.declarations import DatasetId, PartnerId
from accord.columns.instants import microseconds
from accord.journal import book
from accord.release.channels import Channel, ChannelId, Member, next_batch, recipient
from accord.release.question import Audience, Embargo, Item, Release
from accord.release.rules import RULES, decide
from accord.vocabulary.markings import Marking, strictest
from accord.workspace.database import insert_rows
from accord.workspace.schema import (
    CHANNEL_BATCHES,
    CHANNEL_FINDINGS,
    CHANNEL_OBJECTS,
    CHANNEL_POLICIES,
    CHANNEL_SHARED,
    CHANNEL_SOURCES,
    DISCLOSURES,
)

Classes = frozenset["PolicyClass"]
"""The policy classes that one finding rests on: all must be permitted."""
Source = tuple[DatasetId, str]
"""A data set, and the SHA-256 of a delivery in hex."""

_Thing = TypeVar("_Thing")

_AT_ONCE = 500
"""Ids in one query: fewer than any database refuses."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PolicyClass:
    """What the rules may know of a part of an object, without what is registered of its data set by then."""

    dataset: str
    marking: str
    came_in: tuple[str, ...]
    personal: bool
    embargo: tuple[str, str, tuple[str, ...]] | None
    """An operation, until when it is secret, and for whom it is not."""

    @classmethod
    def of(cls, item: Item) -> "PolicyClass":
        """That of an item that stands in no review."""
        secret = item.embargo
        return cls(
            dataset=item.dataset.id,
            marking=item.marking.value,
            came_in=tuple(item.came_in),
            personal=item.personal,
            embargo=None
            if secret is None
            else (secret.operation, secret.until.isoformat(), tuple(sorted(secret.recipients))),
        )

    def item(self, register: Register) -> Item | None:
        """What the rules are asked now; None: its data set is not registered any more."""
        held = register.datasets.get(DatasetId(self.dataset))
        if held is None:
            return None
        return Item(
            dataset=held,
            # what was taken for amber may be called red by now
            marking=strictest(Marking(self.marking), held.marking),
            came_in=tuple(map(AgreementId, self.came_in)),
            personal=self.personal or held.personal,
            in_review=False,
            embargo=None
            if self.embargo is None
            else Embargo(
                operation=self.embargo[0],
                until=datetime.fromisoformat(self.embargo[1]),
                recipients=frozenset(map(PartnerId, self.embargo[2])),
            ),
        )


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
class Sight:
    """What a member of a channel may see at a moment."""

    channel: ChannelId
    since: int
    policies: tuple[int, ...]
    """Those of which every class is permitted."""

    def of(self, table: Any = CHANNEL_OBJECTS.c) -> ColumnElement[bool]:  # noqa: ANN401 -- columns of a table or alias
        """The condition that an object's row must meet."""
        return and_(
            table.channel == self.channel,
            table.added.is_not(None),
            table.told >= self.since,
            table.policy.in_(self.policies),
        )


@dataclass(slots=True)
class Policies:
    """Policies by their numbers; one that is new gets the next."""

    connection: Connection
    _numbers: dict[frozenset[Classes], int] = field(default_factory=dict)
    _classes: dict[int, Classes] = field(default_factory=dict)

    def number(self, alternatives: frozenset[Classes]) -> int:
        """The number of a policy that one alternative whole satisfies."""
        if alternatives not in self._numbers:
            text = _encode(alternatives)
            wanted = select(CHANNEL_POLICIES.c.number).where(CHANNEL_POLICIES.c.classes == text)
            number = self.connection.execute(wanted).scalar_one_or_none()
            if number is None:
                number = (self.connection.execute(select(func.max(CHANNEL_POLICIES.c.number))).scalar_one() or 0) + 1
                self.connection.execute(insert(CHANNEL_POLICIES).values(number=number, classes=text))
            self._numbers[alternatives] = number
        return self._numbers[alternatives]

    def any_of(self, numbers: Collection[int]) -> int:
        """The number of the policy that one of some findings' policies satisfies; of none, that of every member."""
        found = frozenset(map(self.classes, numbers))
        # who is permitted more is permitted less: an alternative that holds another whole adds nothing. A family is
        # told of by findings of many policies, and PostgreSQL's indexes take no long texts
        return self.number(frozenset(one for one in found if not any(each < one for each in found)) or EVERY_MEMBER)

    def classes(self, number: int) -> Classes:
        """The one alternative of a finding's policy."""
        if number not in self._classes:
            wanted = select(CHANNEL_POLICIES.c.classes).where(CHANNEL_POLICIES.c.number == number)
            (self._classes[number],) = _decode(self.connection.execute(wanted).scalar_one())
        return self._classes[number]


EVERY_MEMBER: frozenset[Classes] = frozenset({frozenset()})
"""The policy of what tells of no finding."""


class Batch:
    """A batch in the making, on a writer's connection: nothing of it is visible before `show`."""

    def __init__(self, connection: Connection, channel: Channel, *, at: datetime, recall: UUID | None = None) -> None:
        self._connection = connection
        self._channel = channel
        self.number = next_batch(connection)
        self.findings: set[str] = set()
        """Those of which something was put."""
        self._told: dict[str, int] = {}
        """Of those that only say what stands, the first batch since which a member is told of it."""
        self.objects = 0
        self._policies = Policies(connection)
        self._resting: dict[str, int] = {}
        """The numbers of findings' policies, as far as they were asked for."""
        self._next = (connection.execute(select(func.max(CHANNEL_OBJECTS.c.number))).scalar_one() or 0) + 1
        self._listed: list[str] = []
        self._joined = max((one.since for one in channel.members), default=0)
        """Nobody has joined after this batch: what was told since is told to every member."""
        connection.execute(
            insert(CHANNEL_BATCHES).values(
                number=self.number,
                channel=channel.id,
                recall=None if recall is None else str(recall),
                made_at=at,
                entries_end=book.size(connection),
            )
        )

    def put(
        self,
        drafts: Iterable[Draft],
        resting: Mapping[str, tuple[Classes, Collection[Source]]],
        versioned: Callable[[Draft, str], Draft],
    ) -> None:
        """Put what is new or says something else than what stands, and what somebody was not told of who has joined.

        Each object comes once. `resting`: by finding, its policy classes and the deliveries behind it.
        `versioned(draft, standing)` is the draft with the version that follows from what stands.
        """
        for some in _portions(resting):
            self._rest({one: resting[one] for one in some})
        for part in _portions(drafts):
            self._put(part, versioned)

    def new_to(self, member: Member) -> frozenset[str]:
        """The findings of which it is told what it was not told before."""
        return frozenset(one for one, told in self._told.items() if told < member.since)

    @property
    def listing(self) -> str:
        """What was put, but for what findings share: a line an object, sorted, with its id and version."""
        return "".join(sorted(self._listed))

    @property
    def digest(self) -> str:
        """SHA-256 of the listing, in hex."""
        return hashlib.sha256(self.listing.encode()).hexdigest()

    def end(self) -> None:
        """Let it wait for all that the ledger holds by now."""
        here = CHANNEL_BATCHES.c.number == self.number
        self._connection.execute(update(CHANNEL_BATCHES).where(here).values(entries_end=book.size(self._connection)))

    def _rest(self, resting: Mapping[str, tuple[Classes, Collection[Source]]]) -> None:
        """Record on what findings rest by now."""
        connection, channel = self._connection, self._channel.id
        table = CHANNEL_FINDINGS.c
        mine = and_(table.channel == channel, table.finding.in_(resting))
        standing = {row.finding: row.generation for row in connection.execute(select(CHANNEL_FINDINGS).where(mine))}
        policies = {one: self._policies.number(frozenset({classes})) for one, (classes, _) in resting.items()}
        self._resting |= policies
        connection.execute(delete(CHANNEL_FINDINGS).where(mine))
        insert_rows(
            connection,
            CHANNEL_FINDINGS,
            [
                {
                    "channel": channel,
                    "finding": finding,
                    "policy": policy,
                    "generation": standing.get(finding, 0),
                    "live": True,
                }
                for finding, policy in policies.items()
            ],
        )
        # what an earlier version rests on stays known: that one is seen until this batch is, and may be asked for after
        sources = CHANNEL_SOURCES.c
        wanted = select(sources.finding, sources.dataset, sources.delivery)
        known = {
            tuple(row)
            for row in connection.execute(wanted.where(sources.channel == channel, sources.finding.in_(resting)))
        }
        behind = {(finding, *one) for finding, (_, each) in resting.items() for one in each}
        insert_rows(
            connection,
            CHANNEL_SOURCES,
            [
                {"channel": channel, "finding": finding, "dataset": dataset, "delivery": delivery}
                for finding, dataset, delivery in sorted(behind - known)
            ],
        )

    def _put(self, drafts: Sequence[Draft], versioned: Callable[[Draft, str], Draft]) -> None:
        connection, table = self._connection, CHANNEL_OBJECTS.c
        ids = [one.object for one in drafts]
        standing: dict[str, Any] = {}
        wanted = select(table.object, table.version, table.policy, table.told, table.content).where(
            table.channel == self._channel.id, table.object.in_(ids), table.revoked.is_(False)
        )
        for row in connection.execute(wanted.order_by(table.number)):
            standing[row.object] = row
        policies = self._policies_of(drafts)
        told = {(one.object, each) for one in drafts if one.shared for each in one.findings if each in self._resting}
        _share(connection, self._channel.id, told)
        rows = []
        for draft in drafts:
            policy = policies.get(draft.object)
            if policy is None:
                continue
            before = standing.get(draft.object)
            one = draft if before is None else versioned(draft, before.content)
            same = before is not None and (one.version, one.content, policy) == (
                before.version,
                before.content,
                before.policy,
            )
            if before is not None and same and before.told >= self._joined:
                continue
            self.findings.update(one.findings)
            for finding in one.findings:
                known = before.told if before is not None and same else -1
                self._told[finding] = min(known, self._told.get(finding, known))
            rows.append(self._row(one, policy, self.number, revoked=False))
        insert_rows(connection, CHANNEL_OBJECTS, rows)

    def _row(self, draft: Draft, policy: int, told: int, *, revoked: bool) -> dict[str, object]:
        number, self._next = self._next, self._next + 1
        self.objects += 1
        if not draft.shared:
            # ids of values are digests of them, and contents could be found by trying: neither outlives an erasure here
            self._listed.append(f"{draft.object} {draft.version or '-'}\n")
        return {
            "number": number,
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

    def _policies_of(self, drafts: Sequence[Draft]) -> dict[str, int]:
        """By object, the number of its policy: any of the findings that it tells of lets it out.

        What tells of findings of which none is in the channel has none.
        """
        connection, channel = self._connection, self._channel.id
        unknown = {each for one in drafts for each in one.findings if each not in self._resting}
        self._resting |= _finding_policies(connection, channel, unknown)
        shared = _shared_policies(connection, channel, [one.object for one in drafts if one.shared])
        found = {}
        for one in drafts:
            numbers = {self._resting[each] for each in one.findings if each in self._resting}
            numbers |= shared.get(one.object, set())
            if numbers or not one.findings:
                # the one alternative of a finding's policy is that policy
                found[one.object] = numbers.pop() if len(numbers) == 1 else self._policies.any_of(numbers)
        return found

    def revoke(
        self, rows: Sequence["Placed"], told: Sequence[int], reduced: Callable[["Placed"], Sequence[Draft]]
    ) -> None:
        """Put what tells every member that knew of some objects that they hold no more."""
        policy = self._policies.number(EVERY_MEMBER)
        put = [
            self._row(draft, policy, since, revoked=True)
            for one, since in zip(rows, told, strict=True)
            for draft in reduced(one)
        ]
        insert_rows(self._connection, CHANNEL_OBJECTS, put)


def generations(connection: Connection, channel: ChannelId, findings: Collection[str]) -> dict[str, int]:
    """Of findings whose objects were taken away from a channel, how often."""
    table = CHANNEL_FINDINGS.c
    found: dict[str, int] = {}
    for some in _portions(sorted(findings)):
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
        first = connection.execute(select(func.min(objects.number)).where(mine)).scalar_one()
        last = connection.execute(select(func.max(objects.added)).where(objects.channel == batch.channel)).scalar_one()
        begin = max(microseconds(at), (last or 0) + 1)
        older = CHANNEL_OBJECTS.alias("older")
        connection.execute(
            delete(CHANNEL_OBJECTS).where(
                objects.number.in_(
                    select(older.c.number)
                    .join(
                        CHANNEL_OBJECTS,
                        and_(
                            objects.channel == older.c.channel,
                            objects.object == older.c.object,
                            objects.version == older.c.version,
                        ),
                    )
                    .where(mine, older.c.channel == batch.channel, older.c.number < objects.number)
                    .scalar_subquery()
                )
            )
        )
        if first is not None:
            connection.execute(update(CHANNEL_OBJECTS).where(mine).values(added=objects.number + (begin - first)))
        connection.execute(update(CHANNEL_BATCHES).where(batches.number == batch.number).values(visible_at=at))
        connection.execute(
            update(DISCLOSURES)
            .where(DISCLOSURES.c.batch == batch.number, DISCLOSURES.c.handed_over_at.is_(None))
            .values(handed_over_at=at)
        )
    return tuple(one.number for one in due)


def hidden(connection: Connection) -> tuple[int, ...]:
    """The numbers of the batches that are not visible yet."""
    wanted = select(CHANNEL_BATCHES.c.number).where(CHANNEL_BATCHES.c.visible_at.is_(None))
    return tuple(connection.execute(wanted.order_by(CHANNEL_BATCHES.c.number)).scalars())


def sight(connection: Connection, channel: Channel, member: Member, release: Release) -> Sight:
    """What a member may see at `release.at`: every rule is asked of every policy class that there is."""
    reader = Audience(recipients=(recipient(channel, member, release.register),), encrypted=channel.encrypted)
    answers: dict[PolicyClass, bool] = {}

    def permitted(one: PolicyClass) -> bool:
        if one not in answers:
            item = one.item(release.register)
            answers[one] = item is not None and decide(item, reader, release, RULES).permitted
        return answers[one]

    # of all channels: what is put into this one under a known policy is seen at once by who keeps a sight for a moment
    rows = connection.execute(select(CHANNEL_POLICIES).order_by(CHANNEL_POLICIES.c.number))
    allowed = [row.number for row in rows if any(all(map(permitted, classes)) for classes in _decode(row.classes))]
    return Sight(channel=channel.id, since=member.since, policies=tuple(allowed))


def page(
    connection: Connection, seen: Sight, *, after: int = -1, limit: int, latest: bool = True
) -> tuple[Placed, ...]:
    """Objects that a member may see, those added after `after` (microseconds), in the order in which they were.

    `latest`: the last version of each that it may see, and not those before.
    """
    table = CHANNEL_OBJECTS.c
    wanted = select(table.object, table.type, table.version, table.added, table.revoked, table.content)
    wanted = wanted.where(seen.of(), table.added > after)
    if latest:
        later = CHANNEL_OBJECTS.alias("later")
        wanted = wanted.where(
            ~exists().where(later.c.object == table.object, later.c.added > table.added, seen.of(later.c))
        )
    return tuple(_placed(row) for row in connection.execute(wanted.order_by(table.added).limit(limit)))


def take_away(
    connection: Connection,
    channels: Mapping[ChannelId, Channel],
    concerned: Mapping[ChannelId, Collection[str]],
    *,
    recall: UUID | None,
    at: datetime,
    reduced: Callable[[Placed], Sequence[Draft]] | None,
) -> tuple[int, ...]:
    """Take findings out of channels at once; revocations (`reduced`) follow as batches of their own: their numbers.

    Nothing of the findings is seen any more from the end of the transaction on. The entries of a recall stand in the
    book already. Observables and families that no other finding tells of go with them; nobody is told of these, because
    they have no versions, or say nothing by themselves. Without `reduced` nobody is told of anything.
    """
    batches = []
    for name, findings in sorted(concerned.items()):
        rows, told = _removed(connection, name, findings)
        if reduced is None or not rows:
            continue
        batch = Batch(connection, channels[name], at=at, recall=recall)
        batch.revoke(rows, told, reduced)
        batch.end()
        batches.append(batch.number)
    return tuple(batches)


def resting_on(
    connection: Connection, dataset: DatasetId, deliveries: Collection[str] | None
) -> dict[ChannelId, frozenset[str]]:
    """By channel, the findings that rest on some deliveries of a data set (None: on any), be it beside others."""
    table = CHANNEL_SOURCES.c
    wanted = select(table.channel, table.finding).where(table.dataset == dataset)
    if deliveries is not None:
        wanted = wanted.where(table.delivery.in_(deliveries))
    return _by_channel(connection.execute(wanted))


def forget(connection: Connection, dataset: DatasetId, deliveries: Collection[str]) -> dict[ChannelId, frozenset[str]]:
    """Forget that findings rest on a delivery, by all its names; by channel, those that rest on nothing any more."""
    table, other = CHANNEL_SOURCES.c, CHANNEL_SOURCES.alias("other")
    here = and_(table.dataset == dataset, table.delivery.in_(deliveries))
    alone = ~exists().where(
        other.c.channel == table.channel,
        other.c.finding == table.finding,
        (other.c.dataset != dataset) | other.c.delivery.not_in(deliveries),
    )
    lonely = _by_channel(connection.execute(select(table.channel, table.finding).where(here, alone)).all())
    connection.execute(delete(CHANNEL_SOURCES).where(here))
    return lonely


def holding(connection: Connection, findings: Collection[str]) -> dict[ChannelId, frozenset[str]]:
    """By channel, those of some findings that are in it."""
    table = CHANNEL_FINDINGS.c
    rows: list[Any] = []
    for some in _portions(sorted(findings)):
        rows += connection.execute(
            select(table.channel, table.finding).where(table.finding.in_(some), table.live.is_(True))
        )
    return _by_channel(rows)


def _by_channel(rows: Iterable[Any]) -> dict[ChannelId, frozenset[str]]:
    found: defaultdict[ChannelId, set[str]] = defaultdict(set)
    for row in rows:
        found[ChannelId(row.channel)].add(row.finding)
    return {name: frozenset(findings) for name, findings in found.items()}


def _removed(connection: Connection, channel: ChannelId, findings: Collection[str]) -> tuple[list[Placed], list[int]]:
    """Delete what tells of some findings; what was visible of it, the newest version of each, and who knew of it."""
    table, gone, told = CHANNEL_OBJECTS.c, {}, {}
    for some in _portions(sorted(findings)):
        mine = and_(table.channel == channel, table.finding.in_(some), table.revoked.is_(False))
        for row in connection.execute(
            select(CHANNEL_OBJECTS).where(mine, table.added.is_not(None)).order_by(table.added)
        ):
            gone[row.object] = _placed(row)
            told[row.object] = row.told
        connection.execute(delete(CHANNEL_OBJECTS).where(mine))
        known = CHANNEL_FINDINGS.c
        connection.execute(
            update(CHANNEL_FINDINGS)
            .where(known.channel == channel, known.finding.in_(some), known.live.is_(True))
            .values(live=False, generation=known.generation + 1)
        )
        connection.execute(
            delete(CHANNEL_SOURCES).where(CHANNEL_SOURCES.c.channel == channel, CHANNEL_SOURCES.c.finding.in_(some))
        )
        _unshare(connection, channel, some)
    return [gone[name] for name in gone], [told[name] for name in gone]


def _unshare(connection: Connection, channel: ChannelId, findings: Sequence[str]) -> None:
    shared, table = CHANNEL_SHARED.c, CHANNEL_OBJECTS.c
    mine = and_(shared.channel == channel, shared.finding.in_(findings))
    touched = sorted(connection.execute(select(shared.object).where(mine).distinct()).scalars())
    connection.execute(delete(CHANNEL_SHARED).where(mine))
    policies = Policies(connection)
    for some in _portions(touched):
        left = _shared_policies(connection, channel, some)
        lonely = [one for one in some if one not in left]
        connection.execute(delete(CHANNEL_OBJECTS).where(table.channel == channel, table.object.in_(lonely)))
        connection.execute(delete(CHANNEL_SHARED).where(shared.channel == channel, shared.object.in_(lonely)))
        for name, numbers in left.items():
            policy = policies.any_of(numbers)
            connection.execute(
                update(CHANNEL_OBJECTS).where(table.channel == channel, table.object == name).values(policy=policy)
            )


def _share(connection: Connection, channel: ChannelId, told: Collection[tuple[str, str]]) -> None:
    """Record that shared objects tell of findings: pairs of both."""
    known = {(row.object, row.finding) for row in _sharers(connection, channel, {name for name, _ in told})}
    insert_rows(
        connection,
        CHANNEL_SHARED,
        [{"channel": channel, "object": name, "finding": finding} for name, finding in sorted({*told} - known)],
    )


def _sharers(connection: Connection, channel: ChannelId, objects: Collection[str]) -> Iterator[Any]:
    table = CHANNEL_SHARED.c
    wanted = select(table.object, table.finding).where(table.channel == channel, table.object.in_(objects))
    yield from connection.execute(wanted)


def _shared_policies(connection: Connection, channel: ChannelId, objects: Sequence[str]) -> dict[str, set[int]]:
    """Of shared objects, the numbers of the policies of those findings that are in the channel."""
    shared, known = CHANNEL_SHARED.c, CHANNEL_FINDINGS.c
    joined = CHANNEL_SHARED.join(
        CHANNEL_FINDINGS, and_(known.channel == shared.channel, known.finding == shared.finding, known.live.is_(True))
    )
    wanted = select(shared.object, known.policy).select_from(joined).distinct()
    found: defaultdict[str, set[int]] = defaultdict(set)
    for row in connection.execute(wanted.where(shared.channel == channel, shared.object.in_(objects))):
        found[row.object].add(row.policy)
    return found


def _finding_policies(connection: Connection, channel: ChannelId, findings: Collection[str]) -> dict[str, int]:
    table = CHANNEL_FINDINGS.c
    found: dict[str, int] = {}
    for some in _portions(sorted(findings)):
        wanted = select(table.finding, table.policy).where(
            table.channel == channel, table.finding.in_(some), table.live.is_(True)
        )
        found |= {row.finding: row.policy for row in connection.execute(wanted)}
    return found


def _portions(things: Iterable[_Thing]) -> Iterator[tuple[_Thing, ...]]:
    left = iter(things)
    while some := tuple(islice(left, _AT_ONCE)):
        yield some


def _encode(alternatives: frozenset[Classes]) -> str:
    listed = [
        sorted(([one.dataset, one.marking, one.came_in, one.personal, one.embargo] for one in classes), key=json.dumps)
        for classes in alternatives
    ]
    return json.dumps(sorted(listed, key=json.dumps), ensure_ascii=False)


def _decode(text: str) -> frozenset[Classes]:
    return frozenset(
        frozenset(
            PolicyClass(
                dataset=dataset,
                marking=marking,
                came_in=tuple(came_in),
                personal=personal,
                embargo=None if embargo is None else (embargo[0], embargo[1], tuple(embargo[2])),
            )
            for dataset, marking, came_in, personal, embargo in classes
        )
        for classes in json.loads(text)
    )


def _placed(row: Any) -> Placed:  # noqa: ANN401 -- a row
    return Placed(
        object=row.object,
        type=row.type,
        version=row.version,
        added=row.added,
        revoked=bool(row.revoked),
        content=row.content,
    )
