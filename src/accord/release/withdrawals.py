"""What is taken out of channels: at once, with all that only it told of; revoked versions follow as batches.

What goes without a word leaves its remains, so that it is created but once, and that a later revocation reaches
whoever knew of it.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, select, update

from accord.agreements.declarations import DatasetId
from accord.release.batches import Batch, Draft, Placed, placed, portions
from accord.release.channels import Channel, ChannelId
from accord.release.policies import remove_unused
from accord.release.remains import remains
from accord.release.reviews import Answer
from accord.workspace.database import insert_rows
from accord.workspace.schema import (
    CHANNEL_BATCHES,
    CHANNEL_FINDINGS,
    CHANNEL_OBJECTS,
    CHANNEL_REMAINS,
    CHANNEL_SHARED,
    CHANNEL_SOURCES,
    CHANNELS,
    REVIEWS,
    Instant,
)

_LATER = REVIEWS.alias("later")
_KEPT_BACK = select(REVIEWS.c.finding).where(
    (REVIEWS.c.answer == Answer.WITHHOLD.value) | (REVIEWS.c.until <= bindparam("at", type_=Instant())),
    ~exists().where(_LATER.c.finding == REVIEWS.c.finding, _LATER.c.number > REVIEWS.c.number),
)
"""Made once: it is asked whenever a member looks, and making it takes longer than the database's answer."""


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
    if concerned:
        remove_unused(connection)
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
    """Forget that findings rest on a delivery, by all its names; by channel, those that rest on nothing any more.

    Of the others go all versions that rest on it, be it beside others; the next release puts what is still known.
    """
    table, other = CHANNEL_SOURCES.c, CHANNEL_SOURCES.alias("other")
    here = and_(table.dataset == dataset, table.delivery.in_(deliveries))
    alone = ~exists().where(
        other.c.channel == table.channel,
        other.c.finding == table.finding,
        (other.c.dataset != dataset) | other.c.delivery.not_in(deliveries),
    )
    lonely = _by_channel(connection.execute(select(table.channel, table.finding).where(here, alone)).all())
    objects = CHANNEL_OBJECTS.c
    wanted = (
        select(CHANNEL_OBJECTS)
        .join(CHANNEL_SOURCES, and_(table.channel == objects.channel, table.finding == objects.finding))
        .where(here, ~alone, objects.batch <= table.batch, objects.revoked.is_(False))
        .distinct()
    )
    _drop(connection, connection.execute(wanted.order_by(objects.number)).all())
    connection.execute(delete(CHANNEL_SOURCES).where(here))
    return lonely


def holding(connection: Connection, findings: Collection[str]) -> dict[ChannelId, frozenset[str]]:
    """By channel, those of some findings that are in it."""
    table = CHANNEL_FINDINGS.c
    rows: list[Any] = []
    for some in portions(sorted(findings)):
        rows += connection.execute(
            select(table.channel, table.finding).where(table.finding.in_(some), table.policy.is_not(None))
        )
    return _by_channel(rows)


def withheld(connection: Connection, at: datetime) -> dict[ChannelId, frozenset[str]]:
    """By channel, the findings in it that analysts keep back at a moment: the newest decision of each counts."""
    names = connection.execute(_KEPT_BACK, {"at": at}).scalars().all()
    if not names:
        return {}
    table = CHANNEL_FINDINGS.c
    rows: list[Any] = []
    # by channel and finding, which is an index: in one query with the decisions SQLite would read all findings
    for channel in connection.execute(select(CHANNELS.c.id)).scalars().all():
        for some in portions(sorted(names)):
            here = and_(table.channel == channel, table.finding.in_(some), table.policy.is_not(None))
            rows += connection.execute(select(table.channel, table.finding).where(here))
    return _by_channel(rows)


def _by_channel(rows: Iterable[Any]) -> dict[ChannelId, frozenset[str]]:
    found: defaultdict[ChannelId, set[str]] = defaultdict(set)
    for row in rows:
        found[ChannelId(row.channel)].add(row.finding)
    return {name: frozenset(findings) for name, findings in found.items()}


