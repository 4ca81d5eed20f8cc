"""A log as static files: hash tiles and entry bundles, and how a tree grows by them (C2SP tlog-tiles).

A tile of level l holds up to 256 neighbouring nodes of height 8 * l, 32 bytes each; a bundle up to 256 entries, each
after its length in 16 bits, big-endian. What is full never changes. What is not full is partial, has its width in its
name, and is left behind when the tree grows:

    tile/0/x001/x234/067         hash tile 1234067 of level 0, full: the hashes of 256 entries
    tile/1/004.p/17              hash tile 4 of level 1, with 17 hashes so far
    tile/entries/x001/273.p/112  entry bundle 1273, with 112 entries so far
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from accord.ledger.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_SIZE,
    join_subtrees,
    parent_hashes,
    split_hashes,
)
from accord.vocabulary.errors import MalformedError, UnprovenError

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""Hashes of a full tile, entries of a full bundle."""
TILE_BYTES = TILE_WIDTH * HASH_BYTES
MAX_ENTRY_BYTES = (1 << 16) - 1
"""A bundle tells an entry's length in 16 bits."""

TileReader = Callable[[int, int, int], bytes]
"""Level, index and width of a hash tile -> its bytes, `width * 32` of them.

A log may have thrown away a partial tile once the full one is there: its first bytes are the partial one.
"""

_MAX_LEVEL = 63
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class HashTile:
    """The name of one hash tile."""

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        _demand_name(self.level, self.index, self.width)

    @property
    def path(self) -> str:
        """Where it is served, below the log's prefix."""
        return f"tile/{self.level}/{_index_path(self.index)}{_suffix(self.width)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryBundle:
    """The name of one bundle of entries: those from `index * 256` on."""

    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        _demand_name(0, self.index, self.width)

    @property
    def path(self) -> str:
        """Where it is served, below the log's prefix."""
        return f"tile/entries/{_index_path(self.index)}{_suffix(self.width)}"


