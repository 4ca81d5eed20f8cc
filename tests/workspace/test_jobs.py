"""The table of jobs: each is done by one at a time, again when its worker is lost or it fails, and not for ever."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from accord.vocabulary.errors import OutputError, SettingsError
from accord.workspace.database import Database, migrate_database, open_database, place_of
from accord.workspace.jobs import (
    ATTEMPTS,
    BACKOFF_S,
    DONE_KEPT,
    FAILED_KEPT,
    PUT_OFF_S,
    Backlog,
    Job,
    JobKind,
    JobState,
    backlog,
    claim,
    fail,
    finish,
    hand_back,
    jobs,
    put_off,
    queue,
    renew,
    retry,
)

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
ALL = tuple(JobKind)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Path:
    file = tmp_path / "workspace.toml"
    file.write_text(
        '[hub]\nname = "Hub"\ncontact = "desk@hub.example"\nnamespace = "0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e11"\n'
        f'key_file = "hub.key"\n[database]\nurl = "{database_url}"\n',
        "utf-8",
    )
    return file


@pytest.fixture
def database(settings: Path) -> Iterator[Database]:
    place = place_of(settings)
    migrate_database(place, now=NOW)
    with open_database(place) as opened:
        yield opened


def put(database: Database, kind: JobKind = JobKind.IMPORT, **more: datetime) -> int:
    with database.writing() as connection:
        return queue(connection, kind, {"file": "é", "n": 1}, now=NOW, **more)


def take(database: Database, worker: str = "a", at: datetime = NOW, kinds: tuple[JobKind, ...] = ALL) -> Job | None:
    with database.writing() as connection:
        return claim(connection, kinds, worker, now=at, lease_s=60)


def taken(database: Database, worker: str = "a", at: datetime = NOW) -> Job:
    job = take(database, worker, at)
    assert job is not None
    return job


def standing(database: Database) -> Job:
    with database.reading() as connection:
        (job,) = jobs(connection)
    return job


def test_a_job_comes_back_as_it_was_queued_and_is_one_worker_s(database: Database) -> None:
    number = put(database)
    job = taken(database)
    assert (job.number, job.kind, job.arguments, job.attempts) == (number, JobKind.IMPORT, {"file": "é", "n": 1}, 1)
    assert (job.worker, job.leased_until) == ("a", after(60))
    assert take(database, "b") is None
    with database.writing() as connection:
        finish(connection, job, "all is well", now=after(1))
    done = standing(database)
    assert (done.state, done.outcome, done.ended_at) == (JobState.DONE, "all is well", after(1))
    assert take(database, "b", after(1000)) is None


def test_jobs_are_taken_in_the_order_in_which_they_are_due_and_not_before(database: Database) -> None:
    late, first, second = put(database, not_before=after(10)), put(database), put(database)
    assert [taken(database).number, taken(database).number] == [first, second]
    assert take(database, at=after(9)) is None
    assert taken(database, at=after(10)).number == late


def test_a_worker_gets_only_what_it_can_do(database: Database) -> None:
    put(database, JobKind.PURGE)
    assert take(database, kinds=(JobKind.IMPORT, JobKind.NOTIFY)) is None
    assert take(database, kinds=(JobKind.PURGE,)) is not None


def test_who_renews_keeps_a_job_and_who_does_not_loses_it(database: Database) -> None:
    put(database)
    job = taken(database)
    with database.writing() as connection:
        renew(connection, job, now=after(50), lease_s=60)
    assert take(database, "b", after(109)) is None
    again = taken(database, "b", after(110))
    assert (again.number, again.attempts) == (job.number, 2)
    for act in (
        lambda connection: renew(connection, job, now=after(111), lease_s=60),
        lambda connection: finish(connection, job, "late", now=after(111)),
        lambda connection: fail(connection, job, "late", now=after(111)),
        lambda connection: hand_back(connection, job),
    ):
        with pytest.raises(OutputError, match="another worker's"), database.writing() as connection:
            act(connection)
    assert (standing(database).worker, standing(database).leased_until) == ("b", after(170))


def test_the_same_worker_that_lost_a_job_and_took_it_again_has_it_once(database: Database) -> None:
    put(database)
    first, second = taken(database), taken(database, at=after(61))
    with pytest.raises(OutputError), database.writing() as connection:
        finish(connection, first, "", now=after(62))
    with database.writing() as connection:
        finish(connection, second, "", now=after(62))


def test_a_job_that_fails_waits_twice_as_long_each_time_and_then_has_failed(database: Database) -> None:
    number = put(database)
    at, waits = NOW, []
    for _ in range(ATTEMPTS):
        job = taken(database, at=at)
        with database.writing() as connection:
            fail(connection, job, "the disk is full", now=at)
        found = standing(database)
        if found.state is JobState.WAITING:
            waits.append((found.not_before - at).total_seconds())
            assert take(database, at=found.not_before - timedelta(microseconds=1)) is None
            at = found.not_before
    assert waits == [30, 60, 120, 240, 480, 960, 1920]
    assert waits[0] == BACKOFF_S
    assert (found.state, found.outcome, found.attempts) == (JobState.FAILED, "the disk is full", ATTEMPTS)
    assert take(database, at=at + timedelta(days=365)) is None
    with database.writing() as connection:
        retry(connection, number, now=at)
    assert taken(database, at=at).attempts == 1
    with pytest.raises(SettingsError, match="no such job that failed"), database.writing() as connection:
        retry(connection, number, now=at)


def test_what_would_fail_again_is_not_tried_again(database: Database) -> None:
    put(database)
    job = taken(database)
    with database.writing() as connection:
        fail(connection, job, "refused whole", now=NOW, again=False)
    assert standing(database).state is JobState.FAILED


def test_a_job_that_kills_its_workers_is_given_up(database: Database) -> None:
    put(database)
    for attempt in range(ATTEMPTS):
        assert taken(database, at=after(61 * attempt)).attempts == attempt + 1
    assert take(database, at=after(61 * ATTEMPTS)) is None
    assert standing(database).state is JobState.FAILED
    assert "worker was lost" in str(standing(database).outcome)


def test_a_job_that_was_handed_back_is_due_as_before(database: Database) -> None:
    put(database)
    job = taken(database)
    with database.writing() as connection:
        hand_back(connection, job)
    assert taken(database, "b").attempts == 1


def test_a_job_that_met_somebody_else_at_work_is_due_again_soon_however_often(database: Database) -> None:
    put(database)
    at = NOW
    for _ in range(2 * ATTEMPTS):
        job = taken(database, at=at)
        with database.writing() as connection:
            put_off(connection, job, "put off", now=at)
        found = standing(database)
        assert (found.state, found.attempts, found.outcome) == (JobState.WAITING, 0, "put off")
        assert take(database, at=at + timedelta(seconds=PUT_OFF_S, microseconds=-1)) is None
        at += timedelta(seconds=PUT_OFF_S)
    assert taken(database, at=at).attempts == 1


def test_a_job_is_queued_with_what_calls_for_it_or_not_at_all(database: Database) -> None:
    with database.writing(keep=False) as connection:
        queue(connection, JobKind.NOTIFY, {}, now=NOW)
    assert take(database) is None


def test_the_backlog_is_counted(database: Database) -> None:
    put(database), put(database), put(database, not_before=after(10))
    job = taken(database)
    with database.reading() as connection:
        assert backlog(connection, now=NOW) == Backlog(due=2, later=1, failed=0)
    with database.writing() as connection:
        fail(connection, job, "", now=NOW, again=False)
    with database.reading() as connection:
        assert backlog(connection, now=after(10)) == Backlog(due=2, later=0, failed=1)
        assert [one.number for one in jobs(connection, state=JobState.WAITING, limit=1)] == [job.number + 2]
        assert [one.number for one in jobs(connection, before=job.number + 2)] == [job.number + 1, job.number]


WORKER = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from accord.workspace.database import open_database, place_of
from accord.workspace.jobs import JobKind, claim, finish

settings, worker, holds = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "hold"
now = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
with open_database(place_of(settings)) as database:
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        with database.writing() as connection:
            job = claim(connection, list(JobKind), worker, now=now, lease_s=60)
        if job is None:
            break
        print(job.number, flush=True)
        if holds:
            sys.stdin.readline()
        with database.writing() as connection:
            finish(connection, job, worker, now=now)
"""


