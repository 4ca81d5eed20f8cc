"""Tiles: their names and contents as C2SP tlog-tiles says, a published log, and trees that grow in any batches."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.tiles import (
    EntryBundle,
    HashTile,
    TreeEdge,
    bundles_of_growth,
    pack_entries,
    parse_path,
    tiles_of_growth,
    unpack_entries,
)
from accord.ledger.tree import EMPTY_ROOT, MAX_SIZE, Frontier, leaf_hash, leaf_hashes
from accord.vocabulary.errors import MalformedError, UnprovenError

PATHS = [
    ("tile/0/x001/x234/067", HashTile(level=0, index=1234067)),  # the example of the specification
    ("tile/0/000", HashTile(level=0, index=0)),
    ("tile/3/999.p/1", HashTile(level=3, index=999, width=1)),
    ("tile/63/x001/000.p/255", HashTile(level=63, index=1000, width=255)),
    ("tile/entries/x001/x234/067", EntryBundle(index=1234067)),
    ("tile/entries/000.p/15", EntryBundle(index=0, width=15)),
]


@pytest.mark.parametrize(("path", "named"), PATHS)
def test_a_path_is_read_and_written_as_specified(path: str, named) -> None:
    assert parse_path(path) == named
    assert named.path == path


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/1234067", "tile/00/000", "tile/64/000",
        "tile/-1/000", "tile/0/x000/001", "tile/0/x1/067", "tile/0/001/067", "tile/0/x001/x067", "tile/0/x001",
        "tile/0/000.p/0", "tile/0/000.p/00", "tile/0/000.p/01", "tile/0/000.p/256", "tile/0/000.p/", "tile/0/000.p",
        "/tile/0/000", "tile/0/000/", "tile/0/000\n", "tile//000", "tile/data/000", "tile/entries", "tile/entries/0",
        "Tile/0/000", "tile/0/٠٠٠", "tile/٣/000", "tile/0/../000", "tile/0/000.P/1", "checkpoint",
        "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/" + "x001/" * 9 + "000",
    ],
)  # fmt: skip
def test_any_other_spelling_is_refused(path: str) -> None:
    with pytest.raises(MalformedError):
        parse_path(path)


@given(st.integers(0, MAX_SIZE), st.integers(0, 63), st.integers(1, 256))
def test_a_name_survives_its_path(index: int, level: int, width: int) -> None:
    for named in (HashTile(level=level, index=index, width=width), EntryBundle(index=index, width=width)):
        assert parse_path(named.path) == named


@given(st.text(alphabet="tile/entris0123x.p", max_size=30))
def test_whatever_is_read_as_a_path_is_written_the_same(text: str) -> None:
    try:
        named = parse_path(text)
    except MalformedError:
        return
    assert named.path == text


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_a_tile_that_cannot_be_has_no_name(level: int, index: int, width: int) -> None:
    with pytest.raises(MalformedError, match="No tile has this name"):
        HashTile(level=level, index=index, width=width)


def test_the_tiles_of_70000_entries_are_those_of_the_specification() -> None:
    # "a tree of size 70,000 will be represented by 273 full level 0 tiles, one partial level 0 tile of width 112,
    # one full level 1 tile, one partial level 1 tile of width 17, and one partial level 2 tile of width 1"
    named = list(tiles_of_growth(0, 70_000))
    assert [tile for tile in named if tile.level == 0] == [
        *(HashTile(level=0, index=index) for index in range(273)),
        HashTile(level=0, index=273, width=112),
    ]
    assert [tile for tile in named if tile.level > 0] == [
        HashTile(level=1, index=0),
        HashTile(level=1, index=1, width=17),
        HashTile(level=2, index=0, width=1),
    ]
    assert list(bundles_of_growth(0, 70_000)) == [
        *(EntryBundle(index=index) for index in range(273)),
        EntryBundle(index=273, width=112),
    ]


def test_a_tree_of_256_has_a_full_tile_and_one_of_width_1() -> None:
    # the specification's words
    assert list(tiles_of_growth(0, 256)) == [HashTile(level=0, index=0), HashTile(level=1, index=0, width=1)]


def test_growth_names_only_what_changes() -> None:
    assert list(tiles_of_growth(300, 300)) == []
    assert list(tiles_of_growth(300, 310)) == [HashTile(level=0, index=1, width=54)]
    assert list(tiles_of_growth(300, 512)) == [HashTile(level=0, index=1), HashTile(level=1, index=0, width=2)]
    assert list(bundles_of_growth(300, 512)) == [EntryBundle(index=1)]
    assert list(bundles_of_growth(512, 512)) == []


def test_a_bundle_is_entries_with_their_lengths() -> None:
    packed = b"\x00\x03one\x00\x00\x00\x05three"
    assert pack_entries([b"one", b"", b"three"]) == packed
    assert unpack_entries(packed, 3) == [b"one", b"", b"three"]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_entries_survive_their_bundle(entries: list[bytes]) -> None:
    assert unpack_entries(pack_entries(entries), len(entries)) == entries


def test_the_longest_entry_fits_and_a_longer_one_is_refused() -> None:
    longest = bytes(65_535)
    assert unpack_entries(pack_entries([longest]), 1) == [longest]
    with pytest.raises(MalformedError, match="too long"):
        pack_entries([bytes(65_536)])


@pytest.mark.parametrize("count", [0, 257])
def test_a_bundle_of_none_or_too_many_is_refused(count: int) -> None:
    with pytest.raises(MalformedError, match="No bundle"):
        pack_entries([b""] * count)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_a_bundle_of_another_width_is_refused(width: int) -> None:
    with pytest.raises(MalformedError, match="cut off" if width == 4 else "goes on"):
        unpack_entries(pack_entries([b"one", b"", b"three"]), width)


@given(st.binary(max_size=40), st.integers(1, 5))
def test_any_bytes_are_a_bundle_or_refused(data: bytes, width: int) -> None:
    try:
        entries = unpack_entries(data, width)
    except MalformedError:
        return
    assert pack_entries(entries) == data


def test_every_partial_tile_of_a_published_log_comes_out_of_appending(vectors: Path) -> None:
    log = vectors / "tessera-log"
    edge = TreeEdge()
    for size in range(1, 16):
        bundle = EntryBundle(index=0, width=size)
        entries = unpack_entries((log / bundle.path).read_bytes(), size)
        edge, tiles = edge.grow(leaf_hash(entries[-1]))
        assert [(tile.path, hashes) for tile, hashes in tiles] == [
            (f"tile/0/000.p/{size}", (log / f"tile/0/000.p/{size}").read_bytes())
        ]
        assert pack_entries(entries) == (log / bundle.path).read_bytes()


@pytest.fixture(scope="module")
def nearly_three_levels() -> tuple[int, TreeEdge, Frontier]:
    """A tree of 65,400 entries: 136 more, and there is a tile of level 2."""
    hashes = leaf_hashes(b"%d" % number for number in range(65_400))
    return 65_400, TreeEdge().grow(hashes)[0], Frontier().append(hashes)


batched = st.lists(st.integers(0, 600) | st.sampled_from([1, 136, 255, 256, 257, 512]), max_size=5)


@given(batches=batched, deep=st.booleans())
def test_a_tree_grows_into_the_same_tiles_in_any_batches(batches, deep: bool, nearly_three_levels) -> None:
    start, edge, frontier = nearly_three_levels if deep else (0, TreeEdge(), Frontier())
    size, once = start, edge
    store: dict[HashTile, bytes] = {}
    for batch in batches:
        hashes = leaf_hashes(b"%d" % number for number in range(size, size + batch))
        edge, tiles = edge.grow(hashes)
        frontier = frontier.append(hashes)
        assert [tile for tile, _ in tiles] == list(tiles_of_growth(size, size + batch))
        assert all(store.get(tile, hashes) == hashes for tile, hashes in tiles), "a name got other bytes"
        store |= dict(tiles)
        size += batch
        assert edge.root() == frontier.root()
    at_once, tiles = once.grow(leaf_hashes(b"%d" % number for number in range(start, size)))
    assert edge == at_once
    assert dict(tiles).items() <= store.items()


def test_each_hash_of_a_tile_is_the_tree_hash_that_the_specification_names(twin) -> None:
    entries = [b"%d" % number for number in range(66_000)]
    edge, tiles = TreeEdge().grow(leaf_hashes(entries))
    assert edge.root() == twin.mth(entries)
    for tile, hashes in tiles:
        if tile.level == 0 and tile.index not in {0, 1, 255, 256, 257}:
            continue
        # "MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])"
        n, l = tile.index, tile.level  # noqa: E741
        steps = range(tile.width) if l == 0 else (0, tile.width - 1)
        for i in steps:
            below = entries[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l]
            assert hashes[i * 32 :][:32] == twin.mth(below)


def test_an_empty_tree_has_no_tile_and_the_empty_root() -> None:
    assert TreeEdge().grow(b"") == (TreeEdge(), [])
    assert TreeEdge().root() == EMPTY_ROOT
    assert TreeEdge.read(0, EMPTY_ROOT, lambda *_: pytest.fail("a tile was asked for")) == TreeEdge()


def test_an_edge_is_read_back_and_verified() -> None:
    edge, tiles = TreeEdge().grow(leaf_hashes(b"%d" % number for number in range(700)))
    store = dict(tiles)

    def read_tile(level: int, index: int, width: int) -> bytes:
        return store[HashTile(level=level, index=index, width=width)]

    assert TreeEdge.read(700, edge.root(), read_tile) == edge
    with pytest.raises(UnprovenError, match="another root"):
        TreeEdge.read(700, EMPTY_ROOT, read_tile)
    with pytest.raises(MalformedError, match="another width"):
        TreeEdge.read(700, edge.root(), lambda *name: read_tile(*name)[:-32])


@pytest.mark.parametrize(
    ("size", "partial"), [(1, ()), (1, (bytes(31),)), (256, (b"",)), (0, (b"",)), (-1, ()), (MAX_SIZE + 1, ())]
)
def test_an_edge_of_no_tree_is_refused(size: int, partial: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedError):
        TreeEdge(size=size, partial=partial)


def test_leaves_that_are_no_hashes_are_refused() -> None:
    with pytest.raises(MalformedError, match="cut off"):
        TreeEdge().grow(bytes(33))
