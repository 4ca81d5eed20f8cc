"""Notifying: what was handed over is mailed to its recipients, one mail a recipient a period; notices that something
of it is recalled follow at once, in mails of their own.

A mail is composed once. Its file is laid down, then one transaction records it with its token and its row in the log
of consultations; a file without its row is removed by the next command. What was composed is sent byte by byte, with
the same id, whenever it is sent: a mail reader that gets it twice knows. When that is, `release.notifications` says.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection

from accord.access.tokens import revoke_token
from accord.agreements.declarations import PartnerId
from accord.cli.acting import Actor
from accord.cli.releases.composing import NOTIFICATIONS, Held, compose_due, compose_notices, file_of, mail_of
from accord.cli.releases.corresponding import read_keys, sealings
from accord.cli.releases.desk import Desk, desk
from accord.cli.releases.handing import refusals
from accord.cli.terminal import counted
from accord.journal import book
from accord.release.disclosures import load_disclosure
from accord.release.notifications import (
    NOTICES_ALONE,
    Notification,
    State,
    change,
    find_notification,
    notifications,
)
from accord.release.recall import find_notice
from accord.vocabulary.errors import OutputError, SettingsError
from accord.workspace.jobs import JobKind, JobState, jobs, lease_left, queue
from accord.workspace.mail import Correspondent, Given, Mail, give, password_of

SOON = timedelta(hours=1)
"""A job that is tried again by then is not queued once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What `send` has done."""

    mails: tuple[Notification, ...]
    """Those that it composed, tried or dropped, as they stand."""
    held: tuple[Held, ...]
    later: Mapping[PartnerId, datetime]
    """Who has had a mail in this period, and when the next is due."""

    @property
    def complete(self) -> bool:
        """Is nothing left that somebody must see to?"""
        return not self.held and all(one.state in {State.SENT, State.DROPPED} for one in self.mails)


def send(
    folder: Path,
    actor: Actor,
    *,
    to: Sequence[str],
    again: str | None,
    retried: bool = False,
    notices_alone: bool = False,
) -> Sent:
    """Compose what is due (`to`: for these partners alone) and send what is ready; `again`: also this mail, that
    failed or of which it is not known whether it went out. `notices_alone`: of recalls, and no packages.

    What the mail server does not take is queued, unless whoever calls this does so again (`retried`), and so is what
    waits for its recipient's next period. Raises AccordError.
    """
    with desk(folder, actor) as one:
        mail = mail_of(one)
        chosen = _chosen(mail, to)
        now = _now(one)
        # all that can be wrong with files and passwords is found before anything is composed
        sealed = sealings(chosen, read_keys(mail, now), now)
        password = password_of(mail)
        _settle(one, now)
        touched = [] if again is None else [_begin_again(one, again, now)]
        touched += _drop_refused(one, now)
        held: list[Held] = []
        later: dict[PartnerId, datetime] = {}
        for each in chosen:
            made = [compose_notices(one, mail, each, sealed[each.partner], now)]
            if not notices_alone:
                made.append(compose_due(one, mail, each, sealed[each.partner], now))
            for some in made:
                held += some.held
                touched += [composed.id for composed in some.mails]
                if some.later is not None:
                    later[PartnerId(each.partner)] = some.later
        for each in chosen:
            for ready in _standing(one, [State.READY], each.partner):
                if ready.notices or not notices_alone:
                    touched.append(ready.id)
                    _send_one(one, mail, ready, password)
        _queue_rest(one, later, ready=not retried)
        with one.ledger.database.reading() as connection:
            mails = tuple(each for each in notifications(connection) if each.id in touched)
    return Sent(mails=mails, held=tuple(held), later=later)


def send_later(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that sends mail. Raises OutputError while some is still to be sent."""
    actor = Actor(person=str(arguments["person"]), justification="")
    alone = bool(arguments.get(NOTICES_ALONE))
    sent = send(folder, actor, to=(), again=None, retried=True, notices_alone=alone)
    left = [each for each in sent.mails if each.state is State.READY]
    if left:
        raise OutputError(f"{counted(len(left), 'mail')} could not be sent yet.", got=left[0].said)
    went = sum(each.state is State.SENT for each in sent.mails)
    return f"sent {counted(went, 'mail')}"


def _now(one: Desk) -> datetime:
    with one.ledger.database.reading() as connection:
        return book.moment(connection, datetime.now(UTC))


def _chosen(mail: Mail, to: Sequence[str]) -> tuple[Correspondent, ...]:
    names = [each.partner for each in mail.recipients]
    for name in to:
        if name not in names:
            raise SettingsError(
                "No mail goes to this partner.",
                where="--to",
                expected=", ".join(sorted(names)) or "a partner that a table [[mail.recipient]] names",
                got=name,
            )
    return tuple(each for each in mail.recipients if not to or each.partner in to)


