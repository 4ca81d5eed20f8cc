"""Finding ids: HMAC-SHA256 of `type\\0value\\0role` under the hub's key, for a million findings at once.

SHA-256 is compiled (columns.sha256) because two million calls of a library hold the interpreter's lock all the while,
and cost more: 1.6 to 2.4 microseconds in hashlib, about 2 in DuckDB's SQL, 1.1 to 1.5 here, in as many threads as there
are cores (docs/decisions/0009). The two padded blocks of the key (RFC 2104) are hashed once. Nothing is verified with
it and nothing is secret in its timing: ids are names. tests/fusion/test_identity.py holds it to the standard library.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.sha256 import compiled, finish, keyed, push
from accord.vocabulary.errors import OutputError
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.roles import ROLES

FINDINGS_LIMIT = (2**31 - 1) // 64
"""As many ids of 64 digits as fit behind Arrow's 32-bit offsets, which beyond them would turn negative unnoticed."""

_Words = npt.NDArray[np.uint32]
_Bytes = npt.NDArray[np.uint8]
_Offsets = npt.NDArray[np.int32]


def finding_ids(findings: pa.Table, key: bytes, threads: int) -> pa.StringArray:
    """The finding_id of each row of `findings` (type int8, value string, role int8), in hexadecimal.

    Raises ValueError when `key` is longer than SHA-256's block of 64 bytes, or a text is longer than 2^31 bytes, and
    OutputError for more findings than FINDINGS_LIMIT.
    """
    if len(findings) > FINDINGS_LIMIT:
        raise OutputError(
            "There are more findings than one run can hold.",
            expected=f"at most {FINDINGS_LIMIT:,}",
            got=f"{len(findings):,}",
            remedy="narrow the operation by its window, roles or families, or make several operations of it",
        )
    inner, outer = keyed(key)
    value = findings["value"].combine_chunks()
    offsets, data = _buffers(value)
    kinds, roles = _names([kind.value for kind in INDICATOR_TYPES]), _names([role.value for role in ROLES])
    count = len(value)
    out = np.empty(count * 64, np.uint8)
    types, places = findings["type"].to_numpy(), findings["role"].to_numpy()
    step = max(1, -(-count // threads))

    def hash_from(begin: int) -> None:
        stop = min(begin + step, count)
        _hash_rows(begin, stop, data, offsets, types, places, *kinds, *roles, inner, outer, out)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(hash_from, range(0, count, step)))
    ends = np.arange(0, (count + 1) * 64, 64, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(out))


def _buffers(value: pa.StringArray) -> tuple[_Offsets, _Bytes]:
    _, offsets, data = value.buffers()
    bounds = np.frombuffer(offsets, np.int32)[value.offset : value.offset + len(value) + 1]
    return bounds, np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


def _names(words: list[str]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Words end to end, and where each begins and ends."""
    joined = "".join(words).encode("ascii")
    return np.frombuffer(joined, np.uint8), np.cumsum([0, *(len(word) for word in words)], dtype=np.int32)


_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@compiled
def _hash_rows(
    first: int,
    stop: int,
    data: _Bytes,
    offsets: _Offsets,
    types: npt.NDArray[np.int8],
    places: npt.NDArray[np.int8],
    kinds: _Bytes,
    kind_ends: _Offsets,
    roles: _Bytes,
    role_ends: _Offsets,
    inner: _Words,
    outer: _Words,
    out: _Bytes,
) -> None:
    block = np.zeros(128, np.uint8)
    w = np.zeros(64, np.uint32)
    state = np.zeros(8, np.uint32)
    zero = np.zeros(1, np.uint8)
    for row in range(first, stop):
        state[:] = inner
        kind, role = types[row], places[row]
        held = push(state, block, 0, kinds, kind_ends[kind], kind_ends[kind + 1], w)
        held = push(state, block, held, zero, 0, 1, w)
        held = push(state, block, held, data, offsets[row], offsets[row + 1], w)
        held = push(state, block, held, zero, 0, 1, w)
        held = push(state, block, held, roles, role_ends[role], role_ends[role + 1], w)
        total = 64 + 2 + kind_ends[kind + 1] - kind_ends[kind] + offsets[row + 1] - offsets[row]
        total += role_ends[role + 1] - role_ends[role]
        finish(state, block, held, total, w)
        for i in range(8):
            for k in range(4):
                block[4 * i + k] = np.uint8(state[i] >> np.uint32(24 - 8 * k) & np.uint32(255))
        state[:] = outer
        finish(state, block, 32, 96, w)
        for i in range(8):
            for k in range(8):
                out[64 * row + 8 * i + k] = _HEX[state[i] >> np.uint32(28 - 4 * k) & np.uint32(15)]
