"""Purging what may be kept no longer: the words around `agreements.retention`, and what follows.

Of each delivery that is due, first its entry in the ledger and its row in the log of consultations, in one transaction;
then its folder goes in one step; then snapshots are made without it. Killed in between, the next call goes on: an entry
that is there is not made again.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from accord.access.consultations import Processing, record
from accord.agreements.declarations import DatasetId
from accord.agreements.retention import Due, due
from accord.cli.acting import Actor, combining
from accord.cli.channels.feeding import bring_feeds_up
from accord.cli.channels.witnessing import take_out_silently
from accord.cli.check.showing import show_check
from accord.cli.deliveries.entering import purge_reference
from accord.cli.deliveries.given_up import GIVEN_UP_KEPT, remove_given_up
from accord.cli.deliveries.kept import names_of, read_account, taken_in
from accord.cli.deliveries.recalled import reference
from accord.cli.deliveries.settling import working
from accord.cli.hub import OpenHub, opened_hub, read_time
from accord.cli.ledgers.opening import publish
from accord.cli.places import reference_in_use
from accord.cli.readying import cores
from accord.cli.rights.forgetting import forget_released, refuse_purged
from accord.cli.snapshots.snapshotting import renew_snapshots
from accord.cli.terminal import counted, progress_bar, say, say_json, show_table
from accord.journal import book
from accord.journal.facts import Fact, Kind, read_fact
from accord.release.disclosures import Disclosure
from accord.release.withdrawals import forget
from accord.vocabulary.errors import MalformedError, SettingsError
from accord.workspace.database import Database
from accord.workspace.jobs import Job, JobKind, JobState, lease_left, newest, queue
from accord.workspace.store import DeliveryFolder, errors_named

DAILY = timedelta(days=1)
"""From one purge to the next; the first is as long after a server was begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """A delivery, and until when it may be kept."""

    folder: DeliveryFolder
    file: str
    received_at: datetime
    accepted: int
    agreements: tuple[str, ...]
    """Under which it came in."""
    due: Due


def retained(hub: OpenHub) -> list[Retained]:
    """All deliveries that are kept, recalled ones too; what is due first comes first."""
    found = [_retained(hub, one) for one in hub.kept()]
    return sorted(found, key=lambda one: (one.due.at, one.folder.dataset, one.folder.sha256))


def _retained(hub: OpenHub, folder: DeliveryFolder) -> Retained:
    account = read_account(folder)
    taken = taken_in(folder, account)
    # an older Accord did not write down under which it came in: then all that cover the data set count
    agreements = [hub.register.agreements[one] for one in taken.under or () if one in hub.register.agreements] or [
        one for one in hub.register.agreements.values() if DatasetId(folder.dataset) in one.data_in
    ]
    limits = [(one.limits.retention, f"agreement {one.id}") for one in agreements if one.limits.retention is not None]
    dataset = hub.dataset(folder.dataset)
    if dataset is not None:
        limits.append((dataset.retention, f"data set {folder.dataset}"))
    # what came a second time is kept no longer for it
    first = account.get("first_received_at")
    return Retained(
        folder=folder,
        file=str(account["file"]),
        received_at=taken.at,
        accepted=int(str(account["accepted"])),
        agreements=tuple(sorted(one.id for one in agreements)),
        due=due(taken.at if first is None else datetime.fromisoformat(str(first)), limits),
    )


def run(folder: Path, at: str | None, actor: Actor, *, now: datetime, as_json: bool) -> None:
    """Purge every delivery that is due."""
    moment = read_time(at, "--at", now)
    if moment > now:
        raise SettingsError(
            "What will be due later is not purged now.",
            where="--at",
            expected=f"no later than {now:%Y-%m-%dT%H:%M:%SZ}",
            got=at,
            remedy="`accord retention list --at` says what will be due",
        )
    gone, refused, packages, ended = purge(folder, moment, actor, now=now)
    if as_json:
        say_json([_told(one, moment) for one in gone])
        return
    if not gone and not refused and not packages and not ended:
        say("Nothing is due.")
    if gone:
        say(f"Purged {counted(len(gone), 'delivery', 'deliveries')}:")
    for one in gone:
        say(f"  {one.folder.dataset}, {one.file}: {one.due.limit} by {one.due.source}")
    for package in refused:
        say(f"refused, and never handed over: {package.id} to {package.recipient}: {package.refusal}")
    if packages:
        say(f"Forgot which findings {counted(packages, 'package')} held that nobody may have any more.")
    if ended:
        told = " and ".join(counted(count, kind.value) for kind, count in sorted(ended.items()))
        say(f"Removed {told} that could not be taken in for {GIVEN_UP_KEPT.days} days.")


def begin_daily(folder: Path, actor: Actor, *, now: datetime) -> None:
    """Queue what purges every day from now on, unless it is queued already."""
    with opened_hub(folder, to_write=True) as hub, hub.database.writing() as connection:
        fresh = not _is_waiting(newest(connection, JobKind.PURGE))
        if fresh:
            _queue(connection, actor, now, now)
    say("What is due is purged every day by `accord serve` or `accord job work`" + ("." if fresh else ", as before."))


