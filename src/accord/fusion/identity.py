"""Finding ids: HMAC-SHA256 of `type\\0value\\0role` under the hub's key, for a million findings at once.

SHA-256 (FIPS 180-4) is compiled here because two million calls of a library hold the interpreter's lock all the while,
and cost more: 1.6 to 2.4 microseconds in hashlib, about 2 in DuckDB's SQL, 1.1 to 1.5 here, in as many threads as there
are cores (docs/decisions/0009). The two padded blocks of the key (RFC 2104) are hashed once. Nothing is verified with
it and nothing is secret in its timing: ids are names. tests/fusion/test_identity.py holds it to the standard library.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from accord.vocabulary.errors import OutputError
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.roles import ROLES

FINDINGS_LIMIT = (2**31 - 1) // 64
"""As many ids of 64 digits as fit behind Arrow's 32-bit offsets, which beyond them would turn negative unnoticed."""

_BLOCK = 64
_Words = npt.NDArray[np.uint32]
_Bytes = npt.NDArray[np.uint8]
_Offsets = npt.NDArray[np.int32]
_compiled: Callable[..., Any] = njit(cache=True, nogil=True, boundscheck=False, error_model="numpy")


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
    if len(key) > _BLOCK:
        raise ValueError(f"a hub key has at most {_BLOCK} bytes, this one has {len(key)}")
    padded = np.frombuffer(key.ljust(_BLOCK, b"\0"), np.uint8)
    inner, outer = _START.copy(), _START.copy()
    _absorb(inner, padded ^ np.uint8(0x36), 0, np.zeros(64, np.uint32))
    _absorb(outer, padded ^ np.uint8(0x5C), 0, np.zeros(64, np.uint32))
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


# FIPS 180-4, 5.3.3 and 4.2.2: fractional parts of the roots of the first primes.
_PRIMES = [n for n in range(2, 312) if all(n % d for d in range(2, int(n**0.5) + 1))]
_START = np.array([int((p**0.5 % 1) * 2**32) for p in _PRIMES[:8]], np.uint32)


def _cube_root_fraction(prime: int) -> int:
    """The first 32 bits of the fractional part of a cube root, in whole numbers."""
    scaled = prime << 96
    low, high = 0, 1 << 36
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= scaled else (low, middle - 1)
    return low & 0xFFFFFFFF


_ROUND = np.array([_cube_root_fraction(p) for p in _PRIMES[:64]], np.uint32)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@_compiled
def _rotate(x: np.uint32, n: int) -> np.uint32:
    """FIPS 180-4, 3.2: rotate right. Every step is cast back, or 64-bit arithmetic would creep in."""
    return np.uint32(np.uint32(x >> np.uint32(n)) | np.uint32(x << np.uint32(32 - n)))


@_compiled
def _absorb(state: _Words, data: _Bytes, at: int, w: _Words) -> None:
    """FIPS 180-4, 6.2.2: take the 64-byte block at `data[at]` into `state`; `w` is room for 64 words."""
    for t in range(16):
        p = at + 4 * t
        w[t] = (
            np.uint32(data[p]) << np.uint32(24)
            | np.uint32(data[p + 1]) << np.uint32(16)
            | np.uint32(data[p + 2]) << np.uint32(8)
            | np.uint32(data[p + 3])
        )
    for t in range(16, 64):
        x, y = w[t - 15], w[t - 2]
        s0 = _rotate(x, 7) ^ _rotate(x, 18) ^ np.uint32(x >> np.uint32(3))
        s1 = _rotate(y, 17) ^ _rotate(y, 19) ^ np.uint32(y >> np.uint32(10))
        w[t] = np.uint32(np.uint32(w[t - 16] + s0) + np.uint32(w[t - 7] + s1))
    a, b, c, d, e, f, g, h = state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]
    for t in range(64):
        s1 = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
        choice = np.uint32(g ^ np.uint32(e & np.uint32(f ^ g)))
        t1 = np.uint32(np.uint32(np.uint32(h + s1) + choice) + np.uint32(_ROUND[t] + w[t]))
        s0 = _rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)
        majority = np.uint32(np.uint32(a & b) | np.uint32(c & np.uint32(a | b)))
        t2 = np.uint32(s0 + majority)
        h, g, f, e, d, c, b, a = g, f, e, np.uint32(d + t1), c, b, a, np.uint32(t1 + t2)
    state[0] = np.uint32(state[0] + a)
    state[1] = np.uint32(state[1] + b)
    state[2] = np.uint32(state[2] + c)
    state[3] = np.uint32(state[3] + d)
    state[4] = np.uint32(state[4] + e)
    state[5] = np.uint32(state[5] + f)
    state[6] = np.uint32(state[6] + g)
    state[7] = np.uint32(state[7] + h)


@_compiled
def _finish(state: _Words, block: _Bytes, held: int, total: int, w: _Words) -> None:
    """FIPS 180-4, 5.1.1: pad the last `held` bytes in `block` (room for 128) of a message of `total` bytes."""
    size = 64 if held < 56 else 128
    block[held] = 0x80
    for i in range(held + 1, size - 8):
        block[i] = 0
    bits = np.uint64(total) << np.uint64(3)
    for i in range(8):
        block[size - 1 - i] = np.uint8(bits >> np.uint64(8 * i) & np.uint64(255))
    _absorb(state, block, 0, w)
    if size == 128:
        _absorb(state, block, 64, w)


@_compiled
def _push(state: _Words, block: _Bytes, held: int, data: _Bytes, begin: int, end: int, w: _Words) -> int:
    """Append `data[begin:end]` to the message; returns the bytes held in `block`."""
    for i in range(begin, end):
        block[held] = data[i]
        held += 1
        if held == 64:
            _absorb(state, block, 0, w)
            held = 0
    return held


@_compiled
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
        held = _push(state, block, 0, kinds, kind_ends[kind], kind_ends[kind + 1], w)
        held = _push(state, block, held, zero, 0, 1, w)
        held = _push(state, block, held, data, offsets[row], offsets[row + 1], w)
        held = _push(state, block, held, zero, 0, 1, w)
        held = _push(state, block, held, roles, role_ends[role], role_ends[role + 1], w)
        total = 64 + 2 + kind_ends[kind + 1] - kind_ends[kind] + offsets[row + 1] - offsets[row]
        total += role_ends[role + 1] - role_ends[role]
        _finish(state, block, held, total, w)
        for i in range(8):
            for k in range(4):
                block[4 * i + k] = np.uint8(state[i] >> np.uint32(24 - 8 * k) & np.uint32(255))
        state[:] = outer
        _finish(state, block, 32, 96, w)
        for i in range(8):
            for k in range(8):
                out[64 * row + 8 * i + k] = _HEX[state[i] >> np.uint32(28 - 4 * k) & np.uint32(15)]
