"""The Merkle tree of a log: hashes, inclusion and consistency proofs, appending in batches (RFC 9162, section 2.1).

A node is named by its height above the leaves and its index among the nodes of that height. Node (h, i) covers the
entries i * 2**h to (i + 1) * 2**h - 1, and never changes once all of them are there. RFC 6962 and C2SP's merkle-tree
define the same tree.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NoReturn

from accord.vocabulary.errors import MalformedError, UnprovenError

HASH_BYTES = 32
MAX_SIZE = (1 << 63) - 1
"""Entries of a tree at most: what other implementations count with."""
EMPTY_ROOT = sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
"""Height and index of a node that is complete -> its 32-byte hash."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbours: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def leaf_hashes(entries: Iterable[bytes]) -> bytes:
    """The hashes of entries in one piece, 32 bytes each: what is appended to a tree."""
    return b"".join([sha256(b"\x00" + entry).digest() for entry in entries])


def parent_hashes(hashes: bytes) -> bytes:
    """The parents of an even number of neighbours: n * 64 bytes give n * 32."""
    return b"".join([sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, len(hashes), 64)])


def split_hashes(hashes: bytes) -> list[bytes]:
    """Hashes in one piece as a list. Raises MalformedError when they are no multiple of 32 bytes."""
    if len(hashes) % HASH_BYTES:
        raise MalformedError("Hashes are cut off.", expected="a multiple of 32 bytes", got=f"{len(hashes)} bytes")
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def root_hash(size: int, node: NodeReader) -> bytes:
    """The root of the tree of the first `size` entries, from at most 63 complete nodes."""
    return _span(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: NodeReader) -> tuple[bytes, ...]:
    """PATH(index, D[size]): the hashes that lead from entry `index` to the root of the first `size` entries.

    They go from the leaf upwards, as do those of a consistency proof.
    Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"no entry {index} in a tree of {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_span(middle, end, node))
            end = middle
        else:
            path.append(_span(start, middle, node))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, node: NodeReader) -> tuple[bytes, ...]:
    """PROOF(old, D[new]): the hashes that show that the first `old` of `new` entries are those of the older tree.

    Empty where `old` is 0 or `new`. Raises ValueError unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"no tree of {old} within a tree of {new}")
    if old == 0:
        return ()
    path = []
    start, end = 0, new
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_span(middle, end, node))
            end = middle
        else:
            path.append(_span(start, middle, node))
            start = middle
    if start:
        # the older tree's root is known to whoever verifies only where the walk stayed on the left
        path.append(_span(start, end, node))
    return tuple(reversed(path))


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Verify that the entry whose hash is `leaf` is entry `index` of the tree of `size` entries with this root.

    RFC 9162, section 2.1.3.2. Raises UnprovenError.
    """
    _demand_hashes(leaf, root, *proof)
    if not 0 <= index < size <= MAX_SIZE:
        _fail("The inclusion proof is for no entry of the tree.", f"an index below {size}", str(index))
    node, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            _fail("The inclusion proof is too long.", f"a proof for a tree of {size}", f"{len(proof)} hashes")
        if node & 1 or node == last:
            found = node_hash(step, found)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            found = node_hash(found, step)
        node >>= 1
        last >>= 1
    if last:
        _fail("The inclusion proof is too short.", f"a proof for a tree of {size}", f"{len(proof)} hashes")
    if found != root:
        _fail("The entry is not proven to be in the tree.", f"root {root.hex()}", f"root {found.hex()}")


def verify_consistency(*, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Verify that the tree of `old` entries is the beginning of the tree of `new` entries.

    RFC 9162, section 2.1.4.2. The empty tree is refused: every tree begins with it, so that nothing would be proven.
    Raises UnprovenError.
    """
    _demand_hashes(old_root, new_root, *proof)
    if not 0 < old <= new <= MAX_SIZE:
        _fail("The consistency proof is for no two trees.", "0 < old size <= new size", f"{old} and {new}")
    if old == new:
        if proof:
            _fail("The consistency proof is too long.", "no hash: both trees are one", f"{len(proof)} hashes")
        if old_root != new_root:
            _fail("Two trees of one size have different roots.", old_root.hex(), new_root.hex())
        return
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not proof:
        _fail("The consistency proof is empty.", f"a proof from {old} to {new}", "no hash")
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    found_old = found_new = steps[0]
    for step in steps[1:]:
        if last == 0:
            _fail("The consistency proof is too long.", f"a proof from {old} to {new}", f"{len(proof)} hashes")
        if node & 1 or node == last:
            found_old = node_hash(step, found_old)
            found_new = node_hash(step, found_new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            found_new = node_hash(found_new, step)
        node >>= 1
        last >>= 1
    if last:
        _fail("The consistency proof is too short.", f"a proof from {old} to {new}", f"{len(proof)} hashes")
    if found_old != old_root or found_new != new_root:
        _fail(
            "The newer tree is not proven to begin with the older one.",
            f"roots {old_root.hex()} and {new_root.hex()}",
            f"roots {found_old.hex()} and {found_new.hex()}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """What must be kept of a tree to append to it and to know its root: at most 63 hashes, whatever its size.

    A "compact range" from 0: the roots of the complete subtrees that the size's binary digits name, the largest first.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.hashes) != self.size.bit_count():
            raise MalformedError(
                "The frontier is of no tree.", expected=f"{self.size.bit_count()} hashes for size {self.size}",
                got=f"{len(self.hashes)} hashes",
            )  # fmt: skip
        if any(len(one) != HASH_BYTES for one in self.hashes):
            raise MalformedError("The frontier holds something else than hashes.", expected="32 bytes each")

    def append(self, hashes: bytes) -> "Frontier":
        """The frontier after appending leaves, given as their hashes in one piece (`leaf_hashes`).

        A batch is hashed level by level: no more than two hashes an entry, and memory for the batch alone.
        """
        appended = len(split_hashes(hashes))
        size = self.size + appended
        if size > MAX_SIZE:
            raise MalformedError("The tree would be too large.", expected=f"at most {MAX_SIZE} entries")
        held = list(self.hashes)
        kept: list[bytes] = []
        row, before = hashes, self.size
        while row or before:
            if before & 1:
                row = held.pop() + row
            if len(row) // HASH_BYTES & 1:
                kept.append(row[-HASH_BYTES:])
                row = row[:-HASH_BYTES]
            row = parent_hashes(row)
            before >>= 1
        return Frontier(size=size, hashes=tuple(reversed(kept)))

    def root(self) -> bytes:
        """The root of the tree."""
        return join_subtrees(self.hashes) if self.hashes else EMPTY_ROOT


def join_subtrees(roots: Sequence[bytes]) -> bytes:
    """The root over neighbouring complete subtrees, each smaller than the one to its left."""
    joined = roots[-1]
    for root in reversed(roots[:-1]):
        joined = node_hash(root, joined)
    return joined


def _span(start: int, end: int, node: NodeReader) -> bytes:
    """MTH(D[start:end]), where a complete subtree begins at `start` that is no smaller than half of the span."""
    roots = []
    while start < end:
        height = (end - start).bit_length() - 1
        roots.append(node(height, start >> height))
        start += 1 << height
    return join_subtrees(roots)


def _split(count: int) -> int:
    """The largest power of two below `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _demand_hashes(*hashes: bytes) -> None:
    for one in hashes:
        if len(one) != HASH_BYTES:
            _fail("A hash of the proof is none.", "32 bytes", f"{len(one)} bytes")


def _fail(what: str, expected: str, got: str) -> NoReturn:
    raise UnprovenError(what, expected=expected, got=got)