def parse_path(path: str) -> HashTile | EntryBundle:
    """Read the path of a tile or a bundle; each has one spelling only. Raises MalformedError."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise MalformedError("This is no path of a tile.", expected="tile/<level>/<index>[.p/<width>]", got=repr(path))
    index = int(found[2].replace("x", "").replace("/", ""))
    width = int(found[3]) if found[3] else TILE_WIDTH
    named = (
        EntryBundle(index=index, width=width)
        if found[1] == "entries"
        else HashTile(level=int(found[1]), index=index, width=width)
    )
    if named.path != path:
        raise MalformedError("This path of a tile is spelled otherwise.", expected=named.path, got=repr(path))
    return named


def tiles_of_growth(old: int, new: int) -> Iterator[HashTile]:
    """The hash tiles that a tree of `new` entries has and one of `old` had not, level by level; `old` 0: all."""
    level = 0
    while new >> TILE_HEIGHT * level:
        for index, width in _growth(old >> TILE_HEIGHT * level, new >> TILE_HEIGHT * level):
            yield HashTile(level=level, index=index, width=width)
        level += 1


def bundles_of_growth(old: int, new: int) -> Iterator[EntryBundle]:
    """The entry bundles that a log of `new` entries has and one of `old` had not; `old` 0: all."""
    for index, width in _growth(old, new):
        yield EntryBundle(index=index, width=width)


def pack_entries(entries: Sequence[bytes]) -> bytes:
    """The bundle of 1 to 256 entries. Raises MalformedError when an entry is longer than 65,535 bytes."""
    if not 0 < len(entries) <= TILE_WIDTH:
        raise MalformedError("No bundle holds these entries.", expected="1 to 256 entries", got=f"{len(entries)}")
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise MalformedError(
                "An entry is too long.", expected=f"at most {MAX_ENTRY_BYTES} bytes", got=f"{len(entry)}"
            )
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def unpack_entries(bundle: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle. Raises MalformedError when it holds fewer or more."""
    entries: list[bytes] = []
    at = 0
    for _ in range(width):
        start = at + 2
        at = start + int.from_bytes(bundle[at:start], "big")
        if start > len(bundle) or at > len(bundle):
            raise MalformedError(
                "The bundle of entries is cut off.", expected=f"{width} entries", got=f"{len(entries)} whole ones"
            )
        entries.append(bundle[start:at])
    if at != len(bundle):
        raise MalformedError(
            "The bundle of entries goes on.", expected=f"{width} entries", got=f"{len(bundle) - at} bytes more"
        )
    return entries


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEdge:
    """The tiles of a tree that are not full, from level 0 up: all that appending takes, and what the root is made of.

    At most 255 hashes a level, and eight levels for the largest tree. A level whose tiles are all full holds b"".
    """

    size: int = 0
    partial: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        widths = edge_widths(self.size)
        if [len(hashes) for hashes in self.partial] != [width * HASH_BYTES for width in widths]:
            raise MalformedError(
                "The edge is of no tree.", expected=f"tiles of the widths {widths} for size {self.size}",
                got=f"{[len(hashes) for hashes in self.partial]} bytes",
            )  # fmt: skip

    @classmethod
    def read(cls, size: int, root: bytes, read_tile: TileReader) -> "TreeEdge":
        """The edge of the tree of `size` entries, out of its tiles, verified against its root.

        Raises MalformedError when a tile has not its width, UnprovenError when the tiles give another root.
        """
        partial = tuple(
            read_hashes(read_tile, HashTile(level=level, index=size >> TILE_HEIGHT * (level + 1), width=width))
            if width
            else b""
            for level, width in enumerate(edge_widths(size))
        )
        edge = cls(size=size, partial=partial)
        if edge.root() != root:
            raise UnprovenError(
                "The tiles at the tree's edge give another root.", where=f"a tree of {size} entries",
                expected=root.hex(), got=edge.root().hex(),
            )  # fmt: skip
        return edge

    def root(self) -> bytes:
        """The root of the tree."""
        roots = [root for hashes in reversed(self.partial) for root in _complete_subtrees(hashes)]
        return join_subtrees(roots) if roots else EMPTY_ROOT

    def grow(self, hashes: bytes) -> "tuple[TreeEdge, list[tuple[HashTile, bytes]]]":
        """Append leaves, given as their hashes in one piece: the new edge, and every tile that came to be.

        The tiles are those of `tiles_of_growth`, in its order, each with its bytes. Memory is theirs, so that a caller
        bounds it by the size of its batches. Raises MalformedError when the tree would be too large.
        """
        size = self.size + len(split_hashes(hashes))
        tiles: list[tuple[HashTile, bytes]] = []
        partial: list[bytes] = []
        level, row = 0, hashes
        while size >> TILE_HEIGHT * level:
            held = self.partial[level] if level < len(self.partial) else b""
            first = self.size >> TILE_HEIGHT * (level + 1)
            grown, row_full = held + row, (len(held) + len(row)) // TILE_BYTES * TILE_BYTES
            for at in range(0, row_full, TILE_BYTES):
                tile = HashTile(level=level, index=first + at // TILE_BYTES)
                tiles.append((tile, grown[at : at + TILE_BYTES]))
            rest = grown[row_full:]
            if row and rest:
                last = HashTile(level=level, index=first + row_full // TILE_BYTES, width=len(rest) // HASH_BYTES)
                tiles.append((last, rest))
            partial.append(rest)
            row = _tile_roots(grown[:row_full])
            level += 1
        return TreeEdge(size=size, partial=tuple(partial)), tiles


def edge_widths(size: int) -> list[int]:
    """How many hashes the partial tile of each level has in a tree of `size`, from level 0 up; 0: all are full.

    Raises MalformedError when no tree is of this size.
    """
    if not 0 <= size <= MAX_SIZE:
        raise MalformedError("No tree is of this size.", expected=f"0 to {MAX_SIZE}", got=str(size))
    widths = []
    while size:
        widths.append(size % TILE_WIDTH)
        size >>= TILE_HEIGHT
    return widths


def _growth(old: int, new: int) -> Iterator[tuple[int, int]]:
    """Index and width of each tile of one level that changes when its nodes grow in number from `old` to `new`."""
    if new > old:
        for index in range(old // TILE_WIDTH, new // TILE_WIDTH):
            yield index, TILE_WIDTH
        if new % TILE_WIDTH:
            yield new // TILE_WIDTH, new % TILE_WIDTH


def _tile_roots(tiles: bytes) -> bytes:
    """The root of each of the full tiles that lie one after another."""
    for _ in range(TILE_HEIGHT):
        tiles = parent_hashes(tiles)
    return tiles


def _complete_subtrees(hashes: bytes) -> list[bytes]:
    """The roots of the complete subtrees over neighbours, fewer than 256, the largest first."""
    roots = []
    start, count = 0, len(hashes) // HASH_BYTES
    while count:
        width = 1 << count.bit_length() - 1
        row = hashes[start * HASH_BYTES : (start + width) * HASH_BYTES]
        while len(row) > HASH_BYTES:
            row = parent_hashes(row)
        roots.append(row)
        start, count = start + width, count - width
    return roots


def read_hashes(read_tile: TileReader, tile: HashTile) -> bytes:
    """The bytes of one tile. Raises MalformedError when they are not as many as its width says."""
    hashes = read_tile(tile.level, tile.index, tile.width)
    if len(hashes) != tile.width * HASH_BYTES:
        raise MalformedError(
            "A tile has another width than its name says.", where=tile.path,
            expected=f"{tile.width * HASH_BYTES} bytes", got=f"{len(hashes)} bytes",
        )  # fmt: skip
    return hashes


def _index_path(index: int) -> str:
    path = f"{index % 1000:03}"
    while index := index // 1000:
        path = f"x{index % 1000:03}/{path}"
    return path


def _suffix(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"


def _demand_name(level: int, index: int, width: int) -> None:
    if not (0 <= level <= _MAX_LEVEL and 0 <= index <= MAX_SIZE and 0 < width <= TILE_WIDTH):
        raise MalformedError(
            "No tile has this name.", expected="a level of 0 to 63, an index, a width of 1 to 256",
            got=f"level {level}, index {index}, width {width}",
        )  # fmt: skip
