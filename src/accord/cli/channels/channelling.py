"""What a person meets of channels: the words around `release.channels` and `release.batches`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, func, select

from accord.access.consultations import Processing, record
from accord.agreements.agreement import Register
from accord.agreements.declarations import PartnerId
from accord.agreements.register import history, load_register
from accord.cli.acting import Actor
from accord.cli.channels.witnessing import take_out_withheld
from accord.cli.hub import read_time
from accord.cli.register.registering import opened, tell_change
from accord.cli.terminal import counted, say, say_json, show_table, talk
from accord.columns.instants import EPOCH, microseconds
from accord.formats.catalogue import FORMATS
from accord.journal.book import later
from accord.operations.declaration import read_workspace
from accord.release.batches import Placed
from accord.release.channels import (
    Channel,
    Member,
    channel_told,
    find_channel,
    load_channels,
    read_channels,
    record_channels,
)
from accord.release.handing import channel_handling
from accord.release.question import Release
from accord.release.sights import page, sight
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.errors import SettingsError
from accord.workspace.schema import CHANNEL_OBJECTS
from accord.workspace.settings import read_settings
from accord.workspace.store import open_workspace

PROMISED = "as this hub promises: whether members reach it by TLS alone is not seen from here"
"""What is said of a channel that is declared as encrypted."""


def apply_file(folder: Path, file: Path | None, *, check: bool, as_json: bool) -> None:
    """Take over the channels that a file declares."""
    table = read_settings(file if file is not None else open_workspace(folder).settings)
    with opened(folder) as database:
        if not check:
            database.take_turn()
        with database.writing(keep=not check) as connection:
            declared = read_channels(table, load_register(connection).partners)
            changes = record_channels(connection, declared, now=datetime.now(UTC), draw=uuid4)
    if as_json:
        say_json([{"noun": one.noun, "id": one.id, "before": one.before, "after": one.after} for one in changes])
    elif not declared:
        say("No channel is declared there ([[channel]]): nothing is changed.")
    elif not changes:
        say("Nothing is new or changed.")
    for change in [] if as_json else changes:
        tell_change(change)
    if any(one.encrypted for one in declared if one.id in {each.id for each in changes}):
        talk(f"encrypted: {PROMISED}")
    if check and changes:
        talk("checked only: nothing was changed")


def list_all(folder: Path, *, as_json: bool) -> None:
    """List the channels that are recorded."""
    with opened(folder) as database, database.reading() as connection:
        found = load_channels(connection).values()
        held = {one.id: _held(connection, one) for one in found}
    if as_json:
        say_json([channel_told(one) | {"collection": str(one.collection), "objects": held[one.id]} for one in found])
    elif not found:
        say("None yet. `accord channel apply FILE` records those that a file declares (docs/channels.md).")
    else:
        show_table(
            [("channel", False), ("title", False), ("purpose", False), ("members", False), ("objects", True)],
            [
                (one.id, one.title, one.purpose, ", ".join(each.partner for each in one.members), held[one.id])
                for one in found
            ],
        )


def show_one(folder: Path, name: str, *, as_json: bool) -> None:
    """Show a channel, how much is in it, and what became of it."""
    declared = read_workspace(open_workspace(folder).settings, FORMATS)
    with opened(folder) as database, database.reading() as connection:
        channel = find_channel(load_channels(connection), name)
        held = _held(connection, channel)
        changes = history(connection, "channel", channel.id)
        release = Release(
            register=load_register(connection),
            purpose=channel.purpose,
            at=later(connection, datetime.now(UTC)),
            legal_area=declared.hub.legal_area,
        )
    handling = {one.partner: channel_handling(channel, one, release) for one in channel.members}
    told = channel_told(channel) | {"collection": str(channel.collection), "objects": held}
    if as_json:
        say_json(
            told
            | {
                "handling": {name: msgspec.to_builtins(one) for name, one in handling.items()},
                "history": [{"at": one.at.isoformat(), "before": one.before, "after": one.after} for one in changes],
            }
        )
        return
    say(f"channel {channel.id}: {channel.title}")
    for label, value in (
        ("what it is", channel.description or ""),
        ("purpose", channel.purpose.value),
        ("encrypted", f"yes, {PROMISED}" if channel.encrypted else "no"),
        ("collection", str(channel.collection)),
        ("objects", f"{held:,}"),
    ):
        if value:
            say(f"  {label}: {value}")
    show_table(
        [("member", False), ("country", False), ("named persons", False), ("its clients", False)],
        [
            (one.partner, one.country, ", ".join(one.persons), "read it too" if one.clients else "")
            for one in channel.members
        ],
    )
    for partner, one in handling.items():
        say("")
        say(f"How {partner} is told to handle what comes through it now:")
        for words in ("nothing may come to it",) if one is None else one.words:
            say(f"  {words}")
    say("")
    say("What became of it (UTC):")
    for change in changes:
        say("")
        tell_change(change, dated=True, first=False)


def poll_for(
    folder: Path, name: str, member: str, after: str | None, limit: int, actor: Actor, *, as_json: bool
) -> None:
    """Show a page of what a member finds in a channel; logged before it is shown."""
    now = datetime.now(UTC)
    begin = -1 if after is None else microseconds(read_time(after, "--after", now))
    declared = read_workspace(open_workspace(folder).settings, FORMATS)
    with opened(folder) as database, database.writing() as connection:
        register = load_register(connection)
        channel = find_channel(load_channels(connection), name)
        found = look(
            connection, register, channel, _member(channel, member), begin, limit, declared.hub.legal_area, actor, now
        )
    if as_json:
        say_json(
            [
                {"added": _instant(one.added), "version": one.version or None, "object": json.loads(one.content)}
                for one in found
            ]
        )
        return
    show_table(
        [("added (UTC)", False), ("object", False), ("what it says", False)],
        [(_instant(one.added)[:19].replace("T", " "), one.object, _said(one)) for one in found],
        wide=True,
    )
    say(f"{counted(len(found), 'object')} for {member}.")
    if len(found) == limit:
        say(f"There may be more: --after {_instant(found[-1].added)}")


def look(
    connection: Connection,
    register: Register,
    channel: Channel,
    member: Member,
    after: int,
    limit: int,
    legal_area: frozenset[CountryCode],
    actor: Actor,
    now: datetime,
) -> tuple[Placed, ...]:
    """A page of what a member sees, logged in the same transaction. Raises SettingsError for want of a reason."""
    actor.demand_reason()
    # a clock that was set back brings back no agreement that has ended
    now = later(connection, now)
    take_out_withheld(connection, now, actor.person)
    release = Release(register=register, purpose=channel.purpose, at=now, legal_area=legal_area)
    found = page(connection, sight(connection, channel, member, release), after=after, limit=limit)
    record(
        connection,
        Processing.CONSULTATION,
        person=actor.person,
        justification=actor.justification,
        object=f"channel {channel.id}: {counted(len(found), 'object')}{_since(after)}",
        recipients=[member.partner],
        now=now,
    )
    return found


def _member(channel: Channel, name: str) -> Member:
    found = channel.member(PartnerId(name))
    if found is None:
        raise SettingsError(
            "The channel has no such member: it would find nothing.",
            where="--for",
            expected=", ".join(one.partner for one in channel.members) or "none",
            got=name,
        )
    return found


def _held(connection: Connection, channel: Channel) -> int:
    table = CHANNEL_OBJECTS.c
    wanted = select(func.count(table.object.distinct())).where(table.channel == channel.id, table.added.is_not(None))
    return connection.execute(wanted).scalar_one()


def _since(after: int) -> str:
    return f" after {_instant(after)}" if after >= 0 else ""


def _said(one: Placed) -> str:
    if one.revoked:
        return "revoked"
    content = json.loads(one.content)
    return str(content.get("name") or content.get("value") or content.get("relationship_type") or "")


def _instant(added: int) -> str:
    return (EPOCH + timedelta(microseconds=added)).isoformat(timespec="microseconds").replace("+00:00", "Z")
