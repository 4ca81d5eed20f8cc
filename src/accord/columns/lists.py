"""Columns of lists, built from pairs of owner and word without a loop per row."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Positions = npt.NDArray[np.int64]


def distinct(keys: Positions) -> Positions:
    """The distinct keys, ascending. Keys that come in order, as sorted columns give them, cost one pass."""
    if len(keys) > 1:
        rises = keys[1:] > keys[:-1]
        if rises.all():
            return keys
        keys = np.sort(keys, kind="stable")
        keys = keys[np.append(True, keys[1:] != keys[:-1])]
    return keys


def sorted_lists(owner: Positions, rank: Positions, words: pa.Array, count: int) -> pa.ListArray:
    """For each of `count` owners the distinct words that the pairs give it, in the order of `words`.

    `rank` is a position in `words`; pairs with a negative rank say nothing. Owners are 0 to count - 1.
    """
    held = rank >= 0
    width = max(len(words), 1)
    pairs = distinct(owner[held] * width + rank[held])
    owners = pairs // width
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(owners, minlength=count), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), words.take(pa.array(pairs - owners * width)))


def empty_lists(count: int) -> pa.ListArray:
    """`count` empty lists of strings."""
    return pa.ListArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), pa.array([], pa.string()))
