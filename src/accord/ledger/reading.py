"""A tree read out of its tiles, each verified before it is believed: nodes, proofs and entries (C2SP tlog-tiles)."""

from collections import OrderedDict
from typing import Final

from accord.ledger.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    EntryBundle,
    HashTile,
    TileReader,
    TreeEdge,
    read_hashes,
    unpack_entries,
)
from accord.ledger.tree import (
    HASH_BYTES,
    consistency_proof,
    inclusion_proof,
    leaf_hashes,
    parent_hashes,
    root_hash,
)
from accord.vocabulary.errors import UnprovenError

_REMEDY = (
    "what the log shows is not what it has signed: fetch it anew; if it stays so, keep a copy, and tell the hub "
    "and whoever supervises it"
)

TILES_KEPT = 1024
"""Verified tiles that a tree keeps in memory, about 16 KiB each."""


class TiledTree:
    """The tree of a log at one size, whose root somebody has signed.

    The tiles at the tree's edge are verified against the root when it is opened. Every other tile is full, and is
    verified against its parent's hash when it is first needed, up to one that is known already. So whoever serves the
    tiles is trusted with nothing. One thread uses it at a time.
    """

    def __init__(self, size: int, root: bytes, read_tile: TileReader, *, keep: int = TILES_KEPT) -> None:
        """Open the tree of `size` entries with this root.

        Raises MalformedError and UnprovenError, as all that reads does; what `read_tile` raises passes through.
        """
        self.size: Final = size
        self.root: Final = root
        self.read_tile: Final = read_tile
        self._keep = max(keep, 1)
        edge = TreeEdge.read(size, root, read_tile)
        self._edge = [_Rows(hashes) for hashes in edge.partial]
        self._full: OrderedDict[tuple[int, int], _Rows] = OrderedDict()

    def node(self, height: int, index: int) -> bytes:
        """The hash of a node that is complete in this tree. Raises ValueError for any other."""
        if height < 0 or not 0 <= index < self.size >> height:
            raise ValueError(f"no complete node {index} of height {height} in a tree of {self.size}")
        level, above = divmod(height, TILE_HEIGHT)
        first = index << above
        return self._tile(level, first // TILE_WIDTH).hash(above, first % TILE_WIDTH >> above)

    def root_of(self, size: int) -> bytes:
        """The root that the tree had at a smaller size."""
        return root_hash(self._within(size), self.node)

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The proof that entry `index` is in the tree of `size` entries (None: of all)."""
        return inclusion_proof(index, self._within(size), self.node)

    def consistency_proof(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """The proof that the tree of `new` entries (None: of all) begins with the tree of `old`."""
        return consistency_proof(old, self._within(new), self.node)

    def hashes(self, bundle: EntryBundle) -> bytes:
        """The verified hashes of a bundle's entries, in one piece."""
        if bundle.index * TILE_WIDTH + bundle.width > self.size:
            raise ValueError(f"{bundle.path} is not in a tree of {self.size}")
        return self._tile(0, bundle.index).rows[0][: bundle.width * HASH_BYTES]

    def entries(self, bundle: EntryBundle, packed: bytes) -> list[bytes]:
        """The entries of a bundle, each verified against its hash in the tree."""
        entries = unpack_entries(packed, bundle.width)
        expected, found = self.hashes(bundle), leaf_hashes(entries)
        if found != expected:
            wrong = next(
                at for at in range(0, len(found), HASH_BYTES) if found[at:][:HASH_BYTES] != expected[at:][:HASH_BYTES]
            )
            raise UnprovenError(
                "An entry is not the one in the tree.", where=bundle.path,
                expected=f"leaf hash {expected[wrong:][:HASH_BYTES].hex()} of entry "
                f"{bundle.index * TILE_WIDTH + wrong // HASH_BYTES}", got=found[wrong:][:HASH_BYTES].hex(),
                remedy=_REMEDY,
            )  # fmt: skip
        return entries

    def _within(self, size: int | None) -> int:
        if size is not None and not 0 <= size <= self.size:
            raise ValueError(f"no tree of {size} within a tree of {self.size}")
        return self.size if size is None else size

    def _tile(self, level: int, index: int) -> "_Rows":
        """A verified tile that holds the node asked for."""
        if index == self.size >> TILE_HEIGHT * (level + 1):
            return self._edge[level]
        known = self._full.get((level, index))
        if known is not None:
            self._full.move_to_end((level, index))
            return known
        expected = self._tile(level + 1, index // TILE_WIDTH).hash(0, index % TILE_WIDTH)
        tile = HashTile(level=level, index=index)
        rows = _Rows(read_hashes(self.read_tile, tile))
        if rows.hash(TILE_HEIGHT, 0) != expected:
            raise UnprovenError(
                "A tile is not the one in the tree.", where=tile.path, expected=f"root {expected.hex()}",
                got=f"root {rows.hash(TILE_HEIGHT, 0).hex()}", remedy=_REMEDY,
            )  # fmt: skip
        self._full[level, index] = rows
        while len(self._full) > self._keep:
            self._full.popitem(last=False)
        return rows


class _Rows:
    """The hashes of a tile, and above them the rows of their complete parents, made when asked for."""

    __slots__ = ("rows",)

    def __init__(self, hashes: bytes) -> None:
        self.rows = [hashes]

    def hash(self, above: int, index: int) -> bytes:
        """Hash `index` of the row that stands `above` the tile's own."""
        while len(self.rows) <= above:
            below = self.rows[-1]
            self.rows.append(parent_hashes(below[: len(below) // (2 * HASH_BYTES) * (2 * HASH_BYTES)]))
        return self.rows[above][index * HASH_BYTES : (index + 1) * HASH_BYTES]
