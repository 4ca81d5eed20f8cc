"""What a fuzz target is: bytes in, and nothing comes out unless a promise was broken."""

from collections.abc import Callable
from dataclasses import dataclass


class BrokenPromiseError(AssertionError):
    """A property does not hold for an input; the message says which one and shows what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One part of Accord and what must hold for it, whatever bytes it gets."""

    name: str
    check: Callable[[bytes], None]
    """Raises for an input that breaks a promise. A pure function of the bytes: the same input ends the same way."""
    seeds: tuple[bytes, ...]
    """Inputs to begin with."""
    words: tuple[bytes, ...]
    """Pieces of text that mean something here, for mutations to put in."""
    prefix: int
    """Bytes at the start of an input that choose (a path, a place to cut), and are no text."""
    longest: int
    """Bytes of the longest input that is tried."""


def promise(kept: bool, what: str, *found: object) -> None:
    """Raise BrokenPromiseError unless `kept`: an assertion that -O does not remove."""
    if not kept:
        raise BrokenPromiseError(": ".join((what, *(ascii(one)[:2000] for one in found))))


def same(found: object, expected: object, what: str) -> None:
    """Raise BrokenPromiseError unless the two are equal."""
    if found != expected:
        raise BrokenPromiseError(f"{what}\n  found:    {ascii(found)[:2000]}\n  expected: {ascii(expected)[:2000]}")
