"""SHA-256 (FIPS 180-4) compiled, for a million short messages at once (docs/decisions/0009).

Nothing is verified with it and nothing is secret in its timing: what is made of it are names. A state is eight words;
a block is room for 128 bytes, of which `held` are in use; `w` is room for 64 words.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Words32 = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]

BLOCK = 64
compiled: Callable[..., Any] = njit(cache=True, nogil=True, boundscheck=False, error_model="numpy")

# FIPS 180-4, 5.3.3 and 4.2.2: fractional parts of the roots of the first primes.
_PRIMES = [n for n in range(2, 312) if all(n % d for d in range(2, int(n**0.5) + 1))]
START = np.array([int((p**0.5 % 1) * 2**32) for p in _PRIMES[:8]], np.uint32)
"""The state before the first block."""


def _cube_root_fraction(prime: int) -> int:
    """The first 32 bits of the fractional part of a cube root, in whole numbers."""
    scaled = prime << 96
    low, high = 0, 1 << 36
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= scaled else (low, middle - 1)
    return low & 0xFFFFFFFF


_ROUND = np.array([_cube_root_fraction(p) for p in _PRIMES[:64]], np.uint32)


@compiled
def _rotate(x: np.uint32, n: int) -> np.uint32:
    """FIPS 180-4, 3.2: rotate right. Every step is cast back, or 64-bit arithmetic would creep in."""
    return np.uint32(np.uint32(x >> np.uint32(n)) | np.uint32(x << np.uint32(32 - n)))


@compiled
def absorb(state: Words32, data: Bytes, at: int, w: Words32) -> None:
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


@compiled
def finish(state: Words32, block: Bytes, held: int, total: int, w: Words32) -> None:
    """FIPS 180-4, 5.1.1: pad the last `held` bytes in `block` (room for 128) of a message of `total` bytes."""
    size = 64 if held < 56 else 128
    block[held] = 0x80
    for i in range(held + 1, size - 8):
        block[i] = 0
    bits = np.uint64(total) << np.uint64(3)
    for i in range(8):
        block[size - 1 - i] = np.uint8(bits >> np.uint64(8 * i) & np.uint64(255))
    absorb(state, block, 0, w)
    if size == 128:
        absorb(state, block, 64, w)


@compiled
def push(state: Words32, block: Bytes, held: int, data: Bytes, begin: int, end: int, w: Words32) -> int:
    """Append `data[begin:end]` to the message; returns the bytes held in `block`."""
    for i in range(begin, end):
        block[held] = data[i]
        held += 1
        if held == 64:
            absorb(state, block, 0, w)
            held = 0
    return held


def keyed(key: bytes) -> tuple[Words32, Words32]:
    """The states of HMAC's inner and outer hash (RFC 2104) once the padded key is taken in.

    Raises ValueError for a key longer than a block.
    """
    if len(key) > BLOCK:
        raise ValueError(f"a key has at most {BLOCK} bytes, this one has {len(key)}")
    padded = np.frombuffer(key.ljust(BLOCK, b"\0"), np.uint8)
    inner, outer = START.copy(), START.copy()
    absorb(inner, padded ^ np.uint8(0x36), 0, np.zeros(64, np.uint32))
    absorb(outer, padded ^ np.uint8(0x5C), 0, np.zeros(64, np.uint32))
    return inner, outer
