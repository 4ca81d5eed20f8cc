"""Bounces: reports on the delivery of mail (RFC 3464), as mail servers send them to the address for failures.

    Content-Type: multipart/report; report-type=delivery-status
      text for people
      message/delivery-status      Original-Envelope-Id: ...     fields of the message, then of each recipient
                                   Reporting-MTA: ...

                                   Final-Recipient: rfc822; a@b.example
                                   Action: failed
                                   Status: 5.1.1
      message/rfc822 or text/rfc822-headers                      the mail that failed

Which mail it is about is said by the address that it comes to, which is the mail's own, or by the name under which the
mail was sent (RFC 3461, 4.4), or else by the id of the mail that it brings back. Each holds 122 random bits that only
the mail's recipient and the servers on its way have seen.
"""

import email
import email.policy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum
from uuid import UUID

MOST_BYTES = 32 << 20
"""Of a bounce: it may bring the whole mail back."""

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAMED = re.compile(rf"\+({_UUID})@", re.IGNORECASE)
_ENVELOPE = re.compile(_UUID, re.IGNORECASE)
_MESSAGE_ID = re.compile(rf"<({_UUID})@[^<>@\s]+>", re.IGNORECASE)
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})")
_COMES_TO = ("delivered-to", "x-original-to", "envelope-to", "to")


class Passed(StrEnum):
    """Why a file says of no mail that it failed."""

    TOO_LARGE = "it is larger than any bounce"
    NO_REPORT = "it is no report on a delivery"
    NOT_FAILED = "it tells of no failure"
    UNNAMED = "it names no mail of this hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A mail failed."""

    notification: UUID
    status: str
    """RFC 3463, such as 5.1.1; 5.0.0 where the report has none that reads."""
    words: str
    """Of the server that could not deliver it."""


def read_bounce(data: bytes) -> Bounce | Passed:
    """What a file says; nothing that it holds raises."""
    if len(data) > MOST_BYTES:
        return Passed.TOO_LARGE
    # lenient: what servers write is often not quite what the RFCs say
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    parts = _report(message)
    if parts is None:
        return Passed.NO_REPORT
    failed = [one for one in parts if _field(one, "action").lower() == "failed"]
    if not failed:
        return Passed.NOT_FAILED
    name = _name(message, parts)
    if name is None:
        return Passed.UNNAMED
    status = _STATUS.match(_field(failed[0], "status"))
    words = _field(failed[0], "diagnostic-code").partition(";")[2] or _field(failed[0], "status")
    return Bounce(
        notification=name, status=status[1] if status is not None else "5.0.0", words=" ".join(words.split())[:400]
    )


def _report(message: Message) -> list[Message] | None:
    """The fields of the message, then of each recipient; None: it is no report on a delivery."""
    kind = message.get_param("report-type")
    if message.get_content_type() != "multipart/report" or not isinstance(kind, str):
        return None
    if kind.lower() != "delivery-status":
        return None
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status" and isinstance(held := part.get_payload(), list):
            return [one for one in held if isinstance(one, Message)]
    return None


def _name(message: Message, report: Sequence[Message]) -> UUID | None:
    for header in _COMES_TO:
        for value in message.get_all(header, []):
            if (found := _NAMED.search(str(value))) is not None:
                return UUID(found[1])
    # RFC 3464, 2.2.1: one of the fields of the message, which stand before those of its recipients
    if report and (envelope := _ENVELOPE.fullmatch(_field(report[0], "original-envelope-id"))) is not None:
        return UUID(envelope[0])
    for part in message.walk():
        if part.get_content_type() == "text/rfc822-headers":
            text = part.get_payload(decode=True)
            part = email.message_from_bytes(text if isinstance(text, bytes) else b"")  # noqa: PLW2901 -- read in its turn
        elif part is message:
            continue
        if (found := _MESSAGE_ID.search(_field(part, "message-id"))) is not None:
            return UUID(found[1])
    return None


def _field(part: Message, name: str) -> str:
    return " ".join(str(part.get(name, "")).split())
