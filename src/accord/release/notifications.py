"""Notifications in the database: which disclosures, and which notices of recalls, went to whom by which mail, and what
became of each mail.

    ready ---> sending ---> sent ---> bounced
      |           |
      |           +---> uncertain   whoever sent it ended before the server's answer was written down
      +---> failed, dropped

`sending` is written down before the server is given the mail, and its answer after: so a mail that stands as `ready`
has not gone out, one that stands as `sent` was taken by the server, and what is between them is said to be uncertain
and never sent again of itself.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from accord.agreements.declarations import PartnerId
from accord.release.disclosures import Disclosure, disclosures
from accord.release.recall import SentNotice, notices
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.markings import Marking
from accord.workspace.database import insert_rows
from accord.workspace.schema import NOTIFICATION_DISCLOSURES, NOTIFICATION_NOTICES, NOTIFICATIONS


class State(StrEnum):
    """How far a mail is."""

    READY = "ready"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    BOUNCED = "bounced"
    DROPPED = "dropped"
    """It never goes out (again): what it was to bring is free for another."""


OVERDUE = frozenset({State.UNCERTAIN, State.FAILED, State.BOUNCED})
"""Somebody has to see to it."""


NOTICES_ALONE = "notices"
"""The argument of a job that mails notices of recalls, and no packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One mail to one recipient."""

    id: UUID
    recipient: PartnerId
    address: str
    made_at: datetime
    marking: Marking
    token: str
    """The id of the token by which its recipient answers."""
    digest: str
    """SHA-256 of the mail, in hex."""
    state: State
    changed_at: datetime
    said: str | None
    disclosures: tuple[UUID, ...] = ()
    """The packages that it brings."""
    notices: tuple[tuple[UUID, UUID], ...] = ()
    """The notices that it brings: the recall of each, and the disclosure. A mail brings these or packages."""


def record_notification(connection: Connection, one: Notification) -> None:
    """Record a mail that is ready."""
    connection.execute(
        insert(NOTIFICATIONS).values(
            id=str(one.id),
            recipient=one.recipient,
            address=one.address,
            made_at=one.made_at,
            marking=one.marking.value,
            token=one.token,
            digest=one.digest,
            state=one.state.value,
            changed_at=one.changed_at,
            said=one.said,
        )
    )
    rows = [{"notification": str(one.id), "disclosure": str(each)} for each in one.disclosures]
    insert_rows(connection, NOTIFICATION_DISCLOSURES, rows)
    told = [
        {"notification": str(one.id), "recall": str(recall), "disclosure": str(disclosure)}
        for recall, disclosure in one.notices
    ]
    insert_rows(connection, NOTIFICATION_NOTICES, told)


def change(connection: Connection, one: UUID, before: Collection[State], to: State, said: str, at: datetime) -> bool:
    """Let a mail be in another state, if it is in one of those; was it?"""
    table = NOTIFICATIONS.c
    wanted = (table.id == str(one)) & table.state.in_([each.value for each in before])
    changed = update(NOTIFICATIONS).where(wanted).values(state=to.value, said=said, changed_at=at)
    return connection.execute(changed).rowcount == 1


def notifications(
    connection: Connection, *, states: Collection[State] = tuple(State), recipient: PartnerId | None = None
) -> tuple[Notification, ...]:
    """Mails in one of these states (to one recipient), the oldest first."""
    carried: dict[str, list[UUID]] = {}
    for row in connection.execute(select(NOTIFICATION_DISCLOSURES).order_by(NOTIFICATION_DISCLOSURES.c.disclosure)):
        carried.setdefault(row.notification, []).append(UUID(row.disclosure))
    told: dict[str, list[tuple[UUID, UUID]]] = {}
    order = NOTIFICATION_NOTICES.c.recall, NOTIFICATION_NOTICES.c.disclosure
    for row in connection.execute(select(NOTIFICATION_NOTICES).order_by(*order)):
        told.setdefault(row.notification, []).append((UUID(row.recall), UUID(row.disclosure)))
    table = NOTIFICATIONS.c
    wanted = select(NOTIFICATIONS).where(table.state.in_([each.value for each in states]))
    if recipient is not None:
        wanted = wanted.where(table.recipient == recipient)
    return tuple(
        Notification(
            id=UUID(row.id),
            recipient=PartnerId(row.recipient),
            address=row.address,
            made_at=row.made_at,
            marking=Marking(row.marking),
            token=row.token,
            digest=row.digest,
            state=State(row.state),
            changed_at=row.changed_at,
            said=row.said,
            disclosures=tuple(carried.get(row.id, ())),
            notices=tuple(told.get(row.id, ())),
        )
        for row in connection.execute(wanted.order_by(table.made_at, table.id))
    )


def find_notification(connection: Connection, name: str) -> Notification:
    """The mail of this id, or the only one that begins so. Raises SettingsError."""
    found = [one for one in notifications(connection) if name and str(one.id).startswith(name.lower())]
    if len(found) != 1:
        raise SettingsError(
            "There is no such notification." if not found else "Several notifications begin like this.",
            expected="its id, or enough of its beginning",
            got=name,
            remedy="`accord notification list` lists them",
        )
    return found[0]


def unsent(connection: Connection, recipient: PartnerId) -> tuple[Disclosure, ...]:
    """The packages that were handed over to a recipient, that it has not confirmed, that no recall concerns, and that
    no mail brought or is to bring it; the oldest first."""
    done = {
        each
        for one in notifications(connection, states=[*({*State} - {State.DROPPED})], recipient=recipient)
        for each in one.disclosures
    }
    return tuple(
        one
        for one in disclosures(connection, recipient=recipient)
        if one.handed_over_at is not None
        and one.received_at is None
        and one.channel is None
        and one.id not in done
        # a recall is told by itself, and what it concerns never goes out again
        and not notices(connection, disclosure=one.id)
    )


def untold(connection: Connection, recipient: PartnerId) -> tuple[SentNotice, ...]:
    """The notices that are to go to a recipient by mail, as the packages did that they are about: those that were
    written, that it has not answered, and that no mail brought or is to bring it."""
    went = notifications(connection, states=[State.SENDING, State.SENT, State.UNCERTAIN], recipient=recipient)
    mailed = {each for one in went for each in one.disclosures}
    brought = notifications(connection, states=[*({*State} - {State.DROPPED})], recipient=recipient)
    told = {each for one in brought for each in one.notices}
    return tuple(
        one
        for one in notices(connection, recipient=recipient)
        if one.sent_at is not None
        and one.answer is None
        and one.disclosure in mailed
        and (one.recall, one.disclosure) not in told
    )


def telling(connection: Connection, sent: Collection[SentNotice]) -> dict[tuple[UUID, UUID], Notification]:
    """By recall and disclosure, the mail that brings each of these notices, where one does: of those not dropped."""
    wanted = {(one.recall, one.disclosure) for one in sent}
    found = notifications(connection, states=[*({*State} - {State.DROPPED})]) if wanted else ()
    return {each: one for one in found for each in one.notices if each in wanted}


def last_made(connection: Connection, recipient: PartnerId) -> datetime | None:
    """When the newest mail was made that brings packages to a recipient and was not dropped; None: there is none."""
    found = notifications(connection, states=[*({*State} - {State.DROPPED})], recipient=recipient)
    return max((one.made_at for one in found if one.disclosures), default=None)
