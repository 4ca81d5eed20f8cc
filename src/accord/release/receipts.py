"""Receipts: what a recipient signs when it has opened a package (a note, C2SP signed-note, with an Ed25519 key).

    accord-receipt/v1
    package 7e57d004-2b97-4e7a-b45f-5387367791cd
    digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    entries 17 18
    content 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
    opened 2026-11-27T10:00:00Z
    recipient csirt-th

    — csirt-th.example T8Jx...

It says that this recipient has read this content, and saw these entries proven in the ledger.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from accord.ledger.notes import SigningKey, VerifierKey, open_note, sign_note
from accord.vocabulary.errors import MalformedError, UnprovenError

VERSION = "accord-receipt/v1"

_TEXT = re.compile(
    "accord-receipt/v1\n"
    "package ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\n"
    "digest ([0-9a-f]{64})\n"
    "entries ((?:0|[1-9][0-9]{0,18})(?: [1-9][0-9]{0,18})*)\n"
    "content ([0-9a-f]{64})\n"
    "opened ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\n"
    "recipient ([a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?)\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """What was handed over, as far as a receipt names it."""

    package: UUID
    digest: str
    """SHA-256 of the package's manifest, in hex."""
    content: str
    """SHA-256 of the content as it was decrypted, in hex: nobody knows it who has not opened the package."""
    entries: tuple[int, ...]
    """Numbers of its entries in the ledger, ascending."""
    recipient: str
    """The partner's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a receipt says."""

    disclosed: Disclosed
    opened_at: datetime
    """To the second, by the recipient's clock."""

    @property
    def text(self) -> str:
        """The text that is signed."""
        said = self.disclosed
        return (
            f"{VERSION}\npackage {said.package}\ndigest {said.digest}\n"
            f"entries {' '.join(map(str, said.entries))}\ncontent {said.content}\n"
            f"opened {self.opened_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}\nrecipient {said.recipient}\n"
        )


def sign_receipt(receipt: Receipt, key: SigningKey) -> bytes:
    """The receipt, signed."""
    return sign_note(receipt.text, [key]).encode()


def read_receipt(data: bytes, *, key: VerifierKey, disclosed: Disclosed) -> Receipt:
    """Read a receipt that must be signed with the partner's registered key, and name this disclosure in all it says.

    Raises MalformedError and UnprovenError.
    """
    receipt = parse_receipt(open_note(data, [key]).text)
    for name in Disclosed.__slots__:
        expected, got = getattr(disclosed, name), getattr(receipt.disclosed, name)
        if expected != got:
            raise UnprovenError("The receipt is for something else.", where=name, expected=str(expected), got=str(got))
    return receipt


def parse_receipt(text: str) -> Receipt:
    """Read a receipt's text. Raises MalformedError."""
    words = _TEXT.fullmatch(text)
    if words is None:
        raise MalformedError("This is no receipt.", expected=VERSION)
    try:
        opened_at = datetime.fromisoformat(words[5])
    except ValueError as error:
        raise MalformedError("A receipt's time is none.", got=words[5]) from error
    disclosed = Disclosed(
        package=UUID(words[1]),
        digest=words[2],
        content=words[4],
        entries=tuple(map(int, words[3].split(" "))),
        recipient=words[6],
    )
    receipt = Receipt(disclosed=disclosed, opened_at=opened_at)
    if receipt.text != text:
        raise MalformedError("A receipt is spelled otherwise.")
    return receipt
