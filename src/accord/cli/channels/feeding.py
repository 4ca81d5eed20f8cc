"""Feeds of public channels: folders that say what the public may have now, each replaced in one step.

What the database says is written out anew whenever it may have changed: after releases, recalls, erasures, purges and
reviews by the command itself, and for what changes otherwise (an agreement that ends) by `accord serve`, or on demand.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, func, select

from accord.agreements.agreement import Register
from accord.agreements.register import load_register
from accord.cli.channels.witnessing import take_out_withheld
from accord.cli.deliveries.settling import working
from accord.cli.terminal import counted, say, say_json, talk
from accord.exchange.misp.feed import Feed, Written, write_feed
from accord.exchange.misp.findings import entries
from accord.formats.catalogue import FORMATS
from accord.journal import book
from accord.operations.declaration import Declared, read_workspace
from accord.release.channels import Channel, ChannelId, channel_told, load_channels
from accord.release.question import Release
from accord.release.sights import Sight, sight
from accord.release.withdrawals import withheld
from accord.vocabulary.errors import AccordError, BusyError
from accord.workspace.database import Database, open_database
from accord.workspace.schema import CHANNEL_BATCHES
from accord.workspace.store import Workspace, errors_named, open_workspace

FEEDS = "feeds"
"""Where feeds lie in a workspace: a folder a channel, named by its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What feeds were brought up to, and what keeps them behind."""

    seen: str | None = None
    told: str | None = None


def bring_feeds_up(
    workspace: Workspace, declared: Declared, database: Database, *, person: str, now: datetime
) -> Mapping[ChannelId, Written]:
    """Write what the public may have of each public channel, and nothing of others; the workspace must be held.

    Raises AccordError; then each feed is what it was, or new.
    """
    with database.reading() as connection:
        public = _public(connection)
    left = [one for one in _folders(workspace) if one.name not in public]
    if public:
        with database.writing() as connection:
            take_out_withheld(connection, book.later(connection, now), person)
    found = {}
    with errors_named(workspace.root):
        for name, channel in public.items():
            found[name] = _write(workspace, declared, database, channel, now)
        for one in left:
            workspace.withdraw(one)
    return found


def keep_feeds(folder: Path, database: Database, person: str, before: Kept) -> Kept:
    """Bring feeds up if what the public may have is not what it was; what keeps them behind is said once."""
    try:
        workspace = open_workspace(folder)
        declared = read_workspace(workspace.settings, FORMATS)
        with database.reading() as connection:
            seen = _fingerprint(connection, declared, datetime.now(UTC))
        if seen == before.seen or (seen is None and not _folders(workspace)):
            return Kept(seen=seen)
        with working(workspace, database):
            bring_feeds_up(workspace, declared, database, person=person, now=datetime.now(UTC))
    except BusyError:
        # whoever is at it brings them up, or the next look does
        return before
    except AccordError as error:
        if str(error) != before.told:
            talk(f"feeds stay behind: {error}")
        return Kept(seen=before.seen, told=str(error))
    return Kept(seen=seen)


def publish_feeds(folder: Path, person: str, *, as_json: bool) -> None:
    """`accord channel publish`."""
    workspace = open_workspace(folder)
    declared = read_workspace(workspace.settings, FORMATS)
    with open_database(declared.database, to_write=True) as database, working(workspace, database):
        written = bring_feeds_up(workspace, declared, database, person=person, now=datetime.now(UTC))
    if as_json:
        say_json(
            [
                {
                    "channel": name,
                    "folder": str(feed_place(workspace, name)),
                    "events": one.events,
                    "attributes": one.attributes,
                }
                for name, one in written.items()
            ]
        )
        return
    for name, one in written.items():
        say(
            f"{feed_place(workspace, name)}: {counted(one.attributes, 'attribute')} in {counted(one.events, 'event')}, "
            "for everybody"
        )
    if not written:
        say("No channel is public: none has a member of kind 'public' (docs/misp-feed.md).")


def feed_place(workspace: Workspace, channel: ChannelId) -> Path:
    """Where the feed of a public channel lies."""
    return workspace.root / FEEDS / channel


def _write(workspace: Workspace, declared: Declared, database: Database, channel: Channel, now: datetime) -> Written:
    place = feed_place(workspace, channel.id)
    with workspace.staging() as staging:
        new, scratch = staging / "new", staging / "scratch"
        new.mkdir()
        scratch.mkdir()
        with database.reading() as connection:
            feed = Feed(
                namespace=declared.hub.namespace,
                hub=declared.hub.name,
                channel=channel.id,
                title=channel.title,
                at_s=_changed_s(connection, channel),
            )
            seen = _sight(connection, load_register(connection), declared, channel, now)
            written = write_feed(feed, [] if seen is None else entries(connection, seen), new, scratch, place)
        place.parent.mkdir(exist_ok=True)
        workspace.replace(new, place)
    return written


def _folders(workspace: Workspace) -> list[Path]:
    root = workspace.root / FEEDS
    return sorted(one for one in root.iterdir() if one.is_dir()) if root.is_dir() else []


def _public(connection: Connection) -> dict[ChannelId, Channel]:
    register = load_register(connection)
    return {name: one for name, one in load_channels(connection).items() if one.public(register) is not None}


def _sight(
    connection: Connection, register: Register, declared: Declared, channel: Channel, now: datetime
) -> Sight | None:
    """What the public may see of a channel now."""
    member = channel.public(register)
    if member is None:
        return None
    # a clock that was set back brings back no agreement that has ended
    release = Release(
        register=register,
        purpose=channel.purpose,
        at=book.later(connection, now),
        legal_area=declared.hub.legal_area,
    )
    return sight(connection, channel, member, release)


def _changed_s(connection: Connection, channel: Channel) -> int:
    """When something last appeared in a channel, in seconds since 1970."""
    table = CHANNEL_BATCHES.c
    at = connection.execute(select(func.max(table.visible_at)).where(table.channel == channel.id)).scalar_one()
    return 0 if at is None else int(at.timestamp())


def _fingerprint(connection: Connection, declared: Declared, now: datetime) -> str | None:
    """What decides on what stands in feeds: it changes whenever that may have. None: no channel is public."""
    public = _public(connection)
    if not public:
        return None
    register = load_register(connection)
    told: list[object] = [declared.hub.name, book.size(connection), sorted(withheld(connection, now))]
    for one in public.values():
        seen = _sight(connection, register, declared, one, now)
        told += [channel_told(one), seen and [seen.since, seen.policies], _changed_s(connection, one)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
