"""The mail that says that there is something to read, and where; it does not say what."""

import base64
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from accord.check.mailing import wording
from accord.check.mailing.settings import MailSettings
from accord.reports.words import Verbatim, say, speaker
from accord.vocabulary.markings import Marking

STOP = "stop"
"""Ends the path of a link by which no more mails are wanted."""

MARKING = Marking.AMBER
"""Of what is told behind the link: the strictest that reaches whom it is about."""


def spelled(token: bytes) -> str:
    """A token as it stands in a link."""
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode("ascii")


def read_token(text: str) -> bytes | None:
    """The token that stands in a link; None: it is none."""
    try:
        token = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return token if len(token) == 32 and spelled(token) == text else None


def letter(
    settings: MailSettings,
    hub: str,
    to: str,
    language: str,
    token: bytes,
    now: datetime,
    name: str,
    *,
    last: bool = False,
) -> bytes:
    """A mail in a language, lines ending in CRLF; `name` makes its id one that no other has; `last`: for a month."""
    voice = speaker(language)
    link = f"{settings.link}/{language}/mail/{spelled(token)}"
    asked = say("Somebody has asked {hub} about this mail address, probably you.", hub=Verbatim(text=hub))
    lines = [
        MARKING.label,
        "",
        voice.say(asked),
        "",
        voice.say(wording.LETTER_LAST_LINK if last else wording.LETTER_LINK),
        "",
        link,
        "",
        voice.say(wording.LETTER_NOT_YOU),
        "",
        voice.say(wording.LETTER_STOP),
        "",
        f"{link}/{STOP}",
        "",
        hub,
    ]
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(hub, addr_spec=settings.sender)
    mail["To"] = to
    mail["Subject"] = f"{MARKING.label} {voice.say(wording.SUBJECT)}"
    mail["Date"] = format_datetime(now.astimezone(UTC))
    mail["Message-ID"] = f"<{name}@{settings.domain}>"
    mail["Content-Language"] = language
    # no answer of a machine is wanted to what a machine has sent (RFC 3834)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(lines) + "\n", charset="utf-8", cte="base64")
    return mail.as_bytes()
