"""The set that a hub hands out: the first 16 bytes of F(k, x) of each of its values, sorted, and filled up.

An entry stands for a value only to who has had F(k, x) of that value computed. Random bytes fill the set up to a
multiple of STEP entries, so that its size does not tell how many values are in it.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accord.check.psi.oprf import Draw, evaluate
from accord.check.psi.spreading import ALONE, Spread
from accord.vocabulary.errors import OutputError, UnprovenError

ENTRY_BYTES = 16
"""Of ten thousand values and a million entries, two that are none of each other agree once in 10^28 sessions."""
STEP = 4096
MOST_ENTRIES = 1 << 23


@dataclass(frozen=True, slots=True)
class _Entries(Sequence[bytes]):
    """A set's bytes as its entries."""

    data: bytes

    def __len__(self) -> int:
        return len(self.data) // ENTRY_BYTES

    def __getitem__(self, at: int) -> bytes:  # type: ignore[override]  # no slice of it is taken
        return self.data[at * ENTRY_BYTES : (at + 1) * ENTRY_BYTES]


@dataclass(frozen=True, slots=True)
class MaskedSet:
    """A set whose bytes were verified."""

    data: bytes

    def __contains__(self, entry: bytes) -> bool:
        """Is it one of the entries?"""
        entries = _Entries(self.data)
        at = bisect_left(entries, entry)
        return at < len(entries) and entries[at] == entry


def demand_room(count: int) -> None:
    """Raise OutputError when so many values are too many for a set."""
    if count > MOST_ENTRIES:
        raise OutputError(
            "The set would have too many values.",
            expected=f"at most {MOST_ENTRIES:,}",
            got="more",
            remedy="narrow the operation's window, roles or countries",
        )


def make_set(secret: bytes, inputs: Sequence[bytes], draw: Draw, spread: Spread = ALONE) -> bytes:
    """The set of some inputs, each once, under a key. Raises OutputError when there are too many."""
    demand_room(len(inputs))
    entries = evaluate(secret, inputs, ENTRY_BYTES, spread)
    filling = draw((-len(entries) % STEP) * ENTRY_BYTES)
    return sort_entries(b"".join([*entries, filling]))


def sort_entries(data: bytes) -> bytes:
    """Entries that stand one after the other, in the order of their bytes."""
    halves = np.frombuffer(data, ">u8").astype(np.uint64).reshape(-1, 2)
    ordered = halves[np.lexsort((halves[:, 1], halves[:, 0]))]
    return ordered.astype(">u8").tobytes()


def read_set(data: bytes, entries: int, digest: str, where: str) -> MaskedSet:
    """The set that was committed to. Raises UnprovenError when these are other bytes."""
    found = hashlib.sha256(data).hexdigest()
    if len(data) != entries * ENTRY_BYTES or found != digest:
        raise UnprovenError(
            "The set is not the one that the hub has committed to.",
            where=where,
            expected=f"{entries:,} entries of SHA-256 {digest}",
            got=f"{len(data):,} bytes of SHA-256 {found}",
            remedy="keep what was fetched, and ask the hub how it came about: a set never changes within an epoch",
        )
    return MaskedSet(data)
