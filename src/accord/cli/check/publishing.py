"""Making a version of the check data: a release to the persons concerned, entered in the ledger before it can be seen.

The version is written where nobody looks. One transaction records it with its entries and the row in the log of
consultations; until then it was never committed, and the next command destroys it. Then it waits: for a checkpoint of
the ledger and its quorum, and for the rules, which are asked once more (`cli.check.showing`).

A version that says a part of what the one before says (`narrow`) does not wait for witnesses: what it leaves out must
not be told any longer.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain

from sqlalchemy import Connection

from accord.access.consultations import Processing, record
from accord.agreements.naming import public_name
from accord.check import layout
from accord.check.hashing import V4, V6
from accord.check.lines import network_lines
from accord.check.pepper import check_pepper
from accord.check.place import CheckPlace, read_check_place
from accord.check.reviews import Reviews
from accord.check.victims import FamilySets, joined
from accord.check.writing import Content, destroy_others, show_version, version_name, write_version
from accord.cli.acting import Actor, log
from accord.cli.channels.witnessing import queue_once
from accord.cli.check.collecting import Evidence, collect
from accord.cli.check.gathering import Gathered, gather_check, grouped, strictest_of
from accord.cli.hub import OpenHub
from accord.cli.places import reference_in_use
from accord.cli.readying import Progress, cores
from accord.cli.terminal import counted, progress_bar
from accord.journal import book
from accord.reference.store import Reference
from accord.release.check_versions import (
    STALE,
    WITHDRAWN,
    CheckSource,
    CheckVersion,
    check_versions,
    end_waiting,
    record_shown,
    record_version,
    shown_version,
    sources_of_version,
    waiting_version,
)
from accord.release.disclosures import Share
from accord.release.rules import decide
from accord.vocabulary.errors import OutputError, UnprovenError
from accord.vocabulary.markings import Marking
from accord.workspace.jobs import JobKind
from accord.workspace.settings import read_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A version that is written, and what its entries say."""

    name: str
    digest: str
    addresses: int
    mailboxes: int
    shares: tuple[Share, ...]
    sources: frozenset[CheckSource]
    told: frozenset[tuple[int, Marking]]
    """Data sets, by their places, and markings that something is told of."""


def place_of_check(hub: OpenHub) -> CheckPlace:
    """Where the workspace publishes check data. Raises SettingsError."""
    return read_check_place(read_settings(hub.workspace.settings), hub.workspace.root)


def publish_check(
    hub: OpenHub, actor: Actor, reference: Reference, progress: Progress, *, now: datetime
) -> CheckVersion:
    """Make a version of all that may be told, which waits to be shown. Raises AccordError."""
    place = place_of_check(hub)
    clear(hub, place)
    with hub.database.reading() as connection:
        at = book.moment(connection, now)
        gathered = gather_check(hub, connection, place, at)
    combined = f"check data: {counted(len(gathered.deliveries), 'delivery', 'deliveries')}"
    log(hub.database, actor, Processing.COMBINATION, [combined], now=at)
    return _make(hub, place, gathered, actor, reference, progress, narrows=None, only=None)


def narrow(hub: OpenHub, actor: Actor, *, now: datetime) -> CheckVersion | None:
    """Let a version take the place of the one that counts which leaves out what is there no more, or may not be told.

    It is shown at once. None: nothing has to go. Done before, nothing is done. Raises AccordError.
    """
    found = _outdated(hub, now)
    if found is None:
        return None
    place = place_of_check(hub)
    clear(hub, place)
    if found.waiting:
        # it would tell what must not be told, and was never shown
        with hub.database.writing() as connection:
            at = book.moment_meanwhile(connection, now)
            end_waiting(connection, at, STALE, person=actor.person, draw=secrets.token_bytes)
            # publishes what takes its entries back
            queue_once(connection, JobKind.RELEASE, actor.person, at)
        clear(hub, place)
    if found.standing is None:
        return None
    return _take_back(hub, place, found.gathered, actor, found.standing, found.held, now)


