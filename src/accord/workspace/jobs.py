"""Jobs: what is to be done later, in a table from which workers take it on lease.

A worker that takes a job has it until its lease ends, and renews the lease while it works. Who is killed renews no
more, and then the job is taken by the next; so a job may be begun more than once, and what it does must bear that. One
that fails waits twice as long each time, and after ATTEMPTS it has failed for good, until somebody says `retry`.
Taking, renewing and ending are writers' transactions, of which there is one at a time on either database.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update

from accord.vocabulary.errors import OutputError, SettingsError
from accord.workspace.schema import JOBS

ATTEMPTS = 8
"""How often a job is begun before it has failed for good."""

BACKOFF_S = 30
"""After the first failure; doubled with each: an hour altogether."""

PUT_OFF_S = 5
"""Until one is taken again that met somebody else at work; that is no failure, and no attempt is counted."""

DONE_KEPT = timedelta(days=90)
"""How long a job that was done stays in the table. What it did stands in ledger, log and deliveries for good; the job
says who queued it and when, which is wanted when last quarter is accounted for, and names staff, so not longer."""

FAILED_KEPT = timedelta(days=365)
"""How long one that has failed for good stays: somebody has still to see it, and may begin it anew."""

_OUTCOME = 2000
"""Characters of what is kept of an outcome."""


class JobKind(StrEnum):
    """What can be done later."""

    IMPORT = "import"
    ADD = "add"
    UPLOAD = "upload"
    EXPIRE = "expire"
    RELEASE = "release"
    NOTIFY = "notify"
    PURGE = "purge"
    MAIL = "mail"


class JobState(StrEnum):
    """How far a job is; one that is waiting may be on lease."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as it stands in the table."""

    number: int
    kind: JobKind
    arguments: Mapping[str, object]
    state: JobState
    queued_at: datetime
    not_before: datetime
    attempts: int
    """How often it was begun."""
    worker: str | None
    """Who has it, or had it last; None: nobody yet."""
    leased_until: datetime | None
    ended_at: datetime | None
    outcome: str | None
    """What came of it, or the last error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What there is to do."""

    due: int
    """Waiting and due, or on lease."""
    later: int
    failed: int


def queue(
    connection: Connection,
    kind: JobKind,
    arguments: Mapping[str, object],
    *,
    now: datetime,
    not_before: datetime | None = None,
) -> int:
    """Put a job into the table, in the same transaction as what calls for it; its number."""
    values = {
        "kind": kind.value,
        "arguments": json.dumps(arguments, ensure_ascii=False, sort_keys=True),
        "state": JobState.WAITING.value,
        "queued_at": now,
        "not_before": now if not_before is None else not_before,
        "attempts": 0,
    }
    return int(connection.execute(insert(JOBS).values(values).returning(JOBS.c.number)).scalar_one())


def claim(
    connection: Connection, kinds: Collection[JobKind], worker: str, *, now: datetime, lease_s: float
) -> Job | None:
    """Take the job that has been due for longest; None: there is none that is due and nobody's.

    A job whose worker was lost ATTEMPTS times is failed, and the next is taken.
    """
    # one that lasts longer than any does was given before the clock was set back
    longest = now + 2 * timedelta(seconds=lease_s)
    free = or_(JOBS.c.leased_until.is_(None), JOBS.c.leased_until <= now, JOBS.c.leased_until > longest)
    due = (JOBS.c.state == JobState.WAITING.value) & (JOBS.c.not_before <= now) & free
    lost = due & (JOBS.c.attempts >= ATTEMPTS)
    outcome = f"its worker was lost {ATTEMPTS} times while it worked on it"
    connection.execute(
        update(JOBS).where(lost).values(state=JobState.FAILED.value, leased_until=None, ended_at=now, outcome=outcome)
    )
    wanted = due & JOBS.c.kind.in_([kind.value for kind in kinds])
    number = connection.execute(
        select(JOBS.c.number).where(wanted).order_by(JOBS.c.not_before, JOBS.c.number).limit(1)
    ).scalar_one_or_none()
    if number is None:
        return None
    until = now + timedelta(seconds=lease_s)
    taken = update(JOBS).where(JOBS.c.number == number).values(
        worker=worker, leased_until=until, attempts=JOBS.c.attempts + 1
    )  # fmt: skip
    connection.execute(taken)
    return _job(connection.execute(select(JOBS).where(JOBS.c.number == number)).one())


def renew(connection: Connection, job: Job, *, now: datetime, lease_s: float) -> None:
    """Keep a job. Raises OutputError when it is another's by now."""
    _change(connection, job, leased_until=now + timedelta(seconds=lease_s))


def finish(connection: Connection, job: Job, outcome: str, *, now: datetime) -> None:
    """A job is done; jobs that ended long ago go. Raises OutputError when it is another's by now."""
    _change(connection, job, state=JobState.DONE.value, leased_until=None, ended_at=now, outcome=outcome[:_OUTCOME])
    _trim(connection, now)


def fail(connection: Connection, job: Job, error: str, *, now: datetime, again: bool = True) -> None:
    """A job failed: it waits for its next attempt, or has failed for good. Raises OutputError when it is another's.

    Without `again` it has: another attempt would come to the same. Jobs that ended long ago go.
    """
    values: dict[str, object] = {"leased_until": None, "outcome": error[:_OUTCOME]}
    if again and job.attempts < ATTEMPTS:
        values["not_before"] = now + timedelta(seconds=BACKOFF_S * 2 ** (job.attempts - 1))
    else:
        values |= {"state": JobState.FAILED.value, "ended_at": now}
    _change(connection, job, **values)
    _trim(connection, now)


