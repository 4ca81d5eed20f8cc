"""The beginnings of HMAC-SHA256 (RFC 2104) of many values, by which they are looked up among few.

Compiled, because a call of a library for each of a million values takes several times as long as all else that is done
with them.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.sha256 import Bytes, Words32, compiled, finish, keyed, push

Heads = npt.NDArray[np.uint64]


def head(mac: str) -> int:
    """The first eight bytes of an HMAC in hexadecimal, as a number."""
    return int(mac[:16], 16)


def heads(key: bytes, prefix: bytes, values: pa.StringArray) -> Heads:
    """Of each value the first eight bytes of HMAC-SHA256(`key`, `prefix` and the value in UTF-8), as a number.

    No value may be null. Raises ValueError for a key of more than 64 bytes.
    """
    found = np.empty(len(values), np.uint64)
    if len(values):
        _, ends, data = values.buffers()
        offsets = np.frombuffer(ends, np.int32)[values.offset : values.offset + len(values) + 1]
        text = np.frombuffer(data if data else b"\0", np.uint8)
        # one compiled kernel, whether a buffer can be written or not
        for one in (offsets, text):
            one.flags.writeable = False
        _hash_rows(text, offsets, np.frombuffer(prefix, np.uint8), *keyed(key), found)
    return found


@compiled
def _hash_rows(
    data: Bytes, offsets: npt.NDArray[np.int32], prefix: Bytes, inner: Words32, outer: Words32, found: Heads
) -> None:
    block = np.zeros(128, np.uint8)
    w = np.zeros(64, np.uint32)
    state = np.zeros(8, np.uint32)
    for row in range(len(found)):
        state[:] = inner
        held = push(state, block, 0, prefix, 0, len(prefix), w)
        held = push(state, block, held, data, offsets[row], offsets[row + 1], w)
        finish(state, block, held, 64 + len(prefix) + offsets[row + 1] - offsets[row], w)
        for i in range(8):
            for k in range(4):
                block[4 * i + k] = np.uint8(state[i] >> np.uint32(24 - 8 * k) & np.uint32(255))
        state[:] = outer
        finish(state, block, 32, 96, w)
        found[row] = np.uint64(state[0]) << np.uint64(32) | np.uint64(state[1])
