"""How a folder of check data lies on the disk (docs/check-data.md), and how an address becomes the name of its record.

    CHECK/
      current -> versions/NAME     a relative link; a swap renames another over it
      versions/NAME/               20261128T021500Z-3fa9c1d2: when it was made, and a random end
        manifest.json              what it holds, with the size and SHA-256 of every file
        seal                       HMAC-SHA256 of the manifest's bytes under the pepper, in hexadecimal
        addresses.records          20 bytes each, ascending, then as many of 0xff as a search may look at
        addresses.starts           for the first bits of a key: the number of its first record; 32 bits, little-endian
        mailboxes.records, mailboxes.starts
        networks4                  columns: first address (32 bits), AS number (32 bits), kind (8 bits)
        networks6                  columns: first /64 (64 bits), AS number (32 bits), kind (8 bits)

A record is the first 16 bytes of HMAC-SHA256(pepper, spelling), and four bytes of payload (little-endian: the age in
days at the version's day, then 24 bits for the number of a set of families), hidden by XOR with the next four bytes of
the same HMAC: without the pepper a record does not even say when something was seen. A spelling is a byte that says
what it is, and the canonical bytes: 4 and four bytes of an IPv4 address; 6 and the first eight bytes of an IPv6
address; 64 ('@') and a normalised mail address. The manifest's seal and the pepper's own mark are spelt with 0 and 1,
so that no address can be either.
"""

import hmac
import re
from datetime import date, datetime
from typing import Final

import msgspec

FORMAT: Final = "accord-check/1"
CURRENT: Final = "current"
VERSIONS: Final = "versions"
MANIFEST: Final = "manifest.json"
SEAL: Final = "seal"
ADDRESSES: Final = "addresses"
MAILBOXES: Final = "mailboxes"
NETWORKS_V4: Final = "networks4"
NETWORKS_V6: Final = "networks6"
FILES: Final = (
    f"{ADDRESSES}.records",
    f"{ADDRESSES}.starts",
    f"{MAILBOXES}.records",
    f"{MAILBOXES}.starts",
    NETWORKS_V4,
    NETWORKS_V6,
)

KEY_BYTES: Final = 16
RECORD_BYTES: Final = 20
NETWORK_V4_BYTES: Final = 9
NETWORK_V6_BYTES: Final = 13
MANIFEST_LIMIT: Final = 64 << 20
"""Bytes of the largest manifest that is read."""
OLDEST: Final = 31
"""Days after which a sighting is no longer told of, however long its data set may be kept; ages have five bits."""
SETS_LIMIT: Final = 1 << 24

NAME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}", re.ASCII)

_V4: Final = b"\x04"
_V6: Final = b"\x06"
_MAILBOX: Final = b"@"
_SEALED: Final = b"\x00accord-check manifest\n"
_PEPPER: Final = b"\x01accord-check pepper\n"
_MAPPED: Final = bytes(10) + b"\xff\xff"
"""RFC 4291, 2.5.5.2: what stands before an IPv4 address that is written as IPv6."""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """A family of malware that the data tell of."""

    name: str
    """Normalised; empty: the infection's family is not known."""
    platforms: tuple[str, ...] = ()
    """Malpedia's words for the systems that it runs on (`win`, `elf`, `apk`, `osx`, `ios`); empty: not known."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a version."""

    bytes: int
    sha256: str


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """How the records of one kind are searched."""

    count: int
    bits: int
    """So many first bits of a key choose where the search begins."""
    steps: int
    """So many halvings find the record, or that there is none."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a version holds."""

    format: str
    version: str
    made_at: datetime
    day: date
    """Ages are counted back from it; nothing is later."""
    pepper: str
    """`pepper_mark` of the pepper that it was made with."""
    families: tuple[Family, ...]
    sets: tuple[tuple[int, ...], ...]
    """Sets of families, as places in `families`, ascending."""
    addresses: Records
    mailboxes: Records
    files: dict[str, Part]


def address_spelling(address: bytes) -> bytes:
    """What is hashed of an address of 4 or 16 bytes in network order. Raises ValueError for another length."""
    if len(address) == 4:
        return _V4 + address
    if len(address) != 16:
        raise ValueError(f"an address has 4 or 16 bytes, this one has {len(address)}")
    if address[:12] == _MAPPED:
        return _V4 + address[12:]
    return _V6 + address[:8]


def mailbox_spelling(mailbox: bytes) -> bytes:
    """What is hashed of a normalised mail address."""
    return _MAILBOX + mailbox


def pepper_mark(pepper: bytes) -> str:
    """By which a version says with which pepper it was made; the pepper does not follow from it."""
    return hmac.digest(pepper, _PEPPER, "sha256").hex()[:16]


def sealed(manifest: bytes, pepper: bytes) -> str:
    """The seal of a manifest's bytes."""
    return hmac.digest(pepper, _SEALED + manifest, "sha256").hex()
