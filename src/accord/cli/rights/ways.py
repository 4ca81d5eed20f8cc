"""In which way a notice of a recall went to its recipient, and when: by mail, fetched by its system, or by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from accord.release.notifications import Notification, State, telling, untold
from accord.release.recall import SentNotice
from accord.workspace.mail import Mail

Ways = Mapping[tuple[UUID, UUID], "Way"]
"""By recall and disclosure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one notice went."""

    mail: Notification | None
    """What brings it; None: no mail has been made that does."""
    mailed: bool
    """It goes by mail, as its package did, whether one has been made or not."""
    notice: SentNotice

    @property
    def by_hand(self) -> bool:
        """Must somebody send it, as far as is known?"""
        notice = self.notice
        return not (self.mailed or notice.public or notice.fetched_at is not None or notice.sent_at is None)

    @property
    def words(self) -> str:
        """In a few words; none where it is not known how, and it was answered."""
        notice, said = self.notice, []
        if notice.public:
            return "channel"
        if notice.channel is not None:
            # what it found there is revoked where it found it
            said.append("channel")
        if self.mailed:
            said.append("mail, not made yet" if self.mail is None else _mailed(self.mail))
        if notice.fetched_at is not None:
            said.append(f"fetched {_minute(notice.fetched_at)}")
        if self.by_hand and notice.answer is None:
            # nobody says when somebody sends it: its answer is the first that is heard of that
            said.append("not yet: by hand")
        return "; ".join(said)

    def told(self) -> dict[str, object]:
        """For programs."""
        mail = self.mail
        return {
            "channel": self.notice.channel,
            "mail": None
            if mail is None
            else {
                "notification": str(mail.id),
                "state": mail.state.value,
                "at": _time(mail.changed_at),
                "said": mail.said,
            },
            "fetched_at": None if self.notice.fetched_at is None else _time(self.notice.fetched_at),
            "by_hand": self.by_hand,
        }


def ways_of(connection: Connection, mail: Mail | None, sent: Sequence[SentNotice]) -> Ways:
    """How each of these notices went. `mail`: the hub's settings."""
    brought = telling(connection, sent)
    written = {} if mail is None else {one.partner for one in mail.recipients}
    waiting = {
        (each.recall, each.disclosure)
        for recipient in sorted({one.recipient for one in sent if one.recipient in written})
        for each in untold(connection, recipient)
    }
    keys = {(one.recall, one.disclosure): one for one in sent}
    return {
        key: Way(mail=brought.get(key), mailed=key in brought or key in waiting, notice=one)
        for key, one in keys.items()
    }


def _mailed(one: Notification) -> str:
    match one.state:
        case State.SENT:
            return f"mail {_minute(one.changed_at)}"
        case State.READY:
            return "mail, not sent yet"
        case State.SENDING | State.UNCERTAIN:
            return "mail, uncertain"
        case _:
            # its own words stand in `accord notification list`
            return f"mail {one.state} {_minute(one.changed_at)}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
