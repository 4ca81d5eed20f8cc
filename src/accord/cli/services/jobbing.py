"""What a person meets who looks after jobs: the words around `workspace.jobs` and `cli.services.jobs`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from accord.cli.acting import acting
from accord.cli.ledgers.opening import keep_page
from accord.cli.psi.closing import any_due, keep_ended
from accord.cli.register.registering import opened
from accord.cli.services.jobs import work_once, worker_name
from accord.cli.terminal import first_sentence, say, say_json, show_table, talk
from accord.vocabulary.errors import SettingsError
from accord.workspace.jobs import Job, JobState, jobs, lease_left, retry


def list_page(folder: Path, state: str | None, before: int | None, limit: int, *, as_json: bool) -> None:
    """Print a page of jobs."""
    now = datetime.now(UTC)
    wanted = None if state is None else _state(state)
    with opened(folder) as database, database.reading() as connection:
        page = jobs(connection, state=wanted, before=before, limit=limit)
        more = bool(page) and bool(jobs(connection, state=wanted, before=page[-1].number, limit=1))
    if as_json:
        say_json([_told(one) for one in page])
        return
    if not page:
        say("There is no such job.")
        return
    show_table(
        [("number", True), *((word, False) for word in ("kind", "state", "since (UTC)", "tried", "what", "outcome"))],
        [
            (
                str(one.number),
                one.kind,
                _standing(one, now),
                f"{one.queued_at:%Y-%m-%d %H:%M}",
                str(one.attempts),
                _in_words(one.arguments),
                first_sentence(one.outcome or ""),
            )
            for one in page
        ],
        wide=True,
    )
    if more:
        talk(f"there is more: --before {page[-1].number}")


def work_all(folder: Path, *, as_json: bool) -> bool:
    """Do what is due, end sessions that are over, and bring the public page up; whether all of it came to its end;
    what was put off has not."""
    worker, done = worker_name(), []
    with opened(folder) as database:
        while (job := work_once(database, folder, worker)) is not None:
            done.append(job.number)
        over = any_due(database)
        if over:
            keep_ended(folder, acting(None, None))
        left = over and any_due(database)
        keep_page(folder, database)
        with database.reading() as connection:
            found = [one for number in dict.fromkeys(done) for one in jobs(connection, before=number + 1, limit=1)]
    if as_json:
        say_json([_told(one) for one in found])
    elif not found and not over:
        say("Nothing is due.")
    else:
        for one in found:
            say(f"job {one.number} ({one.kind}): {one.state}: {' '.join((one.outcome or '').split())}")
    if left:
        talk("a session is over and not ended: call it again")
    return all(one.state is JobState.DONE for one in found) and not left


def retry_one(folder: Path, number: int, *, as_json: bool) -> None:
    """Let a job begin anew."""
    with opened(folder) as database, database.writing() as connection:
        job = retry(connection, number, now=datetime.now(UTC))
    if as_json:
        say_json(_told(job))
    else:
        say(f"job {job.number} ({job.kind}) is due: `accord job work --in {folder}`, or `accord serve`, does it.")


def _in_words(arguments: Mapping[str, object]) -> str:
    """What a job is about: `dataset servers, file servers.txt, by root`."""
    names = {"person": "by", "justification": "because of"}
    said = {names.get(key, key.replace("_", " ")): value for key, value in arguments.items()}
    return ", ".join(
        key if value is True else f"{key} {_short(key, value)}"
        for key, value in said.items()
        if value not in (None, False, "")
    )


def _short(key: str, value: object) -> object:
    if key == "file":
        return Path(str(value)).name
    return first_sentence(str(value)) if key in {"why", "because of"} else value


def _told(job: Job) -> dict[str, object]:
    return {
        "number": job.number,
        "kind": job.kind.value,
        "arguments": dict(job.arguments),
        "state": job.state.value,
        "queued_at": _instant(job.queued_at),
        "not_before": _instant(job.not_before),
        "attempts": job.attempts,
        "worker": job.worker,
        "leased_until": _instant(job.leased_until),
        "ended_at": _instant(job.ended_at),
        "outcome": job.outcome,
    }


def _standing(job: Job, now: datetime) -> str:
    if job.state is not JobState.WAITING:
        return job.state.value
    if lease_left(job, now) is not None:
        return "worked on"
    return "due" if job.not_before <= now else f"not before {job.not_before:%Y-%m-%d %H:%M} UTC"


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _state(text: str) -> JobState:
    try:
        return JobState(text)
    except ValueError:
        raise SettingsError(
            "There is no such state.", where="--state", expected=", ".join(JobState), got=text
        ) from None
