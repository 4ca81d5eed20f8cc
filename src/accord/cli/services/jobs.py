"""Which jobs can be done, who does them, and the worker that takes one after the other."""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from accord.cli.deliveries.adding import import_file
from accord.cli.deliveries.adds import take_added
from accord.cli.deliveries.uploads import expire_upload, take_uploaded
from accord.cli.releases.handing import hand_over_later, notify_due
from accord.cli.rights.retaining import purge_due
from accord.cli.terminal import talk
from accord.vocabulary.errors import AccordError, BusyError, OutputError, RefusedFileError
from accord.workspace.database import Database
from accord.workspace.jobs import Job, JobKind, claim, fail, finish, hand_back, put_off, renew

Handler = Callable[[Path, Mapping[str, object]], str]
"""Does a job of the workspace in a folder; says what came of it, in a sentence. It may be called again for the same."""


def mail_due(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that sends mail."""
    # what mail is made with is loaded by who sends some
    from accord.cli.releases.notifying import send_later

    return send_later(folder, arguments)


HANDLERS: dict[JobKind, Handler] = {
    JobKind.IMPORT: import_file,
    JobKind.ADD: take_added,
    JobKind.UPLOAD: take_uploaded,
    JobKind.EXPIRE: expire_upload,
    JobKind.RELEASE: hand_over_later,
    JobKind.NOTIFY: notify_due,
    JobKind.PURGE: purge_due,
    JobKind.MAIL: mail_due,
}
"""A line each. What has no line cannot be queued."""

LEASE_S = 60.0
"""How long a job stays with a worker of whom nothing is heard."""


def worker_name() -> str:
    """A name that no other worker has or had: jobs are kept by it."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def work_once(
    database: Database,
    folder: Path,
    worker: str,
    *,
    handlers: Mapping[JobKind, Handler] = HANDLERS,
    lease_s: float = LEASE_S,
) -> Job | None:
    """Take a job that is due and do it, well or not; None: there was none."""
    with database.writing() as connection:
        job = claim(connection, handlers.keys(), worker, now=datetime.now(UTC), lease_s=lease_s)
    if job is not None:
        _do(database, folder, job, handlers[job.kind], lease_s)
    return job


def _do(database: Database, folder: Path, job: Job, handler: Handler, lease_s: float) -> None:
    try:
        with _renewed(database, job, lease_s):
            outcome = handler(folder, job.arguments)
    except BusyError as error:
        # quietly: nothing is wrong, and whoever asks sees it in the list of jobs
        with _taken_by_another(), database.writing() as connection:
            put_off(connection, job, f"put off: {error.what}", now=datetime.now(UTC))
    except Exception as error:  # noqa: BLE001 -- the worker loop: whatever a job does, the next one is done
        # what is ours is told by its name alone: its text may hold anything
        said = str(error) if isinstance(error, AccordError) else f"Accord failed ({type(error).__name__})"
        talk(f"job {job.number} ({job.kind}) failed: {said}")
        with _taken_by_another(), database.writing() as connection:
            again = not isinstance(error, RefusedFileError)
            fail(connection, job, said, now=datetime.now(UTC), again=again)
    except BaseException:
        # the process is to end: somebody else begins it anew, at once
        with _taken_by_another(), database.writing() as connection:
            hand_back(connection, job)
        raise
    else:
        talk(f"job {job.number} ({job.kind}): {outcome}")
        with _taken_by_another(), database.writing() as connection:
            finish(connection, job, outcome, now=datetime.now(UTC))


@contextmanager
def _taken_by_another() -> Iterator[None]:
    """Whoever has the job by now says what comes of it."""
    try:
        yield
    except BusyError:
        # the lease says when it is begun anew
        pass
    except OutputError as error:
        talk(str(error))


@contextmanager
def _renewed(database: Database, job: Job, lease_s: float) -> Iterator[None]:
    """Keep a job for as long as the block takes."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(lease_s / 3):
            # a database that does not answer now may answer next time; the lease says how long that is good for
            with _taken_by_another(), database.writing() as connection:
                renew(connection, job, now=datetime.now(UTC), lease_s=lease_s)

    keeper = threading.Thread(target=keep, name=f"lease of job {job.number}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