def _standing(one: Desk, states: Sequence[State], recipient: str | None = None) -> tuple[Notification, ...]:
    with one.ledger.database.reading() as connection:
        partner = None if recipient is None else PartnerId(recipient)
        return notifications(connection, states=states, recipient=partner)


def _settle(one: Desk, now: datetime) -> None:
    """Whoever was sending ended; and files go that no mail needs any more. We are alone in the workspace."""
    cut_off = _standing(one, [State.SENDING])
    with one.ledger.database.writing() as connection:
        for each in cut_off:
            said = "whoever sent it was cut off before the server's answer was written down"
            change(connection, each.id, [State.SENDING], State.UNCERTAIN, said, now)
    kept = {file_of(one, each.id).name for each in _standing(one, [State.READY, State.UNCERTAIN])}
    place = one.workspace.root / NOTIFICATIONS
    for path in place.iterdir() if place.is_dir() else ():
        if path.name not in kept:
            path.unlink()


def _begin_again(one: Desk, name: str, now: datetime) -> UUID:
    """A mail that may have gone out is ready as it is; what one that failed was to bring is free for another."""
    with one.ledger.database.writing() as connection:
        found = find_notification(connection, name)
        if found.state is State.UNCERTAIN:
            change(connection, found.id, [State.UNCERTAIN], State.READY, "sent again", now)
        elif found.state in {State.FAILED, State.BOUNCED}:
            _drop(connection, found, f"it {found.state}, and another takes its place: {found.said}", now)
        else:
            raise SettingsError(
                "This notification is not sent again.",
                where=f"notification {found.id}",
                expected="one that failed, bounced or is uncertain",
                got=f"it is {found.state}",
            )
    return found.id


def _drop(connection: Connection, one: Notification, why: str, now: datetime) -> None:
    change(connection, one.id, [*State], State.DROPPED, why, now)
    revoke_token(connection, one.token, now)


def _drop_refused(one: Desk, now: datetime) -> list[UUID]:
    """Mails that are ready, and bring something that may not go out any more, or are not what was recorded."""
    dropped = []
    for ready in _standing(one, [State.READY]):
        why = _file_fault(one, ready)
        with one.ledger.database.reading() as connection:
            brought = [load_disclosure(connection, each) for each in ready.disclosures]
        for release, refused in refusals(one, brought, now).items():
            why = f"release {release}: {refused}"
        why = why or _answered(one, ready)
        if why is not None:
            with one.ledger.database.writing() as connection:
                _drop(connection, ready, why, now)
            dropped.append(ready.id)
    return dropped


def _answered(one: Desk, ready: Notification) -> str | None:
    """Why nobody needs to be told any more of the notices in a mail; None: it brings none, or somebody does."""
    if not ready.notices:
        return None
    with one.ledger.database.reading() as connection:
        left = [each for each in ready.notices if find_notice(connection, *each).answer is None]
    return None if left else "its recipient has answered meanwhile"


def _file_fault(one: Desk, ready: Notification) -> str | None:
    try:
        data = file_of(one, ready.id).read_bytes()
    except FileNotFoundError:
        return "its file is gone"
    return None if hashlib.sha256(data).hexdigest() == ready.digest else "its file is another than was recorded"


def _send_one(one: Desk, mail: Mail, ready: Notification, password: str | None) -> None:
    place, database = file_of(one, ready.id), one.ledger.database

    def begin() -> None:
        with database.writing() as connection:
            change(connection, ready.id, [State.READY], State.SENDING, "", datetime.now(UTC))

    came = give(
        mail,
        sender=mail.bounce_address(str(ready.id)),
        to=ready.address,
        name=str(ready.id),
        message=place.read_bytes(),
        password=password,
        before_data=begin,
    )
    to = {
        Given.TAKEN: State.SENT,
        Given.LATER: State.READY,
        Given.REFUSED: State.FAILED,
        Given.UNKNOWN: State.UNCERTAIN,
    }[came.given]
    with database.writing() as connection:
        change(connection, ready.id, [State.READY, State.SENDING], to, came.said, datetime.now(UTC))
    if to in {State.SENT, State.FAILED}:
        place.unlink()


def _queue_rest(one: Desk, later: Mapping[PartnerId, datetime], *, ready: bool) -> None:
    """Queue a job for what is ready still, and for those whose period begins later, unless one waits already."""
    now = datetime.now(UTC)
    wanted = [*later.values(), *([now] if ready and _standing(one, [State.READY]) else [])]
    if not wanted:
        return
    first = min(wanted)
    with one.ledger.database.writing() as connection:
        waits = [
            each
            for each in jobs(connection, state=JobState.WAITING)
            # the one that is being done is leased; it ends after this
            if each.kind is JobKind.MAIL
            and NOTICES_ALONE not in each.arguments
            and lease_left(each, now) is None
            and each.not_before <= max(first, now + SOON)
        ]
        if not waits:
            queue(connection, JobKind.MAIL, {"person": one.actor.person}, now=now, not_before=first)
