"""What goes beside a notice to a partner that had supplied what was erased or corrected at the hub.

The list of its deliveries in which it stood, a line each: data set, SHA-256 of what was delivered, and the lines of it.

    sinkhole 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752 lines 2 5
    mixed 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae whole

By it a partner finds the value in what it has sent, and nobody else does. And the value itself, `ipv4 203.0.113.7`, as
an age file that the partner's key alone opens; empty lines follow it, so that its size says little.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from accord.release.package.age import Bounded, decrypt, encrypt
from accord.vocabulary.indicators import Indicator

PAD = 512
"""Bytes of which what is sealed has a multiple."""
MOST = 1 << 20
"""Bytes that are opened at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppliedDelivery:
    """A delivery in which something stood that was erased or corrected."""

    dataset: str
    sha256: str
    lines: tuple[int, ...] | None
    """Of what was delivered, unpacked; None: it cannot be said which."""


def encode_supplied(deliveries: Sequence[SuppliedDelivery]) -> bytes:
    """The list, by data set and SHA-256."""
    rows = []
    for one in sorted(deliveries, key=lambda each: (each.dataset, each.sha256)):
        where = f"lines {' '.join(map(str, one.lines))}" if one.lines else "whole"
        rows.append(f"{one.dataset} {one.sha256} {where}\n")
    return "".join(rows).encode()


def seal_value(value: Indicator, recipient: str) -> bytes:
    """A value as an age file for a public key `age1...`."""
    plain = f"{value.kind.value} {value.value}\n".encode("utf-8", "surrogatepass")
    sealed = BytesIO()
    encrypt(iter([plain + b"\n" * (-len(plain) % PAD)]), sealed, recipient)
    return sealed.getvalue()


def open_value(sealed: bytes, identity: str) -> tuple[str, str]:
    """Type and value of what was sealed. Raises MalformedError, UnprovenError."""
    plain = BytesIO()
    decrypt(iter([sealed]), Bounded(plain, MOST, "value.age"), identity, what="value.age")
    kind, _, value = plain.getvalue().rstrip(b"\n").decode("utf-8", "surrogatepass").partition(" ")
    return kind, value


def digest(data: bytes) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()
