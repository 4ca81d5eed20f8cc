"""A mail as it goes out: a text and files as one MIME entity, signed, encrypted, under headers that tell little."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from cryptography import x509

from accord.exchange.notifications.smime import Signer, encrypt, sign


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
    signer: Signer,
    certificate: x509.Certificate | None,
) -> bytes:
    """A mail, lines ending in CRLF: signed, and encrypted to the certificate if there is one."""
    entity = EmailMessage(policy=SMTP)
    entity.set_content(text, charset="utf-8", cte="base64")
    for one in files:
        entity.add_attachment(one.data, maintype="application", subtype="octet-stream", filename=one.name)
    signed = sign(entity.as_bytes(), signer)
    head = EmailMessage(policy=SMTP)
    head["From"] = sender
    head["To"] = to
    head["Subject"] = subject
    head["Date"] = format_datetime(at)
    head["Message-ID"] = message_id
    # no answer of a machine is wanted to what a machine has sent (RFC 3834)
    head["Auto-Submitted"] = "auto-generated"
    return head.as_bytes().rstrip(b"\r\n") + b"\r\n" + (signed if certificate is None else encrypt(signed, certificate))
