"""The group ristretto255 (RFC 9496), computed by libsodium: elements and scalars are 32 bytes in one encoding."""

import ctypes
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from accord.vocabulary.errors import UnreadableError

ELEMENT_BYTES = SCALAR_BYTES = 32
UNIFORM_BYTES = 64
"""Of what a hash gives, from which an element or a scalar is made."""

IDENTITY = bytes(ELEMENT_BYTES)


class NotAnElementError(ValueError):
    """Bytes that encode no element of the group other than its identity."""


class Sodium:
    """libsodium's functions. Each writes 32 bytes into `out`, and most return 0, or -1 for what is no element.

    Calls release Python's lock, so that threads compute beside each other; each thread needs a buffer of its own.
    """

    def __init__(self, library: Any) -> None:  # noqa: ANN401 -- a shared library has no type
        self.from_hash = library.crypto_core_ristretto255_from_hash
        """(out, 64 uniform bytes): the map to an element."""
        self.multiply = library.crypto_scalarmult_ristretto255
        """(out, scalar, element); the identity, as an element or as the product, is refused."""
        self.multiply_base = library.crypto_scalarmult_ristretto255_base
        """(out, scalar): the product with the generator."""
        self.add = library.crypto_core_ristretto255_add
        """(out, element, element)."""
        self.is_element = library.crypto_core_ristretto255_is_valid_point
        """(element): 1 or 0."""
        self.reduce = library.crypto_core_ristretto255_scalar_reduce
        """(out, 64 uniform bytes): the scalar that they are modulo the group's order."""
        self.invert = library.crypto_core_ristretto255_scalar_invert
        """(out, scalar); 0 has no inverse."""
        self.scalar_multiply = library.crypto_core_ristretto255_scalar_mul
        self.scalar_add = library.crypto_core_ristretto255_scalar_add
        self.scalar_subtract = library.crypto_core_ristretto255_scalar_sub


@cache
def sodium() -> Sodium:
    """The library, loaded and ready. Raises UnreadableError where it may not be loaded from the temporary folder."""
    try:
        import rbcl
    except OSError as error:
        raise UnreadableError(
            "libsodium, which the package rbcl brings, cannot be loaded.",
            where=tempfile.gettempdir(),
            expected="a temporary folder with room, from which libraries may be loaded",
            got=str(error)[:200],
            remedy="name another in the variable TMPDIR",
        ) from error
    library = rbcl._sodium
    # rbcl unpacks it into the temporary folder and leaves it there; what is loaded needs no name any more
    Path(library._name).unlink(missing_ok=True)
    return Sodium(library)


def buffer() -> Any:  # noqa: ANN401 -- as above
    """Room for one result; its bytes are `.raw`."""
    return ctypes.create_string_buffer(ELEMENT_BYTES)


def element_of(uniform: bytes) -> bytes:
    """The element that 64 uniform bytes map to."""
    out = buffer()
    sodium().from_hash(out, uniform)
    return bytes(out.raw)


def multiply(scalar: bytes, element: bytes) -> bytes:
    """Their product. Raises NotAnElementError."""
    out = buffer()
    if sodium().multiply(out, scalar, element):
        raise NotAnElementError("no element, or the identity")
    return bytes(out.raw)


def multiply_base(scalar: bytes) -> bytes:
    """The product with the generator. Raises NotAnElementError for the scalar 0."""
    out = buffer()
    if sodium().multiply_base(out, scalar):
        raise NotAnElementError("the identity")
    return bytes(out.raw)


def add(one: bytes, other: bytes) -> bytes:
    """The sum of two elements. Raises NotAnElementError."""
    out = buffer()
    if sodium().add(out, one, other):
        raise NotAnElementError("no element")
    return bytes(out.raw)


def is_element(encoded: bytes) -> bool:
    """Is it the only encoding of an element other than the identity?"""
    return len(encoded) == ELEMENT_BYTES and encoded != IDENTITY and bool(sodium().is_element(encoded))


def scalar_of(uniform: bytes) -> bytes:
    """The scalar that 64 uniform bytes are."""
    out = buffer()
    sodium().reduce(out, uniform)
    return bytes(out.raw)


def is_scalar(encoded: bytes) -> bool:
    """Is it the only encoding of a scalar?"""
    return len(encoded) == SCALAR_BYTES and scalar_of(encoded + bytes(UNIFORM_BYTES - SCALAR_BYTES)) == encoded


def scalar_multiply(one: bytes, other: bytes) -> bytes:
    """The product of two scalars."""
    out = buffer()
    sodium().scalar_multiply(out, one, other)
    return bytes(out.raw)


def scalar_add(one: bytes, other: bytes) -> bytes:
    """The sum of two scalars."""
    out = buffer()
    sodium().scalar_add(out, one, other)
    return bytes(out.raw)


def scalar_subtract(one: bytes, other: bytes) -> bytes:
    """The difference of two scalars."""
    out = buffer()
    sodium().scalar_subtract(out, one, other)
    return bytes(out.raw)


def inverses(scalars: Sequence[bytes]) -> list[bytes]:
    """The inverse of each of some scalars, none of them 0, by one inversion (P. Montgomery, 1987).

    Raises NotAnElementError for 0.
    """
    if not scalars:
        return []
    library, out = sodium(), buffer()
    products = [scalars[0]]
    for one in scalars[1:]:
        library.scalar_multiply(out, products[-1], one)
        products.append(out.raw)
    if library.invert(out, products[-1]):
        raise NotAnElementError("0 has no inverse")
    left, found = out.raw, [b""] * len(scalars)
    for at in range(len(scalars) - 1, 0, -1):
        library.scalar_multiply(out, left, products[at - 1])
        found[at] = out.raw
        library.scalar_multiply(out, left, scalars[at])
        left = out.raw
    found[0] = left
    return found
