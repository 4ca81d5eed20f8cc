"""The Merkle tree: what RFC 6962 and RFC 9162 draw, what other implementations publish, and the slow twin."""

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.tree import (
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    node_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from accord.vocabulary.errors import MalformedError, UnprovenError

# The leaves and roots by which implementations of Certificate Transparency hold themselves to each other
# (transparency-dev/merkle, testonly/constants.go, Apache-2.0).
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def nodes(entries):
    """A reader of the nodes of a small tree, straight from the definition."""

    def node(height: int, index: int) -> bytes:
        assert (index + 1) << height <= len(entries), "an incomplete node was asked for"
        if height == 0:
            return sha256(b"\x00" + entries[index]).digest()
        return sha256(b"\x01" + node(height - 1, 2 * index) + node(height - 1, 2 * index + 1)).digest()

    return node


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_that_other_implementations_publish(size: int, twin) -> None:
    entries = LEAVES[:size]
    assert root_hash(size, nodes(entries)).hex() == ROOTS[size]
    assert Frontier().append(leaf_hashes(entries)).root().hex() == ROOTS[size]
    assert twin.mth(entries).hex() == ROOTS[size]


# RFC 6962, section 2.1.3 (RFC 9162, section 2.1.5), "the binary Merkle Tree with 7 leaves".
D = [b"d%d" % i for i in range(7)]
a, b, c, d, e, f, j = (leaf_hash(one) for one in D)
g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741 -- the RFC's letter
HASH = node_hash(k, l)


@pytest.mark.parametrize(
    ("index", "path"), [(0, [b, h, l]), (3, [c, g, l]), (4, [f, j, k]), (6, [i, k])], ids=["d0", "d3", "d4", "d6"]
)
def test_the_audit_paths_of_the_rfc(index: int, path: list[bytes]) -> None:
    assert list(inclusion_proof(index, 7, nodes(D))) == path
    verify_inclusion(leaf=leaf_hash(D[index]), index=index, size=7, proof=path, root=HASH)


@pytest.mark.parametrize(
    ("old", "root", "proof"),
    [(3, node_hash(g, c), [c, d, g, l]), (4, k, [l]), (6, node_hash(k, i), [i, j, k])],
    ids=["hash0", "hash1", "hash2"],
)
def test_the_consistency_proofs_of_the_rfc(old: int, root: bytes, proof: list[bytes]) -> None:
    assert list(consistency_proof(old, 7, nodes(D))) == proof
    verify_consistency(old=old, new=7, old_root=root, new_root=HASH, proof=proof)


def test_leaves_and_nodes_are_hashed_apart() -> None:
    # RFC 6962, section 2.1: "This domain separation is required to give second preimage resistance."
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"") == sha256(b"\x00").digest()


def cases(folder: Path):
    for path in sorted(folder.rglob("*.json")):
        yield path.relative_to(folder).as_posix(), json.loads(path.read_text("utf-8"))


def unbase(text: str | None) -> bytes:
    return base64.b64decode(text or "", validate=True)


def holds(verify, **arguments) -> bool:
    try:
        verify(**arguments)
    except UnprovenError:
        return False
    return True


def test_published_inclusion_proofs_hold_or_are_refused_as_stated(vectors: Path) -> None:
    judged = {
        name: (
            holds(
                verify_inclusion,
                leaf=unbase(case["leafHash"]),
                index=case["leafIdx"],
                size=case["treeSize"],
                proof=[unbase(one) for one in case["proof"] or ()],
                root=unbase(case["root"]),
            ),
            not case["wantErr"],
        )
        for name, case in cases(vectors / "rfc6962-merkle/inclusion")
    }
    assert len(judged) == 98
    assert {name for name, (ours, theirs) in judged.items() if ours is not theirs} == set()


def test_published_consistency_proofs_hold_or_are_refused_as_stated(vectors: Path) -> None:
    judged = {
        name: (
            holds(
                verify_consistency,
                old=case["size1"],
                new=case["size2"],
                old_root=unbase(case["root1"]),
                new_root=unbase(case["root2"]),
                proof=[unbase(one) for one in case["proof"] or ()],
            ),
            not case["wantErr"],
        )
        for name, case in cases(vectors / "rfc6962-merkle/consistency")
    }
    assert len(judged) == 98
    # Its roots are the words "don't care 2", no hashes. It says that two equal trees of one entry need no proof, which
    # test_a_tree_is_consistent_with_itself_without_a_proof shows with real ones.
    convention = {"additional/sizes-are-equal-one-and-proof-is-empty.json"}
    assert {name for name, (ours, theirs) in judged.items() if ours is not theirs} == convention


@pytest.mark.parametrize("size", [1, 2, 7, 8])
def test_a_tree_is_consistent_with_itself_without_a_proof(size: int) -> None:
    root = bytes.fromhex(ROOTS[size])
    assert consistency_proof(size, size, nodes(LEAVES)) == ()
    verify_consistency(old=size, new=size, old_root=root, new_root=root, proof=())
    with pytest.raises(UnprovenError, match="different roots"):
        verify_consistency(old=size, new=size, old_root=root, new_root=EMPTY_ROOT, proof=())
    with pytest.raises(UnprovenError, match="too long"):
        verify_consistency(old=size, new=size, old_root=root, new_root=root, proof=(root,))


