"""A mail as it goes out: a text and files as one MIME entity, signed, encrypted, under headers that tell little."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A file that goes with a mail."""

    name: str
    data: bytes


def compose(
    text: str,
    files: Sequence[Attached],
    *,
    subject: str,
    sender: Address,
    to: str,
    message_id: str,
    at: datetime,
    seal: Callable[[bytes], bytes],
) -> bytes:
    """A mail, lines ending in CRLF. `seal` signs and encrypts a MIME entity, as it is agreed with its recipient."""
    entity = EmailMessage(policy=SMTP)
    entity.set_content(text, charset="utf-8", cte="base64")
    for one in files:
        entity.add_attachment(one.data, maintype="application", subtype="octet-stream", filename=one.name)
    head = EmailMessage(policy=SMTP)
    head["From"] = sender
    head["To"] = to
    head["Subject"] = subject
    head["Date"] = format_datetime(at)
    head["Message-ID"] = message_id
    # no answer of a machine is wanted to what a machine has sent (RFC 3834)
    head["Auto-Submitted"] = "auto-generated"
    return head.as_bytes().rstrip(b"\r\n") + b"\r\n" + seal(entity.as_bytes())
