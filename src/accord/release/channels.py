"""Channels: places where a known audience finds objects, with the members that each rule must hold for.

    [[channel]]
    id = "asean-servers"
    title = "Command-and-control servers in South-East Asia"
    purpose = "network-defence"
    encrypted = true                 # the service is reached by TLS alone

    [[channel.member]]
    partner = "csirt-th"
    persons = ["A. Person"]          # whom the partner named; red goes into no channel all the same
    clients = true                   # its clients read it too

A member is told of what is put there after it joined, and as long as it stays.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update

from accord.agreements.agreement import Register
from accord.agreements.declarations import Partner, PartnerId, PartnerKind, read_country
from accord.agreements.register import Change, note
from accord.operations.declaration import Recipient, refuse_concerned
from accord.release.question import Audience
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import SettingsError
from accord.workspace.schema import CHANNEL_BATCHES, CHANNEL_MEMBERS, CHANNELS
from accord.workspace.settings import TABLES, SettingsTable, known, unique

ChannelId = NewType("ChannelId", str)

EVERYWHERE = CountryCode("001")
"""Where the public reads: the world, by the code of the United Nations (M49), which CLDR names in every language."""

UNFINISHED = (1 << 63) - 1
"""`entries_end` of a batch that is still being made: it waits for more entries than any ledger will have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A partner that finds what is put into a channel."""

    partner: PartnerId
    country: CountryCode
    """Where it reads it; EVERYWHERE: the public."""
    persons: tuple[str, ...]
    """Whom it named. They decide nothing: red goes into no channel."""
    clients: bool = False
    """Its clients read it too."""
    since: int = 0
    """The first batch that it is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A place where a known audience finds objects."""

    id: ChannelId
    collection: UUID | None
    """By which outsiders name it (TAXII 2.1, section 5: a UUID); None: it is not recorded yet."""
    title: str
    description: str | None
    purpose: Purpose
    """What everything in it may be used for."""
    encrypted: bool
    """Nobody can read on the way what members fetch."""
    members: tuple[Member, ...]

    def audience(self, register: Register) -> Audience:
        """All members: a rule must hold for each. Without members it reaches nobody."""
        return Audience(
            recipients=tuple(recipient(self, one, register) for one in self.members),
            encrypted=self.encrypted,
            by_token=True,
        )

    def public(self, register: Register) -> Member | None:
        """The member that stands for everybody; None: the channel is not public."""
        return next((one for one in self.members if register.partners[one.partner].kind is PartnerKind.PUBLIC), None)

    def member(self, partner: PartnerId) -> Member | None:
        """One member; None: the partner is none."""
        return next((one for one in self.members if one.partner == partner), None)


def recipient(channel: Channel, member: Member, register: Register) -> Recipient:
    """A member as the rules see it."""
    return Recipient(
        partner=register.partners[member.partner],
        country=member.country,
        persons=member.persons,
        languages=(),
        encrypted=channel.encrypted,
        clients=member.clients,
    )


def read_channels(table: SettingsTable, partners: Mapping[PartnerId, Partner]) -> tuple[Channel, ...]:
    """The channels that a file declares, which may be a workspace's settings. Raises SettingsError."""
    table.pass_over(*TABLES)
    read = [(one, _read_channel(one, partners)) for one in table.tables("channel")]
    unique([(one, channel.id) for one, channel in read], "id")
    unique([(one, channel.title) for one, channel in read], "title")
    table.done()
    return tuple(channel for _, channel in read)


def _read_channel(table: SettingsTable, partners: Mapping[PartnerId, Partner]) -> Channel:
    members = [(one, _read_member(one, partners)) for one in table.tables("member")]
    unique([(one, member.partner) for one, member in members], "partner")
    channel = Channel(
        id=ChannelId(table.identifier("id")),
        collection=None,
        title=table.title("title"),
        description=table.optional_text("description"),
        purpose=table.choice("purpose", Purpose),
        encrypted=table.flag("encrypted", default=False),
        members=tuple(sorted((member for _, member in members), key=lambda one: one.partner)),
    )
    table.done()
    return channel


def _read_member(table: SettingsTable, partners: Mapping[PartnerId, Partner]) -> Member:
    partner = partners[known(table, "partner", table.text("partner"), partners, "partner")]
    refuse_concerned(table, partner)
    country = read_country(table, "country") if table.offers("country") else partner.country
    if partner.kind is PartnerKind.PUBLIC:
        if country is not None:
            raise table.wrong("country", "none: the public is everywhere", country)
        country = EVERYWHERE
    if country is None:
        raise table.wrong("country", "where the member reads it: the partner has no country", "none")
    member = Member(
        partner=partner.id,
        country=country,
        persons=table.texts("persons"),
        clients=table.flag("clients", default=False),
    )
    table.done()
    return member


