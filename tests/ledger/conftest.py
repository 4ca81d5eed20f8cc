"""The slow twin of the tree, and the vectors that other implementations publish."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[2] / "../shared/vectors"


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of published test vectors beside the checkout."""
    if not VECTORS.is_dir():
        pytest.skip("the published vectors are not beside this checkout (../shared/vectors)")
    return VECTORS


class Twin:
    """The tree as RFC 6962, section 2.1, defines it: recursive, over the entries themselves, and slow."""

    @staticmethod
    def mth(entries: Sequence[bytes]) -> bytes:
        n = len(entries)
        if n == 0:
            return sha256().digest()
        if n == 1:
            return sha256(b"\x00" + entries[0]).digest()
        k = Twin._k(n)
        return sha256(b"\x01" + Twin.mth(entries[:k]) + Twin.mth(entries[k:])).digest()

    @staticmethod
    def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
        n = len(entries)
        if n == 1:
            return []
        k = Twin._k(n)
        if m < k:
            return [*Twin.path(m, entries[:k]), Twin.mth(entries[k:])]
        return [*Twin.path(m - k, entries[k:]), Twin.mth(entries[:k])]

    @staticmethod
    def proof(m: int, entries: Sequence[bytes]) -> list[bytes]:
        return Twin._subproof(m, entries, True)

    @staticmethod
    def _subproof(m: int, entries: Sequence[bytes], complete: bool) -> list[bytes]:
        n = len(entries)
        if m == n:
            return [] if complete else [Twin.mth(entries)]
        k = Twin._k(n)
        if m <= k:
            return [*Twin._subproof(m, entries[:k], complete), Twin.mth(entries[k:])]
        return [*Twin._subproof(m - k, entries[k:], False), Twin.mth(entries[:k])]

    @staticmethod
    def _k(n: int) -> int:
        k = 1
        while 2 * k < n:
            k *= 2
        return k


@pytest.fixture(scope="session")
def twin() -> type[Twin]:
    return Twin
