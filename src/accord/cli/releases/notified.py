"""What a person meets of notifications: the words around `cli.releases.notifying`, and the reading of bounces."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from accord.cli.acting import acting
from accord.cli.ledgers.opening import opened_ledger
from accord.cli.releases.composing import Held, mail_of
from accord.cli.releases.corresponding import read_keys, sealing_of
from accord.cli.releases.desk import desk
from accord.cli.releases.notifying import send
from accord.cli.terminal import counted, say, say_json, show_table, talk
from accord.exchange.notifications.bounces import MOST_BYTES, Bounce, Passed, read_bounce
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_workspace
from accord.release.notifications import OVERDUE, Notification, State, change, notifications
from accord.vocabulary.errors import AccordError, UnreadableError
from accord.workspace.database import Database
from accord.workspace.mail import password_of
from accord.workspace.regular import open_regular, unreadable
from accord.workspace.store import open_workspace

NOT_SENT = 1
"""Exit code when something was not sent that should have been."""


def sent(
    folder: Path, *, to: Sequence[str], again: str | None, person: str | None, why: str | None, as_json: bool
) -> None:
    """`accord notification send`."""
    done = send(folder, acting(person, why), to=to, again=again)
    if as_json:
        say_json(
            {
                "notifications": [_told(one, overdue=one.state in OVERDUE) for one in done.mails],
                "held": [
                    {"release": str(one.release), "recipient": one.recipient, "why": one.why} for one in done.held
                ],
                "later": {partner: at.isoformat() for partner, at in done.later.items()},
            }
        )
    else:
        if done.mails:
            _show(done.mails)
        elif not done.held and not done.later:
            say("Nothing is to be mailed: `accord release make` hands something over.")
        for partner, at in done.later.items():
            talk(f"{partner} has had a mail in this period: the next goes out from {at:%Y-%m-%d %H:%M} UTC on")
        _tell_held(done.held)
    if not done.complete:
        raise typer.Exit(NOT_SENT)


def checked(folder: Path, *, as_json: bool) -> None:
    """`accord notification check`."""
    now = datetime.now(UTC)
    with desk(folder, acting(None, None)) as one:
        mail = mail_of(one)
    # as whoever sends does
    keys = read_keys(mail, now)
    password_of(mail)
    rows: list[dict[str, object]] = []
    for to in mail.recipients:
        told: dict[str, object] = {"partner": to.partner, "address": to.address}
        try:
            sealing = sealing_of(to, keys, now)
            until = None if sealing.until is None else sealing.until.date().isoformat()
            rows.append({**told, "how": sealing.how, "until": until, "fault": None})
        except AccordError as error:
            fault = " ".join(part for part in (error.what, error.got, error.remedy) if part)
            rows.append({**told, "how": None, "until": None, "fault": fault})
    if as_json:
        say_json(rows)
    else:
        columns = [("to", False), ("address", False), ("how", False), ("until", False)]
        cells = [
            (one["partner"], one["address"], one["how"] or f"NOT: {one['fault']}", one["until"] or "") for one in rows
        ]
        show_table(columns, cells, wide=True)
    if any(one["fault"] for one in rows):
        raise typer.Exit(NOT_SENT)


def listed(folder: Path, *, overdue: bool, as_json: bool) -> None:
    """`accord notification list`."""
    mail = read_workspace(open_workspace(folder).settings, FORMATS).mail
    late = datetime.now(UTC) - (timedelta(days=1) if mail is None else mail.every)
    with opened_ledger(folder) as ledger, ledger.database.reading() as connection:
        every = notifications(connection)
    marked = [(one, _is_overdue(one, late)) for one in every]
    found = [(one, flag) for one, flag in marked if flag or not overdue]
    if as_json:
        say_json([_told(one, overdue=flag) for one, flag in found])
    elif not found:
        say("Nothing is overdue." if every else f"None yet. `accord notification send --in {folder}` sends them.")
    else:
        _show([one for one, _ in found])


def bounced(folder: Path, place: Path, *, as_json: bool) -> None:
    """`accord notification bounces`."""
    read = [(path, _read(path)) for path in _messages(place)]
    told: list[dict[str, object]] = []
    with desk(folder, acting(None, None)) as one:
        mail_of(one)
        for path, what in read:
            told.append({"file": str(path), **_take(one.ledger.database, what)})
    if as_json:
        say_json(told)
        return
    failed = [each for each in told if each["notification"] is not None]
    say(f"{counted(len(told), 'message')}: {counted(len(failed), 'notification')} bounced, "
        f"{len(told) - len(failed):,} passed over.")  # fmt: skip
    if told:
        show_table(
            [("file", False), ("notification", False), ("what", False)],
            [(Path(str(each["file"])).name, each["notification"] or "", each["what"]) for each in told],
            wide=True,
        )


def _messages(place: Path) -> Iterator[Path]:
    """The messages of a file, a folder, or a Maildir. Raises UnreadableError."""
    if not place.is_dir():
        yield place
        return
    try:
        folders = [place / name for name in ("new", "cur") if (place / name).is_dir()] or [place]
        for folder in folders:
            yield from sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise UnreadableError("The folder cannot be read.", where=str(place), got=error.strerror) from error


def _read(path: Path) -> Bounce | Passed:
    try:
        with open_regular(path) as file:
            return read_bounce(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise unreadable(error, path, "The message cannot be read.") from error


def _take(database: Database, what: Bounce | Passed) -> dict[str, object]:
    """What becomes of what a message says, as it is told."""
    if isinstance(what, Passed):
        return {"notification": None, "status": None, "what": what.value}
    said = f"{what.status} {what.words}".strip()
    with database.writing() as connection:
        if any(one.id == what.notification for one in notifications(connection, states=[State.BOUNCED])):
            return {"notification": None, "status": what.status, "what": "it was taken in before"}
        if not change(
            connection, what.notification, [State.SENT, State.UNCERTAIN], State.BOUNCED, said, datetime.now(UTC)
        ):
            return {"notification": None, "status": what.status, "what": Passed.UNNAMED.value}
    return {"notification": str(what.notification), "status": what.status, "what": said}


def _is_overdue(one: Notification, late: datetime) -> bool:
    return one.state in OVERDUE or (one.state is State.READY and one.made_at < late)


def _show(found: Sequence[Notification]) -> None:
    show_table(
        [("notification", False), ("made (UTC)", False), ("to", False), ("brings", False), ("stands", False),
         ("what was said", False)],
        [
            (
                str(one.id)[:8],
                f"{one.made_at:%Y-%m-%d %H:%M}",
                one.recipient,
                counted(len(one.notices), "notice") if one.notices else counted(len(one.disclosures), "release"),
                one.state.value,
                one.said or "",
            )
            for one in found
        ],
        wide=True,
    )  # fmt: skip


def _tell_held(held: Sequence[Held]) -> None:
    for one in held:
        talk(f"not mailed to {one.recipient}: release {one.release}: {one.why}")


def _told(one: Notification, *, overdue: bool) -> dict[str, object]:
    return {
        "id": str(one.id),
        "recipient": one.recipient,
        "address": one.address,
        "made_at": one.made_at.isoformat(),
        "marking": one.marking.value,
        "releases": [str(each) for each in one.disclosures],
        "notices": [{"recall": str(recall), "release": str(release)} for recall, release in one.notices],
        "token": one.token,
        "sha256": one.digest,
        "state": one.state.value,
        "changed_at": one.changed_at.isoformat(),
        "said": one.said,
        "overdue": overdue,
    }