def purge_due(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that purges, and queue the next day's."""
    now = datetime.now(UTC)
    actor = Actor(person=str(arguments["person"]), justification="")
    gone, *_ = purge(folder, now, actor, now=now)
    with opened_hub(folder, to_write=True) as hub, hub.database.writing() as connection:
        last = newest(connection, JobKind.PURGE)
        # the one that is being done is leased, and ends after this; one that was begun twice has a next one already
        if last is None or last.state is not JobState.WAITING or lease_left(last, now) is not None:
            _queue(connection, actor, now + DAILY, now)
    return f"purged {counted(len(gone), 'delivery', 'deliveries')}"


def keep_purging(database: Database, actor: Actor, *, now: datetime) -> datetime | None:
    """See to it that a job that purges is queued, for a day after the last; when it is due, None if there was one.

    Several servers may ask at once: whoever writes first queues it, and the others find it.
    """
    with database.reading() as connection:
        if _is_waiting(newest(connection, JobKind.PURGE)):
            return None
    with database.writing() as connection:
        last = newest(connection, JobKind.PURGE)
        if _is_waiting(last):
            return None
        due_at = now + DAILY if last is None else max(now, last.not_before + DAILY)
        _queue(connection, actor, due_at, now)
    return due_at


def _is_waiting(job: Job | None) -> bool:
    return job is not None and job.state is JobState.WAITING


def _queue(connection: Connection, actor: Actor, not_before: datetime, now: datetime) -> None:
    queue(connection, JobKind.PURGE, {"person": actor.person}, now=now, not_before=not_before)


def purge(
    folder: Path, moment: datetime, actor: Actor, *, now: datetime
) -> tuple[Sequence[Retained], Sequence[Disclosure], int, Mapping[JobKind, int]]:
    """Purge what is due at a moment.

    What goes: the deliveries, the packages that waited and are refused, of how many nobody knows any more what they
    held, and how many uploads and adds that could not be taken in.
    """
    with opened_hub(folder, to_write=True) as hub, working(hub.workspace, hub.database):
        hub.ledger.verify_standing()
        gone = [one for one in retained(hub) if one.due.at <= moment]
        for one in gone:
            _record(hub, one, actor, now)
            with errors_named(hub.workspace.root):
                hub.workspace.withdraw(one.folder.path)
        with progress_bar() as progress:
            renew_snapshots(
                hub.workspace,
                as_of=now,
                reference=reference_in_use,
                workers=cores(),
                progress=progress,
                combining=combining(hub.database, _because(actor, "retention"), lambda: now),
            )
        refused = refuse_purged(hub, actor, now)
        packages = forget_released(hub, moment, actor, now)
        ended = remove_given_up(hub.workspace, hub.database, moment, actor, now)
        show_check(hub, publish(hub.ledger, now), actor.person, now=now)
        bring_feeds_up(hub.workspace, hub.declared, hub.database, person=actor.person, now=now)
        hub.database.forget()
    return gone, refused, packages, ended


def _because(actor: Actor, reason: str) -> Actor:
    return actor if actor.justification else replace(actor, justification=reason)


def _record(hub: OpenHub, one: Retained, actor: Actor, now: datetime) -> None:
    purged = purge_reference(one.folder.dataset, one.folder.sha256, one.received_at)
    dataset = hub.dataset(one.folder.dataset)
    with hub.database.writing() as connection:
        if book.referring(connection, purged):
            return
        at = book.moment_meanwhile(connection, now)
        entered = _entered(connection, one)
        fact = Fact(
            kind=Kind.PURGE,
            at=at,
            agreement=" ".join(one.agreements),
            # as when it came, so that figures take off what they added, however the data set is called by now
            dataset=hub.called(one.folder.dataset) if entered is None else entered.dataset,
            origin=entered.origin if entered is not None else None if dataset is None else dataset.origin,
            partner="" if dataset is None else hub.partner_of(dataset),
            marking=None if dataset is None else dataset.marking,
            count=one.accepted,
            digest=one.folder.sha256,
        )
        book.append(connection, [fact], draw=secrets.token_bytes, opens_at=at, reference=purged)
        take_out_silently(connection, forget(connection, DatasetId(one.folder.dataset), names_of(one.folder)), at)
        record(
            connection,
            Processing.ERASURE,
            person=actor.person,
            justification=actor.justification or f"retention: {one.due.limit} by {one.due.source}",
            object=f"delivery {one.folder.dataset} {one.folder.sha256}",
            now=at,
        )


def _entered(connection: Connection, one: Retained) -> Fact | None:
    """What the entry of a delivery says; None: it cannot be read any more."""
    numbers = book.referring(connection, reference(one.folder.dataset, one.folder.sha256))
    for entry in book.kept(connection, numbers[-1:]):
        try:
            return read_fact(entry.openings)
        except MalformedError:
            return None
    return None


def list_retained(folder: Path, at: str | None, *, now: datetime, as_json: bool) -> None:
    """List every delivery with when it is due."""
    moment = read_time(at, "--at", now)
    with opened_hub(folder) as hub:
        found = retained(hub)
    if as_json:
        say_json([_told(one, moment) for one in found])
    elif not found:
        say("No delivery is kept.")
    else:
        show_table(
            [(name, False) for name in ("data set", "file", "received (UTC)", "due (UTC)", "limit", "")],
            [
                (
                    one.folder.dataset,
                    one.file,
                    f"{one.received_at:%Y-%m-%d %H:%M}",
                    f"{one.due.at:%Y-%m-%d %H:%M}",
                    f"{one.due.limit}, {one.due.source}",
                    "due" if one.due.at <= moment else "",
                )
                for one in found
            ],
            wide=True,
        )


def _told(one: Retained, at: datetime) -> dict[str, object]:
    return {
        "dataset": one.folder.dataset,
        "sha256": one.folder.sha256,
        "file": one.file,
        "received_at": one.received_at.isoformat(),
        "due_at": one.due.at.isoformat(),
        "limit": one.due.limit,
        "limit_of": one.due.source,
        "is_due": one.due.at <= at,
    }
