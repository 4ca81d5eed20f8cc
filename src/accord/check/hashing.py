"""The beginnings of records for millions of addresses at once: `layout.address_spelling` and HMAC, compiled."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from accord.check.layout import RECORD_BYTES
from accord.columns.sha256 import Bytes, Words32, compiled, finish, keyed

Numbers = npt.NDArray[np.uint64]

V4, V6 = (4, 4), (6, 8)
"""The byte that a spelling begins with, and how many bytes of the address follow."""
_WORDS = RECORD_BYTES // 4


def digests(numbers: Numbers, kind: tuple[int, int], pepper: bytes, threads: int) -> Bytes:
    """For each address (V4: its number; V6: its first 64 bits) the first RECORD_BYTES bytes of its HMAC."""
    inner, outer = keyed(pepper)
    out = np.empty((len(numbers), RECORD_BYTES), np.uint8)
    step = max(1, -(-len(numbers) // threads))

    def hash_from(begin: int) -> None:
        end = begin + step
        _hash_rows(numbers[begin:end], *kind, inner, outer, out[begin:end])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(hash_from, range(0, len(numbers), step)))
    return out


@compiled
def _hash_rows(numbers: Numbers, first: int, length: int, inner: Words32, outer: Words32, out: Bytes) -> None:
    block = np.zeros(128, np.uint8)
    w = np.zeros(64, np.uint32)
    state = np.zeros(8, np.uint32)
    for row in range(len(numbers)):
        state[:] = inner
        block[0] = np.uint8(first)
        for at in range(length):
            block[length - at] = np.uint8(numbers[row] >> np.uint64(8 * at) & np.uint64(255))
        finish(state, block, length + 1, 64 + length + 1, w)
        for i in range(8):
            for k in range(4):
                block[4 * i + k] = np.uint8(state[i] >> np.uint32(24 - 8 * k) & np.uint32(255))
        state[:] = outer
        finish(state, block, 32, 96, w)
        for i in range(_WORDS):
            for k in range(4):
                out[row, 4 * i + k] = np.uint8(state[i] >> np.uint32(24 - 8 * k) & np.uint32(255))
