"""Receipts, by which recipients confirm what they were handed over."""

import hashlib
import secrets
from datetime import UTC, datetime
from pathlib import Path

from accord.agreements.register import load_register
from accord.cli.kinds import RECEIPT, signed_by, taking
from accord.cli.ledgers.opening import publish
from accord.cli.releases.desk import Desk
from accord.journal import book
from accord.release.disclosures import (
    Disclosure,
    load_disclosure,
    record_receipt,
)
from accord.release.receipts import Disclosed, Receipt, parse_receipt, read_receipt
from accord.vocabulary.errors import MalformedError, SettingsError
from accord.workspace.regular import open_regular, unreadable

RECEIPT_LIMIT = 1 << 20


def take_receipt(desk: Desk, file: Path) -> tuple[Disclosure, bool]:
    """Take in a recipient's signed receipt as an entry; was it new? Raises AccordError."""
    with taking((file, RECEIPT)):
        data = _read(file)
        said = _unverified(data)
    with desk.ledger.database.reading() as connection:
        disclosure = load_disclosure(connection, said.disclosed.package)
        register = load_register(connection)
    key = register.partners[disclosure.recipient].receipts
    if key is None:
        raise SettingsError(
            "The partner has no key for receipts.",
            where=f"partner {disclosure.recipient}",
            remedy="`accord package keys` makes one for the recipient; register its public line as `receipts`",
        )
    asked = Disclosed(
        package=disclosure.id,
        digest=disclosure.sealed or "",
        content=disclosure.content or "",
        entries=tuple(disclosure.entries),
        recipient=disclosure.recipient,
    )
    with signed_by(disclosure.recipient, file):
        read_receipt(data, key=key, disclosed=asked)
    with desk.ledger.database.writing() as connection:
        at = book.moment(connection, datetime.now(UTC))
        (entry,) = book.kept(connection, [disclosure.entries.start])
        standing = record_receipt(
            connection,
            disclosure,
            digest=hashlib.sha256(data).hexdigest(),
            at=at,
            draw=secrets.token_bytes,
            # what is said of a disclosure is no earlier known than the disclosure
            opens_at=None if entry.opens_at is None else max(entry.opens_at, at),
        )
    publish(desk.ledger, datetime.now(UTC))
    return standing, standing.received_at == at


def _read(file: Path) -> bytes:
    try:
        with open_regular(file) as opened:
            data = opened.read(RECEIPT_LIMIT + 1)
    except OSError as error:
        raise unreadable(error, file, "The receipt cannot be read.") from error
    if len(data) > RECEIPT_LIMIT:
        raise MalformedError("The receipt is too large.", where=str(file), expected=f"at most {RECEIPT_LIMIT:,} bytes")
    return data


def _unverified(data: bytes) -> Receipt:
    """What a receipt says, before anybody vouches for it: only by that is it known whose key must have signed it."""
    from accord.ledger.notes import parse_note

    return parse_receipt(parse_note(data).text)