def _removed(connection: Connection, channel: ChannelId, findings: Collection[str]) -> tuple[list[Placed], list[int]]:
    """Delete what tells of some findings; what was visible of it, the newest version of each, and who knew of it."""
    gone: dict[str, Placed] = {}
    told: dict[str, int] = {}
    for some in portions(sorted(findings)):
        for row in connection.execute(select(CHANNEL_REMAINS).where(_of(CHANNEL_REMAINS, channel, some))):
            gone[row.object] = Placed(
                object=row.object, type=row.type, version=row.version, added=0, revoked=False, content=row.content
            )
            told[row.object] = row.told
        connection.execute(delete(CHANNEL_REMAINS).where(_of(CHANNEL_REMAINS, channel, some)))
        table = CHANNEL_OBJECTS.c
        mine = and_(_of(CHANNEL_OBJECTS, channel, some), table.revoked.is_(False))
        for row in connection.execute(
            select(CHANNEL_OBJECTS).where(mine, table.added.is_not(None)).order_by(table.added)
        ):
            gone[row.object] = placed(row)
            told[row.object] = max(row.told, told.get(row.object, row.told))
        connection.execute(delete(CHANNEL_OBJECTS).where(mine))
        known = CHANNEL_FINDINGS.c
        connection.execute(
            update(CHANNEL_FINDINGS)
            .where(_of(CHANNEL_FINDINGS, channel, some), known.policy.is_not(None))
            .values(policy=None, generation=known.generation + 1)
        )
        connection.execute(delete(CHANNEL_SOURCES).where(_of(CHANNEL_SOURCES, channel, some)))
        _unshare(connection, channel, some)
    return [gone[name] for name in gone], [told[name] for name in gone]


def remove_unfinished(connection: Connection, batch: int) -> bool:
    """Remove a part of a batch that was begun and will not end; is something of it left?

    Nobody has seen anything of it, and it has changed nothing else. What findings share, and nothing but this batch
    tells of any more, goes as well.
    """
    objects, shared, batches = CHANNEL_OBJECTS.c, CHANNEL_SHARED.c, CHANNEL_BATCHES.c
    here = batches.number == batch
    channel = ChannelId(connection.execute(select(batches.channel).where(here)).scalar_one())
    mine = and_(shared.channel == channel, shared.told == batch)
    some = next(portions(connection.execute(select(shared.object).where(mine).distinct()).scalars()), ())
    connection.execute(delete(CHANNEL_SHARED).where(mine, shared.object.in_(some)))
    _drop_untold(connection, channel, some)
    numbers = next(portions(connection.execute(select(objects.number).where(objects.batch == batch)).scalars()), ())
    connection.execute(delete(CHANNEL_OBJECTS).where(objects.number.in_(numbers)))
    if some or numbers:
        return True
    connection.execute(delete(CHANNEL_BATCHES).where(here))
    remove_unused(connection)
    return False


def _of(table: Any, channel: ChannelId, findings: Sequence[str]) -> ColumnElement[bool]:  # noqa: ANN401 -- any table
    return and_(table.c.channel == channel, table.c.finding.in_(findings))


def _unshare(connection: Connection, channel: ChannelId, findings: Sequence[str]) -> None:
    """Let findings tell of no shared object any more; those of which none tells go."""
    mine = _of(CHANNEL_SHARED, channel, findings)
    touched = sorted(connection.execute(select(CHANNEL_SHARED.c.object).where(mine).distinct()).scalars())
    connection.execute(delete(CHANNEL_SHARED).where(mine))
    for some in portions(touched):
        _drop_untold(connection, channel, some)


def _drop_untold(connection: Connection, channel: ChannelId, objects: Sequence[str]) -> None:
    """Delete shared objects of which nothing tells."""
    shared, table = CHANNEL_SHARED.c, CHANNEL_OBJECTS.c
    told = exists().where(shared.channel == table.channel, shared.object == table.object)
    lonely = and_(table.channel == channel, table.object.in_(objects), table.policy.is_(None), ~told)
    _drop(connection, connection.execute(select(CHANNEL_OBJECTS).where(lonely).order_by(table.number)).all())


def _drop(connection: Connection, rows: Sequence[Any]) -> None:
    """Delete objects without a word, the oldest first; what is left of those that somebody may have seen is kept."""
    for some in portions(rows):
        connection.execute(delete(CHANNEL_OBJECTS).where(CHANNEL_OBJECTS.c.number.in_([row.number for row in some])))
        # observables have no versions, and their ids are digests of what they say
        left = {(row.channel, row.object): row for row in some if row.version and row.added is not None}
        table = CHANNEL_REMAINS.c
        for channel, name in left:
            connection.execute(delete(CHANNEL_REMAINS).where(table.channel == channel, table.object == name))
        insert_rows(
            connection,
            CHANNEL_REMAINS,
            [
                {
                    "channel": row.channel,
                    "object": row.object,
                    "type": row.type,
                    "version": row.version,
                    "told": row.told,
                    "finding": row.finding,
                    "content": remains(row.content),
                }
                for row in left.values()
            ],
        )
