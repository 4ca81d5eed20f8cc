"""Feeding a member's own TAXII collection: what it would find if it polled the channel, handed over instead.

Each envelope is what the member sees at that moment, asked for by every rule, and logged as a poll is before it leaves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from accord.access.consultations import Processing, record
from accord.agreements.declarations import PartnerId
from accord.agreements.register import load_register
from accord.cli.acting import Actor
from accord.cli.channels.witnessing import take_out_withheld
from accord.cli.deliveries.pulling import open_collection
from accord.cli.hub import OpenHub, opened_hub
from accord.cli.terminal import COMPLETE_WITH_REFUSED, counted, say, say_json, show_table
from accord.exchange.taxii.client import Collection, FailedEnvelopeError, Status, UnfitEnvelopeError
from accord.exchange.taxii.pushes import (
    Push,
    PushState,
    Sent,
    Way,
    again,
    begin,
    objects_of,
    settle,
    trim,
    unfinished,
)
from accord.journal.book import later
from accord.release.batches import Placed
from accord.release.channels import find_channel, load_channels
from accord.release.question import Release
from accord.release.sights import Sight, sight
from accord.vocabulary.errors import SettingsError, UnreadableError
from accord.workspace.peers import Peer, find_peer

LONGEST = 8 << 20
"""Bytes of an envelope, whatever more a server takes."""

MOST_HALVED = 200
"""Envelopes that a call sends anew in halves: then what is refused as a whole is left as a whole to the next call."""

MOST_FAILED = 12
"""Times in a row that a server may fail before a call ends: one object of a thousand is found in eleven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An object that a server did not take."""

    object: str
    version: str
    message: str


@dataclass(slots=True, kw_only=True)
class Pushed:
    """What came of pushing."""

    objects: int = 0
    """Handed over and accepted, those included of which the server has still to say what became."""
    pending: int = 0
    """Envelopes of which it has."""
    failed: list[Failure] = field(default_factory=list)
    unasked: dict[int, str] = field(default_factory=dict)
    """Envelopes that were accepted, and what went wrong when the server was asked what became of them."""


def push(folder: Path, name: str, actor: Actor, *, clock: Callable[[], datetime], as_json: bool) -> int:
    """Hand to a peer what is new for it; the exit code. Raises AccordError; what was handed over before stays."""
    with opened_hub(folder, to_write=True) as hub:
        peer = find_peer(hub.declared.peers, name, hub.workspace.settings)
        if peer.channel is None:
            raise SettingsError(
                "Nothing is pushed to this peer.",
                where=f"{hub.workspace.settings}: peer {peer.id}",
                expected="the channel from which it is fed, as `channel`",
            )
        with open_collection(peer) as collection:
            came = _Pusher(hub, peer, actor, clock, collection).all()
    _tell(peer, came, as_json=as_json)
    return COMPLETE_WITH_REFUSED if came.failed or came.unasked else 0


class _Pusher:
    def __init__(
        self, hub: OpenHub, peer: Peer, actor: Actor, clock: Callable[[], datetime], collection: Collection
    ) -> None:
        self._hub, self._peer, self._actor, self._clock = hub, peer, actor, clock
        self._collection = collection
        self._came = Pushed()
        self._most = LONGEST
        self._left: list[int] = []
        """When those were added that the server did not take: not tried again by this call."""
        self._halved = 0
        self._failed = 0
        """Times in a row that the server has failed over an envelope."""
        self._referring = True
        """Does the server take envelopes with what they refer to, beside what they deliver?"""

    def all(self) -> Pushed:
        with self._hub.database.reading() as connection:
            way = self._way(connection)
            open_ones = unfinished(connection, way)
        self._most = min(self._collection.longest(), LONGEST)
        for one in open_ones:
            self._go_on(way, one)
        while self._next():
            pass
        with self._hub.database.reading() as connection:
            taken = unfinished(connection, way)
        for one in taken:
            # most servers have done it by now; else the next call asks
            self._ask(way, one)
        with self._hub.database.writing() as connection:
            self._came.pending = len(unfinished(connection, way))
            trim(connection, way)
        return self._came

    def _way(self, connection: Connection) -> Way:
        channel = find_channel(load_channels(connection), str(self._peer.channel))
        member = channel.member(PartnerId(self._peer.partner))
        if member is None:
            raise SettingsError(
                "The peer's partner is no member of the channel: it would get nothing.",
                where=f"channel {channel.id}",
                expected=", ".join(one.partner for one in channel.members) or "none",
                got=self._peer.partner,
            )
        return Way(collection=self._peer.collection, channel=channel, member=member)

    def _sight(self, connection: Connection, now: datetime) -> tuple[Way, Sight]:
        """What the member sees now, what analysts keep back by now taken out."""
        take_out_withheld(connection, now, self._actor.person)
        way = self._way(connection)
        release = Release(
            register=load_register(connection),
            purpose=way.channel.purpose,
            at=now,
            legal_area=self._hub.declared.hub.legal_area,
        )
        return way, sight(connection, way.channel, way.member, release)

    def _log(self, connection: Connection, way: Way, sent: Sent, now: datetime) -> None:
        record(
            connection,
            Processing.CONSULTATION,
            person=self._actor.person,
            justification=self._actor.justification or f"TAXII, pushed to {self._peer.id}",
            object=f"channel {way.channel.id}: {counted(len(sent.objects) + len(sent.referred), 'object')}",
            recipients=[way.member.partner],
            now=now,
        )

    def _go_on(self, way: Way, one: Push) -> None:
        """An envelope that another call has left: it is sent again, or asked after."""
        if one.state is PushState.TAKEN:
            self._ask(way, one)
            return
        with self._hub.database.writing() as connection:
            now = later(connection, self._clock())
            way, seen = self._sight(connection, now)
            sent = again(connection, one.number, seen)
            if sent.objects:
                self._log(connection, way, sent, now)
            else:
                settle(connection, one.number, PushState.DONE)
        if sent.objects:
            self._send(way, one.number, sent)

    def _next(self, only: Sequence[int] | None = None) -> bool:
        with self._hub.database.writing() as connection:
            now = later(connection, self._clock())
            way, seen = self._sight(connection, now)
            begun = begin(connection, way, seen, most_bytes=self._most, but=self._left, only=only, now=now)
            if begun is None:
                return False
            if isinstance(begun, Placed):
                self._leave(begun.object, begun.version, begun.added, f"more than the {self._most:,} bytes it takes")
                return True
            self._log(connection, way, begun[1], now)
        self._send(way, *begun)
        return True

    def _send(self, way: Way, number: int, sent: Sent) -> None:
        try:
            status = self._collection.add(sent.content(referring=self._referring))
        except UnfitEnvelopeError as error:
            if sent.referred and self._referring:
                # a server may refuse what it does not know of an envelope
                self._referring = False
                self._send(way, number, sent)
                return
            self._halve(way, number, error)
            return
        self._failed = 0
        self._came.objects += len(sent.objects)
        self._settle(way, number, status)

    def _halve(self, way: Way, number: int, refused: UnfitEnvelopeError) -> None:
        """Hand over in halves what is refused as a whole: one object keeps back no other, and none that is revoked.

        Raises what the server says where it fails at whatever it is given.
        """
        with self._hub.database.writing() as connection:
            objects = objects_of(connection, way, number)
            added = sorted(at for _, at in objects.values())
            settle(connection, number, PushState.DONE, failed=added)
        self._failed = self._failed + 1 if isinstance(refused, FailedEnvelopeError) else 0
        if self._failed == MOST_FAILED:
            raise refused
        if len(added) == 1 or self._halved == MOST_HALVED:
            for name, (version, at) in objects.items():
                self._leave(name, version, at, refused.got or refused.what)
            return
        self._halved += 1
        middle = len(added) // 2
        for half in (added[:middle], added[middle:]):
            while self._next(half):
                pass

    def _leave(self, name: str, version: str, added: int, message: str) -> None:
        self._left.append(added)
        self._came.failed.append(Failure(object=name, version=version, message=message))

    def _ask(self, way: Way, one: Push) -> None:
        if one.state is not PushState.TAKEN or one.status is None or one.number in self._came.unasked:
            return
        try:
            status = self._collection.status(one.status)
        except UnreadableError as error:
            # the next call asks again
            self._came.unasked[one.number] = error.got or error.what
            return
        if status is None:
            # it was accepted, and more is not to be known
            status = Status(id=one.status, status="complete")
        self._settle(way, one.number, status)

    def _settle(self, way: Way, number: int, status: Status) -> None:
        if status.status != "complete":
            with self._hub.database.writing() as connection:
                settle(connection, number, PushState.TAKEN, status.id)
            return
        with self._hub.database.reading() as connection:
            objects = objects_of(connection, way, number)
        failed = self._refused(objects, status) if status.failure_count or status.failures else []
        added = [objects[one.object][1] for one in failed]
        with self._hub.database.writing() as connection:
            settle(connection, number, PushState.DONE, failed=added)
        self._left += added
        self._came.failed += failed
        self._came.objects -= len(failed)

    def _refused(self, objects: dict[str, tuple[str, int]], status: Status) -> list[Failure]:
        """What a server does not have of an envelope: servers call a failure what they had before, too."""
        said = {one.id: one.message for one in status.failures}
        # a server need not say which have failed
        asked = [one for one in objects if one in said or len(said) < status.failure_count]
        holds = self._collection.holds(asked)
        return [
            Failure(object=one, version=objects[one][0], message=said.get(one, ""))
            for one in asked
            if one not in holds or (objects[one][0] and objects[one][0] not in holds[one])
        ]


def _tell(peer: Peer, came: Pushed, *, as_json: bool) -> None:
    if as_json:
        failed = [{"id": one.object, "version": one.version, "message": one.message} for one in came.failed]
        say_json(
            {
                "peer": peer.id,
                "channel": peer.channel,
                "objects": came.objects,
                "pending_envelopes": came.pending,
                "failed": failed,
                "unasked": list(came.unasked.values()),
            }
        )
        return
    say(f"{peer.id}: {counted(came.objects, 'object')} of channel {peer.channel} handed over.")
    if came.pending:
        say(f"The server has still to say what became of {counted(came.pending, 'envelope')}: the next call asks.")
    for message in dict.fromkeys(came.unasked.values()):
        say(f"It was asked, and did not say: {message}")
    if came.failed:
        say(f"{counted(len(came.failed), 'object')} not taken, to be handed over by the next call:")
        show_table(
            [("object", False), ("version", False), ("what the server says", False)],
            [(one.object, one.version, one.message[:200]) for one in came.failed],
            wide=True,
        )
