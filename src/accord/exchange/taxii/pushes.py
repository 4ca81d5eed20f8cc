"""What of a channel was handed to a member's own collection, and what is to be.

An envelope is written down before it is sent, so that whoever is killed sends the same one again: a server that had it
answers as it did. What a server refuses of it is to be sent anew.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, select, update

from accord.exchange.taxii.references import STATEMENTS, companions_of
from accord.formats.stix.bundle import REFERRED
from accord.release.batches import Placed
from accord.release.channels import Channel, Member
from accord.release.sights import Sight, page
from accord.workspace.database import insert_rows
from accord.workspace.numbers import within
from accord.workspace.schema import CHANNEL_OBJECTS, PUSHED, PUSHES

MOST = 1000
"""Objects of one envelope, those not counted that they refer to."""

_AT_ONCE = 900
"""Values in one question to a database."""


class PushState(StrEnum):
    """How far an envelope is."""

    SENDING = "sending"
    TAKEN = "taken"
    """The server has it, and says later what became of it."""
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """An envelope."""

    number: int
    state: PushState
    status: str | None
    """By what the server names what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From where to where."""

    collection: str
    """A URL."""
    channel: Channel
    member: Member

    def of(self) -> ColumnElement[bool]:
        """The condition that an envelope went this way."""
        return and_(
            PUSHES.c.collection == self.collection,
            PUSHES.c.channel == self.channel.id,
            PUSHES.c.partner == self.member.partner,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What an envelope holds, as it stands in the channel."""

    objects: tuple[Placed, ...]
    """What is new, and what that refers to, which may have been handed over long before."""
    referred: tuple[Placed, ...] = ()
    """Indicators of sightings that were handed over before: told a second time they would be counted a second time."""

    def content(self, *, referring: bool = True) -> bytes:
        """As an envelope of TAXII; `referring`: with what it brings along without delivering it."""
        lists = [("objects", self.objects), *([(REFERRED, self.referred)] if referring and self.referred else [])]
        told = (b'"%s":[%s]' % (name.encode(), b",".join(one.content.encode() for one in each)) for name, each in lists)
        return b"{" + b",".join(told) + b"}"


def unfinished(connection: Connection, way: Way) -> tuple[Push, ...]:
    """Envelopes of which it is not known what became of them, the oldest first."""
    wanted = select(PUSHES).where(way.of(), PUSHES.c.state != PushState.DONE.value).order_by(PUSHES.c.number)
    return tuple(
        Push(number=row.number, state=PushState(row.state), status=row.status) for row in connection.execute(wanted)
    )


def begin(
    connection: Connection,
    way: Way,
    seen: Sight,
    *,
    most_bytes: int,
    but: Collection[int],
    only: Collection[int] | None = None,
    now: datetime,
) -> tuple[int, Sent] | Placed | None:
    """Write down the next envelope: objects that the member sees and that were not handed over; None: there is none.

    An object alone is one that is too large with what it refers to: nothing is written down. `but`, `only`: times of
    being added of objects that are left out, and of all that are wanted.
    """
    table = CHANNEL_OBJECTS.c
    there = (
        exists()
        .where(PUSHED.c.push == PUSHES.c.number, way.of(), PUSHED.c.added == table.added)
        .correlate(CHANNEL_OBJECTS)
    )
    wanted = [~there, ~within(table.added, but)]
    if only is not None:
        wanted.append(within(table.added, only))
    found = page(connection, seen, limit=MOST, also=and_(*wanted))
    while found and len((sent := with_companions(connection, seen, found)).content()) > most_bytes:
        if len(found) == 1:
            return found[0]
        found = found[: len(found) // 2]
    if not found:
        return None
    values = {
        "collection": way.collection,
        "channel": way.channel.id,
        "partner": way.member.partner,
        "at": now,
        "state": PushState.SENDING.value,
    }
    number = int(connection.execute(insert(PUSHES).values(values).returning(PUSHES.c.number)).scalar_one())
    insert_rows(connection, PUSHED, [{"push": number, "added": one.added} for one in found])
    return number, sent


def again(connection: Connection, push: int, seen: Sight) -> Sent:
    """What of an envelope the member still sees; what it does not is not sent, and counts as never sent."""
    mine = CHANNEL_OBJECTS.c.added.in_(select(PUSHED.c.added).where(PUSHED.c.push == push))
    found = page(connection, seen, limit=MOST, latest=False, also=mine)
    forget(connection, push, but=[one.added for one in found])
    return with_companions(connection, seen, found)


def with_companions(connection: Connection, seen: Sight, found: Sequence[Placed]) -> Sent:
    """Some objects, and what they refer to.

    A server passes over what it has, and who takes an envelope for itself needs it. What is itself a statement, but an
    indicator of which there is a sighting, is left out. What is revoked needs nothing, and waits for nothing that a
    server refuses.
    """
    table = CHANNEL_OBJECTS.c
    known, more = {one.object for one in found}, [one for one in found if not one.revoked]
    gone: list[Placed] = []
    while more:
        named = {name for one in more for name in companions_of(one.content.encode(), sighted=True)}
        wanted = sorted(named - known)
        known.update(wanted)
        more = []
        for at in range(0, len(wanted), _AT_ONCE):
            more += page(connection, seen, limit=MOST, also=table.object.in_(wanted[at : at + _AT_ONCE]))
        gone += more
    told = [one for one in gone if one.object.partition("--")[0] not in STATEMENTS]
    return Sent(objects=(*found, *told), referred=tuple(one for one in gone if one not in told))


def objects_of(connection: Connection, way: Way, push: int) -> dict[str, tuple[str, int]]:
    """The versions of an envelope's objects, and when they were added, by their ids."""
    table = CHANNEL_OBJECTS.c
    wanted = select(table.object, table.version, table.added).where(
        table.channel == way.channel.id, table.added.in_(select(PUSHED.c.added).where(PUSHED.c.push == push))
    )
    return {row.object: (row.version, row.added) for row in connection.execute(wanted)}


def settle(
    connection: Connection, push: int, state: PushState, status: str | None = None, failed: Collection[int] = ()
) -> None:
    """Say how far an envelope is; `failed` of its objects are to be sent anew."""
    connection.execute(update(PUSHES).where(PUSHES.c.number == push).values(state=state.value, status=status))
    if failed:
        connection.execute(delete(PUSHED).where(PUSHED.c.push == push, within(PUSHED.c.added, failed)))


def forget(connection: Connection, push: int, *, but: Sequence[int]) -> None:
    """Leave out of an envelope all but some objects."""
    connection.execute(delete(PUSHED).where(PUSHED.c.push == push, ~within(PUSHED.c.added, but)))


def trim(connection: Connection, way: Way) -> None:
    """Forget what is no more in the channel."""
    left = exists().where(CHANNEL_OBJECTS.c.channel == way.channel.id, CHANNEL_OBJECTS.c.added == PUSHED.c.added)
    mine = select(PUSHES.c.number).where(way.of(), PUSHES.c.state == PushState.DONE.value)
    connection.execute(delete(PUSHED).where(PUSHED.c.push.in_(mine), ~left.correlate(PUSHED)))
    holds = exists().where(PUSHED.c.push == PUSHES.c.number)
    done = PUSHES.c.state == PushState.DONE.value
    connection.execute(delete(PUSHES).where(way.of(), done, ~holds.correlate(PUSHES)))
