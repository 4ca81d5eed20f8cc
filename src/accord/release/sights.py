"""What a member of a channel may see at a moment: every rule is asked again, of all that something rests on.

An object of one finding is seen by whom its policy lets, if it was told of it. One that findings share is seen with one
of them: the same finding must have told of it since the member joined, visibly, and be let out to that member now.
"""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import ColumnElement, Connection, FromClause, and_, exists, or_, select

from accord.release.batches import Placed, placed
from accord.release.channels import Channel, ChannelId, Member, recipient
from accord.release.policies import PolicyClass, policies
from accord.release.question import Audience, Release
from accord.release.rules import RULES, decide
from accord.workspace.numbers import within
from accord.workspace.schema import CHANNEL_BATCHES, CHANNEL_OBJECTS, CHANNEL_SHARED

# made once: each request asks by them, and making them takes longer than the database's answer
_SHARED, _BATCHES = CHANNEL_SHARED.alias("shared"), CHANNEL_BATCHES.alias("batches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a member of a channel may see at a moment."""

    channel: ChannelId
    since: int
    policies: tuple[int, ...]
    """Those of which every class is permitted."""

    # a sight is kept for a second, and asked by again and again
    @lru_cache(maxsize=64)  # noqa: B019 -- few are kept, and nothing large
    def of(self, rows: FromClause = CHANNEL_OBJECTS) -> ColumnElement[bool]:
        """The condition that an object's row must meet: of the table, or of an alias of it."""
        table, shared, batches = rows.c, _SHARED, _BATCHES
        with_a_finding = (
            select(shared.c.object)
            .where(
                shared.c.channel == table.channel,
                shared.c.object == table.object,
                # a sum has no index: SQLite, which knows nothing of the rows, would read all that was told of since
                shared.c.told + 0 >= self.since,
                within(shared.c.policy, self.policies),
                batches.c.number == shared.c.told,
                batches.c.visible_at.is_not(None),
            )
            .correlate(rows)
            # with an offset PostgreSQL asks for each object: it would read all that is shared, and keep that in mind
            .limit(1)
            .offset(0)
            .exists()
        )
        own = and_(table.told >= self.since, within(table.policy, self.policies))
        seen = or_(own, and_(table.policy.is_(None), with_a_finding))
        return and_(table.channel == self.channel, table.added.is_not(None), seen)


def sight(connection: Connection, channel: Channel, member: Member, release: Release) -> Sight:
    """What a member may see at `release.at`: every rule is asked of every policy class that there is."""
    one_member = recipient(channel, member, release.register)
    reader = Audience(recipients=(one_member,), encrypted=channel.encrypted, by_token=True)
    answers: dict[PolicyClass, bool] = {}

    def permitted(one: PolicyClass) -> bool:
        if one not in answers:
            item = one.item(release.register)
            answers[one] = item is not None and decide(item, reader, release, RULES).permitted
        return answers[one]

    # of all channels: what is put into this one under a known policy is seen at once by who keeps a sight for a moment
    allowed = [number for number, classes in policies(connection) if all(map(permitted, classes))]
    return Sight(channel=channel.id, since=member.since, policies=tuple(allowed))


def page(
    connection: Connection,
    seen: Sight,
    *,
    after: int = -1,
    limit: int,
    latest: bool = True,
    also: ColumnElement[bool] | None = None,
) -> tuple[Placed, ...]:
    """Objects that a member may see, those added after `after` (microseconds), in the order in which they were.

    `latest`: the last version of each that it may see, and not those before. `also`: another condition on its row.
    """
    table = CHANNEL_OBJECTS.c
    wanted = select(table.object, table.type, table.version, table.added, table.revoked, table.content)
    wanted = wanted.where(seen.of(), table.added > after)
    if also is not None:
        wanted = wanted.where(also)
    if latest:
        later = CHANNEL_OBJECTS.alias("later")
        wanted = wanted.where(
            ~exists()
            .where(
                later.c.channel == table.channel,
                later.c.object == table.object,
                later.c.added > table.added,
                seen.of(later),
            )
            .correlate(CHANNEL_OBJECTS)
        )
    return tuple(placed(row) for row in connection.execute(wanted.order_by(table.added).limit(limit)))