def is_outdated(hub: OpenHub, *, now: datetime) -> bool:
    """Would `narrow` change anything? Nobody has to hold the workspace. Raises AccordError."""
    found = _outdated(hub, now)
    return found is not None and (found.waiting or found.standing is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outdated:
    """What of versions tells of what is there no more, or may not be told."""

    waiting: bool
    """The one that waits does."""
    standing: CheckVersion | None
    """The one that counts, if it does."""
    gathered: Gathered
    held: frozenset[CheckSource]


def _outdated(hub: OpenHub, now: datetime) -> _Outdated | None:
    with hub.database.reading() as connection:
        standing, waiting = shown_version(connection), waiting_version(connection)
        held = frozenset[CheckSource]() if standing is None else sources_of_version(connection, standing.name)
        if not held and waiting is None:
            # nothing is told of anybody, and the settings may have no table [check] any more
            return None
        place = place_of_check(hub)
        at = book.later(connection, now)
        gathered = gather_check(hub, connection, place, at, held)
        stale = False
        if waiting is not None and waiting.narrows is None:
            rests = sources_of_version(connection, waiting.name)
            stale = bool(rests - gather_check(hub, connection, place, at, rests).sources)
    counts = standing is not None and (
        bool(held - gathered.sources) or _withheld_since(gathered, standing) or not permitted(gathered, standing)
    )
    return _Outdated(waiting=stale, standing=standing if counts else None, gathered=gathered, held=held)


def withdraw(hub: OpenHub, actor: Actor, *, now: datetime) -> CheckVersion | None:
    """Let a version that tells nothing of anybody take the place of the one that counts, at once.

    None: nothing is published. Raises AccordError.
    """
    with hub.database.reading() as connection:
        standing, waiting = shown_version(connection), waiting_version(connection)
    if standing is None and waiting is None:
        return None
    place = place_of_check(hub)
    if waiting is not None:
        with hub.database.writing() as connection:
            at = book.moment_meanwhile(connection, now)
            end_waiting(connection, at, WITHDRAWN, person=actor.person, draw=secrets.token_bytes)
            queue_once(connection, JobKind.RELEASE, actor.person, at)
    clear(hub, place)
    if standing is None:
        return None
    nothing = frozenset[CheckSource]()
    with hub.database.reading() as connection:
        gathered = gather_check(hub, connection, place, book.moment_meanwhile(connection, now), nothing)
    return _take_back(hub, place, gathered, actor, standing, nothing, now)


def _take_back(
    hub: OpenHub,
    place: CheckPlace,
    gathered: Gathered,
    actor: Actor,
    standing: CheckVersion,
    only: frozenset[CheckSource],
    now: datetime,
) -> CheckVersion:
    """Make a version that says a part of what the one that counts says, and show it."""
    with progress_bar() as progress:
        made = _make(hub, place, gathered, actor, reference_in_use(), progress, narrows=standing.name, only=only)
    with hub.database.writing() as connection:
        # its own entries are as late as it took to make it
        show(connection, place, made, book.later(connection, now))
    clear(hub, place)
    return made


def permitted(gathered: Gathered, version: CheckVersion) -> bool:
    """May everything that a version rests on be told still?"""
    for one in version.classes:
        item = one.item(gathered.register)
        if item is None:
            return False
        item = replace(item, embargo=gathered.secret.get(item.dataset.id))
        if not decide(item, gathered.audience, gathered.release).permitted:
            return False
    return True


def _withheld_since(gathered: Gathered, version: CheckVersion) -> bool:
    """Have analysts kept a finding back since a version was made?"""
    return any(one.at > version.made_at and one.finding in gathered.withheld for one in gathered.decisions)


def show(connection: Connection, place: CheckPlace, version: CheckVersion, at: datetime) -> None:
    """Let a version be the one that counts, on a writer's connection. Done before, it is done again."""
    show_version(place.folder, version.name)
    record_shown(connection, version, at)


def clear(hub: OpenHub, place: CheckPlace) -> None:
    """Destroy versions that were never committed, or are gone.

    Raises UnprovenError when a version is shown that the database does not know: it was restored from an older copy.
    """
    with hub.database.reading() as connection:
        standing, waiting = shown_version(connection), waiting_version(connection)
        known = {one.name for one in check_versions(connection)}
    link = place.folder / layout.CURRENT
    shown = link.readlink().name if link.is_symlink() else None
    if shown is not None and shown not in known:
        raise UnprovenError(
            "The database is older than the check data that is published: it was restored from an older copy.",
            where=str(link),
            expected="a version that the database knows",
            got=shown,
            remedy="find the newest copy of the database. Where that is lost, keep this folder elsewhere, as the proof "
            "of what was published, and publish again",
        )
    destroy_others(place.folder, frozenset(one.name for one in (standing, waiting) if one is not None))


def _make(
    hub: OpenHub,
    place: CheckPlace,
    gathered: Gathered,
    actor: Actor,
    reference: Reference,
    progress: Progress,
    *,
    narrows: str | None,
    only: Collection[CheckSource] | None,
) -> CheckVersion:
    promised = gathered.allowed()
    # a lost pepper is replaced by who takes back everything that was told with it, and by nobody else
    pepper = check_pepper(place.pepper_file, make=(only is not None and not only) or not _published(hub, place))
    draft = _write(hub, place, gathered, pepper, reference, progress)
    with hub.database.writing() as connection:
        at = book.moment(connection, datetime.now(UTC))
        again = gather_check(hub, connection, place, at, only)
        if (promised & ~again.allowed()).any() or again.withheld != gathered.withheld:
            raise OutputError(
                "What may be told has changed while it was made ready; nothing is published.",
                where=str(place.folder),
                remedy="`accord agreement list` shows what is in force; then call it again",
            )
        version = record_version(
            connection,
            CheckVersion(
                name=draft.name,
                made_at=at,
                digest=draft.digest,
                recipient=gathered.recipient.partner.id,
                addresses=draft.addresses,
                mailboxes=draft.mailboxes,
                marking=max((one.marking for one in draft.shares), key=lambda one: one.code, default=Marking.CLEAR),
                classes=gathered.classes(draft.told),
                narrows=narrows,
                person=actor.person,
                entries=range(0),
                shown_at=None,
                gone_at=None,
                refusal=None,
            ),
            draft.shares,
            draft.sources,
            draw=secrets.token_bytes,
        )
        _log(connection, version, actor, at)
        # whoever is killed from here on has left it waiting, and this shows it
        queue_once(connection, JobKind.RELEASE, actor.person, at)
    return version


def _log(connection: Connection, version: CheckVersion, actor: Actor, at: datetime) -> None:
    record(
        connection,
        Processing.DISCLOSURE,
        person=actor.person,
        justification=actor.justification or "victim notification by the public check",
        object=f"check data {version.name}",
        recipients=[version.recipient],
        now=at,
    )


def _write(
    hub: OpenHub, place: CheckPlace, gathered: Gathered, pepper: bytes, reference: Reference, progress: Progress
) -> _Draft:
    """Write a version of what may be told."""
    reviews = Reviews(
        reference.warning_lists,
        gathered.lets_go,
        gathered.withheld,
        hub.key,
        cores(),
    )
    found = collect(gathered, gathered.allowed(), reference.families, reviews, pepper, progress)
    progress("putting it together", 0, 0)
    sets = FamilySets()
    v4, v6, leaked = found.v4.told(), found.v6.told(), found.mailboxes.told()
    families, places = found.families.told(v4.families() | v6.families() | leaked.families())
    counts = [one.by_dataset() for one in (v4, v6, leaked)]
    made = (one.records(kind, places, sets, pepper, cores()) for one, kind in ((v4, V4), (v6, V6)))
    addresses = joined(chain.from_iterable(made))
    del v4, v6, made
    mailboxes = joined(leaked.records(None, places, sets, pepper, cores()))
    lines = network_lines(reference.network, reference.warning_lists, place)
    content = Content(
        made_at=gathered.at,
        day=gathered.at.astimezone(UTC).date(),
        families=families,
        sets=sets.all,
        addresses=addresses,
        mailboxes=mailboxes,
        v4=lines[0],
        v6=lines[1],
    )
    name = version_name(gathered.at)
    progress("writing the version", 0, 0)
    return _Draft(
        name=name,
        digest=write_version(place.folder, name, content, pepper),
        addresses=len(addresses.digests),
        mailboxes=len(mailboxes.digests),
        shares=_shares(hub, gathered, found, counts),
        sources=frozenset(gathered.deliveries[at].source for at in found.read),
        told=frozenset(found.markings),
    )


def _published(hub: OpenHub, place: CheckPlace) -> bool:
    """Was anything published that a new pepper would make useless?"""
    with hub.database.reading() as connection:
        counts = shown_version(connection) is not None or waiting_version(connection) is not None
    return counts or (place.folder / layout.CURRENT).is_symlink()


def _shares(
    hub: OpenHub, gathered: Gathered, found: Evidence, counts: Sequence[Mapping[int, int]]
) -> tuple[Share, ...]:
    """What each data set has in a version."""
    shares = []
    for at, marking in strictest_of(grouped(found.markings)).items():
        dataset = gathered.datasets[at]
        agreements = {
            one
            for item in gathered.items(at, marking)
            for one in decide(item, gathered.audience, gathered.release).agreements
        }
        shares.append(
            Share(
                dataset=dataset.id,
                public_name=public_name(dataset, hub.key),
                origin=dataset.origin,
                marking=marking,
                agreements=tuple(sorted(agreements)),
                findings=sum(one.get(at, 0) for one in counts),
            )
        )
    return tuple(sorted(shares, key=lambda one: one.dataset))
