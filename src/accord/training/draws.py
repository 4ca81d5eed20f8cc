"""Chance for millions of rows: a number depends on the seed, the stream's name and its place, and on nothing else.

`Dice` draws one after the other, which is right for a story of thousands. Here every draw stands for itself, so that
rows can be made in any order and in pieces. The numbers are SplitMix64's (Steele, Lea and Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014): whole numbers only, the same on every machine and with every library.
"""

from hashlib import sha256

import numpy as np
import numpy.typing as npt

from accord.columns.kernel import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def stream(seed: int, name: str) -> np.uint64:
    """The start of a stream of draws; streams of other names or seeds have nothing to do with it."""
    return np.uint64(int.from_bytes(sha256(f"accord/{seed}/{name}".encode()).digest()[:8], "big"))


@compiled
def mixed(number: np.uint64) -> np.uint64:
    """SplitMix64's mixing step, which is one to one: different numbers give different numbers."""
    number = (number ^ (number >> np.uint64(30))) * _FIRST
    number = (number ^ (number >> np.uint64(27))) * _SECOND
    return number ^ (number >> np.uint64(31))


@compiled
def drawn(start: np.uint64, place: int) -> np.uint64:
    """Draw number `place` (0 or more) of the stream that begins at `start`: 64 random bits."""
    return mixed(start + (np.uint64(place) + np.uint64(1)) * _GOLDEN)


@compiled
def below(number: np.uint64, limit: int) -> np.int64:
    """A draw made a whole number from 0 to below `limit` (1 to 2**32), from its upper half."""
    return np.int64(((number >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32))


@compiled
def sequence(start: np.uint64, limits: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The first draws of a stream, number `i` made a whole number from 0 to below `limits[i]`."""
    found = np.empty(len(limits), np.int64)
    for place in range(len(limits)):
        found[place] = below(drawn(start, place), limits[place])
    return found