def load_channels(connection: Connection) -> dict[ChannelId, Channel]:
    """All channels, by id."""
    members: dict[str, list[Member]] = {}
    # sorted here: what comes first by a database's collation differs from one to the next
    for row in sorted(connection.execute(select(CHANNEL_MEMBERS)), key=lambda one: one.partner):
        member = Member(
            partner=PartnerId(row.partner),
            country=CountryCode(row.country),
            persons=tuple(json.loads(row.persons)),
            clients=bool(row.clients),
            since=row.since,
        )
        members.setdefault(row.channel, []).append(member)
    return {
        ChannelId(row.id): Channel(
            id=ChannelId(row.id),
            collection=UUID(row.collection),
            title=row.title,
            description=row.description,
            purpose=Purpose(row.purpose),
            encrypted=bool(row.encrypted),
            members=tuple(members.get(row.id, ())),
        )
        for row in sorted(connection.execute(select(CHANNELS)), key=lambda one: one.id)
    }


def find_channel(channels: Mapping[ChannelId, Channel], name: str) -> Channel:
    """One channel by its id. Raises SettingsError."""
    found = channels.get(ChannelId(name))
    if found is None:
        raise SettingsError(
            "There is no such channel.",
            expected="one of " + (", ".join(sorted(channels)) or "none: none is recorded yet"),
            got=name,
            remedy="`accord channel apply` records those that a file declares",
        )
    return found


def record_channels(
    connection: Connection, declared: Sequence[Channel], *, now: datetime, draw: Callable[[], UUID]
) -> tuple[Change, ...]:
    """Take over what is declared; channels that it does not name stay. `draw` gives a random UUID.

    Raises SettingsError for a title that another channel has, and for another purpose than what was put there has.
    """
    standing = load_channels(connection)
    changes: list[Change] = []
    for channel in declared:
        before = standing.get(channel.id)
        if any(one.title == channel.title and one.id != channel.id for one in standing.values()):
            raise SettingsError(
                "Another channel has this title: people would take one for the other.",
                where=f"channel {channel.id}: title",
                got=channel.title,
            )
        if before is not None and before.purpose is not channel.purpose and _used(connection, channel.id):
            raise SettingsError(
                "What was put into the channel was for another purpose.",
                where=f"channel {channel.id}: purpose",
                expected=before.purpose,
                got=channel.purpose,
                remedy="declare another channel",
            )
        told = None if before is None else channel_told(before)
        if told == channel_told(channel):
            continue
        _put(connection, channel, before, draw)
        change = Change(at=now, noun="channel", id=channel.id, before=told, after=channel_told(channel))
        note(connection, change)
        changes.append(change)
    return tuple(changes)


def channel_told(channel: Channel) -> dict[str, object]:
    """A channel as JSON, under the keys by which a TOML file declares it."""
    return {
        "id": channel.id,
        "title": channel.title,
        "description": channel.description,
        "purpose": channel.purpose.value,
        "encrypted": channel.encrypted,
        "member": [
            {
                "partner": one.partner,
                "country": one.country,
                "persons": list(one.persons),
                **({"clients": True} if one.clients else {}),
            }
            for one in channel.members
        ],
    }


def next_batch(connection: Connection) -> int:
    """The number of the batch that comes next, of all channels; from 1."""
    made = connection.execute(select(func.max(CHANNEL_BATCHES.c.number))).scalar_one() or 0
    # one that was begun and is gone may have been the last before somebody joined
    return max(made + 1, connection.execute(select(func.max(CHANNEL_MEMBERS.c.since))).scalar_one() or 1)


def _used(connection: Connection, channel: ChannelId) -> bool:
    wanted = select(CHANNEL_BATCHES.c.number).where(CHANNEL_BATCHES.c.channel == channel).limit(1)
    return connection.execute(wanted).one_or_none() is not None


def _put(connection: Connection, channel: Channel, before: Channel | None, draw: Callable[[], UUID]) -> None:
    values = {
        "title": channel.title,
        "description": channel.description,
        "purpose": channel.purpose.value,
        "encrypted": channel.encrypted,
    }
    if before is None:
        connection.execute(insert(CHANNELS).values(id=channel.id, collection=str(draw()), **values))
    else:
        connection.execute(update(CHANNELS).where(CHANNELS.c.id == channel.id).values(**values))
    connection.execute(delete(CHANNEL_MEMBERS).where(CHANNEL_MEMBERS.c.channel == channel.id))
    since = next_batch(connection)
    for one in channel.members:
        earlier = None if before is None else before.member(one.partner)
        connection.execute(
            insert(CHANNEL_MEMBERS).values(
                channel=channel.id,
                partner=one.partner,
                country=one.country,
                persons=json.dumps(one.persons, ensure_ascii=False),
                clients=one.clients,
                since=since if earlier is None else earlier.since,
            )
        )
