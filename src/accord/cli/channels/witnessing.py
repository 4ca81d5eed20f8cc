"""What was put into channels appears once the ledger's witnesses have cosigned what it says of them."""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, select

from accord.cli.releases.handed import RELEASES, SHOWN
from accord.journal import book
from accord.journal.keeping import Published
from accord.release.batches import Draft, Placed, hidden, show, unfinished
from accord.release.channels import ChannelId, load_channels
from accord.release.decisions import load_decisions
from accord.release.reviews import Answer, standing
from accord.release.withdrawals import remove_unfinished, take_away, withheld
from accord.workspace.database import Database
from accord.workspace.jobs import JobKind, JobState, jobs, queue
from accord.workspace.schema import DISCLOSURES


def show_witnessed(root: Path, database: Database, published: Published, person: str) -> tuple[int, int]:
    """Make visible what the ledger's quorum covers by now; how many batches appeared, and how many still wait.

    For those that wait `accord release hand-over` is queued.
    """
    verified = 0 if published.checkpoint is None else published.checkpoint.size
    with database.reading() as connection:
        if not hidden(connection):
            return 0, 0
    now = datetime.now(UTC)
    with database.writing() as connection:
        shown = show(connection, verified=verified, at=book.moment(connection, now))
        wanted = select(DISCLOSURES.c.id).where(DISCLOSURES.c.batch.in_(shown))
        for name in connection.execute(wanted).scalars():
            # before it can be seen: a database that is restored afterwards is held against this
            with suppress(FileNotFoundError), (root / RELEASES / name / SHOWN).open("wb") as file:
                os.fsync(file.fileno())
        left = hidden(connection)
        if left:
            queue_once(connection, JobKind.RELEASE, person, now)
    return len(shown), len(left)


def remove_begun(database: Database) -> None:
    """Remove what was begun to be put into channels and never ended; nobody else may be putting."""
    with database.reading() as connection:
        begun = unfinished(connection)
    for batch in begun:
        left = True
        while left:
            with database.writing() as connection:
                left = remove_unfinished(connection, batch)


def queue_once(connection: Connection, kind: JobKind, person: str, now: datetime) -> None:
    """Queue a job unless one of its kind waits."""
    # the one that is being done is leased; it ends after this
    if not any(one.kind is kind and one.state is JobState.WAITING and one.worker is None for one in jobs(connection)):
        queue(connection, kind, {"person": person}, now=now)


def take_out(
    connection: Connection,
    concerned: Mapping[ChannelId, Collection[str]],
    at: datetime,
    *,
    recall: UUID | None = None,
    person: str,
) -> None:
    """Take findings out of channels because they hold no more; revoked versions appear once the log is cosigned."""
    if not concerned:
        return
    # what STIX is written with is loaded by who needs it
    from accord.reports.revoking import NO_VALUE, no_value, revoked

    def reduced(one: Placed) -> list[Draft]:
        version, content = revoked(one.content, at)
        put = [_draft(one.object, one.type, version, content)]
        return [*put, _draft(NO_VALUE, "software", "", no_value())] if one.type == "observed-data" else put

    if take_away(connection, load_channels(connection), concerned, recall=recall, at=at, reduced=reduced):
        queue_once(connection, JobKind.RELEASE, person, at)


def take_out_silently(connection: Connection, concerned: Mapping[ChannelId, Collection[str]], at: datetime) -> None:
    """Take findings out of channels because they may be kept no longer; nobody is told: they were not wrong."""
    take_away(connection, {}, concerned, recall=None, at=at, reduced=None)


def take_out_withheld(connection: Connection, at: datetime, person: str) -> None:
    """Take out of channels what analysts keep back by now."""
    take_out(connection, withheld(connection, at), at, person=person)


def kept_back(connection: Connection, at: datetime) -> frozenset[str]:
    """The findings that analysts withhold, or have let go until a moment that is past."""
    decided = standing(load_decisions(connection))
    return frozenset(name for name, one in decided.items() if one.answer is Answer.WITHHOLD or not one.counts(at))


def _draft(name: str, kind: str, version: str, content: bytes) -> Draft:
    return Draft(object=name, type=kind, version=version, content=content.decode(), findings=(), shared=False)