def hand_back(connection: Connection, job: Job) -> None:
    """A job was not done because its worker must end: it is due as before, and the attempt does not count.

    Raises OutputError when it is another's by now.
    """
    _change(connection, job, leased_until=None, attempts=job.attempts - 1)


def put_off(connection: Connection, job: Job, why: str, *, now: datetime) -> None:
    """A job met somebody else at work: it is due again soon, and the attempt does not count.

    Raises OutputError when it is another's by now.
    """
    soon = now + timedelta(seconds=PUT_OFF_S)
    _change(connection, job, leased_until=None, attempts=job.attempts - 1, not_before=soon, outcome=why[:_OUTCOME])


def retry(connection: Connection, number: int, *, now: datetime) -> Job:
    """Let a job that has failed for good begin anew. Raises SettingsError when it has not."""
    found = connection.execute(select(JOBS).where(JOBS.c.number == number)).one_or_none()
    if found is None or found.state != JobState.FAILED:
        raise SettingsError(
            "There is no such job that failed.",
            where=f"job {number}",
            got="no such job" if found is None else f"it is {found.state}",
            remedy="see `accord job list`",
        )
    again = update(JOBS).where(JOBS.c.number == number).values(
        state=JobState.WAITING.value, not_before=now, attempts=0, ended_at=None
    )  # fmt: skip
    connection.execute(again)
    return _job(connection.execute(select(JOBS).where(JOBS.c.number == number)).one())


def jobs(
    connection: Connection, *, state: JobState | None = None, before: int | None = None, limit: int = 100
) -> tuple[Job, ...]:
    """A page of jobs, the newest first: at most `limit` with numbers below `before`."""
    wanted = select(JOBS)
    if state is not None:
        wanted = wanted.where(JOBS.c.state == state.value)
    if before is not None:
        wanted = wanted.where(JOBS.c.number < before)
    return tuple(_job(row) for row in connection.execute(wanted.order_by(JOBS.c.number.desc()).limit(limit)))


def naming(connection: Connection, names: Callable[[str], bool]) -> tuple[Job, ...]:
    """The jobs in whose arguments or outcome `names` finds something, in the order of their numbers."""
    found = connection.execute(select(JOBS).order_by(JOBS.c.number))
    return tuple(_job(row) for row in found if names(row.arguments) or names(row.outcome or ""))


def forget_jobs(connection: Connection, some: Collection[Job]) -> None:
    """Erase jobs; those that wait are never done."""
    for one in some:
        connection.execute(delete(JOBS).where(JOBS.c.number == one.number))


def newest(connection: Connection, kind: JobKind) -> Job | None:
    """The job of a kind that was queued last; None: none is in the table."""
    found = connection.execute(
        select(JOBS).where(JOBS.c.kind == kind.value).order_by(JOBS.c.number.desc()).limit(1)
    ).one_or_none()
    return None if found is None else _job(found)


def lease_left(job: Job, now: datetime) -> timedelta | None:
    """How long a job is somebody's; None: it is nobody's."""
    return None if job.leased_until is None or job.leased_until <= now else job.leased_until - now


def backlog(connection: Connection, *, now: datetime) -> Backlog:
    """How much there is to do."""

    def counted(*which: ColumnElement[bool]) -> int:
        return int(connection.execute(select(func.count()).select_from(JOBS).where(*which)).scalar_one())

    waiting = JOBS.c.state == JobState.WAITING.value
    return Backlog(
        due=counted(waiting, JOBS.c.not_before <= now),
        later=counted(waiting, JOBS.c.not_before > now),
        failed=counted(JOBS.c.state == JobState.FAILED.value),
    )


def _trim(connection: Connection, now: datetime) -> None:
    """Let jobs go that ended long ago."""
    for state, kept in ((JobState.DONE, DONE_KEPT), (JobState.FAILED, FAILED_KEPT)):
        # none ends before it is due, and by that there is an index
        gone = (JOBS.c.state == state.value) & (JOBS.c.not_before < now - kept) & (JOBS.c.ended_at < now - kept)
        connection.execute(delete(JOBS).where(gone))


def _change(connection: Connection, job: Job, **values: object) -> None:
    # whoever took it after the lease had ended has begun it once more
    mine = (
        (JOBS.c.number == job.number)
        & (JOBS.c.state == JobState.WAITING.value)
        & (JOBS.c.worker == job.worker)
        & (JOBS.c.attempts == job.attempts)
        & JOBS.c.leased_until.is_not(None)
    )
    if connection.execute(update(JOBS).where(mine).values(**values)).rowcount != 1:
        raise OutputError(
            "The job is another worker's by now: its lease ended before it was renewed.",
            where=f"job {job.number} ({job.kind})",
        )


def _job(row: Row[tuple[object, ...]]) -> Job:
    return Job(
        number=row.number,
        kind=JobKind(row.kind),
        arguments=json.loads(row.arguments),
        state=JobState(row.state),
        queued_at=row.queued_at,
        not_before=row.not_before,
        attempts=row.attempts,
        worker=row.worker,
        leased_until=row.leased_until,
        ended_at=row.ended_at,
        outcome=row.outcome,
    )
