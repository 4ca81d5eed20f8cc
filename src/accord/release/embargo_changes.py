"""What an operation's embargo holds back follows its file: what is opened for everybody, and what may tell of it.

Who takes an embargo off, or brings it forward, says so of what a file of that name, for the same purpose and country,
has let out. Who puts it off says so of everything under that name: what is opened cannot be closed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Table, select, update

from accord.access.consultations import Processing, record
from accord.journal import book
from accord.ledger.commitments import pick_openings
from accord.operations.declaration import Operation
from accord.release.basis import parse_basis
from accord.release.disclosures import Disclosure, disclosures, reference
from accord.release.policies import Classes, Policies, policies
from accord.release.policy import embargo_of
from accord.vocabulary.datasets import Purpose
from accord.workspace.jobs import JobKind, JobState, jobs, queue
from accord.workspace.schema import (
    CHANNEL_FINDINGS,
    CHANNEL_OBJECTS,
    CHANNEL_SHARED,
    DISCLOSURES,
    JOURNAL_ENTRIES,
    PSI_SESSIONS,
)

_Secret = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What came of an embargo that a file says otherwise than it was."""

    later: int
    """Entries that are opened later than they would have been."""
    sooner: int
    open: int
    """Entries of disclosures that it would hold back, and that everybody can read already."""


def follow_embargo(
    connection: Connection, operation: Operation, purpose: Purpose, *, at: datetime, person: str
) -> Followed:
    """Let all that an operation has let out follow its embargo, on a writer's connection; `at`: `journal.book.moment`.

    A row in the log of consultations says so, and a job opens what is due by then. Done before, nothing changes.
    """
    mine = [one for one in disclosures(connection) if one.operation == operation.name]
    if not mine:
        return Followed(later=0, sooner=0, open=0)
    same = {one.id: _is_same(one, operation, purpose) for one in mine}
    secret = _secret(operation)
    for one in mine:
        _restate(connection, one, secret, same=same[one.id])
    _restate_channels(connection, operation.name, secret)
    base = {number: same[one.id] for one in mine for number in one.entries}
    behind = {str(one.id): same[one.id] for one in mine}
    sessions = select(PSI_SESSIONS.c.entry, PSI_SESSIONS.c.disclosure).where(PSI_SESSIONS.c.operation == operation.name)
    base |= {row.entry: behind[row.disclosure] for row in connection.execute(sessions) if row.disclosure in behind}
    about = {reference(one.id): same[one.id] for one in mine}
    later, sooner = _move(connection, base, about, operation.embargo)
    if later or sooner:
        _told(connection, operation, later + sooner, at, person)
    return Followed(later=later, sooner=sooner, open=_open(connection, operation, mine, at))


def _is_same(one: Disclosure, operation: Operation, purpose: Purpose) -> bool:
    owners = {each.partner.id for each in operation.owners}
    return one.purpose == purpose and (one.country in operation.scope.countries or one.recipient in owners)


def _secret(operation: Operation) -> _Secret | None:
    embargo = embargo_of(operation)
    if embargo is None:
        return None
    return embargo.operation, embargo.until.isoformat(), tuple(sorted(embargo.recipients))


def _move(
    connection: Connection, base: dict[int, bool], about: Mapping[str, bool], embargo: datetime | None
) -> tuple[int, int]:
    """Let entries that are closed yet, and those that follow them, be opened when the embargo ends.

    `base`: the entries of disclosures, with whether they may be opened sooner; what answers one follows it.
    """
    table = JOURNAL_ENTRIES.c
    wanted = (
        select(table.number, table.at, table.reference, table.openings, table.opens_at)
        .where(table.opened_at.is_(None), table.opens_at.is_not(None), table.number >= min(base))
        .order_by(table.number)
    )
    later, sooner = [], []
    for row in connection.execute(wanted).all():
        if row.number not in base:
            # an entry is before those that refer to it
            refers = pick_openings(row.openings, {"refers"})[1].get("refers", b"")
            if refers and int(refers) in base:
                base[row.number] = base[int(refers)]
            elif row.reference in about:
                base[row.number] = about[row.reference]
            else:
                continue
        opens_at = row.at if embargo is None else max(row.at, embargo)
        if opens_at > row.opens_at:
            later.append((row.number, opens_at))
        elif opens_at < row.opens_at and base[row.number]:
            sooner.append((row.number, opens_at))
    for number, opens_at in (*later, *sooner):
        connection.execute(update(JOURNAL_ENTRIES).where(table.number == number).values(opens_at=opens_at))
    return len(later), len(sooner)


def _restate(connection: Connection, one: Disclosure, secret: _Secret | None, *, same: bool) -> None:
    """Let what else tells of a data set know how long an operation is secret that rests on it (`release.embargoes`)."""
    if one.basis is None or one.refused_at is not None:
        return
    before = parse_basis(one.basis)
    after = replace(before, classes=_followed(before.classes, secret, same=same, unsaid=True))
    if after != before:
        connection.execute(update(DISCLOSURES).where(DISCLOSURES.c.id == str(one.id)).values(basis=after.encode()))


def _restate_channels(connection: Connection, operation: str, secret: _Secret | None) -> None:
    """Put off what is in channels; what comes sooner is put there anew."""
    numbers = Policies(connection)
    for number, classes in list(policies(connection)):
        mine = frozenset(one for one in classes if one.embargo is not None and one.embargo[0] == operation)
        after = (classes - mine) | _followed(mine, secret, same=False, unsaid=False)
        if after != classes:
            new = numbers.number(after)
            tables: tuple[Table, ...] = (CHANNEL_OBJECTS, CHANNEL_FINDINGS, CHANNEL_SHARED)
            for table in tables:
                connection.execute(update(table).where(table.c.policy == number).values(policy=new))


def _followed(classes: Classes, secret: _Secret | None, *, same: bool, unsaid: bool) -> Classes:
    """Policy classes of an operation under the embargo that its file says. `unsaid`: also those that are under none."""

    def followed(before: _Secret | None) -> _Secret | None:
        if same or (before is None and unsaid):
            return secret
        longer = before is not None and secret is not None and _until(secret) > _until(before)
        return secret if longer else before

    return frozenset(replace(one, embargo=followed(one.embargo)) for one in classes)


def _until(secret: _Secret) -> datetime:
    return datetime.fromisoformat(secret[1])


def _told(connection: Connection, operation: Operation, moved: int, at: datetime, person: str) -> None:
    embargo = operation.embargo
    until = "it has none any more" if embargo is None else f"it lasts until {embargo.isoformat()}"
    record(
        connection,
        Processing.ALTERATION,
        person=person,
        justification=f"the operation's file says otherwise of its embargo: {until}",
        object=f"operation {operation.name}: {moved} entries of the ledger are opened by that",
        now=at,
    )
    if embargo is None or embargo <= at:
        return
    waiting = (one for one in jobs(connection) if one.kind is JobKind.NOTIFY and one.state is JobState.WAITING)
    if not any(one.not_before == embargo for one in waiting):
        queue(connection, JobKind.NOTIFY, {"person": person}, now=at, not_before=embargo)


def _open(connection: Connection, operation: Operation, mine: list[Disclosure], at: datetime) -> int:
    if operation.embargo is None or operation.embargo <= book.later(connection, at):
        return 0
    count = 0
    for one in mine:
        table = JOURNAL_ENTRIES.c
        wanted = select(table.number).where(
            table.number >= one.entries.start, table.number < one.entries.stop, table.opened_at.is_not(None)
        )
        count += len(connection.execute(wanted).all())
    return count
