"""A tree read out of its tiles: proofs as the twin makes them, and nothing believed that was tampered with."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.reading import TiledTree
from accord.ledger.tiles import EntryBundle, HashTile, TreeEdge, bundles_of_growth, pack_entries, unpack_entries
from accord.ledger.tree import EMPTY_ROOT, leaf_hash, leaf_hashes, verify_consistency, verify_inclusion
from accord.vocabulary.errors import LedgerError, MalformedError, UnprovenError


class Store:
    """Tiles in memory, as whoever serves a log has them."""

    def __init__(self, entries: list[bytes]) -> None:
        edge, tiles = TreeEdge().grow(leaf_hashes(entries))
        self.root, self.tiles, self.asked = edge.root(), dict(tiles), []

    def read(self, level: int, index: int, width: int) -> bytes:
        tile = HashTile(level=level, index=index, width=width)
        self.asked.append(tile)
        return self.tiles[tile]


@pytest.fixture(scope="module")
def deep() -> tuple[list[bytes], Store]:
    """A log of three levels: 66,000 entries."""
    entries = [b"%d" % number for number in range(66_000)]
    return entries, Store(entries)


@given(size=st.integers(1, 600), data=st.data())
def test_proofs_out_of_tiles_are_those_of_the_twin(size: int, data, twin) -> None:
    entries = [b"%d" % number for number in range(size)]
    store = Store(entries)
    tree = TiledTree(size, store.root, store.read, keep=1)
    within = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, within - 1))
    old = data.draw(st.integers(1, within))
    assert list(tree.inclusion_proof(index, within)) == twin.path(index, entries[:within])
    assert list(tree.consistency_proof(old, within)) == twin.proof(old, entries[:within])
    assert tree.root_of(within) == twin.mth(entries[:within])


@pytest.mark.parametrize("index", [0, 255, 256, 65_535, 65_536, 65_999])
def test_an_entry_of_a_deep_log_is_proven(index: int, deep, twin) -> None:
    entries, store = deep
    tree = TiledTree(66_000, store.root, store.read)
    verify_inclusion(
        leaf=leaf_hash(entries[index]), index=index, size=66_000, proof=tree.inclusion_proof(index), root=store.root
    )


@pytest.mark.parametrize("old", [1, 255, 256, 65_535, 65_536, 65_537, 66_000])
def test_an_older_size_of_a_deep_log_is_proven(old: int, deep, twin) -> None:
    entries, store = deep
    tree = TiledTree(66_000, store.root, store.read)
    before = twin.mth(entries[:old])
    assert tree.root_of(old) == before
    verify_consistency(old=old, new=66_000, old_root=before, new_root=store.root, proof=tree.consistency_proof(old))


def test_a_proof_reads_few_tiles_and_none_twice(deep) -> None:
    _, store = deep
    store.asked.clear()
    tree = TiledTree(66_000, store.root, store.read)
    for _ in range(3):
        tree.inclusion_proof(12_345)
    # three at the edge; the tile of 256 entries and the one above it
    assert len(store.asked) == len(set(store.asked)) == 5


def test_no_more_tiles_are_kept_than_agreed(deep) -> None:
    _, store = deep
    tree = TiledTree(66_000, store.root, store.read, keep=2)
    for index in (0, 300, 600, 0):
        tree.inclusion_proof(index)
    asked = [tile for tile in store.asked if tile == HashTile(level=0, index=0)]
    assert len(asked) >= 2, "a tile that was dropped is read again"


def test_a_published_log_gives_its_checkpoints_roots(vectors: Path, twin) -> None:
    log = vectors / "tessera-log"
    published = {}
    for size in range(16):
        _, told, root = (log / f"checkpoint.{size}").read_text("utf-8").split("\n")[:3]
        assert int(told) == size
        published[size] = root
    roots = {size: base64.b64decode(root) for size, root in published.items()}
    assert roots[0] == EMPTY_ROOT
    for size in range(1, 16):
        tree = TiledTree(
            size, roots[size], lambda level, index, width: (log / f"tile/{level}/{index:03}.p/{width}").read_bytes()
        )
        bundle = EntryBundle(index=0, width=size)
        entries = tree.entries(bundle, (log / bundle.path).read_bytes())
        assert roots[size] == twin.mth(entries)
        for old in range(1, size):
            verify_consistency(
                old=old, new=size, old_root=roots[old], new_root=roots[size], proof=tree.consistency_proof(old)
            )


@given(size=st.integers(1, 600), data=st.data())
def test_a_tile_that_was_tampered_with_is_never_believed(size: int, data, twin) -> None:
    entries = [b"%d" % number for number in range(size)]
    store = Store(entries)
    victim = data.draw(st.sampled_from(sorted(store.tiles, key=lambda tile: tile.path)))
    hashes = bytearray(store.tiles[victim])
    at = data.draw(st.integers(0, len(hashes) - 1))
    hashes[at] ^= data.draw(st.integers(1, 255))
    store.tiles[victim] = bytes(hashes)
    index = data.draw(st.integers(0, size - 1))
    try:
        proof = list(TiledTree(size, store.root, store.read).inclusion_proof(index))
    except UnprovenError:
        return
    assert proof == twin.path(index, entries), "a proof was made of a forged tile"


@given(size=st.integers(1, 300), data=st.binary(max_size=100))
def test_a_server_that_sends_anything_is_refused(size: int, data: bytes) -> None:
    with pytest.raises(LedgerError):
        TiledTree(size, leaf_hash(b"root"), lambda *_: data)


def test_a_full_tile_of_another_width_is_refused(deep) -> None:
    _, store = deep
    tree = TiledTree(66_000, store.root, lambda *name: store.read(*name)[: 32 * 256 - 32])
    with pytest.raises(MalformedError, match="another width"):
        tree.node(0, 0)


def test_entries_are_verified_one_by_one(deep) -> None:
    entries, store = deep
    tree = TiledTree(66_000, store.root, store.read)
    for bundle in (EntryBundle(index=1), EntryBundle(index=257, width=208), EntryBundle(index=0, width=3)):
        start = bundle.index * 256
        own = entries[start : start + bundle.width]
        assert tree.entries(bundle, pack_entries(own)) == own
        forged = [*own[:-1], b"forged"]
        with pytest.raises(UnprovenError, match=f"entry {start + bundle.width - 1}"):
            tree.entries(bundle, pack_entries(forged))
    assert list(bundles_of_growth(0, 66_000))[-1] == EntryBundle(index=257, width=208)


@pytest.mark.parametrize("bundle", [EntryBundle(index=257), EntryBundle(index=258, width=1)], ids=lambda one: one.path)
def test_a_bundle_beyond_the_tree_is_not_looked_for(bundle: EntryBundle, deep) -> None:
    _, store = deep
    with pytest.raises(ValueError, match="is not in a tree of 66000"):
        TiledTree(66_000, store.root, store.read).hashes(bundle)


@pytest.mark.parametrize(("height", "index"), [(0, 66_000), (16, 1), (17, 0), (-1, 0), (0, -1)])
def test_a_node_that_is_not_complete_is_not_looked_for(height: int, index: int, deep) -> None:
    _, store = deep
    with pytest.raises(ValueError, match="no complete node"):
        TiledTree(66_000, store.root, store.read).node(height, index)


def test_a_tree_of_another_size_is_not_looked_for(deep) -> None:
    _, store = deep
    tree = TiledTree(66_000, store.root, store.read)
    for size in (-1, 66_001):
        with pytest.raises(ValueError, match="no tree of"):
            tree.root_of(size)


def test_what_the_reader_raises_passes_through() -> None:
    def broken(*_: int) -> bytes:
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        TiledTree(1, EMPTY_ROOT, broken)


def test_an_empty_log_is_read() -> None:
    tree = TiledTree(0, EMPTY_ROOT, lambda *_: pytest.fail("a tile was asked for"))
    assert tree.root_of(0) == EMPTY_ROOT
    assert unpack_entries(b"", 0) == []
    with pytest.raises(UnprovenError):
        TiledTree(0, leaf_hash(b""), lambda *_: b"")