def start(settings: Path, worker: str, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(settings), worker, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_several_workers_at_once_each_job_is_done_by_one(database: Database, settings: Path) -> None:
    numbers = [put(database) for _ in range(40)]
    workers = [start(settings, f"worker-{at}", "go") for at in range(4)]
    for one in workers:
        assert one.stdout.readline() == "ready\n"
    for one in workers:
        one.stdin.write("go\n")
        one.stdin.flush()
    done = [int(number) for one in workers for number in one.communicate()[0].split()]
    assert [one.returncode for one in workers] == [0] * 4
    assert Counter(done) == Counter(numbers)
    with database.reading() as connection:
        assert {(one.state, one.attempts) for one in jobs(connection)} == {(JobState.DONE, 1)}


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=3653)])
def test_a_lease_that_was_given_before_the_clock_was_set_back_holds_nobody_up(
    database: Database, back: timedelta
) -> None:
    with database.writing() as connection:
        queue(connection, JobKind.IMPORT, {}, now=NOW - back)
        assert claim(connection, ALL, "lost", now=NOW, lease_s=60) is not None
        # an ordinary one is kept, also where two clocks differ by some seconds
        assert claim(connection, ALL, "other", now=after(-10), lease_s=60) is None
        taken = claim(connection, ALL, "other", now=NOW - back, lease_s=60)
    assert taken is not None
    assert (taken.worker, taken.attempts) == ("other", 2)


