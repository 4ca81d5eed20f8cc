"""Notifying: what was handed over is mailed to its recipients, one mail a recipient a period.

A mail is composed once. Its file is laid down, then one transaction records it with its token and its row in the log
of consultations; a file without its row is removed by the next command. What was composed is sent byte by byte, with
the same id, whenever it is sent: a mail reader that gets it twice knows. When that is, `release.notifications` says.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import Connection

from accord.access.consultations import Processing, record
from accord.access.tokens import Scope, make_token, revoke_token
from accord.agreements.declarations import PartnerId
from accord.cli.acting import Actor
from accord.cli.releases.corresponding import Sealing, read_keys, sealings
from accord.cli.releases.desk import Desk, desk
from accord.cli.releases.handed import HANDOVER, PACKAGE
from accord.cli.releases.handing import refusals
from accord.cli.terminal import counted
from accord.exchange.notifications.composing import Attached, compose
from accord.journal import book
from accord.release.disclosures import Disclosure, load_disclosure
from accord.release.notifications import (
    Notification,
    State,
    change,
    find_notification,
    last_made,
    notifications,
    record_notification,
    unsent,
)
from accord.release.package.manifest import Statement
from accord.release.package.reading import opened_file, read_package
from accord.reports.covering import Brought, Covering, subject_of, text_of
from accord.vocabulary.errors import OutputError, SettingsError
from accord.vocabulary.handling import EncryptInTransit
from accord.vocabulary.markings import MARKINGS, Marking
from accord.workspace.jobs import JobKind, JobState, jobs, lease_left, queue
from accord.workspace.mail import Correspondent, Given, Mail, give, password_of
from accord.workspace.store import errors_named

NOTIFICATIONS = "notifications"
ANSWERED_WITHIN = timedelta(days=180)
"""How long a mail's token counts."""
SOON = timedelta(hours=1)
"""A job that is tried again by then is not queued once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A release that no mail may bring."""

    release: UUID
    recipient: PartnerId
    why: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packed:
    """A package as a mail brings it."""

    disclosure: Disclosure
    statement: Statement
    files: tuple[Attached, ...]


def mail_of(one: Desk) -> Mail:
    """The settings of mail. Raises SettingsError when there are none."""
    if one.declared.mail is None:
        raise SettingsError(
            "The workspace has no settings for mail.",
            where=str(one.workspace.settings),
            expected="a table [mail]",
            remedy="see docs/notifications.md",
        )
    return one.declared.mail


def send(folder: Path, actor: Actor, *, to: Sequence[str], again: str | None, retried: bool = False) -> Sent:
    """Compose what is due (`to`: for these partners alone) and send what is ready; `again`: also this mail, that
    failed or of which it is not known whether it went out.

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
            done = _compose_due(one, mail, each, sealed[each.partner], now)
            held += done.held
            later |= done.later
            touched += [made.id for made in done.mails]
        for each in chosen:
            for ready in _standing(one, [State.READY], each.partner):
                touched.append(ready.id)
                _send_one(one, mail, ready, password)
        _queue_rest(one, later, ready=not retried)
        with one.ledger.database.reading() as connection:
            mails = tuple(each for each in notifications(connection) if each.id in touched)
    return Sent(mails=mails, held=tuple(held), later=later)


def send_later(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that sends mail. Raises OutputError while some is still to be sent."""
    sent = send(folder, Actor(person=str(arguments["person"]), justification=""), to=(), again=None, retried=True)
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


def _place(one: Desk, name: UUID) -> Path:
    return one.workspace.root / NOTIFICATIONS / f"{name}.eml"


def _settle(one: Desk, now: datetime) -> None:
    """Whoever was sending ended; and files go that no mail needs any more. We are alone in the workspace."""
    cut_off = _standing(one, [State.SENDING])
    with one.ledger.database.writing() as connection:
        for each in cut_off:
            said = "whoever sent it was cut off before the server's answer was written down"
            change(connection, each.id, [State.SENDING], State.UNCERTAIN, said, now)
    kept = {_place(one, each.id).name for each in _standing(one, [State.READY, State.UNCERTAIN])}
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
        if why is not None:
            with one.ledger.database.writing() as connection:
                _drop(connection, ready, why, now)
            dropped.append(ready.id)
    return dropped


def _file_fault(one: Desk, ready: Notification) -> str | None:
    try:
        data = _place(one, ready.id).read_bytes()
    except FileNotFoundError:
        return "its file is gone"
    return None if hashlib.sha256(data).hexdigest() == ready.digest else "its file is another than was recorded"


def _compose_due(one: Desk, mail: Mail, to: Correspondent, sealing: Sealing, now: datetime) -> Sent:
    """Compose the mail of one recipient, if there is anything for it and its period has begun."""
    partner = PartnerId(to.partner)
    with one.ledger.database.reading() as connection:
        pending = unsent(connection, partner)
        last = last_made(connection, partner)
    whys = refusals(one, pending, now)
    held = [Held(release=each, recipient=partner, why=why) for each, why in whys.items()]
    free: list[_Packed] = []
    room, more = mail.most_bytes, False
    for each in pending:
        if each.id in whys:
            continue
        try:
            packed = _pack(one, each, len(free) + 1, most=mail.most_bytes)
        except OutputError as error:
            # too large for any mail: the others go out all the same
            held.append(Held(release=each.id, recipient=partner, why=error.what))
            continue
        why = None if sealing.encrypts else _unencrypted(packed)
        if why is not None:
            held.append(Held(release=each.id, recipient=partner, why=why))
            continue
        room -= sum(len(file.data) for file in packed.files)
        if room < 0 and free:
            more = True
            break
        free.append(packed)
    if free and last is not None and now < last + mail.every:
        return Sent(mails=(), held=tuple(held), later={partner: last + mail.every})
    made = (_compose(one, to, free, sealing, now),) if free else ()
    return Sent(mails=made, held=tuple(held), later={partner: now + mail.every} if more else {})


