"""Making the mails to recipients: what was handed over, one mail a recipient a period, and notices of recalls.

A mail is composed once. Its file is laid down, then one transaction records it with its token and its row in the log
of consultations; a file without its row is removed by the next command.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from pathlib import Path
from uuid import UUID, uuid4

from accord.access.consultations import Processing, record
from accord.access.tokens import Scope, Token, make_token
from accord.agreements.declarations import PartnerId
from accord.agreements.register import load_register
from accord.cli.ledgers.opening import publish
from accord.cli.releases.corresponding import Sealing
from accord.cli.releases.desk import Desk
from accord.cli.releases.handed import HANDOVER, PACKAGE
from accord.cli.releases.handing import hub_of, refusals
from accord.cli.rights.recalling import PROOF, folder_of, retention_over, write_notice, zipped
from accord.exchange.notifications.composing import Attached, compose
from accord.release.disclosures import Disclosure, load_disclosure
from accord.release.notices import read_notice
from accord.release.notifications import (
    Notification,
    State,
    last_made,
    record_notification,
    unsent,
    untold,
)
from accord.release.package.manifest import Statement
from accord.release.package.reading import opened_file, peek_manifest, read_package
from accord.release.recall import SentNotice
from accord.reports import covering as covers
from accord.reports import taking_back
from accord.reports.covering import Brought, Covering
from accord.reports.taking_back import TakenBack, Telling
from accord.vocabulary.errors import OutputError, SettingsError
from accord.vocabulary.handling import EncryptInTransit
from accord.vocabulary.markings import MARKINGS, Marking
from accord.workspace.mail import Correspondent, Mail
from accord.workspace.store import errors_named

NOTIFICATIONS = "notifications"
ANSWERED_WITHIN = timedelta(days=180)
"""How long a mail's token counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A release that no mail may bring."""

    release: UUID
    recipient: PartnerId
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What was made for one recipient."""

    mails: tuple[Notification, ...] = ()
    held: tuple[Held, ...] = ()
    later: datetime | None = None
    """When its next period begins, in which there is something for it; None: there is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packed:
    """A package as a mail brings it."""

    disclosure: Disclosure
    statement: Statement
    files: tuple[Attached, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _PackedNotice:
    """A notice as a mail brings it."""

    notice: SentNotice
    disclosure: Disclosure
    statement: Statement | None
    """Of the package that it is about; None: that is gone, or it was put into a channel."""
    file: Attached

    def told(self) -> TakenBack:
        """As the mail tells of it."""
        said = read_notice(self.notice.notice)
        return TakenBack(
            recall=said.recall,
            release=said.package,
            kind=said.kind,
            findings=said.findings,
            entry=said.entry,
            until=said.until,
            reason=said.reason,
            file=self.file.name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A mail that is to be made."""

    written: Callable[[Token, str], tuple[str, str]]
    """Its subject and text, for a token and its secret."""
    files: Sequence[Attached]
    marking: Marking
    why: str
    about: str
    """In the words of the log of consultations."""
    disclosures: tuple[UUID, ...] = ()
    notices: tuple[tuple[UUID, UUID], ...] = ()


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


def file_of(one: Desk, name: UUID) -> Path:
    """Where a mail lies until it has gone."""
    return one.workspace.root / NOTIFICATIONS / f"{name}.eml"


def compose_due(one: Desk, mail: Mail, to: Correspondent, sealing: Sealing, now: datetime) -> Composed:
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
        why = None if sealing.encrypts else _bare(packed.disclosure, packed.statement)
        if why is not None:
            held.append(Held(release=each.id, recipient=partner, why=why))
            continue
        room -= sum(len(file.data) for file in packed.files)
        if room < 0 and free:
            more = True
            break
        free.append(packed)
    if free and last is not None and now < last + mail.every:
        return Composed(held=tuple(held), later=last + mail.every)
    made = (_compose(one, to, free, sealing, now),) if free else ()
    return Composed(mails=made, held=tuple(held), later=now + mail.every if more else None)


def _bare(disclosure: Disclosure, statement: Statement | None) -> str | None:
    """Why nothing of a release may go out unencrypted; None: it may. `statement`: its own; None: that is gone."""
    if disclosure.marking is not Marking.CLEAR:
        return f"it is {disclosure.marking.label}, and there is no certificate for which it could be encrypted"
    iep = None if statement is None else statement.handling.iep
    if statement is None or (iep is not None and iep.encrypt_in_transit is EncryptInTransit.MUST):
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
    def written(token: Token, secret: str) -> tuple[str, str]:
        covering = _covering(one, brought, secret, token.expires_at)
        return covers.subject_of(covering, to.language), covers.text_of(covering, to.language)

    return _made(
        one,
        to,
        _Draft(
            written=written,
            files=[file for each in brought for file in each.files],
            marking=_strictest(each.disclosure for each in brought),
            why="notification of what was handed over",
            about=" ".join(f"release {each.disclosure.id}" for each in brought),
            disclosures=tuple(each.disclosure.id for each in brought),
        ),
        sealing,
        now,
    )


def compose_notices(one: Desk, mail: Mail, to: Correspondent, sealing: Sealing, now: datetime) -> Composed:
    """Compose mails of the notices that one recipient is still to be told of by mail, whatever its period: as many as
    there is need for."""
    partner = PartnerId(to.partner)
    with one.ledger.database.reading() as connection:
        pending = untold(connection, partner)
        over = retention_over(load_register(connection), connection, pending, now)
        pending = tuple(each for each in pending if each.disclosure not in over)
    _prove(one, pending, now)
    held: list[Held] = []
    mails: list[list[_PackedNotice]] = []
    room = 0
    for number, each in enumerate(pending, 1):
        packed = _pack_notice(one, each, number)
        size = len(packed.file.data)
        why = None if sealing.encrypts else _bare(packed.disclosure, packed.statement)
        if size > mail.most_bytes:
            why = f"it has {size:,} bytes, and a mail may bring {mail.most_bytes:,}"
        if why is not None:
            held.append(
                Held(release=each.disclosure, recipient=partner, why=f"the notice of recall {each.recall}: {why}")
            )
            continue
        if not mails or size > room:
            mails.append([])
            room = mail.most_bytes
        mails[-1].append(packed)
        room -= size
    made = tuple(_tell(one, to, brought, sealing, now) for brought in mails)
    return Composed(mails=made, held=tuple(held))


def _prove(one: Desk, pending: Sequence[SentNotice], now: datetime) -> None:
    """Put the proofs beside notices that could not be proven when they were written, where that can be done by now."""
    bare = [each for each in pending if not (folder_of(one.workspace, each) / PROOF).exists()]
    if bare:
        published, hub = publish(one.ledger, now), hub_of(one)
        for each in bare:
            write_notice(hub, each, published)


def _pack_notice(one: Desk, notice: SentNotice, number: int) -> "_PackedNotice":
    """A notice as a mail brings it. Raises UnreadableError."""
    with one.ledger.database.reading() as connection:
        disclosure = load_disclosure(connection, notice.disclosure)
    place, statement = one.place(disclosure.id) / PACKAGE, None
    if place.exists():
        with opened_file(place) as file:
            statement = peek_manifest(file, str(place))[0].statement
    name = f"{number}-recall-{str(notice.recall)[:8]}.zip"
    return _PackedNotice(
        notice=notice,
        disclosure=disclosure,
        statement=statement,
        file=Attached(name=name, data=zipped(one.workspace, notice)),
    )


def _tell(
    one: Desk, to: Correspondent, brought: Sequence["_PackedNotice"], sealing: Sealing, now: datetime
) -> Notification:
    hub, marking = one.declared.hub, _strictest(each.disclosure for each in brought)

    def written(token: Token, secret: str) -> tuple[str, str]:
        telling = Telling(
            hub=hub.name,
            contact=hub.contact,
            marking=marking,
            simulated=any(each.statement is not None and each.statement.simulated for each in brought),
            taken_back=[each.told() for each in brought],
            token=secret,
            token_until=token.expires_at,
        )
        return taking_back.subject_of(telling, to.language), taking_back.text_of(telling, to.language)

    return _made(
        one,
        to,
        _Draft(
            written=written,
            files=[each.file for each in brought],
            marking=marking,
            why="notification of what was recalled",
            about=" ".join(f"recall {each.notice.recall} release {each.notice.disclosure}" for each in brought),
            notices=tuple((each.notice.recall, each.notice.disclosure) for each in brought),
        ),
        sealing,
        now,
    )


def _strictest(of: Iterable[Disclosure]) -> Marking:
    return max((each.marking for each in of), key=MARKINGS.index)


def _made(one: Desk, to: Correspondent, draft: "_Draft", sealing: Sealing, now: datetime) -> Notification:
    """Lay a mail down and record it, with its token."""
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
        subject, text = draft.written(token, secret)
        message = compose(
            text,
            draft.files,
            subject=subject,
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
            marking=draft.marking,
            token=token.id,
            digest=hashlib.sha256(message).hexdigest(),
            state=State.READY,
            changed_at=now,
            said=None,
            disclosures=draft.disclosures,
            notices=draft.notices,
        )
        record_notification(connection, made)
        record(
            connection,
            Processing.DISCLOSURE,
            person=one.actor.person,
            justification=one.actor.justification or draft.why,
            object=f"notification {name}: {draft.about}",
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
        marking=_strictest(each.disclosure for each in brought),
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
    place = file_of(one, name)
    with errors_named(one.workspace.root), one.workspace.staging() as staging:
        place.parent.mkdir(mode=0o700, exist_ok=True)
        draft = staging / place.name
        draft.touch(0o600)
        draft.write_bytes(message)
        one.workspace.flush(staging)
        one.workspace.move(draft, place)