@pytest.mark.parametrize("new", [0, 1, 8])
def test_nothing_is_proven_of_an_empty_tree(new: int) -> None:
    with pytest.raises(UnprovenError):
        verify_consistency(old=0, new=new, old_root=EMPTY_ROOT, new_root=bytes.fromhex(ROOTS[new]), proof=())
    assert consistency_proof(0, new, nodes(LEAVES)) == ()


trees = st.lists(st.binary(max_size=3), min_size=1, max_size=70)


@given(entries=trees, data=st.data())
def test_inclusion_proofs_are_those_of_the_twin_and_prove_nothing_else(entries, data, twin) -> None:
    size = len(entries)
    index = data.draw(st.integers(0, size - 1))
    proof, root = list(inclusion_proof(index, size, nodes(entries))), twin.mth(entries)
    assert proof == twin.path(index, entries)
    leaf = leaf_hash(entries[index])
    verify_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=root)

    elsewhere = data.draw(st.integers(0, size + 2).filter(lambda other: other != index))
    if elsewhere >= size or entries[elsewhere] != entries[index]:
        assert not holds(verify_inclusion, leaf=leaf, index=elsewhere, size=size, proof=proof, root=root)
    for broken in broken_proofs(proof, data):
        assert not holds(verify_inclusion, leaf=leaf, index=index, size=size, proof=broken, root=root)
    assert not holds(verify_inclusion, leaf=leaf_hash(b"four"), index=index, size=size, proof=proof, root=root)


@given(entries=trees, data=st.data())
def test_consistency_proofs_are_those_of_the_twin_and_prove_nothing_else(entries, data, twin) -> None:
    new = len(entries)
    old = data.draw(st.integers(1, new))
    proof, before, after = list(consistency_proof(old, new, nodes(entries))), twin.mth(entries[:old]), twin.mth(entries)
    assert proof == twin.proof(old, entries)
    verify_consistency(old=old, new=new, old_root=before, new_root=after, proof=proof)

    fork = twin.mth([*entries[: old - 1], b"four"])
    assert not holds(verify_consistency, old=old, new=new, old_root=fork, new_root=after, proof=proof)
    for broken in broken_proofs(proof, data):
        assert not holds(verify_consistency, old=old, new=new, old_root=before, new_root=after, proof=broken)


def broken_proofs(proof: list[bytes], data) -> list[list[bytes]]:
    stray = sha256(b"stray").digest()
    broken = [[*proof, stray], [stray, *proof], [*proof, b""], [*proof, bytes(33)]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        flipped = bytearray(proof[at])
        flipped[bit // 8] ^= 1 << bit % 8
        broken += [
            proof[:at] + proof[at + 1 :],
            [*proof[:at], bytes(flipped), *proof[at + 1 :]],
            [*proof[:at], proof[at][:-1], *proof[at + 1 :]],
            [*proof[:at], stray, *proof[at:]],
        ]
    return broken


@given(
    st.integers(-2, 1 << 65),
    st.integers(-2, 1 << 65),
    st.lists(st.binary(min_size=32, max_size=32), max_size=70),
    st.binary(max_size=40),
)
def test_any_claim_is_refused_in_words(first: int, second: int, proof: list[bytes], root: bytes) -> None:
    with pytest.raises(UnprovenError):
        verify_inclusion(leaf=leaf_hash(b""), index=first, size=second, proof=proof, root=root)
    with pytest.raises(UnprovenError):
        verify_consistency(old=first, new=second, old_root=leaf_hash(b""), new_root=root, proof=proof)


@pytest.mark.parametrize("size", [MAX_SIZE + 1, 1 << 64])
def test_a_tree_larger_than_others_can_count_is_refused(size: int) -> None:
    with pytest.raises(UnprovenError):
        verify_inclusion(leaf=EMPTY_ROOT, index=0, size=size, proof=[EMPTY_ROOT] * 63, root=EMPTY_ROOT)


@given(batches=st.lists(st.lists(st.binary(max_size=3), max_size=40), max_size=6))
def test_a_frontier_gives_the_twins_root_however_entries_are_batched(batches, twin) -> None:
    frontier, entries = Frontier(), []
    for batch in batches:
        frontier = frontier.append(leaf_hashes(batch))
        entries += batch
        assert frontier.root() == twin.mth(entries)
        assert frontier.size == len(entries)
        assert len(frontier.hashes) == len(entries).bit_count()


def test_a_frontier_of_another_size_is_refused() -> None:
    with pytest.raises(MalformedError, match="of no tree"):
        Frontier(size=3, hashes=(EMPTY_ROOT,))
    with pytest.raises(MalformedError, match="else than hashes"):
        Frontier(size=1, hashes=(b"short",))
    with pytest.raises(MalformedError, match="cut off"):
        Frontier().append(bytes(33))
    with pytest.raises(MalformedError, match="too large"):
        Frontier(size=MAX_SIZE, hashes=(EMPTY_ROOT,) * 63).append(EMPTY_ROOT)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (7, 7), (-1, 7)])
def test_no_proof_is_made_for_an_entry_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no entry"):
        inclusion_proof(index, size, nodes(D))


@pytest.mark.parametrize(("old", "new"), [(8, 7), (-1, 7)])
def test_no_proof_is_made_for_a_tree_that_was_not(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no tree"):
        consistency_proof(old, new, nodes(D))
