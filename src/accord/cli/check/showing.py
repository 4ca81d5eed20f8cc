"""Letting a version of the check data be seen, once witnesses have cosigned it and while the rules still permit it."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from accord.check.writing import written
from accord.cli.acting import Actor
from accord.cli.channels.witnessing import queue_once
from accord.cli.check.gathering import gather_check
from accord.cli.check.publishing import clear, is_outdated, narrow, permitted, place_of_check, show
from accord.cli.hub import OpenHub, opened_hub
from accord.cli.terminal import talk
from accord.journal import book
from accord.journal.keeping import Published
from accord.release.check_versions import CheckVersion, end_waiting, load_version, waiting_version
from accord.vocabulary.errors import AccordError
from accord.workspace.jobs import JobKind

LOOK = timedelta(minutes=1)
"""After which `accord serve` looks again."""

CHANGED = "its files are not those that were entered in the ledger"
REFUSED = "the rules do not permit any more what it tells"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckShown:
    """What became of the version that waited."""

    version: CheckVersion | None = None
    """As it stands now; None: none waited."""
    unwitnessed: bool = False
    """Too few witnesses have cosigned: later."""

    @property
    def ended(self) -> bool:
        """Is it one that is never shown?"""
        return self.version is not None and self.version.shown_at is None and self.version.gone_at is not None


def show_check(hub: OpenHub, published: Published, person: str, *, now: datetime) -> CheckShown:
    """Show the version that waits, if it may be; and let go what may not be told any more. Raises AccordError."""
    with hub.database.reading() as connection:
        waiting = waiting_version(connection)
    found = CheckShown() if waiting is None else _settle(hub, waiting, published, person, now)
    narrow(hub, Actor(person=person, justification="what was published may not be told any more"), now=now)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckKept:
    """When it was looked at last whether what is published may be told still, and what stood in the way."""

    at: datetime | None = None
    told: str | None = None


def keep_check(folder: Path, person: str, before: CheckKept, *, now: datetime) -> CheckKept:
    """Once in LOOK, queue what takes back what may be told no more, such as when an agreement has run out."""
    if before.at is not None and now - before.at < LOOK:
        return before
    try:
        with opened_hub(folder, to_write=True) as hub:
            if is_outdated(hub, now=now):
                with hub.database.writing() as connection:
                    queue_once(connection, JobKind.RELEASE, person, now)
    except AccordError as error:
        if str(error) != before.told:
            talk(f"it is not looked whether the check may tell still what it does: {error}")
        return CheckKept(at=now, told=str(error))
    return CheckKept(at=now)


def _settle(hub: OpenHub, waiting: CheckVersion, published: Published, person: str, now: datetime) -> CheckShown:
    # what says less than what is shown waits for nobody
    if waiting.narrows is None and not published.covers(waiting.entries[-1]):
        with hub.database.writing() as connection:
            queue_once(connection, JobKind.RELEASE, person, now)
        return CheckShown(version=waiting, unwitnessed=True)
    place = place_of_check(hub)
    # what the rules are asked by does not change before it is shown
    with hub.database.writing() as connection:
        at = book.moment_meanwhile(connection, now)
        why = None
        if written(place.folder, waiting.name) != waiting.digest:
            why = CHANGED
        elif waiting.narrows is None and not permitted(gather_check(hub, connection, place, at), waiting):
            why = REFUSED
        if why is not None:
            end_waiting(connection, at, why, refused=True, person=person, draw=secrets.token_bytes)
            # publishes what takes its entries back
            queue_once(connection, JobKind.RELEASE, person, at)
        else:
            show(connection, place, waiting, at)
        standing = load_version(connection, waiting.name)
    clear(hub, place)
    return CheckShown(version=standing)