def _unencrypted(one: _Packed) -> str | None:
    """Why it may not go out unencrypted; None: it may."""
    iep = one.statement.handling.iep
    if one.disclosure.marking is not Marking.CLEAR:
        return f"it is {one.disclosure.marking.label}, and there is no certificate for which it could be encrypted"
    if iep is not None and iep.encrypt_in_transit is EncryptInTransit.MUST:
        return "its agreements demand encryption, and there is no certificate for which it could be encrypted"
    return None


def _pack(one: Desk, disclosure: Disclosure, number: int, *, most: int) -> _Packed:
    """A package and its handover, as they lie there: nothing at the hub opens them. Raises OutputError."""
    place = one.place(disclosure.id)
    with opened_file(place / PACKAGE) as package, opened_file(place / HANDOVER) as handover:
        size = sum(os.fstat(file.fileno()).st_size for file in (package, handover))
        if size > most:
            raise OutputError(f"its package has {size:,} bytes, and a mail may bring {most:,}", where=str(place))
        statement = read_package(package, str(place / PACKAGE)).manifest.statement
        package.seek(0)
        data = {PACKAGE: package.read(), HANDOVER: handover.read()}
    prefix = f"{number}-{disclosure.operation or disclosure.id}-{disclosure.country}"
    return _Packed(
        disclosure=disclosure,
        statement=statement,
        files=tuple(Attached(name=f"{prefix}.{name}", data=each) for name, each in data.items()),
    )


def _compose(one: Desk, to: Correspondent, brought: Sequence[_Packed], sealing: Sealing, now: datetime) -> Notification:
    name, partner = uuid4(), PartnerId(to.partner)
    mail = mail_of(one)
    with one.ledger.database.writing() as connection:
        token, secret = make_token(
            connection,
            partner,
            f"notification {name}",
            [Scope.REPORT],
            draw=secrets.token_bytes,
            at=now,
            expires_at=now + ANSWERED_WITHIN,
        )
        covering = _covering(one, brought, secret, token.expires_at)
        message = compose(
            text_of(covering, to.language),
            [file for each in brought for file in each.files],
            subject=subject_of(covering, to.language),
            sender=Address(display_name=one.declared.hub.name, addr_spec=mail.sender),
            to=to.address,
            message_id=f"<{name}@{mail.domain}>",
            at=now,
            seal=sealing.seal,
        )
        _lay_down(one, name, message)
        made = Notification(
            id=name,
            recipient=partner,
            address=to.address,
            made_at=now,
            marking=covering.marking,
            token=token.id,
            digest=hashlib.sha256(message).hexdigest(),
            state=State.READY,
            changed_at=now,
            said=None,
            disclosures=tuple(each.disclosure.id for each in brought),
        )
        record_notification(connection, made)
        record(
            connection,
            Processing.DISCLOSURE,
            person=one.actor.person,
            justification=one.actor.justification or "notification of what was handed over",
            object=f"notification {name}: " + " ".join(f"release {each.disclosure.id}" for each in brought),
            recipients=[partner],
            now=now,
        )
    return made


def _covering(one: Desk, brought: Sequence[_Packed], token: str, until: datetime) -> Covering:
    hub = one.declared.hub
    return Covering(
        hub=hub.name,
        contact=hub.contact,
        recipient=brought[0].statement.recipient.name,
        marking=max((each.disclosure.marking for each in brought), key=MARKINGS.index),
        simulated=any(each.statement.simulated for each in brought),
        brought=[
            Brought(
                release=each.disclosure.id,
                title="" if each.statement.operation is None else each.statement.operation.title,
                country=each.disclosure.country,
                findings=each.disclosure.findings,
                marking=each.disclosure.marking,
                entry=each.disclosure.entries.start,
            )
            for each in brought
        ],
        token=token,
        token_until=until,
    )


def _lay_down(one: Desk, name: UUID, message: bytes) -> None:
    place = _place(one, name)
    with errors_named(one.workspace.root), one.workspace.staging() as staging:
        place.parent.mkdir(mode=0o700, exist_ok=True)
        draft = staging / place.name
        draft.touch(0o600)
        draft.write_bytes(message)
        one.workspace.flush(staging)
        one.workspace.move(draft, place)


def _send_one(one: Desk, mail: Mail, ready: Notification, password: str | None) -> None:
    place, database = _place(one, ready.id), one.ledger.database

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
            if each.kind is JobKind.MAIL and lease_left(each, now) is None and each.not_before <= max(first, now + SOON)
        ]
        if not waits:
            queue(connection, JobKind.MAIL, {"person": one.actor.person}, now=now, not_before=first)