def test_the_job_of_a_worker_that_was_killed_is_taken_again_once_its_lease_has_ended(
    database: Database, settings: Path
) -> None:
    number = put(database)
    with start(settings, "doomed", "hold") as doomed:
        assert doomed.stdout.readline() == "ready\n"
        doomed.stdin.write("go\n")
        doomed.stdin.flush()
        assert doomed.stdout.readline() == f"{number}\n"
        os.kill(doomed.pid, signal.SIGKILL)
    assert doomed.returncode == -signal.SIGKILL
    assert take(database, "other", after(59)) is None
    job = taken(database, "other", after(60))
    assert (job.number, job.attempts) == (number, 2)
    with database.writing() as connection:
        finish(connection, job, "done all the same", now=after(61))
    assert json.dumps(standing(database).outcome) == '"done all the same"'


def test_jobs_that_ended_long_ago_go_and_those_that_failed_go_later(database: Database) -> None:
    def end(at: datetime, *, well: bool) -> int:
        put(database, not_before=at)
        job = taken(database, at=at)
        with database.writing() as connection:
            if well:
                finish(connection, job, "taken", now=at)
            else:
                fail(connection, job, "refused", now=at, again=False)
        return job.number

    def left() -> set[int]:
        with database.reading() as connection:
            return {one.number for one in jobs(connection)}

    assert timedelta(days=90) == DONE_KEPT < FAILED_KEPT
    done, failed, due = end(NOW, well=True), end(NOW, well=False), put(database, not_before=NOW + 9 * FAILED_KEPT)
    # up to the last microsecond
    last = end(NOW + DONE_KEPT, well=True)
    assert left() == {done, failed, due, last}
    over = end(NOW + DONE_KEPT + timedelta(microseconds=1), well=False)
    assert left() == {failed, due, last, over}
    later = end(NOW + FAILED_KEPT, well=True)
    assert left() == {failed, due, over, later}
    newest = end(NOW + FAILED_KEPT + timedelta(microseconds=1), well=True)
    # what was never begun waits for as long as it takes
    assert left() == {due, over, later, newest}


def test_a_failed_job_that_is_begun_anew_is_kept_by_when_it_ends(database: Database) -> None:
    put(database)
    with database.writing() as connection:
        fail(connection, taken_on(connection), "refused", now=NOW, again=False)
        again = retry(connection, 1, now=NOW + FAILED_KEPT)
        job = claim(connection, ALL, "a", now=again.not_before, lease_s=60)
        assert job is not None
        finish(connection, job, "taken", now=again.not_before)
        assert [one.state for one in jobs(connection)] == [JobState.DONE]


def taken_on(connection: Connection) -> Job:
    job = claim(connection, ALL, "a", now=NOW, lease_s=60)
    assert job is not None
    return job
